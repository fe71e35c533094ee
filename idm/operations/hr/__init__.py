"""What the personnel file brings: read, limited, applied, answered for (control A7)."""
