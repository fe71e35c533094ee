"""One folder per kind of target. A connector knows `idm.ports` and `idm.errors` and nothing else of ours."""
