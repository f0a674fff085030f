# The server's parts, and whole servers as processes.
