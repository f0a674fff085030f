# Whole servers as processes, over real sockets. The tests are Python programs that get the server's
# path: each file is one CTest test for each build that it makes a claim about.
find_program(CHAT_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH
  DOC "the system's Python 3, for which Debian packages websockets")
find_program(CHAT_PYTHON NAMES python3)
if(NOT CHAT_PYTHON)
  message(FATAL_ERROR "The tests need Python 3: install python3, or configure with -DCHAT_TESTS=OFF")
endif()
execute_process(COMMAND ${CHAT_PYTHON} -c "import sys, websockets; sys.exit(sys.version_info < (3, 9))"
  RESULT_VARIABLE chat_python_lacks OUTPUT_QUIET ERROR_QUIET)
if(chat_python_lacks)
  message(FATAL_ERROR "The tests need Python 3.9 with websockets, which ${CHAT_PYTHON} does not have: "
    "install python3-websockets, name another Python by -DCHAT_PYTHON=…, or configure with -DCHAT_TESTS=OFF")
endif()

set(chat_living_builds std-released async-across_await async-released)

# chat_integration_test(NAME SECONDS BUILD...): integration/NAME_test.py against these servers.
function(chat_integration_test name seconds)
  foreach(build ${ARGN})
    set(test integration.${name}.${build})
    add_test(NAME ${test} COMMAND ${CHAT_PYTHON} -B
      ${CMAKE_CURRENT_SOURCE_DIR}/integration/${name}_test.py $<TARGET_FILE:chat-server-${build}>)
    set_tests_properties(${test} PROPERTIES TIMEOUT ${seconds} LABELS integration)
  endforeach()
endfunction()

chat_integration_test(freeze 120 std-across_await)
chat_integration_test(thaw 60 ${chat_living_builds})
chat_integration_test(protocol 60 ${chat_living_builds})
chat_integration_test(starvation 60 async-across_await)
chat_integration_test(slow_reader 90 std-released async-released)
chat_integration_test(bad_message 60 ${chat_living_builds})
chat_integration_test(bad_frame 60 ${chat_living_builds})
chat_integration_test(admission 60 ${chat_living_builds})
chat_integration_test(conformance 60 ${chat_living_builds})
chat_integration_test(handshake 60 std-released async-released)
chat_integration_test(flood 60 ${chat_living_builds})
chat_integration_test(limits 90 std-released async-released)
if(NOT CHAT_SANITIZE) # a sanitizer keeps memory that was freed
  chat_integration_test(memory 90 std-released async-released)
endif()
chat_integration_test(disconnect 60 ${chat_living_builds})
chat_integration_test(framing 120 ${chat_living_builds})
chat_integration_test(framing_unsaid 60 std-across_await ${chat_living_builds})
chat_integration_test(shutdown 120 ${chat_living_builds})
chat_integration_test(freeze_report 60 std-across_await)
chat_integration_test(fault 120 std-released async-released)
chat_integration_test(check_locks 60 std-across_await)
chat_integration_test(check_locks_silent 60 ${chat_living_builds})
chat_integration_test(command_line 60 async-released)
chat_integration_test(log_unread 120 async-released)
chat_integration_test(log_unread_freeze 120 std-across_await)
chat_integration_test(ready_line 60 async-released)
chat_integration_test(foreign_client 60 ${chat_living_builds})
chat_integration_test(admin 120 async-released)
chat_integration_test(admin_freeze 60 std-across_await)
