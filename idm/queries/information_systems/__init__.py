"""Information systems, their accounts and lists, read."""
