"""What somebody's first page says: what they have and until when, and where their applications wait."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.directory.wanted_account import employed_until
from idm.models.people import Employment
from idm.models.requests import Request
from idm.publication import Reader, shown_end
from idm.queries.approval.approvals import StuckAt, stuck_at
from idm.queries.approval.requests import RequestFilter, RequestRow, matching, request_rows
from idm.queries.organisation.publication import hidden_starts, public, shown_rights
from idm.queries.rights.held_rights import HeldRight, live_rights
from idm.request_state import RequestState


@dataclass(frozen=True)
class OwnRight:
    """One right of the person. `ends` is the first day without it, None = no end.

    `by_employment`: it is the employment that ends first, not the right.
    """

    right: HeldRight
    ends: date | None
    by_employment: bool

    def days_left(self, day: date) -> int | None:
        """How many days it still holds, this one included; None = no end."""
        return None if self.ends is None else (self.ends - day).days


@dataclass(frozen=True)
class OwnRequest:
    """One application of or about the person that waits, and where."""

    request: RequestRow
    stuck: tuple[StuckAt, ...]


def own_rights(session: Session, person_id: int, *, reader: Reader) -> list[OwnRight]:
    """What the person has, as the reader sees it, the soonest end first."""
    day = reader.day
    employments = session.execute(
        select(Employment.valid_from, Employment.valid_until).where(
            Employment.person_id == person_id, public(Employment, reader)
        )
    )
    unseen = hidden_starts(session, [person_id], reader).get(person_id, frozenset())
    periods = [(begins, shown_end(ends, unseen)) for begins, ends in employments]
    employed, employment_ends = employed_until(periods, day)
    held = shown_rights(session, live_rights(session, [person_id]), reader)
    rights = [_own(right, employment_ends if employed else None) for right in held]
    return sorted(
        rights, key=lambda own: (own.ends is None, own.ends or day, own.right.system_name, own.right.grant_id)
    )


def _own(right: HeldRight, employment_ends: date | None) -> OwnRight:
    by_employment = employment_ends is not None and (right.valid_until is None or employment_ends < right.valid_until)
    return OwnRight(right, employment_ends if by_employment else right.valid_until, by_employment)


def own_requests(session: Session, person_id: int, *, reader: Reader) -> list[OwnRequest]:
    """The applications the person filed or is a subject of that wait for a decision, newest first."""
    query = matching(session, RequestFilter(about=person_id, state=RequestState.SUBMITTED), reader=reader)
    ids = session.scalars(query.order_by(Request.submitted_at.desc(), Request.id.desc())).all()
    stuck = stuck_at(session, ids, day=reader.day)
    return [OwnRequest(row, stuck.get(row.id, ())) for row in request_rows(session, ids)]
