"""Passwords on their way to people: handed over, due, leaked, replaced, locked (FK 6-2(9))."""
