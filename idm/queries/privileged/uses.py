"""Lists about the uses of privileged IDs: what somebody may use, and what waits for them (control D6)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session, joinedload

from idm.calendar_days import day_of
from idm.models.privileged import PrivilegedUse, RegisteredId
from idm.models.systems import Account, InformationSystem
from idm.permissions import Action
from idm.policy import Policy
from idm.privileged_use_state import HOLDING, UNDER_WAY, Window, lapse_of, window_of
from idm.queries.organisation.officers import contracted, humans, never_deciding
from idm.queries.organisation.reach import systems_reached
from idm.queries.privileged.deputies import systems_deputised
from idm.queries.privileged.eligibility import activated, is_employed
from idm.queries.privileged.permitters import concerned, permitters
from idm.queries.privileged.shared_ids import usable_by_right
from idm.vocabulary import AccountKind, EntitlementKind, UseState

HIGHER_AFTER = timedelta(days=1)
"""How long after the user and the manager the chief officer and the CISO are told that a work report is missing."""

# The order in which rows are locked: by account, as everywhere.
_IN_ORDER = (PrivilegedUse.account_id, PrivilegedUse.id)


@dataclass(frozen=True)
class UsableId:
    """One ID that somebody may ask to use. `own`: their own, with `rights` (grant id, name) to choose from.

    `in_use`: something of it is open or ending now; `held`: the times that others, or the same person, have of it.
    """

    account_id: int
    system_id: int
    system_name: str
    login_name: str
    kind: AccountKind
    own: bool
    rights: tuple[tuple[int, str], ...] = ()
    purpose: str | None = None
    """What a registered ID is there for."""
    in_use: bool = False
    held: tuple[Window, ...] = ()


def usable_ids(session: Session, person_id: int, *, now: datetime) -> list[UsableId]:
    """What the person may ask to use now: their own privileged IDs, and registered ones by office or deputyship."""
    day = day_of(now)
    if not is_employed(session, person_id, day):
        return []
    own = [_own(session, account, now) for account in _own_accounts(session, person_id)]
    found = [one for one in own if one is not None] + _registered(session, person_id, now)
    return sorted(found, key=lambda one: (not one.own, one.system_name, one.login_name))


def uses_to_decide(session: Session, person_id: int, *, policy: Policy, now: datetime) -> list[PrivilegedUse]:
    """The asked uses that the person may permit or refuse now, oldest first."""
    asked = _all(session, _uses().where(PrivilegedUse.state == UseState.ASKED).order_by(PrivilegedUse.id))
    return [one for one in asked if _may_permit(session, one, person_id, policy=policy, day=day_of(now))]


def uses_to_attend(session: Session, person_id: int, *, now: datetime) -> list[PrivilegedUse]:
    """The uses that the person was named to attend and that are not over; those that begin first on top."""
    states = (UseState.ASKED, UseState.APPROVED, UseState.OPEN)
    named = _uses().where(
        PrivilegedUse.attended_by_id == person_id, PrivilegedUse.state.in_(states),
        PrivilegedUse.ends_at.is_(None) | (PrivilegedUse.ends_at > now),
    )  # fmt: skip
    return _all(session, named.order_by(PrivilegedUse.wanted_from, PrivilegedUse.id))


def reports_to_check(session: Session, person_id: int, *, now: datetime) -> list[PrivilegedUse]:
    """The work reports that the person may check and nobody has, oldest first."""
    day = day_of(now)
    ordinary = systems_reached(session, person_id, Action.CHECK_WORK_REPORT, day)
    emergency = systems_reached(session, person_id, Action.RECEIVE_EMERGENCY_REPORT, day)
    human = humans(session, [person_id])[person_id]
    if not ordinary | emergency or never_deciding(session, [human], day):
        return []
    waiting = _uses().where(
        PrivilegedUse.reported_at.is_not(None), PrivilegedUse.checked_at.is_(None),
        PrivilegedUse.person_id.not_in(human.rows),
        (PrivilegedUse.emergency & PrivilegedUse.system_id.in_(emergency))
        | (~PrivilegedUse.emergency & PrivilegedUse.system_id.in_(ordinary)),
    )  # fmt: skip
    return _all(session, waiting.order_by(PrivilegedUse.reported_at, PrivilegedUse.id))


def overdue_reports(session: Session, now: datetime) -> list[PrivilegedUse]:
    """The uses whose work report was due and is not there, the longest overdue first."""
    late = _uses().where(PrivilegedUse.report_due_at <= now, PrivilegedUse.reported_at.is_(None))
    return _all(session, late.order_by(PrivilegedUse.report_due_at, PrivilegedUse.id))


def owes_report(session: Session, person_id: int, *, now: datetime) -> bool:
    """Whether the human, under any row of theirs, owes a work report that is overdue."""
    rows = humans(session, [person_id])[person_id].rows
    late = exists().where(
        PrivilegedUse.person_id.in_(rows), PrivilegedUse.report_due_at <= now, PrivilegedUse.reported_at.is_(None)
    )
    return bool(session.scalar(select(late)))


def uses_to_carry_on(session: Session, *, policy: Policy, now: datetime) -> list[int]:
    """The uses that the clock may move now: unanswered for too long, permitted and due, open, or ending."""
    due = or_(
        PrivilegedUse.state.in_(UNDER_WAY | {UseState.ASKED}),
        (PrivilegedUse.state == UseState.APPROVED) & (PrivilegedUse.wanted_from <= now),
    )
    rules = policy.privileged
    return [
        use.id
        for use in session.scalars(select(PrivilegedUse).where(due).order_by(*_IN_ORDER))
        if use.state is not UseState.ASKED
        or lapse_of(use, asked_hours=rules.asked_hours, at_once_hours=rules.at_once_hours, now=now)
    ]


def reports_to_escalate(session: Session, *, now: datetime) -> list[int]:
    """The uses whose work report is overdue, where it is time to tell of it: at once, and once more a day later."""
    untold = PrivilegedUse.escalated_at.is_(None)
    rows = session.execute(
        select(PrivilegedUse.id, PrivilegedUse.report_due_at, PrivilegedUse.escalated_at)
        .where(
            PrivilegedUse.reported_at.is_(None), PrivilegedUse.report_due_at <= now,
            or_(untold, PrivilegedUse.report_due_at <= now - HIGHER_AFTER),
        )
        .order_by(*_IN_ORDER)
    )  # fmt: skip
    return [use_id for use_id, due, told in rows if due is not None and (told is None or told < due + HIGHER_AFTER)]


def accounts_ending(session: Session) -> list[int]:
    """The accounts whose use is over and which were not read back without it yet."""
    ending = select(PrivilegedUse.account_id).where(PrivilegedUse.state == UseState.ENDING)
    return list(session.scalars(ending.order_by(PrivilegedUse.account_id)))


def taken_by(session: Session, account_id: int, states: Collection[UseState]) -> int | None:
    """The use of the ID that is in one of these states; None = there is none."""
    query = select(PrivilegedUse.id).where(PrivilegedUse.account_id == account_id, PrivilegedUse.state.in_(states))
    return session.scalars(query.limit(1)).first()


def overlapping(
    session: Session, use: PrivilegedUse, states: Collection[UseState], *, now: datetime
) -> list[PrivilegedUse]:  # fmt: skip
    """The other uses of the same ID in these states whose time overlaps that of the use, as they are now."""
    mine = window_of(use, now=now)
    query = select(PrivilegedUse).where(PrivilegedUse.account_id == use.account_id, PrivilegedUse.state.in_(states))
    found = session.scalars(query.order_by(PrivilegedUse.id).execution_options(populate_existing=True))
    return [other for other in found if other is not use and window_of(other, now=now).overlaps(mine)]


def _uses() -> Select[PrivilegedUse]:
    return select(PrivilegedUse).options(joinedload(PrivilegedUse.account), joinedload(PrivilegedUse.person))


def _all(session: Session, query: Select[PrivilegedUse]) -> list[PrivilegedUse]:
    return list(session.scalars(query))


def _may_permit(session: Session, use: PrivilegedUse, person_id: int, *, policy: Policy, day: date) -> bool:
    system = session.get_one(InformationSystem, use.system_id)
    seats = permitters(session, system, concerned(use), policy=policy, day=day)
    return any(seat.person_id == person_id for seat in seats)


def _own_accounts(session: Session, person_id: int) -> list[Account]:
    query = select(Account).where(Account.person_id == person_id, Account.kind == AccountKind.PRIVILEGED)
    return list(session.scalars(query.options(joinedload(Account.system))))


def _own(session: Session, account: Account, now: datetime) -> UsableId | None:
    grants = activated(session, account.id, day_of(now))
    if not any(grant.entitlement.kind is EntitlementKind.ACCOUNT for grant in grants):
        return None
    groups = [grant for grant in grants if grant.entitlement.kind is EntitlementKind.GROUP]
    rights = tuple((grant.id, grant.entitlement.name) for grant in groups)
    return _usable(session, account, own=True, rights=rights, now=now)


def _registered(session: Session, person_id: int, now: datetime) -> list[UsableId]:
    """Those of the systems that the person's office or deputyship reaches, and shared ones by right; no contractors."""
    day = day_of(now)
    if contracted(session, humans(session, [person_id])[person_id].rows, day):
        return []
    systems = systems_reached(session, person_id, Action.USE_REGISTERED_ID, day)
    systems |= systems_deputised(session, person_id, day).keys()
    rows = session.scalars(
        select(RegisteredId)
        .where(
            RegisteredId.system_id.in_(systems)
            | RegisteredId.account_id.in_(usable_by_right(session, person_id, now=now).keys()),
            RegisteredId.accepted_at.is_not(None), RegisteredId.ended_at.is_(None),
            RegisteredId.valid_until.is_(None) | (RegisteredId.valid_until > day),
        )
        .options(joinedload(RegisteredId.account))
    ).all()  # fmt: skip
    found = [(one, one.account) for one in rows]
    return [
        _usable(session, account, own=False, purpose=one.purpose, now=now)
        for one, account in found
        if account is not None
    ]


def _usable(
    session: Session, account: Account, *, own: bool, rights: tuple[tuple[int, str], ...] = (),
    purpose: str | None = None, now: datetime,
) -> UsableId:  # fmt: skip
    holding = session.scalars(
        select(PrivilegedUse)
        .where(PrivilegedUse.account_id == account.id, PrivilegedUse.state.in_(HOLDING))
        .order_by(PrivilegedUse.wanted_from, PrivilegedUse.id)
    )
    return UsableId(
        account.id, account.system_id, account.system.name, account.login_name, account.kind, own, rights, purpose,
        in_use=taken_by(session, account.id, UNDER_WAY) is not None,
        held=tuple(window_of(use, now=now) for use in holding),
    )  # fmt: skip
