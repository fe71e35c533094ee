"""Stopping people, cards, systems and an incident's IDs at once, and the orderly way back (FK 5-4(1), 6-5(2), 10)."""
