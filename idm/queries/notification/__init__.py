"""What was sent to whom, read."""
