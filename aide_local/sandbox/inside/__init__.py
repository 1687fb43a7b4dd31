"""The processes that a candidate runs below: the warm server, the supervisor, and the last steps before the script."""
