"""One person's years as a picture: employments, posts, absences, accounts and rights as bars, and a line on one day.

Pure: lanes in days go in, places in the picture come out. Every bar is also a row of a table on the page.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from unicodedata import east_asian_width

from flask_babel import gettext as _

from idm.calendar_days import Lasting, day_of
from idm.employment_kind import EMPLOYMENT_KIND_TITLES
from idm.grant_state import GrantState
from idm.personnel_event import ABSENCE_TITLES, LEAVING_TITLES
from idm.queries.organisation.person_record import EmploymentRow, PersonRecord, RightRow
from idm.vocabulary import EntitlementKind
from idm.wareki import ERAS, format_wareki

YEARS_BACK, YEARS_AHEAD = 3, 1
LABELS_WIDE, CHART_WIDE = 220, 900
TOP, LANE_HIGH, BAR_HIGH = 34, 34, 24
NARROWEST = 3.0
SIGN_WIDE = {"W": 13.5, "F": 13.5, "A": 13.5}
"""About how wide a character of a label is, in the picture's units, by its East Asian width; every other is 8."""

PLANNED, IN_FORCE, SUSPENDED, PAST = "planned", "right", "suspended", "past-right"
"""How the bar of an account or a right looks."""


@dataclass(frozen=True)
class Span(Lasting):
    """One bar as days. `valid_until` is the first day after it, None = no end. `kind` is how it looks."""

    label: str
    kind: str
    valid_from: date
    valid_until: date | None
    note: str = ""


@dataclass(frozen=True)
class Lane:
    """A row of the picture; spans that overlap are drawn below each other."""

    title: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Bar:
    """One bar in its place. `label` is empty where it would not fit."""

    x: float
    y: float
    width: float
    label: str
    kind: str
    title: str


@dataclass(frozen=True)
class LaneTitle:
    """The name of a row, in its place."""

    y: float
    text: str


@dataclass(frozen=True)
class Tick:
    """The first day of a fiscal year."""

    x: float
    text: str


@dataclass(frozen=True)
class Picture:
    """Everything the template draws; `day_x` is where the asked day stands."""

    width: int
    height: int
    titles: tuple[LaneTitle, ...]
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    day_x: float
    first: date
    last: date


# --- lanes -----------------------------------------------------------------------------------------------------------


def lanes_of(record: PersonRecord, rights: Iterable[RightRow], handed_over: Mapping[str, date | None]) -> list[Lane]:
    """Employments, posts, absences, and one lane for each account and right.

    `handed_over`: login name → the day on which the account was first handed over, None = not yet.
    """
    lanes = [Lane(_("任用（職員番号）"), tuple(_employment_span(e) for e in record.employments))]
    posts = [post for employment in record.employments for post in employment.posts]
    for title, primary in ((_("本務"), True), (_("兼務"), False)):
        spans = tuple(
            Span(f"{p.unit} {p.post}", "post", p.valid_from, p.valid_until, _secret(p.published_on))
            for p in posts
            if p.primary is primary
        )
        lanes += [Lane(title, spans)] if spans else []
    away = tuple(
        Span(ABSENCE_TITLES[a.kind], "absence", a.valid_from, a.valid_until, _secret(a.published_on))
        for employment in record.employments
        for a in employment.absences
    )
    lanes += [Lane(_("休職・休業等"), away)] if away else []
    by_right: dict[tuple[str, str], list[Span]] = {}
    for row in sorted(rights, key=lambda row: row.right.kind is not EntitlementKind.ACCOUNT):
        of_right = by_right.setdefault((row.right.system_name, row.right.right_name), [])
        of_right += right_spans(row, handed_over.get(row.right.login_name))
    lanes += [Lane(f"{system} {right}", tuple(spans)) for (system, right), spans in by_right.items()]
    return lanes


def _employment_span(employment: EmploymentRow) -> Span:
    notes = [LEAVING_TITLES[employment.leaving]] if employment.leaving is not None else []
    notes += [_secret(employment.published_on)] if employment.published_on is not None else []
    label = f"{employment.staff_number} {EMPLOYMENT_KIND_TITLES[employment.kind]}"
    return Span(label, "employment", employment.valid_from, employment.valid_until, "、".join(notes))


def _secret(published_on: date | None) -> str:
    return "" if published_on is None else str(_("公表前（%(day)sに公表）", day=format_wareki(published_on)))


def right_spans(row: RightRow, handed_over: date | None) -> list[Span]:
    """The right's period in pieces: prepared, in force, held back; an account is prepared until it is handed over."""
    right, number = row.right, row.right.request_number
    whole = Span(number, PAST if right.state is GrantState.ENDED else IN_FORCE, right.valid_from, right_until(row))
    if right.state is GrantState.PLANNED:
        return [replace(whole, kind=PLANNED)]
    marks = []
    if right.kind is EntitlementKind.ACCOUNT and (handed_over is None or handed_over > right.valid_from):
        marks.append(replace(whole, kind=PLANNED, valid_until=handed_over))
    for held in row.suspensions:
        until = day_of(held.until) if held.until is not None else None
        marks.append(Span(number, SUSPENDED, day_of(held.since), until))
    return pieces(whole, marks)


def pieces(whole: Span, marks: Sequence[Span]) -> list[Span]:
    """The span cut where a mark begins or ends; each piece looks like the last mark that holds on it."""
    cuts = {day for mark in marks for day in (mark.valid_from, mark.valid_until) if day is not None}
    starts = [whole.valid_from, *sorted(day for day in cuts if day > whole.valid_from and whole.holds_on(day))]
    found: list[Span] = []
    for begins, ends in zip(starts, [*starts[1:], whole.valid_until], strict=True):
        kind = next((mark.kind for mark in reversed(marks) if mark.holds_on(begins)), whole.kind)
        if found and found[-1].kind == kind:
            found[-1] = replace(found[-1], valid_until=ends)
        else:
            found.append(replace(whole, kind=kind, valid_from=begins, valid_until=ends))
    return found


def right_until(row: RightRow) -> date | None:
    """The first day on which the right no longer holds: its own end, or the day on which it was taken."""
    ended_on = day_of(row.ended_at) if row.ended_at is not None else None
    ends = [end for end in (row.right.valid_until, ended_on) if end is not None]
    return min(ends, default=None)


# --- places ----------------------------------------------------------------------------------------------------------


def picture(lanes: Sequence[Lane], *, on: date) -> Picture:
    """The lanes around the day: three fiscal years before it, one after. No two bars of a lane lie on each other."""
    starts = [span.valid_from for lane in lanes for span in lane.spans]
    first = _fiscal_year(max(min(starts, default=on), on - timedelta(days=366 * YEARS_BACK)))
    first = max(min(first, _fiscal_year(on)), ERAS[0].begins)
    last = _fiscal_year(on).replace(year=_fiscal_year(on).year + 1 + YEARS_AHEAD)
    titles, bars, y = [], [], float(TOP)
    for lane in lanes:
        titles.append(LaneTitle(y + BAR_HIGH * 0.7, lane.title))
        placed, rows = _stacked([_bar(s, y, first, last) for s in lane.spans if _visible(s, first, last)])
        bars += placed
        y += rows * LANE_HIGH
    years = range(first.year, last.year)
    ticks = tuple(Tick(_x(date(year, 4, 1), first, last), format_wareki(date(year, 4, 1))) for year in years)
    width, height = LABELS_WIDE + CHART_WIDE, int(y) + 8
    return Picture(width, height, tuple(titles), tuple(bars), ticks, _x(on, first, last), first, last)


def _stacked(bars: Iterable[Bar]) -> tuple[list[Bar], int]:
    """The bars, each on the first row of the lane where it has room, and how many rows that takes (at least one)."""
    free: list[float] = [0.0]
    placed = []
    for bar in sorted(bars, key=lambda bar: bar.x):
        row = next((number for number, ends in enumerate(free) if ends <= bar.x + 0.05), len(free))
        free[row:] = [bar.x + bar.width, *free[row + 1 :]]
        placed.append(replace(bar, y=bar.y + row * LANE_HIGH))
    return placed, len(free)


def _fiscal_year(day: date) -> date:
    """The first day of the fiscal year of a day."""
    return date(day.year if day.month >= 4 else day.year - 1, 4, 1)


def _visible(span: Span, first: date, last: date) -> bool:
    return span.valid_from < last and (span.valid_until is None or span.valid_until > first)


def _x(day: date, first: date, last: date) -> float:
    share = (day - first).days / (last - first).days
    return round(LABELS_WIDE + CHART_WIDE * min(max(share, 0.0), 1.0), 1)


def _bar(span: Span, y: float, first: date, last: date) -> Bar:
    begins, ends = _x(span.valid_from, first, last), _x(span.valid_until or last, first, last)
    width = max(round(ends - begins, 1), NARROWEST)
    x = min(begins, LABELS_WIDE + CHART_WIDE - width)
    fits = sum(SIGN_WIDE.get(east_asian_width(sign), 8.0) for sign in span.label) + 12 <= width
    title = " ".join(part for part in (span.label, _period(span), span.note) if part)
    return Bar(x, y, width, span.label if fits else "", span.kind, title)


def _period(span: Span) -> str:
    if span.valid_until is None:
        return str(_("%(first)sから", first=format_wareki(span.valid_from)))
    last = format_wareki(span.valid_until - timedelta(days=1))
    return str(_("%(first)sから%(last)sまで", first=format_wareki(span.valid_from), last=last))
