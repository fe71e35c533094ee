"""The night: every directory read, compared with what was approved, and judged."""
