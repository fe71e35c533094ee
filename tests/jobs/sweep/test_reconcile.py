"""Directories compared with what was approved: groups within groups, administrators' groups, changes, places."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from connectors.memory.connector import MemoryConnector
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, NotFound, SeparationOfDuties, TargetRefused
from idm.models.going_live import SystemProgress
from idm.models.systems import Account as Ours
from idm.models.systems import EntitlementConflict, InformationSystem
from idm.models.work import Finding, OutboxTask, SweepRun, TaskState
from idm.models.work_orders import WorkOrder
from idm.operations.rights.accounts import schedule
from idm.operations.sweep import finding_answers
from idm.ports import TargetAccount
from idm.vocabulary import FindingKind
from jobs import provision
from jobs.commands import reconcile as command
from jobs.commands import system_inventory
from jobs.information_systems import inventory
from jobs.sweep import reconcile, sweep
from tests.cast import Cast
from tests.jobs.memory_place import Place, open_place


@pytest.fixture
def place(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return open_place(cast, tmp_path, monkeypatch)


def test_a_member_through_another_group_is_found(place: Place) -> None:
    inner = place.directory.add_group("inner")
    inner_group = place.directory.groups[inner.external_id]
    inner_group.members |= {place.by_hand("tanaka").external_id, place.account("u100009").external_id}
    place.join("ledger-admin", inner.external_id)
    place.reconcile()
    assert place.found() == {(FindingKind.OUT_OF_BAND, "tanaka"), (FindingKind.OUT_OF_BAND, "u100009")}
    inner_group.members.clear()
    place.reconcile()
    assert place.found() == set()


def test_a_group_of_the_targets_administrators_is_watched_and_changed_only_by_hand(place: Place) -> None:
    admins = place.directory.add_group("Domain Admins", protected=True)
    place.directory.groups[admins.external_id].members.add(place.account("u100009").external_id)
    place.reconcile()
    assert place.found() == {(FindingKind.OUT_OF_BAND, "u100009")}
    with place.cast.database.reading() as session:
        finding = session.scalars(select(Finding)).one()
    details = finding.details
    assert "ディレクトリの管理者のグループ「Domain Admins」" in str(details["reason"])
    assert "指示書" in str(details["repair"])
    with (
        pytest.raises(IllegalTransition, match="指示書"),
        place.cast.acting("security", now=place.clock()) as session,
    ):
        finding_answers.repair(
            session, finding.id, actor=place.cast.actor("security"), policy=place.cast.policy, now=place.clock()
        )


def test_nobody_answers_for_being_in_a_group_without_approval_themself(place: Place) -> None:
    place.grant("security", "ledger/account")
    with place.cast.database.reading() as session:
        own = session.scalars(select(Ours).where(Ours.person_id == place.cast.people["security"])).one()
    inner = place.directory.add_group("inner")
    place.directory.groups[inner.external_id].members.add(str(own.external_id))
    place.join("ledger-approve", inner.external_id)
    place.reconcile()
    with place.cast.database.reading() as session:
        found = session.scalars(select(Finding).where(Finding.kind == FindingKind.EXTRA_MEMBER)).one()
    with pytest.raises(SeparationOfDuties), place.cast.acting("security", now=place.clock()) as session:
        finding_answers.justify(
            session, found.id, reason="必要", until=day_of(place.clock()) + timedelta(days=5),
            actor=place.cast.actor("security"), policy=place.cast.policy, now=place.clock(),
        )  # fmt: skip


def test_an_account_that_the_target_guards_is_never_written(place: Place) -> None:
    place.account("u100009").protected = True
    place.account("u100009").switched_off = False
    place.reconcile()
    with place.cast.database.reading() as session:
        (finding,) = session.scalars(select(Finding)).all()
        assert (finding.kind, "指示書" in str(finding.details["repair"])) == (FindingKind.DRIFT, True)
    with place.cast.database.writing() as session:
        session.execute(delete(EntitlementConflict))
    request = place.cast.file(
        "staff", ("staff", "ledger/approve"), now=place.clock(), valid_until=day_of(place.clock()) + timedelta(days=9)
    )
    before = replace(place.account("u100009"))
    place.cast.approve(request, now=place.clock())
    provision.run_due(place.installation, worker="w1")
    assert place.account("u100009") == before
    with place.cast.database.reading() as session:
        newest = session.scalars(select(OutboxTask).order_by(OutboxTask.id.desc())).first()
        assert newest is not None
        assert (newest.state, newest.last_error) == (TaskState.DONE, None)
        order = session.scalars(select(WorkOrder)).one()
        assert [step.kind.value for step in order.steps] == ["stop", "add"]


def test_one_account_that_the_target_cannot_show_stops_no_other(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.grant("other", "ledger/account")
    copied, find = place.account("u100009").account_uuid, MemoryConnector.find

    def refusing(self: MemoryConnector, uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        wanted = list(uuids)
        if copied in wanted:
            raise TargetRefused("複数の項目が同じアカウント番号を持っています。")
        return find(self, wanted)

    monkeypatch.setattr(MemoryConnector, "find", refusing)
    with place.cast.database.writing() as session:
        for account in session.scalars(select(Ours)):
            schedule(session, account, now=place.clock())
    provision.run_due(place.installation, worker="w1")
    with place.cast.database.reading() as session:
        newest = session.scalars(select(OutboxTask).order_by(OutboxTask.id.desc()).limit(2)).all()
    assert {(task.state, task.last_error is None) for task in newest} == {
        (TaskState.REFUSED, False), (TaskState.DONE, True)
    }  # fmt: skip


def test_only_what_changed_is_looked_at_from_the_second_time_on(place: Place) -> None:
    place.grant("other", "ledger/account")
    assert place.reconcile(changed=True).examined == 2
    assert place.reconcile(changed=True).examined == 0
    place.account("u100009").switched_off = False
    result = place.reconcile(changed=True)
    assert (result.examined, [found.label for found in result.found]) == (1, ["u100009"])
    assert place.found() == {(FindingKind.DRIFT, "u100009")}
    assert place.reconcile(changed=True).examined == 0
    assert place.found() == {(FindingKind.DRIFT, "u100009")}, "not looked at is not the same as gone"
    with place.cast.database.reading() as session:
        assert session.get_one(SystemProgress, 1).cursor is not None


def test_a_finding_of_the_night_is_resolved_by_day_and_the_other_way_round(place: Place) -> None:
    place.account("u100009").switched_off = False
    sweep.sweep(place.installation, system_code="ledger")
    assert (FindingKind.DRIFT, "u100009") in place.found()
    place.account("u100009").switched_off = True
    place.reconcile()
    assert place.found() == set()
    with place.cast.database.reading() as session:
        assert len(session.scalars(select(SweepRun)).all()) == 1, "a comparison is no sweep"


def test_a_dry_run_says_what_it_would_find_and_keeps_nothing(place: Place) -> None:
    place.account("u100009").switched_off = False
    assert [found.label for found in place.reconcile(dry_run=True).found] == ["u100009"]
    assert place.found() == set()


def test_an_unknown_system_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound):
        reconcile.reconcile(place.installation, system_code="nothing")


# --- where accounts are kept -----------------------------------------------------------------------------------------


def places(place: Place) -> None:
    place.directory.containers |= {"ou=staff", "ou=system", "ou=stopped"}
    with place.cast.database.writing() as session:
        system = session.get_one(InformationSystem, 1)
        system.containers = [
            {"units": ["0600"], "container": "ou=system"}, {"units": ["0100"], "container": "ou=staff"}
        ]  # fmt: skip
        system.stopped_container = "ou=stopped"


def test_an_account_is_kept_where_its_unit_is_with_the_units_below(place: Place) -> None:
    places(place)
    place.grant("hr", "ledger/account")
    assert place.account("u100006").container == "ou=staff", "人事係 stands below 総務課"
    assert place.account("u100009").container == "people"
    place.reconcile()
    assert place.found() == {(FindingKind.DRIFT, "u100009")}
    request = place.cast.file("other", ("other", "ledger/account"), now=place.clock())
    place.cast.approve(request, now=place.clock())
    provision.run_due(place.installation, worker="w1")
    assert place.account("u100010").container == "ou=staff"


def test_a_leaver_is_stopped_and_moved_where_stopped_ones_are(place: Place) -> None:
    places(place)
    with place.cast.database.writing() as session:
        place.cast.employment(session, "staff").valid_until = day_of(place.clock())
    place.clock.ahead = timedelta(days=1)
    with place.cast.database.writing() as session:
        task = session.scalars(select(OutboxTask).order_by(OutboxTask.id.desc())).first()
        assert task is not None
        task.state, task.due_at = type(task.state).WAITING, datetime(2026, 1, 1, tzinfo=UTC)
    provision.run_due(place.installation, worker="w1")
    account = place.account("u100009")
    assert (account.container, account.enabled(place.clock())) == ("ou=stopped", False)


# --- the commands ----------------------------------------------------------------------------------------------------


def test_the_command_tells_as_data_what_differs(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.account("u100009").switched_off = False
    monkeypatch.setattr(command, "installation", lambda: place.installation)
    command.reconcile.main(["--system", "ledger", "--json"], standalone_mode=False)
    (told,) = json.loads(capsys.readouterr().out)["systems"]
    assert [(one["kind"], one["login_name"], one["repair"]) for one in told["found"]] == [
        ("drift", "u100009", "IDを止める")
    ]


def test_the_inventory_command_tells_what_it_found(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.by_hand("tanaka")
    monkeypatch.setattr(system_inventory, "installation", lambda: place.installation)
    system_inventory.inventory.main(["ledger", "--json"], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert (told["examined"], told["new"], told["undecided"]) == (2, 1, 1)


def test_an_inventory_that_somebody_asked_for_is_taken_or_says_why_not(place: Place) -> None:
    with place.cast.database.writing() as session:
        session.add(SystemProgress(system_id=1, asked_at=place.clock()))
    assert inventory.run_asked(place.installation) == 1
    assert inventory.run_asked(place.installation) == 0
    with place.cast.database.writing() as session:
        progress = session.get_one(SystemProgress, 1)
        assert (progress.failure, progress.inventoried_at is not None) == (None, True)
        progress.asked_at = place.clock()
    (Path(place.installation.settings.secrets_dir) / "ledger.password").unlink()
    inventory.run_asked(place.installation)
    with place.cast.database.reading() as session:
        progress = session.get_one(SystemProgress, 1)
        assert progress.asked_at is None
        assert "ledger.password" in (progress.failure or "")
