"""The pages of devices that the body did not issue (control I4)."""
