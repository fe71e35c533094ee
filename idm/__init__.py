"""What is true and what may happen: rules, records and operations. Knows no web framework and no directory."""
