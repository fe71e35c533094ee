"""Devices that the body did not issue: applied for, permitted, checked, ended, cleared, lost (control I4)."""
