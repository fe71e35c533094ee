"""Lists as files: what a system prints read, what spreadsheets are given written. Pure."""
