"""Stops, read: what holds at this moment, and how far orders have come (controls H1, H4)."""
