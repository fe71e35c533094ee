"""What people prove themselves with in systems: the register, losses, lists, read-backs, and the gate (B1, B2, B6)."""
