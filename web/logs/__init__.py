"""The audit record, its check and its keeping."""
