"""Child processes for tests; the product's own starters use the same."""

from jobs.child_processes import die_with_parent, free_port, program, stop, wait_port

__all__ = ["die_with_parent", "free_port", "program", "stop", "wait_port"]
