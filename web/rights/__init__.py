"""Rights given back and renewed."""
