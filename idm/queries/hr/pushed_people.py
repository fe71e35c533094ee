"""Who was pushed to us, who of them waits, and by which tokens systems push."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.models.pushes import PushedPerson, PushToken


@dataclass(frozen=True)
class WaitingFeed:
    """So many people of a feed wait for HR, the first since then, because carrying them out would pass a limit."""

    feed: str
    people: int
    since: datetime


def waiting_feeds(session: Session) -> list[WaitingFeed]:
    """Every feed of which pushed people wait."""
    rows = session.execute(
        select(PushedPerson.feed, func.count(), func.min(PushedPerson.waiting_since))
        .where(PushedPerson.waiting_since.is_not(None))
        .group_by(PushedPerson.feed)
        .order_by(PushedPerson.feed)
    )
    return [WaitingFeed(feed, people, since) for feed, people, since in rows if since is not None]


def tokens(session: Session) -> Sequence[PushToken]:
    """Every token there was, the newest first."""
    return session.scalars(select(PushToken).order_by(PushToken.id.desc())).all()


def pushed_page(
    session: Session, feed: str, *, first: int, most: int, field: str | None = None, value: str = ""
) -> tuple[int, Sequence[PushedPerson]]:
    """How many people of the feed there are, and those from the `first` (from 1) on; with `field`, who has `value`."""
    query = select(PushedPerson).where(PushedPerson.feed == feed, PushedPerson.withdrawn_at.is_(None))
    if field == "userName":
        query = query.where(PushedPerson.user_name == value.casefold())
    elif field == "externalId":
        query = query.where(PushedPerson.external_id == value)
    elif field == "id":
        query = query.where(PushedPerson.id == value)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    people = session.scalars(
        query.order_by(PushedPerson.created_at, PushedPerson.id).offset(first - 1).limit(most)
    ).all()
    return total, people
