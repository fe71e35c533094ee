"""Who is told of findings: of urgent kinds CISO and chief at once and once (FK 7-2(1), control J1), and of what nobody
answers for in time the profile's levels, each once.

Numbers, kinds and systems, never a person's name; one notice a person a run, however many findings there are.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.models.nights import SweepNight
from idm.models.systems import InformationSystem
from idm.models.work import Finding
from idm.operations.notification.notices import Notice, notify_each
from idm.operations.privileged import out_of_band
from idm.operations.sweep.finding_history import note
from idm.oversight.finding_state import levels_due
from idm.policy import FindingRules, Policy
from idm.queries.organisation.officers import holders
from idm.queries.sweep.finding_owners import Offices
from idm.queries.sweep.finding_states import stands
from idm.vocabulary import FINDING_TITLES, FindingEventKind, FindingKind, FindingState, Role, Stage
from idm.working_days import working_days

URGENT = "【至急・点検結果】すぐに対応が必要な点検結果があります"
OVERDUE = "【期限超過・点検結果】対応されていない点検結果があります"
URGENT_WORDS = "すぐに対応が必要な種類の点検結果が見つかりました。"
OVERDUE_WORDS = "次の点検結果が期限までに対応されていません。対応が進むように手配してください。"
LINK, OVERDUE_LINK = "/findings?urgent=1", "/findings?late=1"
NOWHERE = "情報システムによらないもの"
SHOWN = 20
NIGHT_WAITED_FOR = timedelta(hours=1)


class _Told(NamedTuple):
    """A finding as a notice counts it."""

    id: int
    kind: FindingKind
    system_id: int | None
    system: str | None
    owner_id: int | None


def tell_urgent(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards CISO, chief and whose they are know of every open finding of an urgent kind, each told once.

    A night under way is waited for, so that all of its systems are one notice; but not for long. Of privilege nobody
    approved they are told with what is done about it (`idm.operations.privileged.out_of_band`). Returns how many
    findings were told of.
    """
    if _night_under_way(session, now):
        return 0
    kinds = policy.findings.urgent - frozenset(out_of_band.TOLD)
    found = _rows(session, now, Finding.kind.in_(kinds), Finding.told_at.is_(None))
    if not found:
        return 0
    day = day_of(now)
    offices = Offices.on(session, day)
    always = {*holders(session, Role.CISO, None, day), *offices.chief}
    theirs: dict[int, dict[int, _Told]] = defaultdict(dict)
    for one in found:
        for person_id in always | offices.of(one.kind, one.system_id, one.owner_id):
            theirs[person_id][one.id] = one
    _send(session, theirs, URGENT, URGENT_WORDS, LINK, now=now)
    for some in in_chunks(one.id for one in found):
        session.execute(update(Finding).where(Finding.id.in_(some)).values(told_at=now))
    _record(session, "finding.told", len(found), len(theirs), actor=actor, policy=policy, now=now)
    return len(found)


def _night_under_way(session: Session, now: datetime) -> bool:
    begun = select(SweepNight.id).where(
        SweepNight.finished_at.is_(None), SweepNight.started_at > now - NIGHT_WAITED_FOR
    )
    return session.scalar(begun.limit(1)) is not None


def escalate(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards every level that is due knows of each open finding whose last day is over, each level once.

    In working hours only: nobody could do anything sooner. A system that is only observed has approved nothing with us
    yet: what differs there waits for its taking over. Returns how many findings went up a level.
    """
    if not working_days(policy.calendar).within_hours(now, policy.calendar):
        return 0
    rules, day = policy.findings, day_of(now)
    raised: dict[Role, list[_Told]] = defaultdict(list)
    steps: dict[int, list[int]] = defaultdict(list)
    for *told, due, level in session.execute(_late(now, rules)):
        reached, one = levels_due(due, day, rules), _Told(*told)
        for role in rules.escalate_to[level:reached]:
            raised[role].append(one)
        steps[reached].append(one.id)
    if not steps:
        return 0
    theirs = _by_person(session, raised, now=now)
    _send(session, theirs, OVERDUE, OVERDUE_WORDS, OVERDUE_LINK, now=now)
    for reached, ids in steps.items():
        for some in in_chunks(ids):
            values = {"escalated_level": reached, "escalated_at": now}
            session.execute(update(Finding).where(Finding.id.in_(some)).values(values))
        titles = "、".join(policy.title_of(role) for role in rules.escalate_to[:reached])
        note(session, FindingEventKind.ESCALATED, ids, person_id=None, now=now, said=titles)
    number = sum(map(len, steps.values()))
    _record(session, "finding.escalated", number, len(theirs), actor=actor, policy=policy, now=now)
    return number


def _query(now: datetime, *conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(Finding.id, Finding.kind, Finding.system_id, InformationSystem.name, Finding.owner_id)
        .outerjoin(InformationSystem, Finding.system_id == InformationSystem.id)
        .where(stands(FindingState.OPEN, day_of(now)), *conditions)
    )


def _late(now: datetime, rules: FindingRules) -> Select[*tuple[Any, ...]]:
    """What is open past its last day and due for its next level, with that day and how many levels know."""
    day, stage = day_of(now), InformationSystem.stage
    due_for_next = [
        and_(Finding.escalated_level == level, Finding.due_on < day - timedelta(days=level * rules.escalate_every_days))
        for level in range(len(rules.escalate_to))
    ]
    query = _query(now, or_(*due_for_next), Finding.due_on < day, or_(stage.is_(None), stage != Stage.OBSERVE))
    return query.add_columns(Finding.due_on, Finding.escalated_level)


def _rows(session: Session, now: datetime, *conditions: ColumnElement[bool]) -> list[_Told]:
    return [_Told(*row) for row in session.execute(_query(now, *conditions))]


def _by_person(
    session: Session, raised: Mapping[Role, Sequence[_Told]], *, now: datetime
) -> dict[int, dict[int, _Told]]:
    """Person → what they are told of, each finding once; a system's manager only of their own."""
    day = day_of(now)
    offices = Offices.on(session, day)
    theirs: dict[int, dict[int, _Told]] = defaultdict(dict)
    for role, found in raised.items():
        everywhere = [] if role is Role.SYSTEM else holders(session, role, None, day)
        for one in found:
            people = offices.of(one.kind, one.system_id, one.owner_id) if role is Role.SYSTEM else everywhere
            for person_id in people:
                theirs[person_id][one.id] = one
    return theirs


def _send(
    session: Session, theirs: Mapping[int, Mapping[int, _Told]], subject: str, words: str, link: str, *, now: datetime
) -> None:
    notices = [
        Notice(person_id, subject, f"{words}\n{_counted(found.values())}", link, urgent=subject == URGENT, asks=True)
        for person_id, found in sorted(theirs.items())
    ]
    notify_each(session, notices, now=now)


def _counted(found: Iterable[_Told]) -> str:
    """How many of which kind in which system, the most first."""
    counted = Counter((one.system or NOWHERE, FINDING_TITLES[one.kind]) for one in found)
    counts = sorted(counted.items(), key=lambda each: (-each[1], each[0]))
    lines = [f"・{system}　{title}　{number} 件" for (system, title), number in counts[:SHOWN]]
    if (rest := sum(number for _, number in counts[SHOWN:])) > 0:
        lines.append(f"・ほか {rest} 件")
    return "\n".join(lines)


def _record(
    session: Session, action: str, found: int, people: int, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("finding", "all"), now=now, policy_digest=policy.digest,
        payload={"found": found, "people": people},
    )  # fmt: skip
