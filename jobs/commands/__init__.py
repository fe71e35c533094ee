"""The `idm` command, one file per noun."""
