"""What somebody's first page says: what they have and until when, and where their applications wait."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.people import Employment
from idm.models.requests import Request
from idm.queries.approvals import StuckAt, stuck_at
from idm.queries.held_rights import HeldRight, live_rights
from idm.queries.requests import RequestFilter, RequestRow, matching, request_rows
from idm.request_state import RequestState
from idm.wanted_account import employed_until


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


def own_rights(session: Session, person_id: int, *, day: date) -> list[OwnRight]:
    """What the person has, the soonest end first."""
    employments = session.execute(
        select(Employment.valid_from, Employment.valid_until).where(Employment.person_id == person_id)
    )
    employed, employment_ends = employed_until([(begins, ends) for begins, ends in employments], day)
    rights = [_own(right, employment_ends if employed else None) for right in live_rights(session, [person_id])]
    return sorted(
        rights, key=lambda own: (own.ends is None, own.ends or day, own.right.system_name, own.right.grant_id)
    )


def _own(right: HeldRight, employment_ends: date | None) -> OwnRight:
    by_employment = employment_ends is not None and (right.valid_until is None or employment_ends < right.valid_until)
    return OwnRight(right, employment_ends if by_employment else right.valid_until, by_employment)


def own_requests(session: Session, person_id: int, *, day: date) -> list[OwnRequest]:
    """The applications the person filed or is a subject of that wait for a decision, newest first."""
    wanted = RequestFilter(about=person_id, state=RequestState.SUBMITTED)
    ids = session.scalars(matching(wanted).order_by(Request.submitted_at.desc(), Request.id.desc())).all()
    stuck = stuck_at(session, ids, day=day)
    return [OwnRequest(row, stuck.get(row.id, ())) for row in request_rows(session, ids)]
