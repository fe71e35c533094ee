"""What is read about official social-media accounts (control I6)."""
