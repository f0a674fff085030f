# The load client: tests of chat-load's parts.
