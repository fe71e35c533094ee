"""One act, one transaction: what it changes and its audit record are committed together or not at all (FK 6-1(6)).

A refusal rolls everything back and is itself recorded, in a transaction of its own, before it is raised again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from idm.actor import Actor
from idm.audit.payload import storable
from idm.audit.recording import record
from idm.database import Database
from idm.errors import DecidedMeanwhile, Refusal

_LOST_RACE = frozenset(
    {"23505", "23514", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_CHECK"}
)
"""A violated UNIQUE or CHECK as PostgreSQL (SQLSTATE) and SQLite name it: somebody else was there first."""
_GAVE_WAY = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock (SQLSTATE): two acts wanted the same rows, and this one was rolled back."""


@contextmanager
def unit_of_work(
    database: Database,
    *,
    actor: Actor,
    now: datetime,
    attempted: str,
    obj: tuple[str, str | int],
    policy_digest: str | None = None,
) -> Iterator[Session]:
    """The block's session is committed when the block ends; a refusal undoes all of it, is audited and raised again.

    `attempted` (a dotted verb) and `obj` (kind and id) say what was tried and on what. A conflict that only the
    database saw (UNIQUE, CHECK, a row changed meanwhile, a deadlock) is raised as DecidedMeanwhile. Every other
    exception undoes all of it and passes unrecorded.
    """

    def write_refusal(refusal: Refusal, **details: object) -> None:
        payload = {"message": storable(refusal.message), **details}
        with database.writing() as session:
            record(session, action=attempted, actor=actor, obj=obj, now=now, payload=payload,
                   policy_digest=policy_digest, code=refusal.code)  # fmt: skip

    try:
        with database.writing() as session:
            yield session
    except Refusal as refusal:
        write_refusal(refusal)
        raise
    except (IntegrityError, OperationalError, StaleDataError) as conflict:
        violated = _violated(conflict)
        if violated is None:
            raise
        meanwhile = DecidedMeanwhile(
            "先に別の処理が行われたため、何も変更していません。画面を開き直して、今の状態を確かめてください。"
        )
        write_refusal(meanwhile, conflict=violated)
        raise meanwhile from conflict


def _violated(conflict: IntegrityError | OperationalError | StaleDataError) -> str | None:
    """What somebody else's act has violated, without any value; None when it is another fault."""
    if isinstance(conflict, StaleDataError):
        return "version"
    cause: Any = conflict.orig
    if getattr(cause, "sqlstate", None) in _GAVE_WAY:
        return "deadlock"
    if getattr(cause, "sqlite_errorname", None) in _LOST_RACE:
        return str(cause)
    return str(cause.diag.constraint_name) if getattr(cause, "sqlstate", None) in _LOST_RACE else None
