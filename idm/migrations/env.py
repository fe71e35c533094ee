"""Runs the migrations on the connection it is given, or on `-x url=…` from the command line."""

from alembic import context
from sqlalchemy import Connection

from idm.database import Database
from idm.models import everything


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=everything.METADATA, render_as_batch=True, compare_type=True
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    database = Database(context.get_x_argument(as_dictionary=True).get("url", "sqlite:///idm.db"))
    with database.engine.begin() as opened:
        _run(opened)
