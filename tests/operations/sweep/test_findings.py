"""What sweeps found: one row from the night a fact was first seen until the night it was gone."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.models.audit import AuditRecord
from idm.models.finding_history import FindingEvent
from idm.models.systems import InformationSystem
from idm.models.work import Finding, SweepRun
from idm.operations.sweep.findings import Found, SweepResult, open_findings, record_everywhere, record_sweep
from idm.vocabulary import FindingKind
from tests.cast import NOW, Cast
from tests.statements import counted

SWEEP = Actor.job("tests.sweep")
ORPHAN = Found(FindingKind.ORPHAN, "entry-1", "u999999")
DORMANT = Found(FindingKind.DORMANT, "entry-2", "u100009", details={"source": "pwdLastSuccess"})
FAILED = Found(FindingKind.CHECK_FAILED, "ledger", "会計システム", details={"reason": "接続できません"})
NIGHT = timedelta(days=1)


def sweep(
    cast: Cast, *found: Found, now: datetime = NOW, system: str = "ledger", failure: str | None = None
) -> tuple[int, int, int]:
    """(found, new, resolved) of one sweep that saw these facts."""
    with cast.database.writing() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == system)).one()
        run = record_sweep(
            session, SweepResult(system_id, system, 10, found, failure), started_at=now, actor=SWEEP,
            policy=cast.policy, now=now,
        )  # fmt: skip
        return run.found, run.new, run.resolved


def findings(cast: Cast) -> list[tuple[str, str, datetime, datetime, datetime | None]]:
    with cast.database.reading() as session:
        rows = session.scalars(select(Finding).order_by(Finding.id))
        return [(f.kind.value, f.subject_key, f.first_seen_at, f.last_seen_at, f.resolved_at) for f in rows]


def test_a_fact_is_one_row_over_many_nights(office: Cast) -> None:
    assert sweep(office, ORPHAN) == (1, 1, 0)
    assert sweep(office, replace(ORPHAN, label="renamed"), now=NOW + NIGHT) == (1, 0, 0)
    assert findings(office) == [("orphan", "entry-1", NOW, NOW + NIGHT, None)]
    with office.database.reading() as session:
        assert session.scalars(select(Finding.label)).one() == "renamed"


def test_a_fact_that_is_gone_is_resolved_and_begins_anew_when_it_comes_back(office: Cast) -> None:
    sweep(office, ORPHAN, DORMANT)
    assert sweep(office, DORMANT, now=NOW + NIGHT) == (1, 0, 1)
    assert sweep(office, DORMANT, ORPHAN, now=NOW + 2 * NIGHT) == (2, 1, 0)
    assert [row for row in findings(office) if row[0] == "orphan"] == [
        ("orphan", "entry-1", NOW, NOW, NOW + NIGHT),
        ("orphan", "entry-1", NOW + 2 * NIGHT, NOW + 2 * NIGHT, None),
    ]


def test_a_system_that_was_not_examined_keeps_its_findings_and_says_so(cast: Cast) -> None:
    sweep(cast, ORPHAN)
    assert sweep(cast, FAILED, now=NOW + NIGHT, failure="接続できません") == (1, 1, 0)
    assert [row[0] for row in findings(cast) if row[4] is None] == ["orphan", "check_failed"]
    assert sweep(cast, now=NOW + 2 * NIGHT) == (0, 0, 2)


def test_one_fact_told_twice_in_a_night_is_one_finding(cast: Cast) -> None:
    assert sweep(cast, ORPHAN, ORPHAN) == (1, 1, 0)


def test_the_same_id_may_be_found_for_two_reasons(cast: Cast) -> None:
    assert sweep(cast, DORMANT, replace(DORMANT, kind=FindingKind.LEFT)) == (2, 2, 0)


def test_one_systems_sweep_says_nothing_of_anothers(cast: Cast) -> None:
    sweep(cast, ORPHAN)
    sweep(cast, system="pension")
    with cast.database.reading() as session:
        ledger = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
        assert len(list(open_findings(session, ledger))) == 1


def test_every_sweep_is_kept_and_audited_with_its_numbers(cast: Cast) -> None:
    sweep(cast, ORPHAN, DORMANT)
    with cast.database.reading() as session:
        run = session.scalars(select(SweepRun)).one()
        assert (run.examined, run.found, run.new, run.resolved, run.failure) == (10, 2, 2, 0, None)
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "sweep.recorded")).one()
    assert '"examined":10' in (record.payload or "")


def test_the_database_has_one_open_finding_of_a_fact(office: Cast) -> None:
    sweep(office, ORPHAN)
    columns = "kind, system_id, subject_key, label, details, first_seen_at, last_seen_at, escalated_level"
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(text(f"INSERT INTO findings ({columns}) SELECT {columns} FROM findings"))


def history(cast: Cast) -> list[tuple[str, str, datetime]]:
    """(what was found, what happened to it, when)."""
    with cast.database.reading() as session:
        rows = session.execute(
            select(Finding.subject_key, FindingEvent.kind, FindingEvent.at)
            .join(Finding, FindingEvent.finding_id == Finding.id)
            .order_by(FindingEvent.id)
        )
        return [(key, kind.value, at) for key, kind, at in rows]


def test_every_change_of_a_finding_is_in_its_history_and_a_quiet_night_is_not(cast: Cast) -> None:
    wider = replace(ORPHAN, details={"differences": [["extra_group", "g-1"]]})
    sweep(cast, ORPHAN)
    sweep(cast, replace(ORPHAN, label="renamed"), now=NOW + NIGHT)
    sweep(cast, wider, now=NOW + 2 * NIGHT)
    sweep(cast, now=NOW + 3 * NIGHT)
    assert history(cast) == [
        ("entry-1", "found", NOW), ("entry-1", "changed", NOW + 2 * NIGHT), ("entry-1", "repaired", NOW + 3 * NIGHT),
    ]  # fmt: skip


def test_a_fact_that_comes_back_names_its_newest_earlier_life(cast: Cast) -> None:
    for night in range(5):
        sweep(cast, *([ORPHAN] if night % 2 == 0 else []), now=NOW + night * NIGHT)
    with cast.database.reading() as session:
        assert [(one.id, one.again_of_id) for one in session.scalars(select(Finding).order_by(Finding.id))] == [
            (1, None), (2, 1), (3, 2),
        ]  # fmt: skip


def test_the_same_fact_of_another_kind_or_another_system_is_no_earlier_life(cast: Cast) -> None:
    sweep(cast, ORPHAN)
    sweep(cast, now=NOW + NIGHT)
    sweep(cast, replace(ORPHAN, kind=FindingKind.LEFT), now=NOW + 2 * NIGHT)
    sweep(cast, ORPHAN, now=NOW + 2 * NIGHT, system="pension")
    with cast.database.reading() as session:
        assert set(session.scalars(select(Finding.again_of_id))) == {None}


def test_a_night_of_thousands_of_findings_sends_few_statements(cast: Cast) -> None:
    many = [replace(ORPHAN, subject_key=f"entry-{number}") for number in range(6_000)]
    with counted(cast.database) as first:
        sweep(cast, *many)
    with counted(cast.database) as second:
        sweep(cast, *many, now=NOW + NIGHT)
    with counted(cast.database) as third:
        sweep(cast, now=NOW + 2 * NIGHT)
    assert [len([one for one in sent if "finding" in one]) < 20 for sent in (first, second, third)] == [True] * 3
    assert len(history(cast)) == 12_000


def everywhere(cast: Cast, kinds: set[FindingKind], *found: Found, now: datetime = NOW) -> tuple[int, int, int]:
    with cast.database.writing() as session:
        laid = record_everywhere(session, kinds, found, actor=SWEEP, policy=cast.policy, now=now)
    return laid.found, laid.new, laid.resolved


def test_what_is_of_no_system_is_laid_over_what_was_known_of_those_kinds(cast: Cast) -> None:
    burst = Found(FindingKind.BURST, "p:1", "青木", person_id=cast.people["staff"])
    drift = Found(FindingKind.CLOCK_DRIFT, "clock", "時計")
    sweep(cast, ORPHAN)
    assert everywhere(cast, {FindingKind.BURST, FindingKind.CLOCK_DRIFT}, burst, drift) == (2, 2, 0)
    assert everywhere(cast, {FindingKind.BURST}, now=NOW + NIGHT) == (0, 0, 1)
    assert [(row[0], row[4]) for row in findings(cast)] == [
        ("orphan", None), ("burst", NOW + NIGHT), ("clock_drift", None),
    ]  # fmt: skip
    assert everywhere(cast, {FindingKind.BURST}, burst, now=NOW + 2 * NIGHT) == (1, 1, 0)
    with cast.database.reading() as session:
        newest = session.scalars(select(Finding).order_by(Finding.id.desc()).limit(1)).one()
        assert (newest.system_id, newest.person_id, newest.again_of_id) == (None, cast.people["staff"], 2)


def test_the_database_has_one_open_finding_of_no_system_of_a_fact(cast: Cast) -> None:
    everywhere(cast, set(), Found(FindingKind.CLOCK_DRIFT, "clock", "時計"))
    columns = "kind, subject_key, label, details, first_seen_at, last_seen_at, escalated_level"
    with pytest.raises(IntegrityError), cast.database.writing() as session:
        session.execute(text(f"INSERT INTO findings ({columns}) SELECT {columns} FROM findings"))
