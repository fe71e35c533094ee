"""Authenticators and lists of them; access from outside."""
