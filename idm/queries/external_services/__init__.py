"""The register of external services and their end (FK 11-2, 11-3, MC 8.2, MT 9(2); controls I2 and I3)."""
