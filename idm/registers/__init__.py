"""What may happen to an entry of a register: an external service, an official account, a device of somebody's own."""
