"""Personnel files and what follows from them."""
