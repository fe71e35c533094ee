"""Stops and violations."""
