"""Generations of units: every day has its own names, on papers and in lists."""

from datetime import date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from idm.models.people import OrganisationUnit
from idm.publication import Reader
from idm.queries.approval.request_sheet import request_sheet
from idm.queries.information_systems.systems import system_rows
from idm.queries.organisation.people import units_on
from idm.queries.organisation.person_cards import person_cards
from idm.queries.organisation.person_record import person_record
from idm.queries.organisation.tenures import tenures_of_person
from idm.queries.organisation.units import Generation, name_on, names_over, unit_names_on
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast

BEFORE = TODAY - timedelta(days=20)
NEW_NAME = "総務企画課"


def rename(cast: Cast, code: str = "0100", name: str = NEW_NAME, on: date = TODAY) -> None:
    """Afterwards the unit has another name from that day on."""
    with cast.database.writing() as session:
        old = session.query(OrganisationUnit).filter_by(code=code, valid_until=None).one()
        old.valid_until = on
        session.flush()
        session.add(OrganisationUnit(code=code, name=name, parent_code=old.parent_code, valid_from=on))


def sheet_units(cast: Cast, request_id: int, now: datetime = NOW) -> tuple[str | None, str | None, str | None]:
    """Units of applicant and subject, and what stands beside the first decider."""
    with cast.database.reading() as session:
        sheet = request_sheet(session, request_id, day=TODAY, reader=Reader(TODAY, may_see=True))
    applicant = sheet.applicant.unit if sheet.applicant is not None else None
    return applicant, sheet.subjects[0].unit, sheet.lines[0].steps[0].decider_post


def test_an_application_of_march_goes_on_showing_the_name_of_march(cast: Cast) -> None:
    march = NOW - timedelta(days=20)
    request_id = cast.file("security", ("staff", "ledger/account"), now=march)
    cast.decide("chief", request_id, Role.CHIEF, now=march)
    rename(cast)
    rename(cast, "0000", "管理局")
    assert sheet_units(cast, request_id) == ("総務課", "総務課", "事務局 事務局次長")


def test_a_new_application_shows_the_new_name_and_its_decision_the_deciders_unit_of_that_day(cast: Cast) -> None:
    rename(cast)
    request_id = cast.file("security", ("staff", "ledger/account"))
    rename(cast, "0000", "管理局")
    cast.decide("chief", request_id, Role.CHIEF)
    assert sheet_units(cast, request_id) == (NEW_NAME, NEW_NAME, "管理局 事務局次長")


def test_a_name_announced_for_a_later_day_is_shown_nowhere_before(cast: Cast) -> None:
    rename(cast, "0600", "デジタル推進課", TODAY + timedelta(days=1))
    with cast.database.reading() as session:
        shown = [
            *(unit.name for unit in units_on(session, TODAY)),
            *(card.unit for card in person_cards(session, cast.people.values(), day=TODAY).values()),
            *(row.manager_unit for row in system_rows(session, TODAY)),
            *(row.unit for row in tenures_of_person(session, cast.people["system"], TODAY)),
            *(p.unit for e in person_record(session, cast.people["system"], reader=Reader(TODAY)).employments
              for p in e.posts),
        ]  # fmt: skip
        tomorrow = TODAY + timedelta(days=1)
        later = [row.manager_unit for row in system_rows(session, tomorrow)]
        later += [card.unit for card in person_cards(session, [cast.people["system"]], day=tomorrow).values()]
    assert "デジタル推進課" not in shown
    assert "情報システム課" in shown
    assert set(later) == {"デジタル推進課"}


def test_a_long_post_is_told_in_two_rows_where_the_unit_was_renamed(cast: Cast) -> None:
    rename(cast, on=BEFORE)
    with cast.database.reading() as session:
        (employment,) = person_record(session, cast.people["staff"], reader=Reader(TODAY)).employments
    assert [(post.unit, post.valid_from, post.valid_until) for post in employment.posts] == [
        ("総務課", date(2020, 4, 1), BEFORE), (NEW_NAME, BEFORE, None)
    ]  # fmt: skip


def test_a_unit_has_its_last_name_when_it_is_over_and_its_first_before_it_begins(cast: Cast) -> None:
    with cast.database.reading() as session:
        assert unit_names_on(session, date(1990, 1, 1))["0100"] == "総務課"
    over = (Generation("前", date(2020, 4, 1), date(2021, 4, 1)), Generation("後", date(2021, 4, 1), date(2022, 4, 1)))
    assert name_on(over, date(2025, 1, 1)) == "後"


@given(
    st.lists(st.tuples(st.dates(), st.sampled_from("甲乙丙")), min_size=1, max_size=6, unique_by=lambda g: g[0]),
    st.dates(), st.none() | st.integers(1, 9_000),
)  # fmt: skip
def test_a_period_is_split_without_gap_and_every_day_has_its_name(
    named: list[tuple[date, str]], begins: date, days: int | None
) -> None:
    units = [Generation(name, day, None) for day, name in sorted(named)]
    until = None if days is None or (date.max - begins).days <= days else begins + timedelta(days=days)
    spans = names_over(units, begins, until)
    assert (spans[0].valid_from, spans[-1].valid_until) == (begins, until)
    assert all(one.valid_until == other.valid_from for one, other in pairwise(spans))
    assert all(one.name != other.name for one, other in pairwise(spans))
    assert all(span.name == name_on(units, span.valid_from) for span in spans)
