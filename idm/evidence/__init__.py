"""Control by control: what the database can show an auditor right now."""
