"""SQLAlchemy tables, one file per subject. They hold data; what may happen to it is decided in operations."""

from idm.models import roll_watch as roll_watch  # whoever changes the roll is seen
