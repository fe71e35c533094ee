"""What an account should be, what its directory shows, and the steps between: by a connector or by hand. Pure."""
