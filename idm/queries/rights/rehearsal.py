"""What a run for a day would do, in full, without doing anything: per person, per system, and because of what.

It judges by the same rules as the run itself (`idm.personnel.due_changes`), so what it lists is what the run on that
day does: rights of approved applications, known ends and absences included (FK 6-2(2)①, control A7).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased, joinedload

from idm.calendar_days import end_to_last_day, holds
from idm.models.people import Absence, Employment, Person
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.personnel.due_changes import DUE_TITLES, LIMITED, Due
from idm.personnel.safety_limits import Touched
from idm.personnel_event import ABSENCE_TITLES, LEAVING_TITLES
from idm.policy import Policy
from idm.queries.organisation.departments import Department, departments
from idm.queries.organisation.lost_posts import judged_posts, lost_on
from idm.queries.rights.due import DueRight, due_deletions, due_lapses, due_rights, moment_of
from idm.request_state import LineState

AT_ONCE = 1000
"""How many ids one statement names: SQLite takes some tens of thousands at most."""


@dataclass(frozen=True)
class RehearsedChange:
    """One thing the run would do. `row_id` is that of the right, the account (deletion) or the line (lapse)."""

    due: Due
    row_id: int
    day: date
    """Since when it is due."""
    person_id: int | None
    person_name: str
    system_code: str
    system_name: str
    right_name: str
    because: str
    staff_number: str = ""
    unit_code: str = ""
    unit_name: str = ""


@dataclass(frozen=True)
class Rehearsal:
    """Everything a run for the day would do."""

    day: date
    changes: tuple[RehearsedChange, ...]

    @property
    def touched(self) -> frozenset[Touched]:
        """Whom the safety limits count."""
        return frozenset(
            Touched(LIMITED[one.due], one.staff_number, one.unit_code)
            for one in self.changes
            if one.due in LIMITED and one.staff_number
        )

    @property
    def people_by_due(self) -> dict[Due, int]:
        """How many people each kind of change concerns; an account of nobody's counts as one."""
        return Counter(due for due, *_ in {(one.due, *_whose(one)) for one in self.changes})

    @property
    def people_by_unit(self) -> dict[tuple[str, str], dict[Due, int]]:
        """(Code, name) of the unit → how many of its people each kind of change concerns, in the order of codes."""
        units: dict[tuple[str, str], Counter[Due]] = defaultdict(Counter)
        for due, unit_code, unit_name, *_ in {
            (one.due, one.unit_code, one.unit_name, *_whose(one)) for one in self.changes
        }:
            units[unit_code, unit_name][due] += 1
        return {unit: units[unit] for unit in sorted(units)}


def _whose(one: RehearsedChange) -> tuple[int | None, int]:
    return one.person_id, 0 if one.person_id is not None else one.row_id


def rehearsal(session: Session, day: date, *, policy: Policy, now: datetime) -> Rehearsal:
    """What the run for the day would do, as everything stands now."""
    at = moment_of(day, now=now)
    changes = [
        *_rights(session, due_rights(session, day, policy=policy, now=now), day, policy, now=now),
        *_deletions(session, due_deletions(session, policy=policy, at=at), day, policy),
        *_lapses(session, due_lapses(session, policy=policy, at=at), day, policy),
    ]
    found = departments(session, {one.person_id for one in changes if one.person_id is not None}, day)
    return Rehearsal(day, tuple(_placed(one, found) for one in changes))


def _placed(one: RehearsedChange, found: dict[int, Department]) -> RehearsedChange:
    """The change with the number and the department of its person."""
    place = found.get(one.person_id) if one.person_id is not None else None
    if place is None:
        return one
    return replace(one, staff_number=place.staff_number, unit_code=place.unit_code, unit_name=place.unit_name)


def _at_once(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))


@dataclass(frozen=True)
class _Right:
    grant_id: int
    valid_from: date
    valid_until: date | None
    login_name: str
    person_id: int | None
    person_name: str | None
    system_code: str
    system_name: str
    right_name: str
    asked_by: str | None
    ended_by: str | None


def _rights(
    session: Session, due: Sequence[DueRight], day: date, policy: Policy, *, now: datetime
) -> Iterator[RehearsedChange]:
    rights = _known_rights(session, {one.grant_id for one in due})
    gone = _left_on(session, {one.holder[0] for one in due if one.due is Due.STOP}, day)
    lost = _posts_lost(session, {one.grant_id for one in due if one.due is Due.POST_LOST}, day)
    moved = _posts_moved(session, {one.grant_id for one in due if one.due is Due.POST_MOVED}, day, now=now)
    away = _away_since(session, {one.holder[0] for one in due if one.due is Due.SUSPEND}, day, policy)
    for one in due:
        right, person = rights[one.grant_id], one.holder[0] or 0
        since, because = {
            Due.STOP: gone.get(person, (day, "任用の記録がありません")),
            Due.POST_MOVED: moved.get(one.grant_id, (day, "")),
            Due.POST_LOST: lost.get(one.grant_id, (day, "")),
            Due.SUSPEND: away.get(person, (day, "")),
            Due.RESUME: (day, "休職等の終わり"),
            Due.BEGIN: (right.valid_from, f"申請 {right.asked_by}"),
            Due.EXPIRE: (right.valid_until or day, _end_of(right)),
        }[one.due]
        yield RehearsedChange(
            one.due, right.grant_id, since, right.person_id, right.person_name or right.login_name,
            right.system_code, right.system_name, right.right_name, because,
        )  # fmt: skip


def _end_of(right: _Right) -> str:
    if right.ended_by is not None:
        return f"取消しの申請 {right.ended_by}"
    return f"{end_to_last_day(right.valid_until)} までの権限（申請 {right.asked_by}）"


def _posts_lost(session: Session, grant_ids: Iterable[int], day: date) -> dict[int, tuple[date, str]]:
    """Right → since when its holder has the post no longer that it rests on, and which that is."""
    found: dict[int, tuple[date, str]] = {}
    for ids in _at_once(sorted(grant_ids)):
        grants = session.scalars(select(Grant).where(Grant.id.in_(ids)).options(joinedload(Grant.account)))
        for grant in grants:
            because = f"{grant.rests_on_post}（{grant.rests_on_unit}）の職を離れたため"
            found[grant.id] = lost_on(session, grant) or day, because
    return found


def _posts_moved(
    session: Session, grant_ids: Collection[int], day: date, *, now: datetime
) -> dict[int, tuple[date, str]]:
    """Right → since when it rests on the post that came in the place of its own, which that is and by which order."""
    moved = judged_posts(session, day, now=now).moved if grant_ids else {}
    return {
        grant_id: (one.line.day, f"{one.post.title}（{one.post.unit_code}）に引き継ぐ組織改正（{one.line.order}）")
        for grant_id, one in moved.items()
        if grant_id in grant_ids
    }


def _known_rights(session: Session, grant_ids: Iterable[int]) -> dict[int, _Right]:
    asking, ending, end_line = aliased(Request), aliased(Request), aliased(RequestLine)
    query = (
        select(
            Grant.id, Grant.valid_from, Grant.valid_until, Account.login_name, Account.person_id, Person.name,
            InformationSystem.code, InformationSystem.name, Entitlement.name, asking.number, ending.number,
        )
        .join(Account, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .join(RequestLine, Grant.line_id == RequestLine.id)
        .join(asking, RequestLine.request_id == asking.id)
        .outerjoin(Person, Account.person_id == Person.id)
        .outerjoin(end_line, Grant.ended_by_line_id == end_line.id)
        .outerjoin(ending, end_line.request_id == ending.id)
    )  # fmt: skip
    return {
        row[0]: _Right(*row)
        for ids in _at_once(sorted(grant_ids))
        for row in session.execute(query.where(Grant.id.in_(ids)))
    }


def _left_on(session: Session, people: set[int | None], day: date) -> dict[int, tuple[date, str]]:
    """Person → the first day without employment, and how the last one ended."""
    query = select(Employment.person_id, Employment.valid_until, Employment.leaving).where(
        Employment.valid_until.is_not(None), Employment.valid_until <= day
    )
    found = {}
    for person_id, until, leaving in session.execute(query.order_by(Employment.valid_until, Employment.id)):
        if person_id in people and until is not None:
            how = f"（{LEAVING_TITLES[leaving]}）" if leaving is not None else ""
            found[person_id] = (until, f"{end_to_last_day(until)} 限りの離職{how}")
    return found


def _away_since(session: Session, people: set[int | None], day: date, policy: Policy) -> dict[int, tuple[date, str]]:
    query = (
        select(Employment.person_id, Absence.kind, Absence.valid_from, Absence.valid_until)
        .join(Absence, Absence.employment_id == Employment.id)
        .where(Absence.kind.in_(policy.personnel.suspending_absences))
        .order_by(Absence.valid_from.desc(), Absence.id)
    )
    return {
        person_id: (begins, f"{begins} からの{ABSENCE_TITLES[kind]}")
        for person_id, kind, begins, ends in session.execute(query)
        if person_id in people and holds(begins, ends, day)
    }


def _deletions(session: Session, account_ids: list[int], day: date, policy: Policy) -> Iterator[RehearsedChange]:
    query = (
        select(Account.id, Account.login_name, Account.person_id, Person.name, InformationSystem.code,
               InformationSystem.name)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .outerjoin(Person, Account.person_id == Person.id)
        .order_by(Account.id)
    )  # fmt: skip
    because = f"最後の権限の終了から {policy.personnel.delete_after_days} 日"
    for ids in _at_once(account_ids):
        for account, login, person, name, code, system in session.execute(query.where(Account.id.in_(ids))):
            right = f"利用者ID {login}"
            yield RehearsedChange(Due.DELETE, account, day, person, name or login, code, system, right, because)


def _lapses(session: Session, request_ids: list[int], day: date, policy: Policy) -> Iterator[RehearsedChange]:
    query = (
        select(RequestLine.id, RequestLine.subject_id, Person.name, InformationSystem.code, InformationSystem.name,
               Entitlement.name, Request.number)
        .join(Request, RequestLine.request_id == Request.id)
        .join(Person, RequestLine.subject_id == Person.id)
        .join(Entitlement, RequestLine.entitlement_id == Entitlement.id)
        .join(InformationSystem, Entitlement.system_id == InformationSystem.id)
        .where(RequestLine.state == LineState.PENDING)
        .order_by(RequestLine.id)
    )  # fmt: skip
    for ids in _at_once(request_ids):
        for line, person, name, code, system, right, number in session.execute(query.where(Request.id.in_(ids))):
            because = f"申請 {number} が {policy.applications.lapse_days} 日のうちに決裁されませんでした"
            yield RehearsedChange(Due.LAPSE, line, day, person, name, code, system, right, because)


def summary(found: Rehearsal) -> str:
    """One line: how many people each kind of change concerns."""
    counted = found.people_by_due
    return "、".join(f"{DUE_TITLES[due]} {counted[due]} 人" for due in Due if due in counted) or "何も変わりません"
