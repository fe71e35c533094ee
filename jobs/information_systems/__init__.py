"""Systems examined and inventoried."""
