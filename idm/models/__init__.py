"""SQLAlchemy tables, one file per subject. They hold data; what may happen to it is decided in operations."""
