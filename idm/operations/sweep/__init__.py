"""The nightly sweep: its nights, its findings and their life, unused IDs, the signatures under it (FK 6-2(2)③)."""
