"""Pages of the audit record: the right rows, newest first, each exactly once."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from idm import audit
from idm.actor import Actor
from idm.database import Database
from idm.models.audit import AuditOutcome
from idm.queries.logs.audit_record import record_detail
from idm.queries.logs.audit_trail import PAGE, TrailFilter, TrailRow, audit_trail
from tests.audit.ledger import JOB, NOW, YAMADA, seal, write_many

SUZUKI = Actor(8, "鈴木　花子")


@pytest.fixture
def filled(database: Database) -> Database:
    """Six records: two people and a job, three days, one refusal."""
    acts = [
        ("request.submitted", YAMADA, ("request", "1"), datetime(2026, 3, 31, 14, 59, tzinfo=UTC), None),
        ("request.submitted", SUZUKI, ("request", "2"), datetime(2026, 3, 31, 15, 0, tzinfo=UTC), None),
        ("request.decide", YAMADA, ("request", "1"), datetime(2026, 4, 1, 14, 59, tzinfo=UTC), "SOD-1"),
        ("requests.listed", YAMADA, ("page", "1"), datetime(2026, 4, 1, 14, 59, 30, tzinfo=UTC), None),
        ("request_x.odd", JOB, ("grant", "1"), datetime(2026, 4, 1, 15, 0, tzinfo=UTC), None),
        ("grant.begun", JOB, ("grant", "1"), datetime(2026, 4, 2, 0, 0, tzinfo=UTC), None),
    ]
    with database.writing() as session:
        for action, actor, obj, at, code in acts:
            audit.record(session, action=action, actor=actor, obj=obj, now=at, code=code, payload={"a": 1})
    return database


def shown(database: Database, wanted: TrailFilter) -> list[int]:
    """Ids of the rows on the first page."""
    with database.reading() as session:
        return [row.id for row in audit_trail(session, wanted).rows]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (TrailFilter(), [6, 5, 4, 3, 2, 1]),
        (TrailFilter(actor_id=7), [4, 3, 1]),
        (TrailFilter(object_kind="grant"), [6, 5]),
        (TrailFilter(object_kind="request", object_id="1"), [3, 1]),
        (TrailFilter(action="request"), [3, 2, 1]),
        (TrailFilter(action="request.submitted"), [2, 1]),
        (TrailFilter(action="request%"), []),
        (TrailFilter(first_day=date(2026, 4, 1)), [6, 5, 4, 3, 2]),
        (TrailFilter(last_day=date(2026, 4, 1)), [4, 3, 2, 1]),
        (TrailFilter(first_day=date(2026, 4, 1), last_day=date(2026, 4, 1)), [4, 3, 2]),
        (TrailFilter(refused_only=True), [3]),
        (TrailFilter(refused_only=True, actor_id=8), []),
    ],
)
def test_filter_lets_the_right_records_through(filled: Database, wanted: TrailFilter, ids: list[int]) -> None:
    assert shown(filled, wanted) == ids


@pytest.mark.asvs("16.2.1")
def test_row_says_all_of_the_record(filled: Database) -> None:
    seal(filled)
    with filled.reading() as session:
        row = audit_trail(session, TrailFilter(refused_only=True)).rows[0]
    assert row == TrailRow(
        id=3, at=datetime(2026, 4, 1, 14, 59, tzinfo=UTC), action="request.decide", actor_id=7, actor="山田　太郎",
        object_kind="request", object_id="1", outcome=AuditOutcome.REFUSED, code="SOD-1", policy_digest=None,
        sequence=3,
    )  # fmt: skip


def test_the_whole_record_says_what_the_row_says_and_the_text_that_was_hashed(filled: Database) -> None:
    seal(filled)
    with filled.reading() as session:
        row = audit_trail(session, TrailFilter(refused_only=True)).rows[0]
        record = record_detail(session, row.id)
    assert vars(record).items() >= vars(row).items()
    assert json.loads(record.payload or "") == {"a": 1}


def test_unsealed_and_expired_are_shown_as_such(filled: Database) -> None:
    with filled.reading() as session:
        assert audit_trail(session, TrailFilter()).rows[0].sequence is None
    seal(filled)
    with filled.writing() as session:
        audit.expire_payloads(session, before=NOW + timedelta(days=9), actor=JOB, now=NOW)
    with filled.reading() as session:
        assert record_detail(session, audit_trail(session, TrailFilter()).rows[-1].id).payload is None


def test_pages_hold_every_record_once(database: Database) -> None:
    write_many(database, 2 * PAGE + 1)
    seen: list[int] = []
    with database.reading() as session:
        page = audit_trail(session, TrailFilter())
        while page.older is not None:
            assert len(page.rows) == PAGE
            seen += [row.id for row in page.rows]
            page = audit_trail(session, TrailFilter(), older=page.older)
    seen += [row.id for row in page.rows]
    assert seen == list(range(2 * PAGE + 1, 0, -1))


def test_full_last_page_has_none_after_it(database: Database) -> None:
    write_many(database, PAGE)
    with database.reading() as session:
        page = audit_trail(session, TrailFilter())
    assert (len(page.rows), page.older) == (PAGE, None)


def test_new_records_do_not_shift_the_next_page(database: Database) -> None:
    write_many(database, PAGE + 5)
    with database.reading() as session:
        older = audit_trail(session, TrailFilter()).older
    write_many(database, 5, first=PAGE + 6)
    with database.reading() as session:
        assert [row.id for row in audit_trail(session, TrailFilter(), older=older).rows] == [5, 4, 3, 2, 1]
