"""Temporary, leaked and locked passwords."""
