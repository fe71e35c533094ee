"""Our own record: checked, kept, held and let go (FK 6-1(6); controls G3, G4)."""
