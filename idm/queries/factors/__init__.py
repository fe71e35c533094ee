"""Authenticators and the gate they open, read (B1, B2, B6)."""
