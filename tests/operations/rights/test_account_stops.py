"""Reasons why an account lets nobody in: opened, reached, closed; it opens when none is left (controls C1, H4, H5)."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from idm.actor import Actor
from idm.models.audit import AuditRecord
from idm.models.dormancy import DormancyCase
from idm.models.stops import AccountStop, StopOrder
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask
from idm.operations import outbox
from idm.operations.outbox import Carried
from idm.operations.rights import account_stops
from idm.ports import Attributes, TargetAccount
from idm.queries.rights.account_facts import account_facts
from idm.vocabulary import DormancyStage, FindingKind, StopCause, StopKind
from tests.cast import NOW, Cast

JOB = Actor.job("tests.stops")
LATER = NOW + timedelta(minutes=1)
ATTRIBUTES = Attributes("u100009", "青木　一郎", "青木", "一郎", "100009", None, None)


@pytest.fixture
def held(office: Cast) -> Cast:
    """青木 has an account."""
    office.approve(office.file("hr", ("staff", "ledger/account")))
    return office


def account_of(cast: Cast, who: str = "staff") -> int:
    with cast.database.reading() as session:
        return session.scalars(select(Account.id).where(Account.person_id == cast.people[who])).one()


def ordered(cast: Cast, *, kind: StopKind = StopKind.ACCOUNTS, who: str | None = None, system: str = "") -> int:
    """An order that names its accounts, a person or a system."""
    with cast.database.writing() as session:
        named = session.scalars(select(InformationSystem.id).where(InformationSystem.code == system)).one_or_none()
        order = StopOrder(
            kind=kind, cause=StopCause.INCIDENT, reason="不審な操作", ordered_by_id=cast.people["chief"],
            ordered_at=NOW, person_id=cast.people[who] if who else None, system_id=named,
        )  # fmt: skip
        session.add(order)
        session.flush()
        return order.id


def unused(cast: Cast) -> int:
    """A case of disuse of 青木's account."""
    with cast.database.writing() as session:
        case = DormancyCase(
            account_id=account_of(cast), kind=FindingKind.DORMANT, stage=DormancyStage.WARNED, source="memory",
            warned_at=NOW, disable_on=date(2026, 4, 15),
        )  # fmt: skip
        session.add(case)
        session.flush()
        return case.id


def place(cast: Cast, *, stop_id: int | None = None, dormancy_id: int | None = None, now: datetime = NOW) -> int:
    with cast.database.writing() as session:
        return account_stops.place(
            session, [account_of(cast)], stop_id=stop_id, dormancy_id=dormancy_id, actor=JOB, policy=cast.policy,
            now=now,
        )  # fmt: skip


def release(cast: Cast, *, stop_id: int | None = None, dormancy_id: int | None = None) -> int:
    with cast.database.writing() as session:
        return account_stops.release(
            session, stop_id=stop_id, dormancy_id=dormancy_id, actor=JOB, policy=cast.policy, now=LATER
        )  # fmt: skip


def is_stopped(cast: Cast) -> bool:
    with cast.database.reading() as session:
        account_id = account_of(cast)
        return account_facts(session, [account_id], now=NOW)[account_id].stopped


def read_back(cast: Cast, *, enabled: bool, now: datetime = NOW) -> None:
    """A worker carries out what is due and reads this back."""
    with cast.database.writing() as session:
        account = session.get_one(Account, account_of(cast))
        tasks = outbox.claim(session, account.system_id, worker="w", limit=10, now=now)
        seen = TargetAccount("e-1", None, ATTRIBUTES, enabled, None, frozenset())
        carried = [Carried(task.id, seen=seen) for task in tasks]
        outbox.finish(session, carried, worker="w", actor=JOB, policy=cast.policy, now=now)


def stops(cast: Cast) -> list[AccountStop]:
    with cast.database.reading() as session:
        return list(session.scalars(select(AccountStop).order_by(AccountStop.id)))


def test_a_stop_is_one_row_one_task_and_one_audit_record_however_often_it_is_placed(held: Cast) -> None:
    order = ordered(held)
    assert (place(held, stop_id=order), place(held, stop_id=order)) == (1, 0)
    with held.database.reading() as session:
        assert session.get_one(Account, account_of(held)).generation == 2
        assert len(session.scalars(select(OutboxTask)).all()) == 2
        told = session.scalars(select(AuditRecord).where(AuditRecord.action == "account.stopped")).all()
    assert len(told) == 1
    assert is_stopped(held)


def test_an_account_opens_only_when_no_reason_is_left(held: Cast) -> None:
    order, case = ordered(held), unused(held)
    place(held, stop_id=order)
    place(held, dormancy_id=case)
    assert release(held, stop_id=order) == 1
    assert is_stopped(held)
    assert release(held, dormancy_id=case) == 1
    assert not is_stopped(held)
    assert release(held, dormancy_id=case) == 0


def test_a_stop_is_reached_when_the_directory_was_read_and_showed_it(held: Cast) -> None:
    read_back(held, enabled=True)
    order = ordered(held)
    place(held, stop_id=order)
    assert [(stop.was_enabled, stop.stopped_at) for stop in stops(held)] == [(True, None)]
    read_back(held, enabled=False, now=LATER)
    assert [stop.stopped_at for stop in stops(held)] == [LATER]
    release(held, stop_id=order)
    assert [stop.restored_at for stop in stops(held)] == [None]
    read_back(held, enabled=True, now=LATER)
    assert [stop.restored_at for stop in stops(held)] == [LATER]


def test_what_was_read_before_the_stop_says_nothing_of_it(held: Cast) -> None:
    with held.database.writing() as session:
        account = session.get_one(Account, account_of(held))
        task = outbox.claim(session, account.system_id, worker="w", limit=1, now=NOW)[0].id
    place(held, stop_id=ordered(held))
    with held.database.writing() as session:
        seen = TargetAccount("e-1", None, ATTRIBUTES, False, None, frozenset())
        carried = [Carried(task, seen=seen)]
        outbox.finish(session, carried, worker="w", actor=JOB, policy=held.policy, now=NOW)
    assert [stop.stopped_at for stop in stops(held)] == [None]


@pytest.mark.parametrize(("kind", "who", "system"), [(StopKind.PERSON, "staff", ""), (StopKind.SYSTEM, None, "ledger")])
def test_an_account_that_no_row_names_is_stopped_by_the_order_itself(
    held: Cast, kind: StopKind, who: str | None, system: str
) -> None:
    assert not is_stopped(held)
    ordered(held, kind=kind, who=who, system=system)
    assert is_stopped(held)


def test_a_reason_has_exactly_one_cause(held: Cast) -> None:
    with pytest.raises(ValueError, match="one cause"):
        place(held)
