# Broken versions of the async mutex, each with the test case that must fail on it. They prove that the tests
# detect the mistakes that other async mutexes made. Each mutant is a test program built with a copy of the
# header in which one piece of text is replaced. All of them take minutes to compile, so they are built only
# with -DCHAT_MUTANTS=ON. Every configure run checks that the pieces are still in the header and the test
# cases in the programs. AddressSanitizer detects uses after destruction.

# Stops the configure unless the program has a test case whose name begins with CASE.
function(chat_require_case mutant program case)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/unit/${program}_test.cpp)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} text)
  string(FIND "${text}" "(\"${case}" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "mutant ${mutant}: ${program}_test.cpp no longer has a test case '${case}'")
  endif()
endfunction()

# chat_mutant(NAME PROGRAM CASE OLD NEW [OLD NEW]...): PROGRAM is the name of a unit test. CASE is the
# beginning of the name of one of its test cases. Each OLD in the header is replaced by the NEW that follows
# it.
function(chat_mutant name program case)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/mutants/${name})
  set(header ${PROJECT_SOURCE_DIR}/server/sync/async_mutex.hpp)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
  file(READ ${header} text)
  foreach(i RANGE 3 ${ARGC} 2)
    if(i LESS ARGC)
      math(EXPR j "${i} + 1")
      string(FIND "${text}" "${ARGV${i}}" found)
      if(found EQUAL -1)
        message(FATAL_ERROR "mutant ${name}: async_mutex.hpp no longer has: ${ARGV${i}}")
      endif()
      string(REPLACE "${ARGV${i}}" "${ARGV${j}}" text "${text}")
    endif()
  endforeach()
  set(program_of_${name} ${program})
  set(program_of_${name} ${program} PARENT_SCOPE)
  chat_mutant_case(${name} "${case}")
  if(NOT CHAT_MUTANTS)
    return()
  endif()
  file(CONFIGURE OUTPUT ${directory}/server/sync/async_mutex.hpp CONTENT "${text}" @ONLY)
  add_executable(mutant_${name} unit/${program}_test.cpp)
  set_target_properties(mutant_${name} PROPERTIES OUTPUT_NAME ${program}_mutant_${name})
  target_include_directories(mutant_${name} BEFORE PRIVATE ${directory})
  target_compile_definitions(mutant_${name} PRIVATE CHAT_TEST_ONE_MUTEX)
  if(program MATCHES exploration)
    target_compile_options(mutant_${name} PRIVATE -O2 -g0 -w)
  else()
    target_compile_options(mutant_${name} PRIVATE -O0 -g0 -w -fsanitize=address)
    target_link_options(mutant_${name} PRIVATE -fsanitize=address)
  endif()
  target_link_libraries(mutant_${name} PRIVATE chat_boost chat_doctest)
  add_dependencies(mutants mutant_${name})
endfunction()

if(CHAT_MUTANTS)
  add_custom_target(mutants)
endif()

# Another test case that must fail on the same mutant.
function(chat_mutant_case name case)
  chat_require_case(${name} ${program_of_${name}} "${case}")
  if(NOT CHAT_MUTANTS)
    return()
  endif()
  string(REGEX REPLACE "[^a-z_]+" "_" slug "${case}")
  add_test(NAME "mutant.${name}.${slug}" COMMAND ${CMAKE_COMMAND}
    -DPROGRAM=$<TARGET_FILE:mutant_${name}> -DCASE=${case}
    -P ${CMAKE_CURRENT_SOURCE_DIR}/mutants/expect_failure.cmake)
  set_tests_properties("mutant.${name}.${slug}" PROPERTIES TIMEOUT 120 LABELS mutant)
endfunction()

# --- Order

chat_mutant(newest_first async_mutex_order "waiters are served in the order they came"
  "auto& waiter = *first_;" "auto& waiter = *last_;")

chat_mutant(free_while_granted async_mutex_order "try_lock does not overtake the queue"
  "word_.store(word::held, std::memory_order_relaxed)" "word_.store(word::free, std::memory_order_relaxed)")

chat_mutant_case(free_while_granted "a latecomer does not overtake")

# --- Where and when handlers run

chat_mutant(runs_inside_unlock async_mutex_order "a handler runs neither inside async_lock nor inside unlock"
  "asio::post(asio::prefer(work_" "asio::dispatch(asio::prefer(work_"
  "#include <boost/asio/post.hpp>" "#include <boost/asio/dispatch.hpp>\n#include <boost/asio/post.hpp>")

chat_mutant_case(runs_inside_unlock "the stack does not grow with a queue")

chat_mutant(runs_inside_async_lock async_mutex_order
  "a handler runs neither inside async_lock nor inside unlock"
  "asio::post(executor, asio::append(" "asio::dispatch(executor, asio::append("
  "#include <boost/asio/post.hpp>" "#include <boost/asio/dispatch.hpp>\n#include <boost/asio/post.hpp>")

chat_mutant(no_outstanding_work async_mutex_order "a waiter keeps its own context running"
  "outstanding_work.tracked" "outstanding_work.untracked")

# --- Cancellation

chat_mutant(no_cancellation async_mutex_cancellation "each type of cancellation aborts a waiter"
  "slot.template emplace<canceller>(*self)" "")

# Needs the test cases that CHAT_TEST_ONE_MUTEX leaves out.
if(CHAT_MUTANTS)
  set_property(TARGET mutant_no_cancellation PROPERTY COMPILE_DEFINITIONS "")
endif()
chat_mutant_case(no_cancellation "waiting for the lock or a timer ends")

chat_mutant(only_terminal async_mutex_cancellation "each type of cancellation aborts a waiter"
  "type != asio::cancellation_type::none" "type == asio::cancellation_type::terminal")

chat_mutant(cancels_what_was_granted async_mutex_cancellation "a cancellation after the grant comes too late"
  "if (!waiter.queued)" "if (false)")

chat_mutant(last_cancelled_leaves_it_taken async_mutex_cancellation
  "cancelling the only waiter does not keep the lock from being freed"
  "queue_.erase(waiter);\n            settle();" "queue_.erase(waiter);")

chat_mutant(slot_is_not_cleared async_mutex_cancellation "each type of cancellation aborts a waiter"
  "asio::get_associated_cancellation_slot(handler_).clear()" "")

chat_mutant_case(slot_is_not_cleared "a signal that outlives its waiter's context does nothing")

chat_mutant(waiter_outlives_its_canceller async_mutex_cancellation
  "a signal may be destroyed before its waiter's context"
  "wait.connected = false;" "")

chat_mutant(slot_is_cleared_after_its_signal async_mutex_cancellation
  "a signal may be destroyed before its waiter gets the lock"
  "if (connected)" "if (true)")

# Also looks into the queue, because AddressSanitizer does not notice when the mutex of a destroyed state is
# locked.
chat_mutant(cancellation_has_no_reference async_mutex_lifetimes "destroying the mutex aborts its waiters"
  "wait.state_.retain();" "" "wait.state_.release();" "" "if (!waiter.queued)" "if (queue_.empty() || !waiter.queued)")

# --- Lifetimes

chat_mutant(grant_dies_with_its_context async_mutex_lifetimes
  "destroying a context passes on a grant in flight"
  "Guard given_back{granted ? &state_ : nullptr}" "(void)granted")

chat_mutant(memory_is_given_back_twice async_mutex_order "waiters are served in the order they came"
  "if (reinterpret_cast<std::byte*>(memory) != wait_->memory)" "if (true)")

chat_mutant(memory_is_given_back_to_no_one async_mutex_guards_and_memory
  "a waiter's memory is freed before the arena that its handler owns"
  "auto allocator = allocator_of(handler_);" ""
  "Handler handler{std::move(handler_)};"
  "Handler handler{std::move(handler_)};\n        auto allocator = allocator_of(handler_);")

chat_mutant(grant_dies_with_its_handler async_mutex_lifetimes "a handler that throws releases the lock"
  "Guard held{granted ? &state_ : nullptr};" "auto& held = *new Guard{granted ? &state_ : nullptr};")

chat_mutant(context_leaves_its_waiters async_mutex_lifetimes
  "destroying a context removes its waiters and the queue continues"
  "member->forget(*this, dead)" "")

chat_mutant(dying_waiter_has_no_reference async_mutex_guards_and_memory
  "a waiter that is destroyed may destroy the mutex"
  "retain(); // until it has died" "" "end();\n        state.release();" "end();")

chat_mutant(foreign_context_is_not_met async_mutex_lifetimes
  "destroying a context removes its waiters and the queue continues"
  "if (context && !(waiter.at.home = home_of(*context)))" "if (false)")

chat_mutant(mutex_leaves_its_waiters async_mutex_lifetimes "destroying the mutex aborts its waiters"
  "deliver(aborted.pop_front(), false)" "aborted.pop_front()")

chat_mutant(mutex_takes_the_state_along async_mutex_lifetimes
  "a guard and a grant in flight may outlive the mutex"
  "if (seen == word::free)\n            release();" "if (true)\n            release();")

chat_mutant(assignment_forgets_what_it_held mutex_contract "moving onto a guard releases the lock that it held"
  "guard{std::move(other)}.swap(*this)" "state_ = std::exchange(other.state_, nullptr)")

chat_mutant(departed_looks_queued async_mutex_lifetimes
  "a waiter may cancel others that are destroyed with it"
  "        last_ = &waiter;\n    }" "        last_ = &waiter;\n        waiter.queued = true;\n    }")

# --- Races, which only the exploration of all orders is certain to find

chat_mutant(try_lock_is_not_atomic mutex_exploration "no order of lock"
  "        auto seen = word::free;\n        if (!word_.compare_exchange_strong(seen, word::held, std::memory_order_acquire,\n                                           std::memory_order_relaxed)) {\n            return false;\n        }"
  "        if (word_.load(std::memory_order_relaxed) != word::free) {\n            return false;\n        }\n        word_.store(word::held, std::memory_order_relaxed);")

chat_mutant(unlock_is_not_atomic mutex_exploration "no order of lock"
  "        if (seen != word::held ||\n            !word_.compare_exchange_strong(seen, word::free, std::memory_order_release,\n                                           std::memory_order_relaxed)) {\n            hand_over();\n        }"
  "        if (seen == word::held) {\n            word_.store(word::free, std::memory_order_relaxed);\n        } else {\n            hand_over();\n        }")

chat_mutant(last_waiter_left_meanwhile mutex_exploration "no order of lock"
  "if (!queue_.empty()) {\n            auto& next" "{\n            auto& next")

chat_mutant(waits_for_a_lock_freed_meanwhile mutex_exploration "no order of lock"
  "const auto wanted = seen == word::free ? word::held : word::contended"
  "const auto wanted = word::contended")

chat_mutant(cancellation_is_not_atomic mutex_exploration "no order of lock"
  "std::lock_guard lock{queue_mutex_};\n            if (!waiter.queued)\n                return;"
  "queue_mutex_.lock();\n            const bool there = waiter.queued;\n            queue_mutex_.unlock();\n            if (!there) {\n                return;\n            }\n            std::lock_guard lock{queue_mutex_};")

chat_mutant(dies_while_it_is_unlocked mutex_exploration "no order breaks a mutex that is destroyed"
  "word_.compare_exchange_strong(seen, word::orphaned, std::memory_order_acq_rel,\n                                          std::memory_order_acquire)"
  "seen = word_.load(std::memory_order_relaxed), word_.store(word::orphaned, std::memory_order_relaxed)")
