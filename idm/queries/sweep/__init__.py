"""What the sweep found, and what became of it, read (C1, J1)."""
