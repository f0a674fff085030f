# The two mutexes and guarded<T, Mutex>.
