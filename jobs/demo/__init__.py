"""The demonstration: a sample organisation that can be tried at one keyboard."""
