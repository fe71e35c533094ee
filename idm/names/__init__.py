"""Names of people and of accounts: compared, spelt, made, and never confused."""
