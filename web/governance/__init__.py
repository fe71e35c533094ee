"""Profile, organisation, feeds; who may do what."""
