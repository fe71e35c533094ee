"""Entra ID through Microsoft Graph (controls I5, B7, C3)."""
