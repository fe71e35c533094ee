"""IDs that are nobody's own are stopped by a list or with their system, and come back exactly as they were (H5)."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.memory.directory import Fault
from idm.errors import InvalidInput
from idm.models.audit import AuditRecord
from idm.models.going_live import FoundAccount
from idm.models.stops import EntryStop, StopOrder
from idm.models.systems import InformationSystem
from idm.models.work import Finding, MailMessage
from idm.operations.stops import entry_stops, lifting, orders, watching
from idm.operations.stops.orders import Why
from idm.operations.stops.unreached import LATE
from idm.queries.stops.orders import OrderSheet, order_sheet
from idm.vocabulary import FindingKind, FoundState, Stage, Zone
from jobs import stop_watch, stops
from jobs.entry_stops import BY_OTHERS, GUARDED
from jobs.information_systems.inventory import take
from jobs.installation import Installation
from tests.cast import Cast
from tests.jobs.memory_place import Place, open_place
from tests.operations.stops.test_stops import wish

WHY = Why("不審な操作が続いている")


@pytest.fixture
def place(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The ledger's directory also has a service's ID, a disabled one, and one nobody knows; an inventory saw them."""
    place = open_place(cast, tmp_path, monkeypatch)
    for name in ("svc-backup", "off", "idm"):
        place.by_hand(name)
    place.account("off").switched_off = True
    take(place.installation, "ledger")
    return place


def list_of(place: Place, names: str) -> int:
    with place.cast.acting("chief", "stop.order", place.clock()) as session:
        chief, policy = place.cast.actor("chief"), place.cast.policy
        return orders.stop_accounts(session, names, WHY, actor=chief, policy=policy, now=place.clock()).id


def whole_system(place: Place) -> int:
    with place.cast.acting("chief", "stop.order", place.clock()) as session:
        chief, policy = place.cast.actor("chief"), place.cast.policy
        return orders.stop_system(session, 1, WHY, actor=chief, policy=policy, now=place.clock()).id


def lift(place: Place, stop_id: int) -> None:
    cast, now = place.cast, place.clock()
    with cast.acting("security", "stop.lift", now) as session:
        lifting.ask_to_lift(
            session, stop_id, reason="終わった", actor=cast.actor("security"), policy=cast.policy, now=now
        )  # fmt: skip
    with cast.acting("ciso", "stop.lift", now) as session:
        lifting.lift(
            session, stop_id, shown=wish(session, stop_id), actor=cast.actor("ciso"), policy=cast.policy, now=now
        )


def run(place: Place) -> None:
    place.clock.ahead += entry_stops.TRIED_AGAIN_AFTER + timedelta(seconds=1)
    stops.run_due(place.installation, worker="w1")


def off(place: Place, *names: str) -> list[bool]:
    return [place.account(name).switched_off for name in names]


def sheet(place: Place, stop_id: int) -> OrderSheet:
    with place.cast.database.reading() as session:
        return order_sheet(session, stop_id)


def test_ids_that_are_nobodys_are_stopped_by_name_or_directory_id_and_come_back_as_they_were(
    place: Place,
) -> None:
    until = place.clock().replace(microsecond=0) + timedelta(days=30)
    place.account("svc-backup").expires_at = until
    order = list_of(place, f"SVC-Backup\nledger/{place.account('off').external_id}\n")
    run(place)
    assert off(place, "svc-backup", "off", "idm") == [True, True, False]
    assert (sheet(place, order).order.accounts, sheet(place, order).done) == (2, True)
    lift(place, order)
    assert not sheet(place, order).done
    run(place)
    assert off(place, "svc-backup", "off") == [False, True], "enabled only if it was enabled"
    assert place.account("svc-backup").expires_at == until
    assert sheet(place, order).done


def test_what_the_sweep_found_can_be_stopped_before_any_inventory_saw_it(place: Place) -> None:
    found = place.by_hand("planted")
    with pytest.raises(InvalidInput):
        list_of(place, "planted")
    with place.cast.database.writing() as session:
        now = place.clock()
        session.add(
            Finding(
                kind=FindingKind.ORPHAN, system_id=1, subject_key=found.external_id, label="planted", details={},
                first_seen_at=now, last_seen_at=now,
            )
        )  # fmt: skip
    list_of(place, "planted")
    run(place)
    assert off(place, "planted") == [True]


def test_the_products_own_account_is_refused_in_a_list_and_left_out_of_a_whole_system(place: Place) -> None:
    with place.cast.database.writing() as session:
        session.get_one(InformationSystem, 1).service_account_id = place.account("idm").external_id
    with pytest.raises(InvalidInput, match="接続するためのID"):
        list_of(place, "svc-backup\nidm\n")
    order = whole_system(place)
    run(place)
    assert off(place, "svc-backup", "idm") == [True, False]
    assert sheet(place, order).order.left_out == ("idm",)


def test_our_own_account_is_never_written_to_even_where_only_the_directory_knows_which_it_is(place: Place) -> None:
    order = list_of(place, "svc-backup\nidm\n")
    place.directory.signed_in_as = place.account("idm").external_id
    run(place)
    assert off(place, "svc-backup", "idm") == [True, False]
    assert [one.login_name for one in sheet(place, order).waiting] == ["idm"]


def test_an_id_that_the_directory_guards_is_left_and_its_page_and_finding_say_why(place: Place) -> None:
    place.account("svc-backup").protected = True
    order = list_of(place, "svc-backup")
    run(place)
    assert off(place, "svc-backup") == [False]
    assert [one.error for one in sheet(place, order).waiting] == [GUARDED]
    place.clock.ahead += LATE
    run(place)
    assert FindingKind.STOP_NOT_REACHED in {kind for kind, _ in place.found()}
    place.account("svc-backup").protected = False
    run(place)
    run(place)
    assert (off(place, "svc-backup"), sheet(place, order).done) == ([True], True)
    assert FindingKind.STOP_NOT_REACHED not in {kind for kind, _ in place.found()}


class Plain:
    """A connector to something that knows nobody but those whom we made."""

    def close(self) -> None:
        """Nothing is open."""


def test_a_connector_that_cannot_address_it_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Installation, "open_target", lambda _self, _system: Plain())
    order = list_of(place, "svc-backup")
    run(place)
    assert [one.error for one in sheet(place, order).waiting] == [BY_OTHERS]


def test_of_two_orders_the_last_one_gives_back_what_was_there_before_the_first(place: Place) -> None:
    first = list_of(place, "svc-backup")
    run(place)
    second = list_of(place, "svc-backup")
    run(place)
    lift(place, first)
    run(place)
    assert off(place, "svc-backup") == [True]
    assert sheet(place, first).done
    lift(place, second)
    run(place)
    assert off(place, "svc-backup") == [False]


def test_what_is_taken_over_while_it_is_stopped_stays_stopped_and_comes_back_by_what_is_approved(place: Place) -> None:
    entry = place.by_hand("u100010")
    take(place.installation, "ledger")
    order = list_of(place, entry.external_id)
    run(place)
    with place.cast.database.writing() as session:
        found = session.scalars(select(FoundAccount).where(FoundAccount.external_id == entry.external_id)).one()
        found.state, found.person_id, found.rule = FoundState.PERSON, place.cast.people["other"], "login_name"
        found.doubt, found.enabled = None, True
    place.grant("other", "ledger/account")
    assert entry.account_uuid is not None, "it was taken over"
    assert entry.switched_off
    lift(place, order)
    run(place)
    place.grant("other", "ledger/enter")
    assert not entry.switched_off


def test_an_id_found_after_the_stop_of_its_system_is_stopped_too(place: Place) -> None:
    order = whole_system(place)
    run(place)
    place.by_hand("later")
    take(place.installation, "ledger")
    run(place)
    assert off(place, "later") == [True]
    lift(place, order)
    run(place)
    assert off(place, "later", "svc-backup", "off") == [False, False, True]


def test_in_a_system_that_is_only_observed_nothing_is_written_and_an_inventory_shows_that_it_is_stopped(
    place: Place,
) -> None:
    with place.cast.database.writing() as session:
        session.get_one(InformationSystem, 1).stage = Stage.OBSERVE
    order = list_of(place, "svc-backup")
    run(place)
    assert off(place, "svc-backup") == [False]
    place.account("svc-backup").switched_off = True
    place.clock.ahead += timedelta(minutes=1)
    take(place.installation, "ledger")
    run(place)
    assert sheet(place, order).done
    lift(place, order)
    run(place)
    assert off(place, "svc-backup") == [True], "whoever stopped it by hand gives it back"


def test_an_order_lifted_while_a_worker_is_at_it_is_carried_out_to_its_end(place: Place) -> None:
    order = list_of(place, "svc-backup")
    with place.cast.database.writing() as session:
        (work,) = entry_stops.claim(session, 1, worker="w0", limit=9, now=place.clock())
        before = entry_stops.Before(enabled=True, until=None)
        entry_stops.remember(session, work, before, worker="w0")
    stops.run_due(place.installation, worker="w1")
    assert off(place, "svc-backup") == [False], "one worker at a time has it"
    lift(place, order)
    place.account("svc-backup").switched_off = True
    with place.cast.database.writing() as session:
        done = [entry_stops.EntryResult(work)]
        entry_stops.finish(
            session, done, worker="w0", actor=stops.ACTOR, policy=place.cast.policy, now=place.clock()
        )  # fmt: skip
    assert not sheet(place, order).done
    run(place)
    assert (off(place, "svc-backup"), sheet(place, order).done) == ([False], True)


def test_what_a_worker_lost_is_looked_at_once_more(place: Place) -> None:
    order = list_of(place, "svc-backup")
    with place.cast.database.writing() as session:
        (work,) = entry_stops.claim(session, 1, worker="w0", limit=9, now=place.clock())
    place.clock.ahead += entry_stops.LEASE
    run(place)
    lift(place, order)
    run(place)
    assert off(place, "svc-backup") == [False]
    place.account("svc-backup").switched_off = True  # the write of the worker that everybody had given up
    with place.cast.database.writing() as session:
        entry_stops.finish(
            session, [entry_stops.EntryResult(work)], worker="w0", actor=stops.ACTOR, policy=place.cast.policy,
            now=place.clock(),
        )  # fmt: skip
    run(place)
    assert off(place, "svc-backup") == [False]


def test_nothing_is_kept_of_a_list_with_one_wrong_line(place: Place) -> None:
    with pytest.raises(InvalidInput):
        list_of(place, "svc-backup\nnobody\n")
    with place.cast.database.reading() as session:
        assert (session.scalars(select(EntryStop)).all(), session.scalars(select(StopOrder)).all()) == ([], [])


def minutes_later(place: Place) -> None:
    """The worker's next look at what is stopped, and the round after it."""
    place.clock.ahead += timedelta(minutes=place.cast.policy.stops.watch_minutes + 1)
    stop_watch.run_due(place.installation)
    stops.run_due(place.installation, worker="w1")


def told(place: Place) -> int:
    with place.cast.database.reading() as session:
        return len(session.scalars(select(MailMessage).where(MailMessage.subject.contains("有効に戻され"))).all())


def open_by_hand(place: Place, *names: str) -> None:
    for name in names:
        place.account(name).switched_off = False


def test_what_somebody_enables_by_hand_while_a_stop_holds_is_stopped_again_recorded_and_told_once(place: Place) -> None:
    order = list_of(place, "svc-backup\nu100009")
    run(place)
    open_by_hand(place, "svc-backup", "u100009")
    minutes_later(place)
    assert off(place, "svc-backup", "u100009") == [True, True]
    assert {one.login_name for one in sheet(place, order).undone} == {"svc-backup", "u100009"}
    assert (told(place), sheet(place, order).done) == (1, True)
    open_by_hand(place, "u100009")
    minutes_later(place)
    assert (off(place, "u100009"), told(place)) == ([True], 1)
    with place.cast.database.reading() as session:
        recorded = select(AuditRecord).where(AuditRecord.action == "stop.undone")
        assert len(session.scalars(recorded).all()) == 2


def test_the_watch_ends_with_the_order(place: Place) -> None:
    order = list_of(place, "u100009")
    run(place)
    lift(place, order)
    run(place)
    open_by_hand(place, "u100009")
    minutes_later(place)
    assert (off(place, "u100009"), told(place)) == ([False], 0)


def test_a_round_reads_so_many_and_the_next_those_that_waited_longest(place: Place) -> None:
    rules = replace(place.cast.policy.stops, watch_at_once=1)
    policy = replace(place.cast.policy, stops=rules)
    list_of(place, "svc-backup\noff")
    run(place)
    place.clock.ahead += timedelta(minutes=rules.watch_minutes)
    seen: list[str] = []
    for _ in range(2):
        with place.cast.database.writing() as session:
            seen += watching.to_watch(session, 1, policy=policy, now=place.clock()).entries
    assert set(seen) == {place.account("svc-backup").external_id, place.account("off").external_id}
    with place.cast.database.reading() as session:
        assert watching.systems_to_watch(session, [*Zone], policy=policy, now=place.clock()) == []


def test_a_directory_that_is_away_is_asked_again_minutes_later(place: Place) -> None:
    list_of(place, "svc-backup")
    run(place)
    open_by_hand(place, "svc-backup")
    place.directory.fault = Fault.UNAVAILABLE
    minutes_later(place)
    place.directory.fault = None
    stop_watch.run_due(place.installation)
    assert off(place, "svc-backup") == [False], "not in every round"
    minutes_later(place)
    assert off(place, "svc-backup") == [True]
