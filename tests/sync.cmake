# The two mutexes, guarded<T, Mutex> and the sequence lock.
chat_unit_test(mutex_contract chat_boost)
chat_unit_test(guarded_misuse chat_boost)
foreach(subject order cancellation lifetimes guards_and_memory)
  chat_unit_test(async_mutex_${subject} chat_boost)
endforeach()
chat_unit_test(mutex_stress chat_boost)
chat_unit_test(sequence_lock chat_boost)

# Runs small programs in every possible order, on fibers, which the sanitizers do not support.
if(NOT CHAT_SANITIZE)
  chat_unit_test(mutex_exploration chat_boost)
  set_tests_properties(unit.mutex_exploration PROPERTIES TIMEOUT 240)
  target_compile_options(mutex_exploration_test PRIVATE -O2)
endif()

# Longer runs of both, for minutes: `ctest -C Stress -L stress`.
add_test(NAME stress.mutex COMMAND mutex_stress_test CONFIGURATIONS Stress)
set_tests_properties(stress.mutex PROPERTIES TIMEOUT 3600 LABELS stress
  ENVIRONMENT CHAT_STRESS_OPERATIONS=10000000)
if(NOT CHAT_SANITIZE)
  add_test(NAME stress.mutex_exploration COMMAND mutex_exploration_test CONFIGURATIONS Stress)
  set_tests_properties(stress.mutex_exploration PROPERTIES TIMEOUT 3600 LABELS stress
    ENVIRONMENT CHAT_EXPLORE=4)
endif()

# The header on its own, as another project would use it: none of our include paths, definitions and
# libraries.
add_executable(async_mutex_alone standalone/async_mutex_alone.cpp)
target_compile_features(async_mutex_alone PRIVATE cxx_std_20)
target_compile_options(async_mutex_alone PRIVATE ${sanitizers})
target_link_options(async_mutex_alone PRIVATE ${sanitizers})
target_include_directories(async_mutex_alone PRIVATE ${PROJECT_SOURCE_DIR}/server/sync)
target_link_libraries(async_mutex_alone PRIVATE Boost::headers Threads::Threads)
add_test(NAME unit.async_mutex_alone COMMAND async_mutex_alone)
set_tests_properties(unit.async_mutex_alone PROPERTIES TIMEOUT 60 LABELS unit)

# Code that must not compile, and the only error that the compiler may report.
function(chat_compile_fail name message)
  add_library(compile_fail_${name} OBJECT EXCLUDE_FROM_ALL compile_fail/${name}.cpp)
  target_link_libraries(compile_fail_${name} PRIVATE chat_boost)
  target_compile_options(compile_fail_${name} PRIVATE -Werror=unused-result -Werror=unused-value)
  add_test(NAME compile_fail.${name} COMMAND ${CMAKE_COMMAND}
    -DTREE=${CMAKE_BINARY_DIR} -DTARGET=compile_fail_${name} -DMESSAGE=${message}
    -P ${CMAKE_CURRENT_SOURCE_DIR}/compile_fail/expect_message.cmake)
  # Only one of them may build at a time.
  set_tests_properties(compile_fail.${name} PROPERTIES TIMEOUT 120 LABELS unit RESOURCE_LOCK tree)
endfunction()

chat_compile_fail(guard_dropped "nodiscard")
chat_compile_fail(with_wrong_argument "with.f.: f must be callable with a reference to the value")
chat_compile_fail(with_coroutine "with.f.: f must not return something to await")
chat_compile_fail(with_deferred "with.f.: f must not return something to await")
chat_compile_fail(with_foreign_awaitable "with.f.: f must not return something to await")
chat_compile_fail(with_reference "with.f.: f must not return a reference, pointer or view")
chat_compile_fail(with_view "with.f.: f must not return a reference, pointer or view")

option(CHAT_MUTANTS "build broken versions of the async mutex, each with the test that must fail" OFF)
include(mutants/mutants.cmake)
