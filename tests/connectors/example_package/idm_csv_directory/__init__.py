"""A connector for idm to a directory that is a folder of CSV files: an example to begin from."""
