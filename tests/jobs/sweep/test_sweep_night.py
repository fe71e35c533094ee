"""A night of the sweep: broken off, resumed; one system that fails or hangs is nobody else's trouble (C1)."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Container, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from connectors.ldap.connector import LdapConnector
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, TargetUnavailable
from idm.models.audit import AuditRecord
from idm.models.nights import SweepNight
from idm.models.officers import ConfigurationVersion
from idm.models.systems import InformationSystem
from idm.models.work import Finding, SweepRun
from idm.operations.sweep import nights as sweep_nights
from idm.ports import Directory, Sighting, Standing
from idm.vocabulary import FindingKind
from jobs.installation import Installation
from jobs.sweep import kept_night, nights, sweep
from jobs.sweep.comparison import compare
from tests.jobs.conftest import Office


def _runs(office: Office) -> list[tuple[str, int | None, bool]]:
    """(system, night, whether it was examined), oldest first."""
    with office.cast.database.reading() as session:
        rows = session.scalars(select(SweepRun).order_by(SweepRun.id)).all()
        return [(run.system.code, run.night_id, run.failure is None) for run in rows]


def _nights(office: Office) -> list[SweepNight]:
    with office.cast.database.reading() as session:
        return list(session.scalars(select(SweepNight).order_by(SweepNight.id)))


def _failures(office: Office) -> dict[str, str]:
    with office.cast.database.reading() as session:
        rows = session.scalars(
            select(Finding).where(Finding.kind == FindingKind.CHECK_FAILED, Finding.resolved_at.is_(None))
        )
        return {one.subject_key: str(one.details["reason"]) for one in rows}


def _opening(monkeypatch: pytest.MonkeyPatch, opened: Callable[[str], None]) -> None:
    """Afterwards that is done before a system's target is opened."""
    really = Installation.open_target

    def open_target(self: Installation, system: InformationSystem) -> Directory:
        opened(system.code)
        return really(self, system)

    monkeypatch.setattr(Installation, "open_target", open_target)


def test_a_run_for_a_supposed_day_is_not_the_night_of_the_day(office: Office) -> None:
    office.clock.ahead = datetime(2030, 6, 2, 18, tzinfo=UTC) - datetime.now(UTC)  # 03:00 in Tokyo
    sweep.sweep(office.installation, as_of=date(2030, 1, 1))
    assert (_nights(office), _runs(office)) == ([], [])
    assert nights.run_due(office.installation)


def test_a_killed_night_goes_on_with_the_systems_that_have_no_answer_yet(office: Office) -> None:
    said = office.installation.settings.model_dump_json()
    died = subprocess.run([sys.executable, "-m", "tests.jobs.dying_sweep", said], check=False)
    assert died.returncode == -signal.SIGKILL
    assert _runs(office) == [("ledger", 1, True)]
    assert [night.finished_at for night in _nights(office)] == [None]
    with pytest.raises(IllegalTransition):  # as long as they may still be at it
        sweep.sweep(office.installation)
    office.clock.ahead += sweep_nights.LEASE
    results = sweep.sweep(office.installation)
    assert [result.system_code for result in results] == ["pension"]
    assert _runs(office) == [("ledger", 1, True), ("pension", 1, True)]
    (night,) = _nights(office)
    assert night.finished_at is not None
    assert night.systems == 2
    with office.cast.database.reading() as session:
        recorded = [one.action for one in session.scalars(select(AuditRecord)) if one.action.startswith("sweep.night")]
    assert recorded == ["sweep.night_begun", "sweep.night_resumed", "sweep.night_ended"]


def test_a_night_that_is_under_way_is_not_gone_on_with_by_somebody_else(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.clock.ahead = datetime(2030, 6, 2, 18, tzinfo=UTC) - datetime.now(UTC)  # 03:00 in Tokyo
    meanwhile: list[str] = []

    def by_hand_and_by_itself(_code: str) -> None:
        if not meanwhile:
            meanwhile.append("begun")
            with pytest.raises(IllegalTransition, match="別のところで"):
                sweep.sweep(office.installation)
            meanwhile.append("by hand")
            assert not nights.run_due(office.installation)
            meanwhile.append("by itself")

    _opening(monkeypatch, by_hand_and_by_itself)
    sweep.sweep(office.installation)
    assert meanwhile == ["begun", "by hand", "by itself"]
    assert sorted(_runs(office)) == [("ledger", 1, True), ("pension", 1, True)]


def test_a_night_is_kept_as_long_as_it_takes_and_never_for_whoever_lost_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_night, "EVERY_SECONDS", 0.01)
    until: list[datetime | None] = []
    lost = threading.Event()

    def slowly(_code: str) -> None:
        office.clock.ahead += sweep_nights.LEASE
        while (now := _nights(office)[0].held_until) is None or now <= office.clock():
            lost.wait(0.01)
        until.append(now)

    _opening(monkeypatch, slowly)
    sweep.sweep(office.installation, system_code=None)
    assert len(until) == 2
    (night,) = _nights(office)
    assert (night.held_by, night.held_until) == (None, None)
    with office.cast.database.writing() as session:
        assert not sweep_nights.keep(session, night.id, holder="whoever lost it", now=office.clock())


def test_a_system_that_could_not_be_examined_is_tried_again_when_its_night_is_resumed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(code: str) -> None:
        if code == "ledger":
            raise TargetUnavailable("接続できません。")

    with monkeypatch.context() as patch:
        _opening(patch, unreachable)
        sweep.sweep(office.installation)
    with office.cast.database.writing() as session:
        session.scalars(select(SweepNight)).one().finished_at = None
    assert [result.system_code for result in sweep.sweep(office.installation)] == ["ledger"]
    assert _failures(office) == {}


def test_a_night_that_was_broken_off_long_ago_is_past(office: Office) -> None:
    sweep.sweep(office.installation)
    with office.cast.database.writing() as session:
        session.scalars(select(SweepNight)).one().finished_at = None
    office.clock.ahead += timedelta(days=1)
    assert len(sweep.sweep(office.installation)) == 2
    assert [night.finished_at is None for night in _nights(office)] == [True, False]


def test_a_night_that_is_over_is_had_again_when_somebody_asks(office: Office) -> None:
    for _ in range(2):
        assert len(sweep.sweep(office.installation)) == 2
    assert len(_nights(office)) == 1
    assert len(_runs(office)) == 4


def test_one_system_alone_is_no_night(office: Office) -> None:
    sweep.sweep(office.installation, system_code="ledger")
    assert _nights(office) == []
    assert _runs(office) == [("ledger", None, True)]


def test_one_system_that_hangs_is_given_up_and_writes_nothing_when_it_comes_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    comes_back = threading.Event()
    threads: list[threading.Thread] = []

    def hang(code: str) -> None:
        if code == "ledger":
            threads.append(threading.current_thread())
            comes_back.wait()

    _opening(monkeypatch, hang)
    try:
        results = sweep.sweep(office.installation, budget=timedelta(seconds=2))
    finally:
        comes_back.set()
    assert [(result.system_code, result.failure is None) for result in results] == [
        ("ledger", False),
        ("pension", True),
    ]
    for thread in threads:
        thread.join(60)
    assert sorted(_runs(office)) == [("ledger", 1, False), ("pension", 1, True)]
    assert "時間のうちに" in _failures(office)["ledger"]
    assert _nights(office)[0].finished_at is not None


def test_one_system_whose_examination_breaks_is_told_of_and_the_others_have_their_answer(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(
        installation: Installation, directory: Directory, system: InformationSystem, **named: object
    ) -> object:
        if system.code == "ledger":
            raise KeyError("uid")
        return compare(installation, directory, system, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep, "compare", break_down)
    results = sweep.sweep(office.installation)
    assert [(result.system_code, result.failure is None) for result in results] == [
        ("ledger", False),
        ("pension", True),
    ]
    assert "KeyError" in _failures(office)["ledger"]


def test_as_many_systems_are_examined_at_a_time_as_the_profile_says(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits for the other: one after the other they would wait for ever."""
    together = threading.Barrier(2, timeout=60)

    def meet(_code: str) -> None:
        together.wait()

    _opening(monkeypatch, meet)
    assert [result.failure for result in sweep.sweep(office.installation)] == [None, None]


def test_the_night_is_had_once_after_its_hour_and_not_before(office: Office) -> None:
    for hour, had in ((16, [False]), (18, [True, False])):  # 01:00 and 03:00 in Tokyo
        office.clock.ahead = datetime(2030, 6, 2, hour, tzinfo=UTC) - datetime.now(UTC)
        assert [nights.run_due(office.installation) for _ in had] == had
    assert len(_runs(office)) == 2, "two systems, one night"


class Told(sweep.Silent):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.read: list[tuple[str, int]] = []

    def reads(self, system_code: str, accounts: int) -> None:
        """One more word."""
        self.read.append((system_code, accounts))


def test_progress_is_told_while_a_directory_is_read(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def many(_self: object, _known: object) -> Iterator[Sighting]:
        standing = Standing(enabled=True, expires_at=None, card_required=None)
        for number in range(2_500):
            said = (f"m{number:05}", "", "", "", None, None, None)
            yield Sighting(b"%d" % number, f"entry-{number}", None, said, standing)

    with office.cast.database.reading() as session:
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
    directory = office.installation.open_target(ledger)
    directory.close()
    monkeypatch.setattr(type(directory), "sightings", many)
    told = Told()
    sweep.sweep(office.installation, system_code="ledger", dry_run=True, progress=told)
    assert told.read == [("ledger", 1_000), ("ledger", 2_000), ("ledger", 2_500)]


def _read_on_nights(office: Office, monkeypatch: pytest.MonkeyPatch, *nights: timedelta) -> list[int]:
    """How many accounts were read, and not only their seals, on each of the nights, counted from the day of a full
    reading."""
    with office.cast.database.reading() as session:
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
    first = (-(day_of(office.clock()).toordinal() + ledger.id)) % 7 + 7
    really, read = LdapConnector.sightings, [0]

    def sightings(self: LdapConnector, known: Container[bytes]) -> Iterator[bytes | Sighting]:
        for one in really(self, known):
            read[-1] += not isinstance(one, bytes)
            yield one

    monkeypatch.setattr(LdapConnector, "sightings", sightings)
    begun, counted = office.clock.ahead, []
    for night in nights:
        office.clock.ahead, read[-1] = begun + timedelta(days=first) + night, 0
        sweep.sweep(office.installation)
        counted.append(read[-1])
    return counted


def test_what_was_found_right_is_read_again_once_a_week_and_in_between_only_what_changed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    read = _read_on_nights(office, monkeypatch, *(timedelta(days=day) for day in range(9)))
    assert [bool(count) for count in read] == [True, *[False] * 6, True, False]


def test_a_night_that_trusts_seals_finds_what_was_changed_by_hand(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    assert _read_on_nights(office, monkeypatch, timedelta(), timedelta(days=1))[1] == 0
    office.directory.apply(f"dn: {office.dn('u100009')}\nchangetype: modify\nreplace: displayName\ndisplayName: x\n")
    office.clock.ahead += timedelta(days=1)
    sweep.sweep(office.installation)
    with office.cast.database.reading() as session:
        kinds = {one.kind for one in session.scalars(select(Finding)) if one.label == "u100009"}
    assert FindingKind.DRIFT in kinds


def test_everything_is_read_after_a_change_of_the_configuration(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    _read_on_nights(office, monkeypatch, timedelta())
    with office.cast.database.writing() as session:
        version = session.scalars(select(ConfigurationVersion)).first()
        assert version is not None
        version.accepted_at = office.clock() + timedelta(hours=1)
    office.clock.ahead += timedelta(days=1)
    with office.cast.database.reading() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
        assert not sweep_nights.trusts_seals(session, system_id, now=office.clock())
