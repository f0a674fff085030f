# cmake -DPROGRAM=... -DCASE=... -P expect_failure.cmake: the named test must fail, crash or hang.
execute_process(COMMAND ${PROGRAM} "--test-case=${CASE}*" TIMEOUT 20 RESULT_VARIABLE result
  OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result STREQUAL "0")
  message(FATAL_ERROR "the mutant survived:\n${output}")
endif()
string(REGEX REPLACE "\n.*" "" first "${result}")
message(STATUS "caught (${first})")
