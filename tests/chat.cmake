# The server's parts, and whole servers as processes.
chat_unit_test(frame chat_parts)
chat_unit_test(message_buffer chat_parts)
chat_unit_test(protocol chat_parts)
chat_unit_test(wire chat_parts)
# The watch over loop and lock.
chat_unit_test(lock_ledger chat_diagnosis)
chat_unit_test(verdict chat_diagnosis)
chat_unit_test(stall_report chat_diagnosis)
target_compile_definitions(stall_report_test PRIVATE CHAT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
chat_unit_test(admin_answers chat_admin)
chat_unit_test(loop_monitor chat_monitor)
