"""What the nights found, and the names under it."""
