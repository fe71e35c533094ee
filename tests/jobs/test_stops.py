"""Stops reach real directories first, whatever waits there, are never given up, and are undone exactly (H4, H5)."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from idm.keys.sealing import new_handover_key
from idm.models.stops import AccountStop
from idm.models.systems import Entitlement, Handover, InformationSystem
from idm.models.work import Finding, OutboxTask, TaskState
from idm.operations.rights.accounts import schedule
from idm.operations.stops import lifting, orders
from idm.operations.stops.orders import Why
from idm.operations.stops.unreached import LATE
from idm.ports import Directory
from idm.vocabulary import EntitlementKind, FindingKind, Stage, Zone
from jobs import provision, stops, worker
from jobs.installation import Installation
from tests.hand_office import SYSTEM, add_system, confirm, do
from tests.hand_office import orders as work_orders
from tests.jobs.conftest import Office
from tests.operations.stops.test_stops import wish

WHY = Why("不審な操作が続いている")


def stop_person(office: Office, who: str) -> int:
    with office.cast.acting("chief", now=office.clock()) as session:
        chief, policy = office.cast.actor("chief"), office.cast.policy
        person = office.cast.people[who]
        return orders.stop_person(session, person, WHY, actor=chief, policy=policy, now=office.clock()).id


def lift(office: Office, stop_id: int) -> None:
    cast, now = office.cast, office.clock()
    with cast.acting("security", now=now) as session:
        lifting.ask_to_lift(
            session, stop_id, reason="終わった", actor=cast.actor("security"), policy=cast.policy, now=now
        )
    with cast.acting("ciso", now=now) as session:
        lifting.lift(
            session, stop_id, shown=wish(session, stop_id), actor=cast.actor("ciso"), policy=cast.policy, now=now
        )


def reached(office: Office) -> list[bool]:
    with office.cast.database.reading() as session:
        return [stop.stopped_at is not None for stop in session.scalars(select(AccountStop).order_by(AccountStop.id))]


def found(office: Office) -> list[Finding]:
    with office.cast.database.reading() as session:
        query = select(Finding).where(Finding.kind == FindingKind.STOP_NOT_REACHED, Finding.resolved_at.is_(None))
        return list(session.scalars(query))


def working(office: Office, *who: str) -> dict[str, tuple[str, str]]:
    """These people have accounts in the directory that let them in; their names and passwords."""
    for one in who:
        office.grant(one, "ledger/account", "ledger/enter")
    office.provision()
    return {one: office.hand_over(one) for one in who}


def long_queue(office: Office) -> None:
    """Many accounts wait for a look at them, each decided before the stop; the stopped one is the last of them."""
    with office.cast.database.writing() as session:
        account = office.account(session, "other")
        for _ in range(30):
            schedule(session, account, now=office.clock())
            session.flush()
        schedule(session, office.account(session, "staff"), now=office.clock())


def test_a_stop_behind_a_long_queue_is_carried_out_first(office: Office) -> None:
    passwords = working(office, "staff", "other")
    long_queue(office)
    stop_person(office, "staff")
    with office.cast.database.reading() as session:
        system = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    assert provision.run_system(office.installation, system, worker="w1", limit=1) == 1
    name, password = passwords["staff"]
    assert not office.directory.sign_in(office.dn(name), password)
    assert office.members("ledger-enter") == {"u100010"}
    assert reached(office) == [True]
    assert [task.state for task in office.tasks("other")].count(TaskState.WAITING) == 30, "the queue has not moved"


def right_without_group(office: Office) -> str:
    """A right is decided on whose group nobody made in the directory; its code."""
    with office.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
        session.add(
            Entitlement(system_id=system, code="new", name="新しい権限", kind=EntitlementKind.GROUP,
                        target_name="ledger-not-made-yet", privileged=False)
        )  # fmt: skip
    return "ledger/new"


def test_a_right_whose_group_is_missing_keeps_no_stop_from_its_system(office: Office) -> None:
    name, password = working(office, "staff")["staff"]
    new = right_without_group(office)
    office.grant("staff", new)
    stop_person(office, "staff")
    stops.run_due(office.installation, worker="w1")
    assert not office.directory.sign_in(office.dn(name), password)
    assert reached(office) == [True]


def test_a_missing_group_is_told_of_whoever_needs_it_and_of_nobody_else(office: Office) -> None:
    new = right_without_group(office)
    office.grant("other", "ledger/account", new)
    office.grant("staff", "ledger/account", "ledger/enter")
    office.provision()
    assert office.members("ledger-enter") == {"u100009"}
    (refused,) = [task for task in office.tasks("other") if task.state is TaskState.REFUSED]
    assert "ledger-not-made-yet" in (refused.last_error or "")
    assert TaskState.REFUSED not in {task.state for task in office.tasks("staff")}


def test_stops_alone_are_carried_out_while_the_queue_waits(office: Office) -> None:
    working(office, "staff", "other")
    long_queue(office)
    assert stops.run_due(office.installation, worker="w1") == 0
    stop_person(office, "staff")
    assert stops.run_due(office.installation, worker="w1") == 1
    assert reached(office) == [True]
    assert [task.state for task in office.tasks("other")].count(TaskState.WAITING) == 30


def test_the_way_back_restores_exactly_what_was_there_and_no_more(office: Office) -> None:
    name, password = working(office, "staff")["staff"]
    before = office.entry(name)
    order = stop_person(office, "staff")
    stops.run_due(office.installation, worker="w1")
    office.revoke("staff", "ledger/enter")
    office.provision()
    assert not office.directory.sign_in(office.dn(name), password)
    lift(office, order)
    office.provision()
    assert office.directory.sign_in(office.dn(name), password), "the password is the one they had"
    assert office.members("ledger-enter") == set(), "what ended meanwhile stays ended"
    after = office.entry(name)
    told = {
        "modifyTimestamp",
        "modifiersName",
        "entryCSN",
        "memberOf",
        "pwdFailureTime",
        "pwdLastSuccess",
        "authTimestamp",
    }
    assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} <= told
    with office.cast.database.reading() as session:
        assert [stop.restored_at is not None for stop in session.scalars(select(AccountStop))] == [True]


def test_a_directory_that_is_away_is_tried_until_it_is_back_and_told_of_meanwhile(office: Office) -> None:
    name, password = working(office, "staff")["staff"]
    port = office.directory.ldaps_port
    office.directory.stop()
    try:
        stop_person(office, "staff")
        stops.run_due(office.installation, worker="w1")
        assert (reached(office), found(office)) == ([False], []), "not late yet"
        for _ in range(8):  # as long as it takes: never given up, never waiting longer than half a minute
            office.clock.ahead += stops.TRIED_AGAIN_WITHIN + timedelta(seconds=1)
            assert stops.run_due(office.installation, worker="w1") == 1
        assert office.clock.ahead > LATE
        assert [(one.system_id, one.account_id) for one in found(office)] == [(1, None)]
        assert "1 件" in str(found(office)[0].details["reason"])
    finally:
        office.directory.start(port)
    assert office.directory.sign_in(office.dn(name), password), "the test sees the real directory"
    office.clock.ahead += stops.TRIED_AGAIN_WITHIN + timedelta(seconds=1)
    stops.run_due(office.installation, worker="w1")
    assert not office.directory.sign_in(office.dn(name), password)
    assert reached(office) == [True]
    stops.run_due(office.installation, worker="w1")
    assert found(office) == []


def test_an_account_made_after_the_order_is_stopped_too_and_named_by_it(office: Office) -> None:
    order = stop_person(office, "staff")
    office.grant("staff", "ledger/account", "ledger/enter")
    stops.run_due(office.installation, worker="w1")
    assert reached(office) == [True]
    assert office.members("ledger-enter") == set()
    lift(office, order)
    office.provision()
    assert office.members("ledger-enter") == {"u100009"}


def test_where_only_hands_can_stop_it_an_order_goes_out_at_once_and_two_people_confirm_it(office: Office) -> None:
    add_system(office.cast)
    request = office.cast.file("hr", ("staff", f"{SYSTEM}/account"), now=office.clock())
    office.cast.approve(request, now=office.clock())
    office.provision()
    (made,) = work_orders(office.cast)
    do(office.cast, made, who="desk", now=office.clock())
    confirm(office.cast, made, who="system", now=office.clock())
    stop_person(office, "staff")
    stops.run_due(office.installation, worker="w1")
    asked = work_orders(office.cast)[-1]
    assert ([step.kind.value for step in asked.steps], asked.urgent) == (["stop"], True)
    assert reached(office) == [False]
    do(office.cast, asked, who="desk", now=office.clock())
    assert reached(office) == [False], "one person's word is not enough"
    confirm(office.cast, asked, who="system", now=office.clock())
    assert reached(office) == [True]


def test_a_stop_waits_for_no_round_of_the_worker(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is at, a night's sweep or a directory that does not answer: its own thread looks for stops."""
    name, password = working(office, "staff")["staff"]
    stop, released = threading.Event(), threading.Event()

    def hanging(*_given: object, **_named: object) -> None:
        assert released.wait(60)

    monkeypatch.setattr(worker, "one_round", hanging)
    with ThreadPoolExecutor(1) as aside:
        running = aside.submit(worker.work, office.installation, stop)
        try:
            stop_person(office, "staff")
            while reached(office) != [True]:
                assert not running.done()
        finally:
            stop.set()
            released.set()
        running.result()
    assert not office.directory.sign_in(office.dn(name), password)


def test_nothing_is_written_where_nothing_is_stopped(office: Office) -> None:
    working(office, "staff")
    with office.cast.database.reading() as session:
        before = len(session.scalars(select(OutboxTask)).all())
    assert stops.run_due(office.installation, worker="w1") == 0
    with office.cast.database.reading() as session:
        assert len(session.scalars(select(OutboxTask)).all()) == before


def test_a_hand_over_waits_while_its_account_is_stopped_and_does_not_keep_the_stop_from_arriving(
    office: Office,
) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    office.ask("staff", new_handover_key()[1])
    order = stop_person(office, "staff")
    stops.run_due(office.installation, worker="w1")
    assert reached(office) == [True]
    with office.cast.database.reading() as session:
        assert [one.sealed for one in session.scalars(select(Handover))] == [None]
    lift(office, order)
    office.provision()
    with office.cast.database.reading() as session:
        assert [one.sealed is not None for one in session.scalars(select(Handover))] == [True]


def test_a_directory_that_hangs_holds_up_no_other(office: Office) -> None:
    """Each system is told on a connection of its own: the one that answers is through while the other still hangs."""
    with office.cast.database.writing() as session:
        pension = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        pension.zone, pension.verification = Zone.LGWAN, None
    name, password = working(office, "staff")["staff"]
    request = office.cast.file("hr", ("staff", "pension/account"), now=office.clock())
    office.cast.approve(request, now=office.clock())
    released = threading.Event()
    real = Installation.open_target

    def opened(installation: Installation, system: InformationSystem) -> Directory:
        if system.code == "pension":
            assert released.wait(60)
        return real(installation, system)

    stop_person(office, "staff")
    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(1) as aside:
        patched.setattr(Installation, "open_target", opened)
        running = aside.submit(stops.run_due, office.installation, worker="w1")
        try:
            while sum(reached(office)) < 1:
                assert not running.done()
        finally:
            released.set()
        assert running.result() == 2
    assert not office.directory.sign_in(office.dn(name), password)
    assert reached(office) == [True, True]


def test_a_fault_in_one_system_ends_nothing_and_the_stop_is_tried_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    working(office, "staff")
    genuine, first = provision.run_system, [True]

    def faulty(*given: Any, **named: Any) -> int:
        if first:
            first.clear()
            raise KeyError("a fault that nobody thought of")
        return genuine(*given, **named)

    monkeypatch.setattr(provision, "run_system", faulty)
    stop_person(office, "staff")
    with watching(office, monkeypatch):
        assert within_a_while(lambda: reached(office) == [True])


def test_a_fault_of_the_watch_itself_does_not_leave_the_worker_without_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine, first, looked, stop = stops.watch, [True], threading.Event(), threading.Event()

    def faulty(*given: Any, **named: Any) -> None:
        if first:
            first.clear()
            raise KeyError("a fault that nobody thought of")
        looked.set()
        genuine(*given, **named)

    monkeypatch.setattr(stops, "watch", faulty)
    monkeypatch.setattr(worker, "DUTIES", ())
    with ThreadPoolExecutor(1) as aside:
        running = aside.submit(worker.work, office.installation, stop, pause_seconds=0.05)
        try:
            assert looked.wait(30)
        finally:
            stop.set()
        running.result()


def test_a_stop_that_comes_while_another_system_hangs_is_not_held_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first order is still being carried out in one system; a second one comes that concerns another."""
    with office.cast.database.writing() as session:
        pension = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        pension.zone, pension.verification = Zone.LGWAN, None
    name, password = working(office, "staff")["staff"]
    office.cast.approve(office.cast.file("hr", ("other", "pension/account"), now=office.clock()), now=office.clock())
    released, hanging = threading.Event(), threading.Event()
    real = Installation.open_target

    def opened(installation: Installation, system: InformationSystem) -> Directory:
        if system.code == "pension":
            hanging.set()
            assert released.wait(60)
        return real(installation, system)

    monkeypatch.setattr(Installation, "open_target", opened)
    stop_person(office, "other")
    with watching(office, monkeypatch):
        try:
            assert hanging.wait(20)
            stop_person(office, "staff")
            assert within_a_while(lambda: True in reached(office))
            assert not office.directory.sign_in(office.dn(name), password)
        finally:
            released.set()


def test_while_an_order_waits_for_hands_nothing_is_written_every_second_and_nobody_is_said_to_try(
    office: Office,
) -> None:
    """A system that is only observed; the order may stand for months."""
    working(office, "staff")
    with office.cast.database.writing() as session:
        session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one().stage = Stage.OBSERVE
    stop_person(office, "staff")
    stops.keep_up(office.installation)
    assert not stops.keep_up(office.installation)
    office.clock.ahead += LATE + timedelta(seconds=1)
    assert stops.keep_up(office.installation), "it is late: that is found"
    assert not stops.keep_up(office.installation)
    (one,) = found(office)
    assert "試し続けます" not in str(one.details["repair"])
    assert "その場で止める" in str(one.details["repair"])


@contextmanager
def watching(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The worker's thread for stops runs meanwhile."""
    monkeypatch.setattr(stops, "PAUSE_SECONDS", 0.05)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as aside:
        running = aside.submit(stops.watch, office.installation, stop, worker="w1")
        try:
            yield
        finally:
            stop.set()
        running.result()


def within_a_while(true: Callable[[], bool]) -> bool:
    """Whether it becomes true, asked again and again for half a minute at the most."""
    until = time.monotonic() + 30
    while not (came := true()) and time.monotonic() < until:
        time.sleep(0.05)
    return came
