"""Opening what is sealed in the vault: the worker's alone. Nothing that serves pages may import this (control D4)."""
