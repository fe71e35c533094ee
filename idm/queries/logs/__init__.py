"""Our own record, read (FK 6-1(6)③)."""
