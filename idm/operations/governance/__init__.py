"""What the office decides about the product itself: configuration and officers (control A16)."""
