"""A year in a small town: who lives there, what ought to be true of their IDs, and the town itself."""
