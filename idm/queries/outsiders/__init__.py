"""People outside HR and their contracts, read (A11)."""
