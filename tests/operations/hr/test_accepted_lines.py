"""A snapshot read where it differs says exactly what it says when it is read whole, and is refused for the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from idm.calendar_days import start_of
from idm.database import Database
from idm.errors import FeedRefused
from idm.models import roll_watch
from idm.models.feeds import AcceptedLines, FeedRun, FeedSource
from idm.models.officers import ConfigurationVersion
from idm.models.people import Assignment, Employment, Person
from idm.models.roll_watch import version_of
from idm.operations.governance import configuration
from idm.operations.hr import accepted_lines, feed_import
from idm.operations.hr.feed_import import Prepared
from idm.policy_file import load_profile
from idm.samples import SAMPLE_FEED
from tests.cast import create_tables
from tests.feed.working_office import JOB, SECRET, TODAY, shipped_text, texts

POLICY = load_profile("fukuoka").policy
LINES = SAMPLE_FEED.read_bytes().splitlines(keepends=True)
CONCURRENT = {line[:6] for line in LINES if "兼務,".encode("cp932") in line and line[:1] == b"0"}
ROWS = [
    line
    for place, line in enumerate(LINES[:-1])
    if place in {*range(1, 14), *range(40, 52), *range(len(LINES) - 16, len(LINES) - 8)} or line[:6] in CONCURRENT
]
"""Officers, whoever has a day of leaving, staff, people with a term, and everybody with a second post."""
THURSDAY = TODAY + timedelta(days=1)


def file_of(rows: list[bytes], *, heading: bytes = LINES[0], count: str | None = None) -> bytes:
    said = f"件数,{len(rows) if count is None else count}\r\n".encode("cp932")
    return b"".join([heading, *rows, said])


@dataclass(frozen=True)
class Office:
    """Where the file has been accepted."""

    database: Database

    @contextmanager
    def trying(self) -> Iterator[Session]:
        """A session whose changes are taken back."""
        with self.database.reading() as session:
            yield session

    def prepare(self, session: Session, data: bytes, day: date = THURSDAY) -> Prepared:
        return feed_import.prepare(
            session, data, feed_name="aoba", as_of=day, match_secret=SECRET, policy=POLICY, now=start_of(day)
        )

    def take_in(self, session: Session, data: bytes, day: date = TODAY) -> Prepared:
        prepared = self.prepare(session, data, day)
        feed_import.carry_out(
            session, prepared, source=FeedSource.COMMAND, match_secret=SECRET, actor=JOB, policy=POLICY,
            now=start_of(day),
        )  # fmt: skip
        return prepared


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('accepted') / 'office.db'}")
    create_tables(database)
    office = Office(database)
    with database.writing() as session:
        configuration.first_record(session, texts(), actor=JOB, now=start_of(TODAY) - timedelta(days=60))
    for rows in (ROWS[:-1], ROWS):
        with database.writing() as session:
            office.take_in(session, file_of(rows))
    with database.writing() as session:
        assert office.take_in(session, file_of([*ROWS[1:], ROWS[0]])).feed.rows != ()
    yield office
    database.dispose()


def rows_read(office: Office, data: bytes, day: date = THURSDAY) -> int:
    with office.trying() as session:
        return len(office.prepare(session, data, day).feed.rows)


Said = tuple[object, ...]


def said(office: Office, data: bytes, day: date, *, whole: bool) -> Said:
    """Everything that preparing the file says: plan, numbers and warnings, or the refusal."""
    with office.trying() as session:
        if whole:
            session.execute(delete(AcceptedLines))
        try:
            prepared = office.prepare(session, data, day)
        except FeedRefused as refusal:
            return (str(refusal), refusal.problems)
        feed = prepared.feed
        return (
            prepared.plan, prepared.touched, prepared.identity.row_count, prepared.repeated is None, feed.warnings,
            feed.unmapped, feed.sha256,
        )  # fmt: skip


# --- any edit --------------------------------------------------------------------------------------------------------

CELLS = ("", "髙木　花", "ﾊﾅ", "0310", "年金課", "主査", "兼務", "再任用", "令和8年5月1日", "令和8年3月31日", "?",
         "\ue000", "123456789012", "a\x0bb", "S40.1.1", "99999999", "2099", '"', "ｱｵｷ ﾊﾅ")  # fmt: skip
EDITS = ("cell", "delete", "double", "swap", "number", "spaces", "join", "short", "case")


def edited(rows: list[bytes], edit: tuple[str, int, int, str]) -> list[bytes]:
    kind, place, column, cell = edit
    place %= max(len(rows), 1)
    if not rows:
        return rows
    cells = rows[place].rstrip(b"\r\n").split(b",")
    changes: dict[str, Callable[[], list[bytes]]] = {
        "cell": lambda: [*cells[: column % len(cells)], cell.encode("cp932"), *cells[column % len(cells) + 1 :]],
        "number": lambda: [rows[(place + column) % len(rows)][:6], *cells[1:]],
        "case": lambda: [cells[0].lstrip(b"0"), *cells[1:]],
        "spaces": lambda: [cells[0] + b" ", *cells[1:]],
        "short": lambda: cells[:-1],
    }
    if kind in changes:
        return [*rows[:place], b",".join(changes[kind]()) + b"\r\n", *rows[place + 1 :]]
    if kind == "delete":
        return [*rows[:place], *rows[place + 1 :]]
    if kind == "double":
        return [*rows[: place + 1], *rows[place:]]
    if kind == "join":
        return [*rows[:place], rows[place].rstrip(b"\r\n"), *rows[place + 1 :]]
    other = column % len(rows)
    swapped = list(rows)
    swapped[place], swapped[other] = rows[other], rows[place]
    return swapped


edits = st.lists(
    st.tuples(st.sampled_from(EDITS), st.integers(0, 60), st.integers(0, 13), st.sampled_from(CELLS)), max_size=4
)
headings = st.sampled_from([LINES[0]] * 6 + [LINES[0].replace("氏名".encode("cp932"), "漢字氏名".encode("cp932"), 1)])
counts = st.sampled_from([None] * 6 + ["3", "多数"])
days = st.sampled_from([TODAY, THURSDAY, THURSDAY + timedelta(days=60), date(2026, 3, 1)])


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits, headings, counts, days)
def test_whatever_is_edited_both_ways_say_the_same(
    office: Office, edits: list[tuple[str, int, int, str]], heading: bytes, count: str | None, day: date
) -> None:
    rows = list(ROWS)
    for edit in edits:
        rows = edited(rows, edit)
    data = file_of(rows, heading=heading, count=count)
    assert said(office, data, day, whole=False) == said(office, data, day, whole=True)


# --- what makes a file be read whole ---------------------------------------------------------------------------------


def test_an_unchanged_file_is_not_read_again_but_for_those_with_something_to_come(office: Office) -> None:
    assert 0 < rows_read(office, file_of(ROWS)) < 6


def test_a_changed_line_is_read_with_every_line_of_its_person(office: Office) -> None:
    unchanged = rows_read(office, file_of(ROWS))
    moved = edited(ROWS, ("cell", 20, 6, "参事"))
    assert unchanged < rows_read(office, file_of(moved)) <= unchanged + 2


def test_the_other_line_of_somebody_is_read_with_the_one_that_is_gone(office: Office) -> None:
    number = min(CONCURRENT)
    gone = next(row for row in ROWS if row[:6] == number and "兼務,".encode("cp932") in row)
    with office.trying() as session:
        prepared = office.prepare(session, file_of([row for row in ROWS if row != gone]))
    assert [change.before.staff_number for change in prepared.plan.changes] == [number.decode()]


@pytest.mark.parametrize("day", [TODAY - timedelta(days=1), TODAY + timedelta(days=accepted_lines.FULL_EVERY)])
def test_an_earlier_day_and_another_week_are_read_whole(office: Office, day: date) -> None:
    assert rows_read(office, file_of(ROWS), day) == len(ROWS)


def _an_employment(session: Session) -> None:
    employment = session.scalars(select(Employment)).all()[15]
    employment.valid_until = date(2027, 1, 1)


def _a_person(session: Session) -> None:
    session.add(Person(name="青木　花", kana="アオキ　ハナ", search_key="", created_at=start_of(TODAY)))


def _many_posts(session: Session) -> None:
    session.execute(update(Assignment).values(post="主事"))


@pytest.mark.parametrize("change", [_an_employment, _a_person, _many_posts])
@pytest.mark.parametrize("flushed", [True, False])
def test_whoever_changes_the_roll_the_next_file_is_read_whole(
    office: Office, change: Callable[[Session], None], *, flushed: bool
) -> None:
    with office.trying() as session:
        before = version_of(session)
        change(session)
        if flushed:
            session.flush()
        assert len(office.prepare(session, file_of(ROWS)).feed.rows) == len(ROWS)
        roll_watch.before_commit(session)
        assert version_of(session) == before + 1
        assert len(office.prepare(session, file_of(ROWS)).feed.rows) == len(ROWS)


def test_what_changes_nothing_of_the_roll_leaves_its_version(office: Office) -> None:
    with office.trying() as session:
        before = version_of(session)
        run = session.scalars(select(FeedRun)).all()[0]
        run.row_count += 1
        roll_watch.before_commit(session)
        assert version_of(session) == before


def test_a_mapped_character_and_another_profile_are_read_whole(office: Office) -> None:
    with office.trying() as session:
        profile = session.scalars(select(ConfigurationVersion).where(ConfigurationVersion.name == "aoba")).all()[-1]
        session.execute(
            update(ConfigurationVersion)
            .where(ConfigurationVersion.kind == profile.kind, ConfigurationVersion.name == "aoba")
            .values(content=f"{shipped_text('aoba')}\n# said otherwise\n")
        )
        assert len(office.prepare(session, file_of(ROWS)).feed.rows) == len(ROWS)
