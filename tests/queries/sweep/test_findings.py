"""What the sweeps found, as it is listed."""

from datetime import UTC, datetime, timedelta

from idm.models.systems import InformationSystem
from idm.operations.sweep.findings import Found, SweepResult, record_sweep
from idm.publication import Reader
from idm.queries.sweep.findings import FindingFilter, FindingRow, findings_page, open_counts, sweep_page
from idm.vocabulary import FindingKind, FindingState
from tests.carried_out import WORKER
from tests.cast import NOW, Cast

USED = datetime(2025, 12, 1, 3, 0, tzinfo=UTC)

EVERYTHING = Reader(NOW.date(), may_see=True)


def sweep(cast: Cast, *found: Found, now: datetime = NOW, failure: str | None = None) -> int:
    with cast.database.writing() as session:
        system_id = session.query(InformationSystem.id).filter_by(code="ledger").scalar()
        result = SweepResult(system_id, "ledger", 12, found, failure)
        record_sweep(session, result, started_at=now, actor=WORKER, policy=cast.policy, now=now)
        return int(system_id)


def listed(cast: Cast, wanted: FindingFilter | None = None) -> list[FindingRow]:
    with cast.database.reading() as session:
        return list(findings_page(session, wanted or FindingFilter(), reader=EVERYTHING).rows)


def dormant(source: str = "pwdLastSuccess") -> Found:
    details: dict[str, object] = {"last_used_at": USED.isoformat(), "source": source}
    return Found(FindingKind.DORMANT, "1", "u100009", details=details)


def test_a_dormant_account_shows_its_last_use_and_the_source(cast: Cast) -> None:
    sweep(cast, dormant())
    (row,) = listed(cast)
    assert (row.label, row.last_used_at, row.source) == ("u100009", USED, "pwdLastSuccess")


def test_unknown_is_told_apart_from_never(cast: Cast) -> None:
    details: dict[str, object] = {"last_used_at": None, "source": "authTimestamp"}
    sweep(
        cast,
        Found(FindingKind.NEVER_USED, "1", "never", details=details),
        Found(FindingKind.LAST_USE_UNKNOWN, "2", "unknown", details=details),
    )
    assert {row.label: row.kind for row in listed(cast)} == {
        "never": FindingKind.NEVER_USED,
        "unknown": FindingKind.LAST_USE_UNKNOWN,
    }


def test_what_was_resolved_is_history(cast: Cast) -> None:
    sweep(cast, dormant())
    sweep(cast, now=NOW + timedelta(days=1))
    assert listed(cast) == []
    (row,) = listed(cast, FindingFilter(state=FindingState.REPAIRED))
    assert row.resolved_at == NOW + timedelta(days=1)


def test_findings_are_filtered_by_kind_and_system(cast: Cast) -> None:
    system_id = sweep(cast, dormant(), Found(FindingKind.ORPHAN, "2", "tanaka"))
    assert [row.label for row in listed(cast, FindingFilter(kind=FindingKind.ORPHAN))] == ["tanaka"]
    assert len(listed(cast, FindingFilter(system_id=system_id))) == 2
    assert listed(cast, FindingFilter(system_id=system_id + 1)) == []


def test_open_findings_are_counted_by_kind(cast: Cast) -> None:
    sweep(cast, dormant(), Found(FindingKind.ORPHAN, "2", "tanaka"))
    with cast.database.reading() as session:
        counts = open_counts(session)
    assert (counts[FindingKind.DORMANT], counts[FindingKind.ORPHAN], counts[FindingKind.LEFT]) == (1, 1, 0)


def test_sweeps_are_listed_newest_first_with_their_failure(cast: Cast) -> None:
    sweep(cast, dormant())
    sweep(cast, now=NOW + timedelta(days=1), failure="接続できません")
    with cast.database.reading() as session:
        newest, oldest = sweep_page(session).rows
    assert (newest.failure, oldest.failure, oldest.examined, oldest.new) == ("接続できません", None, 12, 1)
