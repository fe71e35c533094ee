"""The register of exceptions (例外措置台帳)."""
