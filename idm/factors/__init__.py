"""Authenticators and the gate of the My Number zone: their life, their lists, what proves them. Pure."""
