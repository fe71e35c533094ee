"""Nobody waits for ever for somebody who never ends."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from idm import database as room
from idm.database import Database

LOCK = text("LOCK TABLE outbox_tasks IN ACCESS EXCLUSIVE MODE")


def test_a_writer_on_postgresql_gives_up_what_another_never_lets_go(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LONGEST_WAIT_SECONDS", 1)
    impatient = Database(postgres_database.url)
    with postgres_database.writing() as never_ending:
        never_ending.execute(LOCK)
        with pytest.raises(OperationalError, match="lock timeout"), impatient.writing() as session:
            session.execute(LOCK)
    with impatient.writing() as session:
        session.execute(LOCK)
    impatient.dispose()


def test_the_longest_wait_holds_in_every_session(postgres_database: Database) -> None:
    with postgres_database.reading() as session:
        assert session.scalar(text("SHOW lock_timeout")) == "1min"
