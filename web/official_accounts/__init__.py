"""The pages of official social-media accounts (control I6)."""
