# cmake -DPROGRAM=... -DCASE=... -P expect_failure.cmake: the named test case must fail, crash or hang. The
# exploration is an exception: it detects a thread that waits forever without hanging itself. If it takes too
# long, that proves nothing.
if(PROGRAM MATCHES "exploration")
  set(limit 110)
else()
  set(limit 20)
endif()
execute_process(COMMAND ${PROGRAM} "--test-case=${CASE}*" TIMEOUT ${limit} RESULT_VARIABLE result
  OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result STREQUAL "0")
  message(FATAL_ERROR "the mutant survived:\n${output}")
endif()
string(REGEX REPLACE "\n.*" "" first "${result}")
if(PROGRAM MATCHES "exploration" AND first MATCHES "timeout")
  message(FATAL_ERROR "not finished in ${limit} s")
endif()
message(STATUS "caught (${first})")
