# The load client: tests of chat-load's parts, and of the whole program against servers that misbehave.
foreach(unit connection foreign_text framing histogram incoming ledger options report schedule verdict)
  chat_unit_test(load_${unit} chat_client)
endforeach()

find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME integration.load_hopeless
  COMMAND ${Python3_EXECUTABLE} -u ${CMAKE_CURRENT_SOURCE_DIR}/integration/load_hopeless_test.py
          $<TARGET_FILE:chat-load>)
add_test(NAME integration.load_counts
  COMMAND ${Python3_EXECUTABLE} -u ${CMAKE_CURRENT_SOURCE_DIR}/integration/load_counts_test.py
          $<TARGET_FILE:chat-load>)
add_test(NAME integration.load_verdicts
  COMMAND ${Python3_EXECUTABLE} -u ${CMAKE_CURRENT_SOURCE_DIR}/integration/load_verdicts_test.py
          $<TARGET_FILE:chat-load> $<TARGET_FILE_DIR:chat-load>)
foreach(behaviour closed foreign output)
  add_test(NAME integration.load_${behaviour}
    COMMAND ${Python3_EXECUTABLE} -u ${CMAKE_CURRENT_SOURCE_DIR}/integration/load_${behaviour}_test.py
            $<TARGET_FILE:chat-load> $<TARGET_FILE_DIR:chat-load>)
  set_tests_properties(integration.load_${behaviour} PROPERTIES TIMEOUT 120 LABELS integration)
endforeach()
set_tests_properties(integration.load_hopeless integration.load_counts integration.load_verdicts
  PROPERTIES TIMEOUT 120 LABELS integration)
