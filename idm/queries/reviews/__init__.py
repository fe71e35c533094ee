"""Access reviews (棚卸し), read (control A10)."""
