"""A personnel file of a whole staff beside its floor: csv.reader over the decoded file and one raw SELECT of the table.

Nothing that compares a file with records can do less than read both. What is measured is ours from the bytes to the
plan, then with the approval limits asked, and at last applied and committed.
"""

import csv
import io
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from idm.calendar_days import start_of
from idm.database import Database
from idm.employment_kind import EmploymentKind
from idm.models.base import Base
from idm.models.feeds import FeedRun, FeedSource
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.names.personal_names import match_key
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.hr import feed_import
from idm.operations.hr.feed_import import Prepared
from idm.organisation_file import effective_text as organisation_text
from idm.policy_file import effective_text, load_profile
from idm.samples import SAMPLE_ORGANISATION
from idm.vocabulary import ConfigurationKind, SafetyAction
from tests.benchmarks.harness import Row
from tests.benchmarks.scale import Scale
from tests.cast import create_tables
from tests.feed.working_office import JOB, SECRET, TODAY

SHIPPED = load_profile("fukuoka").policy
UNBOUND = replace(SHIPPED.safety[SafetyAction.STOP], count=1_000_000, unit_count=1_000_000)
POLICY = replace(SHIPPED, safety={**SHIPPED.safety, SafetyAction.STOP: UNBOUND})
"""The shipped profile would stop so many leavers in one file."""
TOMORROW = TODAY + timedelta(days=1)
FEED = """
title = "計測用"
encoding = "cp932"
delimiter = ","
staff_number_width = 7
ignored_columns = []

[columns]
staff_number = ["職員番号"]
name = ["氏名"]
kana = ["カナ氏名"]
birth_date = ["生年月日"]
unit_code = ["所属コード"]
unit_name = ["所属名"]
post = ["職名"]
post_kind = ["本務兼務区分"]
employment_kind = ["任用形態"]
employed_from = ["採用日"]
left_on = ["退職日"]
assigned_from = ["発令日"]

[codes.post_kind]
"本務" = "primary"

[codes.employment_kind]
"正規" = "regular"

[trailer]
marker = "件数"

[limits]
max_rows = 200000
max_bytes = 64000000
"""
HEADING = ("職員番号", "氏名", "カナ氏名", "生年月日", "所属コード", "所属名", "職名", "本務兼務区分", "任用形態",
           "採用日", "退職日", "発令日")  # fmt: skip
UNITS, FIRST_JOINER = 200, 500_000
TABLE = """
SELECT e.staff_number, p.name, p.kana, p.mail, e.kind, e.valid_from, e.valid_until, u.code, u.name, a.post,
       a."primary", a.valid_from
FROM employments e JOIN people p ON p.id = e.person_id JOIN assignments a ON a.employment_id = e.id
JOIN organisation_units u ON u.id = a.unit_id
"""
"""Twelve columns of what a row of the file is compared with."""


@contextmanager
def personnel_rows(scale: Scale, folder: Path) -> Iterator[list[Row]]:
    """The rows about one staff list, on SQLite."""
    staff = _Office(folder / "staff", scale.staff)
    few = scale.staff // 125
    changed = _changed(scale.staff, moving=few, joining=few // 8, leaving=few // 8)
    expected = few + 2 * (few // 8)
    people = _Office(folder / "movers", scale.movers_of)
    movers = _changed(scale.movers_of, moving=scale.movers_of * 2 // 5)
    moving = scale.movers_of * 2 // 5
    yield [
        Row(
            f"plan of a snapshot of {scale.staff:,} × 12 with {expected:,} changes",
            ours=lambda: staff.compared(changed), reference=lambda: staff.floor(changed), expected=expected, goal=0.65,
            reset=staff.reset,
        ),
        Row(
            "the same rehearsed, with the limits asked",
            ours=lambda: staff.rehearsed(changed), reference=lambda: staff.floor(changed), expected=expected, goal=4,
            reset=staff.reset,
        ),
        Row(
            "the same from bytes to commit",
            ours=lambda: staff.applied(changed), reference=lambda: staff.floor(changed), expected=expected, goal=10,
            reset=staff.reset,
        ),
        Row(
            f"rehearsal of {scale.movers_of:,} people of whom {moving:,} move",
            ours=lambda: people.rehearsed(movers), reference=lambda: people.floor(movers), expected=moving, goal=10,
            reset=people.reset,
        ),
        Row(
            "the same movers from bytes to commit",
            ours=lambda: people.applied(movers), reference=lambda: people.floor(movers), expected=moving, goal=100,
            reset=people.reset,
        ),
    ]  # fmt: skip


class _Office:
    """A database that has accepted a file of everybody, restorable to that state."""

    def __init__(self, folder: Path, people: int) -> None:
        folder.mkdir()
        self.kept, self.file = folder / "kept.db", folder / "office.db"
        shutil.copy(_with_staff(self.kept, people), self.file)

    def reset(self) -> None:
        """Afterwards the database is as it was before."""
        for beside in self.file.parent.glob("office.db*"):
            beside.unlink()
        shutil.copy(self.kept, self.file)

    def compared(self, data: bytes) -> int:
        """How many changes the plan has, before the limits are asked."""
        with self._open().reading() as session:
            found = feed_import.compare(
                session, data, feed_name="staff", as_of=TOMORROW, match_secret=SECRET, now=start_of(TOMORROW)
            )
            return len(found.plan.changes) + len(found.plan.joiners)

    def rehearsed(self, data: bytes) -> int:
        """How many changes the plan has."""
        with self._open().reading() as session:
            prepared = _prepared(session, data, TOMORROW)
            return len(prepared.plan.changes) + len(prepared.plan.joiners)

    def applied(self, data: bytes) -> int:
        """How many changes were committed."""
        with self._open().writing() as session:
            prepared = _prepared(session, data, TOMORROW)
            return _take_in(session, prepared, TOMORROW)

    def floor(self, data: bytes) -> int:
        """How many rows the file and the table have."""
        rows = list(csv.reader(io.StringIO(data.decode("cp932"), newline="")))
        with sqlite3.connect(self.file) as connection:
            return len(rows) + len(connection.execute(TABLE).fetchall())

    def _open(self) -> Database:
        return Database(f"sqlite:///{self.file}")


def _prepared(session: Session, data: bytes, day: date) -> Prepared:
    return feed_import.prepare(
        session, data, feed_name="staff", as_of=day, match_secret=SECRET, policy=POLICY, now=start_of(day)
    )


def _take_in(session: Session, prepared: Prepared, day: date) -> int:
    applied = feed_import.carry_out(
        session, prepared, source=FeedSource.COMMAND, match_secret=SECRET, actor=JOB, policy=POLICY, now=start_of(day)
    )
    return applied.run.joiners + len(prepared.plan.changes) if applied is not None else 0


# --- the staff -------------------------------------------------------------------------------------------------------


def _row(number: int, *, unit: int, left_on: str = "", since: str = "令和2年4月1日") -> tuple[str, ...]:
    return (
        f"{number:07}", f"髙橋　太郎{number}", f"ﾀｶﾊｼ ﾀﾛｳ{_kana(number)}", "S60.05.12", f"{unit % UNITS:04}",
        f"第{unit % UNITS}課", "主事", "本務", "正規", since, left_on, since,
    )  # fmt: skip


def _kana(number: int) -> str:
    """A number in letters: everybody's reading is their own."""
    return "".join("ｱｲｳｴｵｶｷｸｹｺ"[int(digit)] for digit in str(number))


def _file(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([HEADING, *rows, ("件数", str(len(rows)))])
    return out.getvalue().encode("cp932")


def _staff(people: int) -> list[tuple[str, ...]]:
    return [_row(number, unit=number) for number in range(1, people + 1)]


def _changed(people: int, *, moving: int, joining: int = 0, leaving: int = 0) -> bytes:
    """The file of everybody with so many changes, spread over it."""
    rows = _staff(people)
    step = people // (moving + leaving)
    for place in range(moving + leaving):
        number = place * step + 1
        leaves = place >= moving
        rows[number - 1] = _row(number, unit=number + (not leaves), left_on="令和9年3月31日" if leaves else "")
    rows += [_row(FIRST_JOINER + place, unit=place, since="令和8年4月1日") for place in range(joining)]
    return _file(rows)


def _with_staff(file: Path, people: int) -> Path:
    """The database in which the file of so many people has been accepted."""
    database = Database(f"sqlite:///{file}")
    create_tables(database)
    organisation = organisation_text(SAMPLE_ORGANISATION.read_text(encoding="utf-8"), SAMPLE_ORGANISATION.name)
    first = [
        ConfigurationText(ConfigurationKind.PROFILE, "fukuoka", effective_text(load_profile("fukuoka"))),
        ConfigurationText(ConfigurationKind.ORGANISATION, "aoba", organisation),
        ConfigurationText(ConfigurationKind.FEED, "staff", FEED),
    ]
    with database.writing() as session:
        configuration.first_record(session, first, actor=JOB, now=start_of(TODAY))
        _insert(session, people)
    with database.writing() as session:
        assert _take_in(session, _prepared(session, _file(_staff(people)), TODAY), TODAY) == 0
    database.dispose()  # the last connection takes the write-ahead log into the file
    return file


def _insert(session: Session, people: int) -> None:
    since, now = date(2020, 4, 1), start_of(TODAY)
    run = FeedRun(
        feed="first", sha256="0" * 64, applied_at=now, as_of=TODAY, row_count=people, joiners=people, movers=0,
        leavers=0, held=0,
    )  # fmt: skip
    session.add(run)
    session.flush()
    rows: dict[type[Base], list[dict[str, object]]] = {
        OrganisationUnit: [
            {"id": n + 1, "code": f"{n:04}", "name": f"第{n}課", "valid_from": since} for n in range(UNITS)
        ],
        Person: [
            {"id": n, "name": row[1], "kana": row[2], "search_key": row[2], "created_at": now,
             "match_key": match_key(row[2], date(1985, 5, 12), SECRET)}
            for n, row in enumerate(_staff(people), start=1)
        ],
        Employment: [
            {"id": n, "person_id": n, "staff_number": f"{n:07}", "kind": EmploymentKind.REGULAR, "valid_from": since,
             "seen_in_run_id": run.id} for n in range(1, people + 1)
        ],
        Assignment: [
            {"employment_id": n, "unit_id": n % UNITS + 1, "post": "主事", "primary": True, "valid_from": since}
            for n in range(1, people + 1)
        ],
    }  # fmt: skip
    for table, values in rows.items():
        session.execute(insert(table), values)
