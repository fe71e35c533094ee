"""Access reviews (棚卸し)."""
