"""How many privileged, shared and service IDs of a system have a holder, and how many may have (control D1)."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from idm.grant_state import GrantState
from idm.models.privileged import RegisteredId
from idm.models.requests import Grant, PolicyException, Request, RequestLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.request_state import LineState, RequestState
from idm.vocabulary import AccountKind, LineEffect

CAP_RULE = "D1-CAP"
"""The rule that the CISO may lift for one holder of one application."""
COUNTED = (AccountKind.PRIVILEGED, AccountKind.SHARED, AccountKind.SERVICE)
"""The kinds that are counted: what is somebody's daily ID is none of the register's."""


@dataclass(frozen=True)
class Cap:
    """One kind in one system: how many have a holder, and how many may have (None = no limit)."""

    kind: AccountKind
    holders: int
    most: int | None

    def leaves_room_for(self, more: int) -> bool:
        """Whether so many more may have a holder; none more always may."""
        return more == 0 or self.most is None or self.holders + more <= self.most

    @property
    def exceeded(self) -> bool:
        """Whether more have a holder than may have."""
        return self.most is not None and self.holders > self.most


def caps_of(session: Session) -> dict[int, dict[AccountKind, Cap]]:
    """System → kind → how it stands, of every system."""
    counts = _counts(session)
    rows = session.execute(select(InformationSystem.id, InformationSystem.most_holders)).all()
    return {
        system_id: {kind: Cap(kind, counts[system_id, kind], (most or {}).get(kind)) for kind in COUNTED}
        for system_id, most in rows
    }


def cap_of(session: Session, system_id: int, kind: AccountKind) -> Cap:
    """How one kind stands in one system."""
    most = session.scalar(select(InformationSystem.most_holders).where(InformationSystem.id == system_id)) or {}
    return Cap(kind, _counts(session, system_id)[system_id, kind], most.get(kind))


def _counts(session: Session, system_id: int | None = None) -> Counter[tuple[int, AccountKind]]:
    """Whoever has a right that has not ended counts, also one that begins later, sleeps or is suspended."""
    own = (
        select(Account.system_id, func.count(distinct(Account.id)))
        .join(Grant, Grant.account_id == Account.id)
        .where(Account.kind == AccountKind.PRIVILEGED, Grant.state != GrantState.ENDED)
        .group_by(Account.system_id)
    )
    registered = (
        select(RegisteredId.system_id, RegisteredId.kind, func.count())
        .where(RegisteredId.accepted_at.is_not(None), RegisteredId.ended_at.is_(None))
        .group_by(RegisteredId.system_id, RegisteredId.kind)
    )
    if system_id is not None:
        own, registered = (
            own.where(Account.system_id == system_id),
            registered.where(RegisteredId.system_id == system_id),
        )
    found: Counter[tuple[int, AccountKind]] = Counter()
    for where, number in session.execute(own):
        found[where, AccountKind.PRIVILEGED] += number
    for where, kind, number in session.execute(registered):
        found[where, kind] += number
    return found


def new_holders(session: Session, system_id: int, person_ids: Collection[int]) -> frozenset[int]:
    """Those of the people who have no right yet on a privileged ID of the system."""
    holding = session.scalars(
        select(Account.person_id)
        .join(Grant, Grant.account_id == Account.id)
        .where(
            Account.system_id == system_id, Account.kind == AccountKind.PRIVILEGED,
            Account.person_id.in_(person_ids), Grant.state != GrantState.ENDED,
        )
    )  # fmt: skip
    return frozenset(person_ids) - {person_id for person_id in holding if person_id is not None}


def excepted_holders(session: Session, request_id: int, day: date) -> dict[int, int]:
    """Person → the exception by which they may become a holder above the cap, by this application, on the day."""
    rows = session.execute(
        select(PolicyException.beneficiary_id, PolicyException.id).where(
            PolicyException.request_id == request_id,
            PolicyException.rule == CAP_RULE,
            PolicyException.valid_until > day,
        )
    )
    return dict(rows.all())


@dataclass(frozen=True)
class CapOutlook:
    """What the cap says of those who would become holders by an application: `barred` may not, unless excepted."""

    cap: Cap
    barred: tuple[int, ...]
    excepted: tuple[int, ...] = ()


def cap_outlook(
    session: Session, system_id: int, person_ids: Collection[int], *, excepted: Collection[int] = ()
) -> CapOutlook:
    """How the privileged IDs of the system stand, and which of these people the cap keeps from having one now."""
    cap, new = cap_of(session, system_id, AccountKind.PRIVILEGED), new_holders(session, system_id, person_ids)
    uncovered = sorted(new - set(excepted))
    barred = () if cap.leaves_room_for(len(uncovered)) else tuple(uncovered)
    return CapOutlook(cap, barred, tuple(sorted(new & set(excepted))))


def outlook_of_request(session: Session, request_id: int, *, day: date) -> CapOutlook | None:
    """The same of the undecided lines of an application; None where nobody would become a holder by it."""
    rows = session.execute(
        select(RequestLine.subject_id, RequestLine.system_id)
        .join(Entitlement, RequestLine.entitlement_id == Entitlement.id)
        .where(
            RequestLine.request_id == request_id, RequestLine.effect == LineEffect.GRANT,
            RequestLine.state == LineState.PENDING, Entitlement.privileged,
        )
    ).all()  # fmt: skip
    people = {subject for subject, _ in rows}
    if not people:
        return None
    excepted = excepted_holders(session, request_id, day)
    found = cap_outlook(session, rows[0].system_id, people, excepted=excepted)
    return found if found.barred or found.excepted or found.cap.most is not None else None


def requests_above_caps(session: Session, *, day: date) -> list[int]:
    """The submitted applications that cannot be approved without an exception to a cap."""
    waiting = session.scalars(
        select(RequestLine.request_id)
        .join(Entitlement, RequestLine.entitlement_id == Entitlement.id)
        .join(Request, RequestLine.request_id == Request.id)
        .where(
            RequestLine.effect == LineEffect.GRANT, RequestLine.state == LineState.PENDING, Entitlement.privileged,
            Request.state == RequestState.SUBMITTED,
        )
        .distinct()
        .order_by(RequestLine.request_id)
    ).all()  # fmt: skip
    found = ((request_id, outlook_of_request(session, request_id, day=day)) for request_id in waiting)
    return [request_id for request_id, outlook in found if outlook is not None and outlook.barred]
