"""What personnel files brought and what waits for HR, read (control A7)."""
