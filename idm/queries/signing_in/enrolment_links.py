"""Whether one officer was enough for an enrolment link, or a second one has to issue it as well (decision 0009)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.sign_in import EnrolmentLink
from idm.queries.approval.deciders import decides
from idm.queries.organisation.officers import humans


def open_link(session: Session, person_id: int, *, now: datetime) -> EnrolmentLink | None:
    """The person's link that is neither used, replaced nor over."""
    return session.scalars(
        select(EnrolmentLink).where(
            EnrolmentLink.person_id == person_id,
            EnrolmentLink.used_at.is_(None),
            EnrolmentLink.replaced_at.is_(None),
            EnrolmentLink.expires_at > now,
        )
    ).one_or_none()


def awaits_second_officer(session: Session, link: EnrolmentLink, *, now: datetime) -> bool:
    """Whether the link opens nothing yet, because its person decides today and only one human issued it.

    Two did when this one took the place of another's that was open at that moment. A job issues only on the first day.
    """
    if link.issued_by_id is None or not decides(session, link.person_id, now=now):
        return False
    before = session.scalars(
        select(EnrolmentLink.issued_by_id).where(
            EnrolmentLink.person_id == link.person_id,
            EnrolmentLink.id != link.id,
            EnrolmentLink.replaced_at == link.issued_at,
            EnrolmentLink.expires_at > link.issued_at,
            EnrolmentLink.issued_by_id.is_not(None),
        )
    ).all()
    human = humans(session, [link.issued_by_id])[link.issued_by_id]
    return not any(first is not None and not human.is_one_of(frozenset({first})) for first in before)
