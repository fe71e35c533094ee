"""What Active Directory has beyond its dialect, and must be asked for: the domain, its administrators, its counters."""
