"""What an inventory application has to ask for: every account that is somebody's, and every right it holds now."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.employment_kind import EmploymentKind
from idm.grant_state import GrantState
from idm.models.going_live import FoundAccount
from idm.models.people import Employment, Person
from idm.models.periods import holding_on
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement
from idm.request_state import LineState
from idm.vocabulary import AccountKind, EntitlementKind, FoundState, LineEffect

ANSWERED = (LineState.PENDING, LineState.APPROVED, LineState.REJECTED)
"""What was asked for in these states is not asked for again; returned, withdrawn or lapsed it is."""


@dataclass(frozen=True)
class HeldRight:
    """One right that an account held at the last inventory. `until` is the end of the contract behind it.

    `enabled`: the account could be signed in to; one that could not stays stopped until it is handed over anew.
    """

    person_id: int
    person_name: str
    login_name: str
    entitlement_id: int
    right_name: str
    kind: EntitlementKind
    privileged: bool
    until: date | None
    enabled: bool = True
    external_access: bool = False

    @property
    def needs_end(self) -> bool:
        """Whether it is not asked for without a last day (FK 6-2(3)①, 6-2(4))."""
        return self.privileged or self.external_access


def rights_to_ask_for(session: Session, system_id: int, *, now: datetime) -> list[HeldRight]:
    """The account itself and every managed group, of everyone whose account was recognised, by name; asked once.

    The account's own line comes before its groups.
    """
    known = _asked(session, system_id) | _held(session, system_id)
    return [
        right
        for right, privileged_account in _found_rights(session, system_id, now)
        if right.privileged is privileged_account and (right.person_id, right.entitlement_id) not in known
    ]


def misplaced_rights(session: Session, system_id: int, *, now: datetime) -> list[HeldRight]:
    """Groups that are on the wrong account of somebody: a privileged one on their daily ID, or the other way round.

    They are not taken over (control D8), and stay what the comparison with the directory finds.
    """
    return [
        right
        for right, privileged_account in _found_rights(session, system_id, now)
        if right.privileged is not privileged_account
    ]


def _found_rights(session: Session, system_id: int, now: datetime) -> Iterator[tuple[HeldRight, bool]]:
    """What every account held that is somebody's, and whether it is their privileged one; first the account itself."""
    rights = session.scalars(select(Entitlement).where(Entitlement.system_id == system_id)).all()
    of_accounts = {right.privileged: right for right in rights if right.kind is EntitlementKind.ACCOUNT}
    groups = {right.external_id: right for right in rights if right.external_id is not None}
    rows = session.execute(
        select(FoundAccount, Person)
        .join(Person, FoundAccount.person_id == Person.id)
        .where(
            FoundAccount.system_id == system_id, FoundAccount.state == FoundState.PERSON,
            FoundAccount.gone_at.is_(None),
        )
        .order_by(Person.kana, Person.id, FoundAccount.kind.is_not(None))
    ).all()  # fmt: skip
    ends = _contract_ends(session, [person.id for _, person in rows], day_of(now))
    for found, person in rows:
        privileged = found.kind is AccountKind.PRIVILEGED
        own = [of_accounts[privileged]] if privileged in of_accounts else []
        for right in (*own, *(groups[group] for group in found.groups if group in groups)):
            yield HeldRight(
                person.id, person.name, found.login_name, right.id, right.name, right.kind, right.privileged,
                ends.get(person.id), found.enabled, right.external_access,
            ), privileged  # fmt: skip


def _asked(session: Session, system_id: int) -> set[tuple[int, int]]:
    rows = session.execute(
        select(RequestLine.subject_id, RequestLine.entitlement_id)
        .join(Request, RequestLine.request_id == Request.id)
        .where(
            Request.adopts, Request.submitted_at.is_not(None), RequestLine.system_id == system_id,
            RequestLine.effect == LineEffect.GRANT, RequestLine.state.in_(ANSWERED),
        )
    )  # fmt: skip
    return {(subject, right) for subject, right in rows}


def _held(session: Session, system_id: int) -> set[tuple[int, int]]:
    rows = session.execute(
        select(Account.person_id, Grant.entitlement_id)
        .join(Grant, Grant.account_id == Account.id)
        .where(Account.system_id == system_id, Grant.state != GrantState.ENDED)
    )
    return {(person_id or 0, right) for person_id, right in rows}


def _contract_ends(session: Session, people: Collection[int], day: date) -> dict[int, date | None]:
    """Contractors' rights end with their contract (FK 6-3(2)⑪)."""
    rows = session.execute(
        select(Employment.person_id, Employment.valid_until).where(
            Employment.person_id.in_(people), Employment.kind == EmploymentKind.CONTRACTOR, holding_on(Employment, day)
        )
    )
    return dict(rows.all())
