"""The product's own sign-in, read: accounts, factors, sessions, links (control F4)."""
