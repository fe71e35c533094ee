"""The configuration in force and its versions, read (control A16)."""
