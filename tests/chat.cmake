# The server's parts, and whole servers as processes.
chat_unit_test(frame chat_parts)
chat_unit_test(message_buffer chat_parts)
chat_unit_test(protocol chat_parts)
chat_unit_test(wire chat_parts)
