"""People and officers."""
