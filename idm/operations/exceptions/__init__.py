"""The register of exceptions (例外措置; FK 8; controls H1 to H3)."""
