"""The audit record: sealed, checked, exported, let go."""
