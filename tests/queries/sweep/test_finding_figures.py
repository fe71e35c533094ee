"""Findings as numbers, and how their lists and numbers are read: by indexes, however many there are."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from idm.calendar_days import start_of
from idm.models.systems import InformationSystem
from idm.models.work import Finding
from idm.operations.sweep import finding_notices
from idm.operations.sweep.finding_following import follow
from idm.operations.sweep.findings import Found, SweepResult, record_sweep
from idm.publication import Reader
from idm.queries.sweep.finding_figures import figures_of_system, late_of_system, matrix, trend
from idm.queries.sweep.findings import FindingFilter, findings_page
from idm.vocabulary import FindingKind, FindingState
from tests.carried_out import WORKER
from tests.cast import NOW, TODAY, Cast
from tests.statements import counted

ORPHAN = Found(FindingKind.ORPHAN, "e-1", "tanaka")
DAY = timedelta(days=1)

EVERYTHING = Reader(date(2026, 4, 1), may_see=True)


def sweep(cast: Cast, *found: Found, now: datetime = NOW, system_id: int = 1) -> None:
    with cast.database.writing() as session:
        result = SweepResult(system_id, "ledger", 12, found)
        record_sweep(session, result, started_at=now, actor=WORKER, policy=cast.policy, now=now)


def many(number: int) -> list[Found]:
    return [replace(ORPHAN, subject_key=f"e-{one}") for one in range(number)]


def test_the_matrix_has_only_lines_and_columns_with_findings(cast: Cast) -> None:
    sweep(cast, *many(3), replace(ORPHAN, kind=FindingKind.LEFT))
    with cast.database.reading() as session:
        found = matrix(session, FindingState.OPEN, day=TODAY)
        names = dict(session.execute(select(InformationSystem.id, InformationSystem.name)).all())
    assert (found.systems, found.kinds) == ([(1, names[1])], [FindingKind.ORPHAN, FindingKind.LEFT])
    assert (found.number(1, FindingKind.ORPHAN), found.of_kind(FindingKind.LEFT), found.of_system(1)) == (3, 1, 4)
    assert found.total == 4


def test_what_is_open_and_what_is_answered_for_add_up(cast: Cast) -> None:
    sweep(cast, *many(5))
    accepted = {
        "accepted_until": TODAY + 9 * DAY, "accepted_by_id": cast.people["ciso"], "accepted_reason": "x",
        "accepted_fingerprint": None, "answered_at": NOW,
    }  # fmt: skip
    with cast.database.writing() as session:
        for finding in session.scalars(select(Finding).where(Finding.id <= 2)):
            for name, value in {**accepted, "accepted_fingerprint": finding.fingerprint}.items():
                setattr(finding, name, value)
    for day, numbers in ((TODAY, (3, 0, 2)), (TODAY + 9 * DAY, (5, 0, 0))):
        with cast.database.reading() as session:
            figures = figures_of_system(session, 1, day=day)
            by_state = [matrix(session, state, day=day).total for state in list(FindingState)[:3]]
            assert late_of_system(session, 1, day=date(2026, 5, 2)) == 5
        assert tuple(figures[FindingKind.ORPHAN].values()) == tuple(by_state) == numbers


NIGHTS = st.lists(st.sets(st.integers(0, 4)), min_size=1, max_size=8)


@given(NIGHTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_trend_says_of_every_day_what_that_nights_sweep_left(cast: Cast, nights: list[set[int]]) -> None:
    with cast.database.writing() as session:
        session.execute(text("DELETE FROM finding_events"))
        session.execute(text("UPDATE findings SET again_of_id = NULL"))
        session.execute(text("DELETE FROM findings"))
    for number, seen in enumerate(nights):
        sweep(cast, *(replace(ORPHAN, subject_key=f"e-{one}") for one in seen), now=start_of(TODAY) + number * DAY)
    last = TODAY + (len(nights) - 1) * DAY
    with cast.database.reading() as session:
        points = trend(session, day=last, days=len(nights) + 3, system_id=1)
        elsewhere = trend(session, day=last, days=5, system_id=2)
        yesterday = trend(session, day=last - DAY, days=5) if len(nights) > 1 else []
    before = [set(), *nights]
    expected = [(0, 0, 0)] * 3 + [
        (len(seen), len(seen - known), len(known - seen)) for known, seen in zip(before, nights, strict=False)
    ]
    assert [(point.unrepaired, point.found, point.repaired) for point in points] == expected
    assert {point.unrepaired for point in elsewhere} == {0}
    assert [point.unrepaired for point in yesterday[-1:]] == [len(seen) for seen in nights[-2:-1]]


Read = Callable[[Session], object]


def plans(cast: Cast, read: Read) -> str:
    """How SQLite goes about every statement that reads findings."""
    sent: list[tuple[str, Any]] = []

    def keep(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM findings" in statement:
            sent.append((statement, parameters))

    event.listen(cast.database.engine, "before_cursor_execute", keep)
    try:
        with cast.database.reading() as session:
            read(session)
    finally:
        event.remove(cast.database.engine, "before_cursor_execute", keep)
    with cast.database.engine.connect() as connection:
        explained = [
            row[3]
            for statement, parameters in sent
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert explained
    return "\n".join(explained)


LISTS: dict[str, tuple[FindingFilter, str]] = {
    "open": (FindingFilter(day=TODAY), "INDEX ix_findings_since"),
    "of a system": (FindingFilter(day=TODAY, system_id=1), "INDEX ix_findings_system_since"),
    "answered": (FindingFilter(day=TODAY, state=FindingState.JUSTIFIED), "INDEX ix_findings_"),
    "history": (FindingFilter(day=TODAY, state=FindingState.REPAIRED), "INDEX ix_findings_resolved"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_in_its_order_by_an_index(cast: Cast, name: str) -> None:
    wanted, index = LISTS[name]
    sweep(cast, *many(3))
    plan = plans(cast, lambda session: findings_page(session, wanted, reader=EVERYTHING))
    assert index in plan
    assert "SCAN findings\n" not in f"{plan}\n"
    assert "TEMP B-TREE" not in plan


def test_the_numbers_are_read_by_an_index(cast: Cast) -> None:
    sweep(cast, *many(3))
    plan = plans(cast, lambda session: matrix(session, FindingState.OPEN, day=TODAY))
    assert "INDEX uq_findings_open" in plan
    assert "SCAN findings\n" not in f"{plan}\n"
    plan = plans(cast, lambda session: trend(session, day=TODAY, days=92))
    assert "INDEX ix_findings_first_seen" in plan
    assert "INDEX ix_findings_resolved" in plan
    assert "SCAN findings\n" not in f"{plan}\n"


def test_what_the_clock_asks_every_minute_is_read_by_an_index(cast: Cast) -> None:
    sweep(cast, *many(3))

    def care(session: Session) -> None:
        follow(session, actor=WORKER, policy=cast.policy, now=NOW)
        finding_notices.tell_urgent(session, actor=WORKER, policy=cast.policy, now=NOW)
        finding_notices.escalate(session, actor=WORKER, policy=cast.policy, now=NOW)

    plan = plans(cast, care)
    assert "INDEX ix_findings_due" in plan
    assert "INDEX ix_findings_answered" in plan
    assert "INDEX ix_findings_owner" in plan
    assert "SCAN findings\n" not in f"{plan}\n"


def test_a_page_asks_no_more_often_for_more_findings(cast: Cast) -> None:
    numbers = []
    for found in (1, 40):
        sweep(cast, *many(found))
        with counted(cast.database) as sent, cast.database.reading() as session:
            findings_page(session, FindingFilter(day=TODAY, owner=cast.people["system"]), reader=EVERYTHING)
            matrix(session, FindingState.OPEN, day=TODAY)
            trend(session, day=TODAY, days=31)
        numbers.append(len(sent))
    assert numbers[0] == numbers[1]
