# Locks that are held across a suspension, as clang-tidy sees them: `cmake --build … --target tidy`.
# 19, or else the newest; those without a number in their name may be too old for the checks.
foreach(version RANGE 30 18 -1)
  list(APPEND clang_tidies clang-tidy-${version})
endforeach()
find_program(CHAT_CLANG_TIDY NAMES clang-tidy-19 ${clang_tidies} DOC "clang-tidy, for the target tidy")
if(NOT CHAT_CLANG_TIDY)
  message(STATUS "no clang-tidy-19: there is no target tidy, and its test is named as not run")
  if(NOT CHAT_SANITIZE)
    add_test(NAME workshop.tidy COMMAND clang-tidy-19)
    set_tests_properties(workshop.tidy PROPERTIES DISABLED TRUE LABELS workshop)
  endif()
  return()
endif()

set(tidy ${CHAT_PYTHON} -B ${CMAKE_CURRENT_LIST_DIR}/tidy/check_tidy.py
  ${CHAT_CLANG_TIDY} ${PROJECT_SOURCE_DIR} ${CMAKE_BINARY_DIR})
add_custom_target(tidy COMMAND ${tidy} USES_TERMINAL VERBATIM)

# In each test run only over the lessons, which takes seconds; the whole tree has a part of scripts/test.sh.
# With the sanitizers nothing would be different.
if(NOT CHAT_SANITIZE)
  add_test(NAME workshop.tidy COMMAND ${tidy} workshop)
  set_tests_properties(workshop.tidy PROPERTIES TIMEOUT 300 LABELS workshop)
endif()
