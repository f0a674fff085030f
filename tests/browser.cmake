# The live page in a real browser. One build is enough: the page is the same in all of them.
if(CHAT_BROWSER_TESTS)
  execute_process(COMMAND ${CHAT_PYTHON} -c "import selenium" RESULT_VARIABLE chat_selenium_missing
    OUTPUT_QUIET ERROR_QUIET)
  find_program(CHAT_CHROMIUM chromium)
  find_program(CHAT_CHROMEDRIVER chromedriver)
  if(chat_selenium_missing OR NOT CHAT_CHROMIUM OR NOT CHAT_CHROMEDRIVER)
    message(FATAL_ERROR "The browser tests need chromium, chromedriver and selenium for ${CHAT_PYTHON}: install "
      "chromium, chromium-driver and python3-selenium, or configure with -DCHAT_BROWSER_TESTS=OFF")
  endif()
  add_test(NAME browser.live_page COMMAND ${CHAT_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/browser/live_page_test.py
    $<TARGET_FILE_DIR:chat-server> ${CHAT_CHROMIUM} ${CHAT_CHROMEDRIVER})
  set_tests_properties(browser.live_page PROPERTIES TIMEOUT 120 LABELS browser)
endif()
