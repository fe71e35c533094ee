"""Official social-media accounts: applied for, kept, taken over, given up (FK 6-1(22); control I6)."""
