"""What the calendar does with the register of exceptions, once a day: ends, reminds, escalates, finds (FK 8(1)-(3)).

Everybody is told once of each thing, in one notice with a count; running it again on the same day does nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.exceptions import ExceptionCheck, RegisteredException
from idm.models.systems import Account
from idm.models.work import Finding
from idm.operations.exceptions import unanswered, unneeded
from idm.operations.exceptions.authority import answering_for
from idm.operations.exceptions.exception_notices import PAGE, record
from idm.operations.notification.notices import notify
from idm.operations.sweep.findings import Found, record_everywhere
from idm.oversight.exception_state import (
    Covered,
    ExceptionEvent,
    after,
    check_due,
    check_to_tell,
    reminder_due,
    report_levels,
)
from idm.permissions import PERMISSIONS, Action
from idm.policy import Policy
from idm.queries.exceptions.coverage import as_coverings, last_checks
from idm.queries.organisation.departments import departments
from idm.queries.organisation.officers import holders
from idm.vocabulary import ExceptionState, FindingKind


@dataclass(frozen=True)
class ExceptionsFollowed:
    """How many expired, were reminded of, had an overdue report told to one more level, an overdue check told, their
    missing answer, and that nobody has ended what is not needed."""

    expired: int
    reminded: int
    escalated: int
    checks_told: int
    unanswered: int
    unneeded: int


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> ExceptionsFollowed:
    """Afterwards what is over has expired, and what is needed all the same is a finding; who has to act knows it."""
    expired = _expire(session, actor=actor, policy=policy, now=now)
    done = ExceptionsFollowed(
        expired=expired,
        reminded=_remind(session, actor=actor, policy=policy, now=now),
        escalated=_escalate(session, actor=actor, policy=policy, now=now),
        checks_told=_tell_of_checks(session, actor=actor, policy=policy, now=now),
        unanswered=unanswered.follow(session, actor=actor, policy=policy, now=now),
        unneeded=unneeded.follow(session, actor=actor, policy=policy, now=now),
    )
    _find_needed(session, actor=actor, policy=policy, now=now)
    return done


def _expire(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    over = _in_state(session, ExceptionState.PERMITTED, RegisteredException.valid_until <= day_of(now))
    told: dict[int, int] = defaultdict(int)
    for exception in over:
        exception.state = after(exception.state, ExceptionEvent.EXPIRE)
        exception.ended_at = now
        session.flush()
        record(session, "registered_exception.expired", exception, actor=actor, policy=policy, now=now)
        for person_id in answering_for(session, exception, policy=policy, day=day_of(now)):
            told[person_id] += 1
    _notify(session, told, "期限が過ぎました", "期限の過ぎた例外措置が{count}件あります。"
            "続けて必要なものは更新を申請し、必要のないものは終えてください。"
            "対象だった点検結果は、未対応に戻りました。", now=now)  # fmt: skip
    return len(over)


def _remind(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    day = day_of(now)
    told: dict[int, int] = defaultdict(int)
    reminded = 0
    for exception in _in_state(session, ExceptionState.PERMITTED):
        if not reminder_due(exception.valid_until, exception.reminded_on, day, policy.exceptions):
            continue
        exception.reminded_on = day
        reminded += 1
        record(session, "registered_exception.reminded", exception, actor=actor, policy=policy, now=now)
        for person_id in answering_for(session, exception, policy=policy, day=day):
            told[person_id] += 1
    _notify(session, told, "期限が近づいています", "期限の近い例外措置が{count}件あります。続けて必要なものは、"
            "期限の前に更新を申請してください。申請のないものは、期限で効力がなくなります。", now=now)  # fmt: skip
    return reminded


def _escalate(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """An emergency that nobody has reported is told to one more of the profile's levels at a time (FK 8(2))."""
    rules = policy.exceptions
    told: dict[int, int] = defaultdict(int)
    escalated = 0
    unreported = (RegisteredException.acted_at.is_not(None), RegisteredException.reported_at.is_(None))
    for exception in _in_state(session, ExceptionState.ASKED, *unreported):
        levels = report_levels(exception.acted_at or now, now, rules)
        if levels <= exception.escalated_level:
            continue
        new = rules.emergency_escalate_to[exception.escalated_level : levels]
        exception.escalated_level, exception.escalated_at = levels, now
        escalated += 1
        record(session, "registered_exception.escalated", exception, actor=actor, policy=policy, now=now, level=levels)
        people = {exception.asked_by_id}.union(*(holders(session, role, None, day_of(now)) for role in new))
        for person_id in people:
            told[person_id] += 1
    _notify(session, told, "緊急の措置の報告がありません", "時間のうちに報告されていない緊急の措置が{count}件あります。"
            "申請した人は、すぐにCISOへ報告してください。", now=now, urgent=True)  # fmt: skip
    return escalated


def _tell_of_checks(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    day = day_of(now)
    holding = _in_state(session, ExceptionState.PERMITTED)
    checked = last_checks(session)
    overdue = 0
    for exception in holding:
        last = checked.get(exception.id)
        permitted_on = day_of(exception.answered_at or exception.asked_at)
        due = check_due(permitted_on, day_of(last.checked_at) if last is not None else None, policy.exceptions)
        told_on = day_of(exception.escalated_at) if exception.escalated_at is not None else None
        if check_to_tell(due, told_on, day):
            exception.escalated_at = now
            overdue += 1
            record(session, "registered_exception.check_overdue", exception, actor=actor, policy=policy, now=now)
    checkers = {one for role in PERMISSIONS[Action.CHECK_EXCEPTIONS] for one in holders(session, role, None, day)}
    if overdue:
        _notify(session, dict.fromkeys(checkers, overdue), "定期確認をしてください",
                "定期確認の期限を過ぎた例外措置が{count}件あります。", now=now)  # fmt: skip
    session.flush()
    return overdue


def _find_needed(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """What has expired, was not renewed, and is needed all the same: what it covered is there, or a check said so."""
    expired = _in_state(session, ExceptionState.EXPIRED)
    renewed = set(
        session.scalars(
            select(RegisteredException.renews_id).where(
                # Once it was gone on with, the one that goes on is judged: also when that has ended in its turn.
                RegisteredException.renews_id.is_not(None), RegisteredException.answered_at.is_not(None),
                RegisteredException.state != ExceptionState.REFUSED,
            )
        )
    )  # fmt: skip
    open_ones = [one for one in expired if one.id not in renewed]
    needed = _still_there(session, open_ones, day_of(now)) | _said_needed(session, open_ones)
    found = [
        Found(
            kind=FindingKind.EXCEPTION_EXPIRED, subject_key=str(one.id), label=f"第{one.id}号 {one.what[:80]}",
            details={"clause": one.clause, "until": one.valid_until.isoformat(), "asked_by": one.asked_by_id},
            person_id=one.person_id,
        )
        for one in open_ones if one.id in needed
    ]  # fmt: skip
    known = select(func.count()).where(
        Finding.kind == FindingKind.EXCEPTION_EXPIRED, Finding.system_id.is_(None), Finding.resolved_at.is_(None)
    )
    if found or session.scalar(known):
        record_everywhere(
            session, [FindingKind.EXCEPTION_EXPIRED], found, actor=actor, policy=policy, now=now
        )  # fmt: skip


def _still_there(session: Session, expired: list[RegisteredException], day: date) -> set[int]:
    """Those of them that would cover something that is found now."""
    covered = Covered(as_coverings(session, expired))
    kinds = {one.finding_kind for one in expired if one.finding_kind is not None}
    if not kinds:
        return set()
    rows = session.execute(
        select(
            Finding.kind, Finding.system_id, Finding.account_id,
            func.coalesce(Finding.person_id, Account.person_id).label("person_id"),
        )
        .outerjoin(Account, Finding.account_id == Account.id)
        .where(Finding.kind.in_(kinds), Finding.resolved_at.is_(None))
    ).all()  # fmt: skip
    by_unit = any(one.unit_code is not None for one in expired)
    people = {row.person_id for row in rows if by_unit and row.person_id is not None}
    units = departments(session, people, day)
    found: set[int] = set()
    for row in rows:
        unit = units.get(row.person_id)
        found |= covered.all_of(
            row.kind, system_id=row.system_id, account_id=row.account_id, person_id=row.person_id,
            unit_code=unit.unit_code if unit is not None else None,
        )  # fmt: skip
    return found


def _said_needed(session: Session, expired: list[RegisteredException]) -> set[int]:
    """Of those that cover no kind of finding nothing tells but what was said of them last; silence means needed."""
    checked: dict[int, ExceptionCheck] = last_checks(session)
    return {
        one.id for one in expired
        if one.finding_kind is None and (one.id not in checked or checked[one.id].still_needed)
    }  # fmt: skip


def _notify(
    session: Session, counts: dict[int, int], subject: str, body: str, *, now: datetime, urgent: bool = False
) -> None:  # fmt: skip
    for count, people in _by_count(counts.items()).items():
        notify(session, people, subject=f"【例外措置】{subject}", body=body.format(count=count), link=PAGE, now=now,
               urgent=urgent, asks=True)  # fmt: skip


def _by_count(counts: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    people: dict[int, list[int]] = defaultdict(list)
    for person_id, count in counts:
        people[count].append(person_id)
    return people


def _in_state(session: Session, state: ExceptionState, *conditions: ColumnElement[bool]) -> list[RegisteredException]:
    query = select(RegisteredException).where(RegisteredException.state == state, *conditions)
    locked = query.order_by(RegisteredException.id).with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(locked))
