"""One person's years as a picture: employments, posts and rights as bars, and a line on the day that is asked about.

Pure: lanes in days go in, places in the picture come out. Every bar is also a row of a table on the page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from unicodedata import east_asian_width

from flask_babel import gettext as _

from idm.calendar_days import day_of, holds
from idm.grant_state import GrantState
from idm.queries.person_record import PersonRecord, RightRow
from idm.wareki import ERAS, format_wareki

YEARS_BACK, YEARS_AHEAD = 3, 1
LABELS_WIDE, CHART_WIDE = 220, 900
TOP, LANE_HIGH, BAR_HIGH = 34, 34, 24
SIGN_WIDE = {"W": 13.5, "F": 13.5, "A": 13.5}
"""About how wide a character of a label is, in the picture's units, by its East Asian width; every other is 8."""


@dataclass(frozen=True)
class Span:
    """One bar as days. `valid_until` is the first day after it, None = no end. `kind` is how it looks."""

    label: str
    kind: str
    valid_from: date
    valid_until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether the day is in it."""
        return holds(self.valid_from, self.valid_until, day)


@dataclass(frozen=True)
class Lane:
    """A row of the picture."""

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


def lanes_of(record: PersonRecord, rights: Iterable[RightRow]) -> list[Lane]:
    """Employments, posts, and one lane for each right of each system."""
    employments = tuple(Span(e.staff_number, "employment", e.valid_from, e.valid_until) for e in record.employments)
    posts = [post for employment in record.employments for post in employment.posts]
    lanes = [Lane(_("任用（職員番号）"), employments)]
    for title, primary in ((_("本務"), True), (_("兼務"), False)):
        spans = tuple(
            Span(f"{p.unit} {p.post}", "post", p.valid_from, p.valid_until) for p in posts if p.primary is primary
        )
        lanes += [Lane(title, spans)] if spans else []
    by_right: dict[tuple[str, str], list[Span]] = {}
    for row in rights:
        span = _right_span(row)
        by_right.setdefault((row.right.system_name, row.right.right_name), []).append(span)
    lanes += [Lane(f"{system} {right}", tuple(spans)) for (system, right), spans in by_right.items()]
    return lanes


def _right_span(row: RightRow) -> Span:
    kind = "right" if row.right.state in (GrantState.IN_FORCE, GrantState.PLANNED) else "past-right"
    return Span(row.right.request_number, kind, row.right.valid_from, right_until(row))


def right_until(row: RightRow) -> date | None:
    """The first day on which the right no longer holds: its own end, or the day on which it was taken."""
    ended_on = day_of(row.ended_at) if row.ended_at is not None else None
    ends = [end for end in (row.right.valid_until, ended_on) if end is not None]
    return min(ends, default=None)


def picture(lanes: Sequence[Lane], *, on: date) -> Picture:
    """The lanes around the day: three fiscal years before it, one after."""
    starts = [span.valid_from for lane in lanes for span in lane.spans]
    first = _fiscal_year(max(min(starts, default=on), on - timedelta(days=366 * YEARS_BACK)))
    first = max(min(first, _fiscal_year(on)), ERAS[0].begins)
    last = _fiscal_year(on).replace(year=_fiscal_year(on).year + 1 + YEARS_AHEAD)
    titles, bars = [], []
    for number, lane in enumerate(lanes):
        y = TOP + number * LANE_HIGH
        titles.append(LaneTitle(y + BAR_HIGH * 0.7, lane.title))
        bars += [_bar(span, y, first, last) for span in lane.spans if _visible(span, first, last)]
    years = range(first.year, last.year)
    ticks = tuple(Tick(_x(date(year, 4, 1), first, last), format_wareki(date(year, 4, 1))) for year in years)
    height = TOP + len(lanes) * LANE_HIGH + 8
    return Picture(
        LABELS_WIDE + CHART_WIDE, height, tuple(titles), tuple(bars), ticks, _x(on, first, last), first, last
    )


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
    width = max(round(ends - begins, 1), 3.0)
    fits = sum(SIGN_WIDE.get(east_asian_width(sign), 8.0) for sign in span.label) + 12 <= width
    return Bar(begins, y, width, span.label if fits else "", span.kind, f"{span.label} {_period(span)}")


def _period(span: Span) -> str:
    if span.valid_until is None:
        return str(_("%(first)sから", first=format_wareki(span.valid_from)))
    last = format_wareki(span.valid_until - timedelta(days=1))
    return str(_("%(first)sから%(last)sまで", first=format_wareki(span.valid_from), last=last))
