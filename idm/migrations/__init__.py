"""The database's own history: one revision per release that changed a table."""
