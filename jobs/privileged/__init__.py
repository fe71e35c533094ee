"""Uses of privileged IDs and the passwords that are kept."""
