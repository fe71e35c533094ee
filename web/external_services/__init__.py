"""The pages of the register of external services (controls I2 and I3)."""
