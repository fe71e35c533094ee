"""Where somebody is signed in now (FK 6-2(8), ASVS 7.5.2)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from idm.models.sign_in import WebSession
from idm.policy import Policy


@dataclass(frozen=True)
class OpenSession:
    """One browser in which somebody is signed in; without `source` and `browser` its second factor is to come."""

    id: int
    since: datetime
    last_seen_at: datetime
    source: str | None
    browser: str | None


def is_open(policy: Policy, now: datetime) -> ColumnElement[bool]:
    """The condition on a session that it still opens something."""
    return and_(WebSession.ended_at.is_(None), WebSession.expires_at > now, WebSession.last_seen_at > now - policy.idle)


def open_sessions(session: Session, person_id: int, *, policy: Policy, now: datetime) -> list[OpenSession]:
    """The sessions of the person that are open, the one used last first."""
    rows = session.scalars(
        select(WebSession)
        .where(WebSession.person_id == person_id, is_open(policy, now))
        .order_by(WebSession.last_seen_at.desc(), WebSession.id.desc())
    )
    return [OpenSession(row.id, row.created_at, row.last_seen_at, row.source, row.browser) for row in rows]


def people_signed_in(session: Session, *, policy: Policy, now: datetime) -> int:
    """How many people are signed in."""
    return session.scalar(select(func.count(WebSession.person_id.distinct())).where(is_open(policy, now))) or 0
