# cmake -DTREE=... -DTARGET=... -DMESSAGE=REGEX -P expect_message.cmake: the target must not compile, and the
# compiler's only error must be this message, so that the reader sees nothing else.
execute_process(COMMAND ${CMAKE_COMMAND} --build ${TREE} --target ${TARGET}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result STREQUAL "0")
  message(FATAL_ERROR "${TARGET} compiles, but must not")
endif()
# A semicolon would start a new element of a CMake list.
string(REPLACE ";" "," lines "${output}")
string(REGEX MATCHALL "[^\n]*error: [^\n]*" errors "${lines}")
list(LENGTH errors count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "${count} errors instead of one:\n${output}")
endif()
if(NOT errors MATCHES "${MESSAGE}")
  message(FATAL_ERROR "the error is not '${MESSAGE}':\n${output}")
endif()
message(STATUS "${errors}")
