"""This installation's secrets: where they lie, what they seal and sign."""
