"""What runs without a person: the only place where decisions meet targets."""
