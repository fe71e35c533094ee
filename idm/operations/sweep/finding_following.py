"""What becomes of findings by themselves: covered by exceptions, answers at their end, owners who are gone (C1, J1).

Nothing here decides anything: where a finding stands follows from its facts and the day whether or not this ran. It
writes down what has come about, gives what is open again a new last day, and leaves nothing with nobody.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, null, select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.models.exceptions import RegisteredException
from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.models.periods import holding_on
from idm.models.systems import Account
from idm.models.work import Finding
from idm.operations.sweep.finding_history import note
from idm.operations.sweep.findings import last_day
from idm.oversight.finding_state import ANSWERED, state_of
from idm.policy import Policy
from idm.queries.exceptions.coverage import covering
from idm.queries.sweep.finding_owners import Offices
from idm.queries.sweep.finding_states import answer_ended, facts_of
from idm.vocabulary import ExceptionScope, ExceptionState, FindingEventKind, FindingKind

OWNER_GONE = "担当者がこの職を離れたため、この種類の担当の職に戻りました。"
BY_EXCEPTION = "例外措置 第{}号による。"
UNACCEPTED: Mapping[str, None] = dict.fromkeys(
    ("accepted_by_id", "accepted_until", "accepted_reason", "accepted_fingerprint")
)
"""What is written of a finding whose risk nobody accepts any more."""


@dataclass(frozen=True)
class Followed:
    """How many findings came to be covered, how many are open again, how many lost their owner."""

    covered: int
    reopened: int
    unowned: int


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> Followed:
    """Afterwards what exceptions cover, what is open again and whose findings are is on record as of now."""
    day = day_of(now)
    covered = _cover(session, day=day, now=now)
    done = Followed(covered, _reopen_ended(session, policy=policy, now=now), _unown(session, day=day, now=now))
    if any((done.covered, done.reopened, done.unowned)):
        audit.record(
            session, action="finding.followed", actor=actor, obj=("finding", "all"), now=now,
            policy_digest=policy.digest,
            payload={"covered": done.covered, "reopened": done.reopened, "unowned": done.unowned},
        )  # fmt: skip
    return done


def reopen(session: Session, finding: Finding, *, policy: Policy, now: datetime) -> None:
    """Afterwards nobody accepts the finding's risk any more; unless something else answers for it, it is open, with
    a new last day and nobody told of it or of its passing."""
    _set(finding, UNACCEPTED)
    if state_of(facts_of(session, finding), day_of(now)) not in ANSWERED:
        _set(finding, _open_anew(finding.kind, policy=policy, now=now))


def _set(finding: Finding, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(finding, name, value)


def _open_anew(kind: FindingKind, *, policy: Policy, now: datetime) -> dict[str, object]:
    """What is written of a finding of the kind that is open again: nobody has been told of it yet."""
    return {
        "answered_at": None, "exception_id": None, "due_on": last_day(kind, policy=policy, now=now),
        "escalated_level": 0, "escalated_at": None, "told_at": None,
    }  # fmt: skip


def _cover(session: Session, *, day: date, now: datetime) -> int:
    """Afterwards each finding names the exception that covers it today, or none."""
    kinds, by_unit = _register(session)
    if not kinds:
        return 0
    covered = covering(session, day)
    changed: dict[int | None, list[int]] = defaultdict(list)
    for row in _coverable(session, kinds, day, by_unit=by_unit):
        exception = covered.of(
            row.kind, system_id=row.system_id, account_id=row.account_id, person_id=row.person, unit_code=row.unit
        )
        if exception != row.exception_id:
            changed[exception].append(row.id)
    # What is covered no more is open again with the rest of those whose answers have ended.
    for some in in_chunks(changed.pop(None, ())):
        session.execute(update(Finding).where(Finding.id.in_(some)).values(exception_id=None))
    for exception, ids in changed.items():
        for some in in_chunks(ids):
            session.execute(update(Finding).where(Finding.id.in_(some)).values(exception_id=exception, answered_at=now))
        said = BY_EXCEPTION.format(exception)
        note(session, FindingEventKind.JUSTIFIED, ids, person_id=None, now=now, said=said)
    return sum(map(len, changed.values()))


def _register(session: Session) -> tuple[frozenset[FindingKind], bool]:
    """The kinds that permitted exceptions are about, and whether one of them is about a unit."""
    rows = session.execute(
        select(RegisteredException.finding_kind, RegisteredException.scope)
        .where(RegisteredException.state == ExceptionState.PERMITTED)
        .distinct()
    ).all()
    kinds = frozenset(kind for kind, _ in rows if kind is not None)
    return kinds, any(scope is ExceptionScope.UNIT for _, scope in rows)


def _coverable(
    session: Session, kinds: frozenset[FindingKind], day: date, *, by_unit: bool
) -> Iterator[Row[*tuple[Any, ...]]]:
    """Open findings of these kinds with whom they are about, and the unit of that person today where it matters."""
    person = func.coalesce(Finding.person_id, Account.person_id)
    unit: ColumnElement[Any] = _unit_of(person, day) if by_unit else null()
    yield from session.execute(
        select(
            Finding.id, Finding.kind, Finding.system_id, Finding.account_id, Finding.exception_id,
            person.label("person"), unit.label("unit"),
        )
        .outerjoin(Account, Finding.account_id == Account.id)
        .where(Finding.resolved_at.is_(None), Finding.kind.in_(kinds))
    )  # fmt: skip


def _unit_of(person: ColumnElement[int], day: date) -> ColumnElement[str | None]:
    """The unit of somebody's primary post on the day."""
    return (
        select(func.min(OrganisationUnit.code))
        .join(Assignment, Assignment.unit_id == OrganisationUnit.id)
        .join(Employment, Assignment.employment_id == Employment.id)
        .where(
            Employment.person_id == person, Assignment.primary.is_(True), holding_on(Assignment, day),
            holding_on(Employment, day),
        )
        .scalar_subquery()
    )  # fmt: skip


def _reopen_ended(session: Session, *, policy: Policy, now: datetime) -> int:
    ended: dict[FindingKind, list[int]] = defaultdict(list)
    # Whoever answers at this moment is waited for; what is answered by then is looked at no more.
    query = select(Finding.kind, Finding.id).where(answer_ended(day_of(now))).with_for_update(of=Finding)
    for kind, finding_id in session.execute(query):
        ended[kind].append(finding_id)
    for kind, ids in ended.items():
        anew = {**UNACCEPTED, **_open_anew(kind, policy=policy, now=now)}
        for some in in_chunks(ids):
            session.execute(update(Finding).where(Finding.id.in_(some)).values(anew))
        note(session, FindingEventKind.ANSWER_ENDED, ids, person_id=None, now=now)
    return sum(map(len, ended.values()))


def _unown(session: Session, *, day: date, now: datetime) -> int:
    """Who was named and no longer may do anything about it is named no more: the office has it again."""
    named = session.scalars(select(Finding).where(Finding.resolved_at.is_(None), Finding.owner_id.is_not(None))).all()
    if not named:
        return 0
    offices = Offices.on(session, day)
    gone = [one for one in named if one.owner_id not in offices.may_be_given(one.system_id)]
    for finding in gone:
        finding.owner_id = None
    session.flush()
    note(session, FindingEventKind.ASSIGNED, [one.id for one in gone], person_id=None, now=now, said=OWNER_GONE)
    return len(gone)
