"""The calendar's pages: who opens them, months whole and in order, and a day's list."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.office import Office
from web.hr.calendar import months

DAYS = st.dates(date(2000, 1, 1), date(2090, 1, 1))


@given(DAYS, st.integers(1, 400))
def test_every_day_of_the_span_stands_in_exactly_one_cell_below_its_weekday(first: date, days: int) -> None:
    until = first + timedelta(days=days)
    cells = [(place, cell) for month in months({}, first, until) for week in month.weeks
             for place, cell in enumerate(week) if cell is not None]  # fmt: skip
    inside = [cell.day for _place, cell in cells if not cell.outside]
    assert inside == [first + timedelta(days=n) for n in range(days)]
    assert all(cell.day.isoweekday() % 7 == place for place, cell in cells)


@pytest.mark.parametrize("who", ["hr", "ciso", "auditor", "security", "system"])
def test_whoever_sees_the_feed_or_manages_a_section_opens_the_calendar(office: Office, who: str) -> None:
    browser = office.browser(who)
    page = browser.page("/calendar?days=90")
    assert "令和8年4月" in page
    assert 'href="/calendar"' in page, "the tab of its subject"


@pytest.mark.parametrize("who", ["staff", "desk", "contractor"])
@pytest.mark.parametrize("path", ["/calendar", "/calendar/day?on=2027-03-31"])
def test_for_others_there_is_no_calendar(office: Office, who: str, path: str) -> None:
    assert office.browser(who).open(path).status_code == 404


def test_a_day_leads_to_the_list_of_that_day(office: Office) -> None:
    browser = office.browser("hr")
    assert 'href="/calendar/day?on=2027-03-31"' in browser.page("/calendar?days=365")
    page = browser.page("/calendar/day?on=2027-03-31")
    assert "令和9年3月31日（水）" in page
    assert "委託　三郎" in page
    assert "外部者の終了 1件" in page
    assert "委託　三郎" not in browser.page("/calendar/day?on=2027-03-31&kind=contract_end")


def test_the_manager_of_a_section_is_told_of_their_own_people_alone(office: Office) -> None:
    with office.database.writing() as session:
        office.cast.employment(session, "staff").valid_until = date(2026, 4, 20)
        office.cast.employment(session, "desk").valid_until = date(2026, 4, 20)
    page = office.browser("system").page("/calendar/day?on=2026-04-19")
    assert "西新　町子" in page
    assert "青木　一郎" not in page


@pytest.mark.parametrize("query", ["", "?on=きのう", "?on=2027-03-31&kind=nothing&page=99"])
def test_an_address_that_was_typed_wrongly_breaks_nothing(office: Office, query: str) -> None:
    assert office.browser("hr").open(f"/calendar/day{query}").status_code in {200, 404}
