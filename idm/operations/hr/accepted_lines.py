"""A snapshot that differs little from the last accepted one is read where it differs, and says the same (control A7).

What may be left out is known for certain: the same bytes, read by the same profile, 外字 and answers, compared with a
roll that nobody has changed since, of somebody of whom no day was still to come. Whatever is doubtful about the file as
a whole makes it read whole, and so does the first file of every `FULL_EVERY` days.
"""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import blake2b, sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.errors import FeedRefused
from idm.feed.accepted_lines import Accepted, FileLines, difference, hashes_of, lines_of, places_of
from idm.feed.cells import Cells
from idm.feed.delimited import NOT_CP932
from idm.feed.gaiji import translation
from idm.feed.heading import Heading
from idm.feed.profile import FeedProfile
from idm.feed.raw_table import RawTable
from idm.feed.reader import Feed, FeedRow, feed_of
from idm.feed.table import FeedTable, Numbered, Record, table_of
from idm.models.feeds import AcceptedLines, FeedRun, MatchQuestion
from idm.models.people import Employment
from idm.models.periods import not_over_on
from idm.models.roll_watch import has_changed, next_version, version_of
from idm.names.personal_names import match_key
from idm.personnel.career import Career
from idm.personnel.plan import KnownEmployment, PersonnelPlan
from idm.personnel.told import Told, UnitTold, people_of, units_named
from idm.queries.hr.roll import employments_of, known_by_id, people_by_match_key

FULL_EVERY = 7
"""Days: hashes do not see what is written past the product, so that a week is the longest a difference can stay."""
RULES = 1
"""To be raised whenever the same line may come to mean something else under the same profile."""
LONGEST = 100_000
"""Bytes of a line: what is longer is for the reader of whole files to judge."""


@dataclass(frozen=True)
class Source:
    """One feed on one day, and everything the meaning of its lines depends on."""

    feed_name: str
    profile_text: str
    profile: FeedProfile
    gaiji: Mapping[str, str]
    secret: bytes
    as_of: date


@dataclass(frozen=True)
class Lines:
    """The lines of one file and their hashes; `digest` names everything their meaning depends on."""

    file: FileLines
    hashes: Sequence[int]
    digest: str
    sha256: str


@dataclass(frozen=True)
class Reading:
    """What was read anew: `feed` has those rows only, `known` are the employments they are about.

    `quiet` are the accepted lines that were left out (hash → employment), `units` the units that all rows name.
    """

    feed: Feed
    known: list[KnownEmployment]
    quiet: Mapping[int, int] = field(repr=False)
    units: tuple[UnitTold, ...]

    def completed(self, part: PersonnelPlan) -> PersonnelPlan:
        """The plan of the whole file, from that of what was read."""
        return replace(part, unchanged=part.unchanged + len(set(self.quiet.values())), units=self.units)


@dataclass(frozen=True)
class Acceptance:
    """What a later file may leave out once this one is applied (hash → employment)."""

    feed_name: str
    digest: str
    as_of: date
    quiet: Mapping[int, int] = field(repr=False)


# --- reading ---------------------------------------------------------------------------------------------------------


def lines_in(session: Session, data: bytes, source: Source) -> Lines | None:
    """The lines of a file that can be taken line by line; None for every other."""
    file = lines_of(data, source.profile)
    if file is None:
        return None
    return Lines(file, hashes_of(file.rows, source.secret), _digest(session, source, file), sha256(data).hexdigest())


def _digest(session: Session, source: Source, file: FileLines) -> str:
    answers = session.execute(
        select(MatchQuestion.staff_number, MatchQuestion.match_key, MatchQuestion.person_id)
        .where(MatchQuestion.answered_at.is_not(None))
        .order_by(MatchQuestion.id)
    ).all()
    heading = file.front[1 if source.profile.header.marker and source.profile.header.where == "before" else 0]
    week = source.as_of.toordinal() // FULL_EVERY
    meaning = (RULES, source.profile_text, sorted(source.gaiji.items()), [tuple(row) for row in answers], heading, week)
    return blake2b(repr(meaning).encode(), key=source.secret[:64], digest_size=32).hexdigest()


def read_differences(session: Session, lines: Lines, source: Source) -> Reading | None:
    """The rows that differ from the accepted file, with all rows of the same people; None = read the file whole."""
    accepted = _accepted(session, lines, source)
    found = difference(lines.hashes, accepted) if accepted is not None else None
    if accepted is None or found is None:
        return None
    try:
        heading = _table(lines.file, [], source.profile).heading
        numbers = set(_numbers(lines.file, found.new, heading, source.profile))
        touched = accepted.anew | found.gone | employments_of(session, numbers).keys()
        places = _places(lines, accepted, found.new, touched)
        feed = _feed(lines, places, source)
        if more := _candidates(session, feed, source.secret) - touched:
            touched |= more
            places = _places(lines, accepted, found.new, touched)
            feed = _feed(lines, places, source)
        units = _units(lines.file, heading, source)
    except (FeedRefused, UnicodeDecodeError, LookupError):
        return None
    if units is None:
        return None
    quiet = {line: owner for line, owner in accepted.quiet.items() if owner not in touched}
    return Reading(feed, known_by_id(session, touched), quiet, units)


def _accepted(session: Session, lines: Lines, source: Source) -> Accepted | None:
    kept = session.get(AcceptedLines, source.feed_name, populate_existing=True)
    if has_changed(session):
        return None
    if kept is None or kept.reading_digest != lines.digest or kept.roll_version != version_of(session):
        return None
    newest = select(FeedRun.as_of).where(FeedRun.feed == source.feed_name).order_by(FeedRun.id.desc()).limit(1)
    day = session.scalar(newest)
    return Accepted.unpacked(kept.hashes, kept.employments) if day is not None and day <= source.as_of else None


def _places(lines: Lines, accepted: Accepted, new: Iterable[int], touched: frozenset[int]) -> list[int]:
    return sorted({*new, *places_of(lines.hashes, accepted, touched)})


def _cells(line: bytes, profile: FeedProfile) -> list[str]:
    """The cells of a line without quotation marks. Raises UnicodeDecodeError; IndexError for what is no such line."""
    text = line.decode(profile.encoding)
    if len(line) > LONGEST or (profile.encoding == "cp932" and NOT_CP932.search(text)):
        raise IndexError("for the reader of whole files")
    return text.split(profile.delimiter)


def _table(file: FileLines, places: Collection[int], profile: FeedProfile) -> FeedTable:
    """The table of the rows at these places, numbered as they stand in the file. Raises FeedRefused."""
    before = len(file.front)
    rows: list[Numbered] = [(number, _cells(line, profile)) for number, line in enumerate(file.front, start=1)]
    rows += [(before + place + 1, _cells(file.rows[place], profile)) for place in places]
    rows += [(before + len(file.rows) + 1, _cells(line, profile)) for line in file.back]
    return table_of(RawTable([], []), rows, profile, left_out=len(file.rows) - len(places))


def _feed(lines: Lines, places: Collection[int], source: Source) -> Feed:
    return feed_of(_table(lines.file, places, source.profile), source.profile, source.gaiji, lines.sha256)


def _numbers(file: FileLines, places: Iterable[int], heading: Heading, profile: FeedProfile) -> Iterator[str]:
    """The staff numbers of the rows at these places, written as the records write them."""
    position = heading.positions["staff_number"]
    for place in places:
        cell = _cells(file.rows[place], profile)[position]
        yield unicodedata.normalize("NFKC", cell.strip()).zfill(profile.staff_number_width)


def _candidates(session: Session, feed: Feed, secret: bytes) -> frozenset[int]:
    """The employments of the people whom somebody with a new number may be."""
    known = employments_of(session, {row.staff_number for row in feed.rows})
    new = [row for row in feed.rows if row.staff_number not in known.values()]
    keys = {match_key(row.kana, row.birth_date, secret) for row in new if row.birth_date is not None and row.kana}
    people = {person for some in people_by_match_key(session, keys).values() for person in some}
    found: set[int] = set()
    for some in in_chunks(sorted(people)):
        found |= set(session.scalars(select(Employment.id).where(Employment.person_id.in_(some))))
    return frozenset(found)


def _units(file: FileLines, heading: Heading, source: Source) -> tuple[UnitTold, ...] | None:
    """The units that all rows name; None where one code has two names, of which the reader warns."""
    code, name, day = (heading.positions[field] for field in ("unit_code", "unit_name", "assigned_from"))
    delimiter, most = source.profile.delimiter.encode(), max(code, name, day) + 1
    split = (line.split(delimiter, most) for line in file.rows)
    told = []
    for cells in dict.fromkeys((one[code], one[name], one[day]) for one in split):
        written = [""] * len(heading.names)
        for position, cell in zip((code, name, day), cells, strict=True):
            written[position] = cell.decode(source.profile.encoding).strip()
        read = Cells(
            Record(0, tuple(written)), heading, source.profile, gaiji=translation(source.gaiji), since_1904=False
        )
        told.append((read.unit_code("unit_code", required=True), read.text("unit_name"), read.day("assigned_from")))
    names: dict[str, str] = {}
    if any(name and names.setdefault(code, name) != name for code, name, _ in told):
        return None
    return tuple(units_named(told))


# --- accepting -------------------------------------------------------------------------------------------------------


def acceptance(
    lines: Lines, source: Source, feed: Feed, known: Iterable[KnownEmployment], plan: PersonnelPlan,
    quiet: Mapping[int, int],
) -> Acceptance:  # fmt: skip
    """What may be left out after this file: the lines that were, and those that say nothing new and never will."""
    noted = {warning.row for warning in feed.warnings} | {row for one in feed.unmapped for row in one.rows}
    loud = {held.staff_number for held in plan.held} | {change.before.staff_number for change in plan.changes}
    told = people_of(Told(feed.rows))
    first = len(lines.file.front) + 1
    found = dict(quiet)
    for employment in known:
        person = told.get(employment.career.staff_number)
        if person is None or employment.career.staff_number in loud:
            continue
        places = [row.row_number - first for row in person.rows]
        if (
            not any(row.row_number in noted for row in person.rows)
            and _settled(employment.career, person.rows, source.as_of)
            and all(_as_written(lines.file.rows[place], employment.career, source.profile) for place in places)
        ):
            found.update((lines.hashes[place], employment.employment_id) for place in places)
    return Acceptance(source.feed_name, lines.digest, source.as_of, found)


def _settled(career: Career, rows: Iterable[FeedRow], as_of: date) -> bool:
    """Whether no later day makes the same rows say something else: every day of theirs has come, ends told apart."""
    starts = [career.valid_from, *(p.valid_from for p in career.posts), *(p.valid_from for p in career.absences)]
    ends = [*(p.valid_until for p in career.posts), *(p.valid_until for p in career.absences)]
    days = [*starts, *(end for end in ends if end is not None)]
    days += [day for row in rows for day in (row.assigned_from, row.employed_from)]
    return max(days) <= as_of


def _as_written(line: bytes, career: Career, profile: FeedProfile) -> bool:
    """Whether the number stands in the line as it is on record: of padded ones the reader tells how many."""
    number = career.staff_number.encode()
    return number in [cell.strip() for cell in line.split(profile.delimiter.encode())]


def accept(session: Session, accepted: Acceptance) -> None:
    """Afterwards the next file of this feed is read where it differs from this one."""
    session.flush()
    expected = select(Employment.id).where(
        Employment.seen_in_run_id.is_not(None),
        not_over_on(Employment, accepted.as_of),
    )
    anew = set(session.scalars(expected)) - set(accepted.quiet.values())
    hashes, employments = Accepted(accepted.quiet, frozenset(anew)).packed()
    session.merge(
        AcceptedLines(
            feed=accepted.feed_name, reading_digest=accepted.digest, roll_version=next_version(session),
            hashes=hashes, employments=employments,
        )
    )  # fmt: skip
    session.flush()
