"""Passwords at their directories: made, asked about, replaced, unlocked."""
