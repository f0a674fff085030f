# What the scripts decide, without doing it.
if(NOT CHAT_SANITIZE)
  add_test(NAME scripts.setup COMMAND ${CHAT_PYTHON} -B ${CMAKE_CURRENT_LIST_DIR}/scripts/setup_test.py)
  set_tests_properties(scripts.setup PROPERTIES TIMEOUT 60 LABELS unit SKIP_RETURN_CODE 77)
endif()
