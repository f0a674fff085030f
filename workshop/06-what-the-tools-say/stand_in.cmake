# The freeze in one small file, and what tools say about it: tests of what the lesson's text claims.
add_executable(stand_in ${CMAKE_CURRENT_LIST_DIR}/stand_in.cpp)
target_link_libraries(stand_in PRIVATE chat_boost)

add_library(error_checking SHARED ${CMAKE_CURRENT_LIST_DIR}/error_checking.cpp)
target_link_libraries(error_checking PRIVATE ${CMAKE_DL_LIBS})
target_compile_features(error_checking PRIVATE cxx_std_20)

# A sanitizer's runtime wants to be the first library, and has locks of its own.
if(NOT CHAT_SANITIZE)
  add_test(NAME workshop.06.error_checking COMMAND ${CMAKE_COMMAND} -E env
    LD_PRELOAD=$<TARGET_FILE:error_checking> $<TARGET_FILE:stand_in>)
  set_tests_properties(workshop.06.error_checking PROPERTIES TIMEOUT 20 LABELS workshop
    PASS_REGULAR_EXPRESSION "EDEADLK.*ended: Resource deadlock avoided")
endif()

# Only looked at, by clang-tidy.
add_library(blind_spots OBJECT ${CMAKE_CURRENT_LIST_DIR}/blind_spots.cpp)
target_link_libraries(blind_spots PRIVATE chat_boost)
