"""Privileged, shared and service IDs (特権ID)."""
