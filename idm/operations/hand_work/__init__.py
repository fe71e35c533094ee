"""Work by hand in systems without an interface: ordered, done by one, confirmed by another (control G2)."""
