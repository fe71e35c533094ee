"""Who has what, read: accounts and rights, what is due, what a run would do."""
