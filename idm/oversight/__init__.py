"""What must not be forgotten: unused IDs, findings, exceptions, our own record. Pure."""
