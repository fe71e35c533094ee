"""Planned batches as pages and commands show them: what each would do to whom, and how far it has come."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from idm.errors import NotFound
from idm.models.people import Employment, Person
from idm.models.safety import PlannedBatch, PlannedItem, RunKind, SafetyCount
from idm.queries.organisation.departments import departments
from idm.vocabulary import SafetyAction


class BatchState(StrEnum):
    """How far a batch has come. A permitted one is over when nothing more can run under it."""

    WAITING = "waiting"
    PERMITTED = "permitted"
    REFUSED = "refused"


STATE_TITLES = {BatchState.WAITING: "許可待ち", BatchState.PERMITTED: "許可済み", BatchState.REFUSED: "不許可"}
KIND_TITLES = {RunKind.FEED: "人事データの取込み", RunKind.LIFECYCLE: "期日の処理"}


@dataclass(frozen=True)
class BatchRow:
    """One batch in a list. `used` = how many people runs have touched under it."""

    batch_id: int
    kind: RunKind
    day: date
    feed: str | None
    sha256: str | None
    reason: str
    state: BatchState
    proposed_by_id: int
    proposed_by: str
    proposed_at: datetime
    answered_by: str | None
    answered_at: datetime | None
    people: int
    used: int


@dataclass(frozen=True)
class BatchItem:
    """One person and what the batch does to them."""

    action: SafetyAction
    staff_number: str
    name: str
    unit_code: str
    unit_name: str


@dataclass(frozen=True)
class BatchSheet:
    """One batch with everybody it lists. `digest` is what whoever answers it has been shown."""

    row: BatchRow
    items: tuple[BatchItem, ...]
    digest: str

    @property
    def by_action(self) -> dict[SafetyAction, int]:
        """How many people each action concerns."""
        return Counter(item.action for item in self.items)

    @property
    def by_unit(self) -> dict[tuple[str, str], dict[SafetyAction, int]]:
        """(Code, name) of the unit → how many of its people each action concerns."""
        return counted_by_unit(self.items)


def counted_by_unit(items: Collection[BatchItem]) -> dict[tuple[str, str], dict[SafetyAction, int]]:
    """(Code, name) of the unit → how many of its people each action concerns, in the order of codes."""
    units: dict[tuple[str, str], Counter[SafetyAction]] = {}
    for item in sorted(items, key=lambda one: one.unit_code):
        units.setdefault((item.unit_code, item.unit_name), Counter())[item.action] += 1
    return dict(units)


def digest_of(items: Collection[tuple[SafetyAction, str]]) -> str:
    """SHA-256 over what a batch lists, whatever its order."""
    return sha256("\n".join(sorted(f"{action.value}\t{number}" for action, number in set(items))).encode()).hexdigest()


def planned_batches(session: Session) -> list[BatchRow]:
    """Every batch, newest first."""
    return _rows(session, None)


def batch_sheet(session: Session, batch_id: int) -> BatchSheet:
    """One batch with everybody it lists, by department and number. Raises NotFound."""
    row = next(iter(_rows(session, batch_id)), None)
    if row is None:
        raise NotFound("一括処理の計画が見つかりません。")
    listed = session.execute(
        select(PlannedItem.action, PlannedItem.staff_number).where(PlannedItem.batch_id == batch_id)
    )
    pairs = [(action, number) for action, number in listed]
    return BatchSheet(row, tuple(items_of(session, pairs, row.day)), digest_of(pairs))


def items_of(session: Session, pairs: Collection[tuple[SafetyAction, str]], day: date) -> list[BatchItem]:
    """The people behind the numbers, by department and number; a number that nobody has stands without a name."""
    numbers = {number for _, number in pairs}
    rows = session.execute(
        select(Employment.staff_number, Person.id, Person.name).join(Person, Employment.person_id == Person.id)
    )
    people = {number: (person_id, name) for number, person_id, name in rows if number in numbers}
    places = departments(session, {person_id for person_id, _ in people.values()}, day)
    found = []
    for action, number in pairs:
        person_id, name = people.get(number, (None, ""))
        place = places.get(person_id) if person_id is not None else None
        unit = (place.unit_code, place.unit_name) if place is not None else ("", "")
        found.append(BatchItem(action, number, name, *unit))
    order = list(SafetyAction)
    return sorted(found, key=lambda one: (order.index(one.action), one.unit_code, one.staff_number))


def _rows(session: Session, batch_id: int | None) -> list[BatchRow]:
    proposer, answerer = aliased(Person), aliased(Person)
    query = (
        select(PlannedBatch, proposer.name, answerer.name)
        .join(proposer, PlannedBatch.proposed_by_id == proposer.id)
        .outerjoin(answerer, PlannedBatch.approved_by_id == answerer.id)
        .order_by(PlannedBatch.id.desc())
    )
    if batch_id is not None:
        query = query.where(PlannedBatch.id == batch_id)
    listed = dict(
        session.execute(
            select(PlannedItem.batch_id, func.count(func.distinct(PlannedItem.staff_number))).group_by(
                PlannedItem.batch_id
            )
        ).all()
    )
    used = dict(
        session.execute(
            select(SafetyCount.batch_id, func.sum(SafetyCount.people))
            .where(SafetyCount.batch_id.is_not(None))
            .group_by(SafetyCount.batch_id)
        ).all()
    )
    return [
        BatchRow(
            one.id, one.kind, one.day, one.feed, one.sha256, one.reason, state_of(one), one.proposed_by_id, proposed_by,
            one.proposed_at, answered_by, one.approved_at or one.refused_at, listed.get(one.id, 0),
            int(used.get(one.id, 0)),
        )
        for one, proposed_by, answered_by in session.execute(query)
    ]  # fmt: skip


def state_of(batch: PlannedBatch) -> BatchState:
    """How far the batch has come."""
    if batch.approved_at is not None:
        return BatchState.PERMITTED
    return BatchState.REFUSED if batch.refused_at is not None else BatchState.WAITING
