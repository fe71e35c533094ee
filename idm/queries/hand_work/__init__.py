"""Work by hand, read (control G2)."""
