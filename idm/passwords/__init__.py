"""What is asked of passwords, when one is replaced, and how one is handed over. Pure."""
