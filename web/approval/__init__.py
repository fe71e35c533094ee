"""Applying, deciding, and standing approvals."""
