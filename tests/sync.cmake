# The two mutexes and guarded<T, Mutex>.
chat_unit_test(mutex_contract chat_boost)
chat_unit_test(async_mutex chat_boost)
