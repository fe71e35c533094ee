"""The register of exceptions, read (FK 8)."""
