"""Passwords on their way to people, read; never anything sealed."""
