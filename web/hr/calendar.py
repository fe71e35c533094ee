"""The calendar of coming events: how many join, move, are away, leave and lose rights on which day (controls A7, A16).

Months show counts, never names: 31 March and 1 April stay readable with thousands. A day leads to its list.
"""

from calendar import Calendar
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from idm.errors import NotFound
from idm.permissions import Action, everywhere, may
from idm.queries.hr.coming_events import COMING_TITLES, Coming, ComingEvent, coming_events, counts
from idm.queries.organisation.person_cards import person_cards
from idm.queries.organisation.reach import managed_units
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.wareki import format_wareki, parse_date
from web import current, oversight_words
from web.row_ids import row_id

blueprint = Blueprint("calendar", __name__)
oversight_words.offer(blueprint)

SPANS = {30: lazy_gettext("30日間"), 90: lazy_gettext("90日間"), 365: lazy_gettext("1年間")}
SUNDAY = 6
Counts = Mapping[date, Counter[Coming]]


@dataclass(frozen=True)
class Cell:
    """One day of a month; `outside` when it lies before or after the span that is asked about."""

    day: date
    counts: tuple[tuple[Coming, int], ...]
    outside: bool

    @property
    def total(self) -> int:
        """How many events the day has."""
        return sum(count for _kind, count in self.counts)


@dataclass(frozen=True)
class Month:
    """One month as weeks from Sunday; None stands for a day of another month."""

    title: str
    weeks: tuple[tuple[Cell | None, ...], ...]


@blueprint.get("/calendar")
def index() -> str:
    """The months of the next 30, 90 or 365 days with the counts of each day."""
    asked = request.args.get("days", 30, type=row_id)
    days = asked if asked in SPANS else 30
    first = current.today()
    until = first + timedelta(days=days)
    with current.look() as session:
        found = counts(_events(session, first, until))
    totals = sum(found.values(), Counter[Coming]())
    return render_template(
        "calendar/index.html", months=list(months(found, first, until)), found=found, totals=totals, kinds=list(Coming),
        titles=COMING_TITLES, spans=SPANS, days=days, first=first, until=until, everyone=_sees_all(),
    )  # fmt: skip


@blueprint.get("/calendar/day")
def day() -> str:
    """One day: how many of each kind, and who."""
    try:
        on = parse_date(request.args.get("on", "")).day
    except ValueError as mistake:
        raise NotFound(_("日付を読めません。予定表から日を選んでください。")) from mistake
    chosen = request.args.get("kind", "")
    kind = Coming(chosen) if chosen in set(Coming) else None
    with current.look() as session:
        events = _events(session, on, on + timedelta(days=1))
        shown = [event for event in events if kind is None or event.kind is kind]
        page = _page_of(shown, request.args.get("page", 1, type=row_id))
        people = {event.person_id for event in page.rows if event.person_id is not None}
        cards = person_cards(session, people, day=on, reader=current.reader())
    return render_template(
        "calendar/day.html", on=on, page=page, cards=cards, tally=counts(events).get(on, Counter()), kind=kind,
        titles=COMING_TITLES, may_see_people=may(current.roles(), Action.SEE_PEOPLE),
    )  # fmt: skip


def _sees_all() -> bool:
    return everywhere(current.roles(), Action.SEE_CALENDAR)


def _events(session: Session, first: date, until: date) -> list[ComingEvent]:
    """What this reader sees: everybody's, or that of the units they manage."""
    me, today = current.signed_in().person_id, current.today()
    units = managed_units(session, me, Action.SEE_CALENDAR, today)
    return coming_events(session, first, until, reader=current.reader(), units=units)


def _page_of(events: list[ComingEvent], asked: int) -> Page[ComingEvent]:
    number = nearest_page(asked, len(events))
    begins = offset_of(number)
    return Page(tuple(events[begins : begins + ROWS_A_PAGE]), number, len(events))


def months(found: Counts, first: date, until: date) -> Iterator[Month]:
    """Every month that the half-open span touches, oldest first."""
    month = first.replace(day=1)
    while month < until:
        weeks = tuple(
            tuple(_cell(day, month, found, first, until) for day in week)
            for week in Calendar(SUNDAY).monthdatescalendar(month.year, month.month)
        )
        yield Month(format_wareki(month).removesuffix("1日"), weeks)
        month = (month + timedelta(days=31)).replace(day=1)


def _cell(day: date, month: date, found: Counts, first: date, until: date) -> Cell | None:
    if day.month != month.month:
        return None
    of_day = found.get(day, Counter())
    return Cell(day, tuple((kind, of_day[kind]) for kind in Coming if of_day[kind]), not first <= day < until)
