"""A directory in memory that keeps the same promises as the real ones; for tests of everything above connectors."""
