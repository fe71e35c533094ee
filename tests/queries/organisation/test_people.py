"""Finding people, and what the list says of them."""

from datetime import date

from sqlalchemy import select, update

from idm.database import Database
from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.queries.organisation.people import PeopleFilter, PersonRow, Presence, people_page, units_on
from idm.queries.page import ROWS_A_PAGE
from tests.cast import PEOPLE, TODAY, Cast, add_person
from tests.statements import counted


def found(cast: Cast, wanted: PeopleFilter, day: date = TODAY) -> list[PersonRow]:
    with cast.database.reading() as session:
        return list(people_page(session, wanted, day=day).rows)


def names(cast: Cast, text: str) -> list[str]:
    return [row.card.name for row in found(cast, PeopleFilter(text))]


def test_a_person_is_found_by_part_of_the_name_whatever_the_spaces(cast: Cast) -> None:
    assert names(cast, "大濠公") == ["大濠　公子"]


def test_a_person_is_found_by_reading_in_hiragana_and_half_width_katakana(cast: Cast) -> None:
    assert names(cast, "おおほり") == ["大濠　公子"]
    assert names(cast, "ｵｵﾎﾘ") == ["大濠　公子"]


def test_a_person_is_found_by_the_beginning_of_a_staff_number_only(cast: Cast) -> None:
    assert names(cast, "9000") == ["委託　三郎"]
    assert names(cast, "１００００１") == ["大濠　公子"]
    assert names(cast, "0001") == []


def test_signs_of_a_pattern_stand_for_themselves(cast: Cast) -> None:
    assert names(cast, "%") == []
    assert names(cast, "_") == []


def test_people_stand_in_the_order_of_their_readings(cast: Cast) -> None:
    rows = found(cast, PeopleFilter())
    assert [row.card.kana for row in rows] == sorted(person[2] for person in PEOPLE.values())


def test_the_list_says_number_unit_post_and_end(cast: Cast) -> None:
    (row,) = found(cast, PeopleFilter("委託"))
    assert (row.card.staff_number, row.card.unit, row.card.post, row.card.employed_until, row.presence) == (
        "900001", "情報システム課", "委託", date(2027, 4, 1), Presence.EMPLOYED
    )  # fmt: skip


def test_only_people_of_the_unit_are_listed(cast: Cast) -> None:
    rows = found(cast, PeopleFilter(unit_code="0100"))
    assert {row.card.name for row in rows} == {"香椎　宮子", "青木　一郎", "今泉　二葉"}


def test_a_leaver_is_left_and_listed_with_the_last_employment(cast: Cast) -> None:
    (row,) = found(cast, PeopleFilter(presence=Presence.LEFT), day=date(2027, 4, 1))
    assert (row.card.name, row.presence, row.card.staff_number) == ("委託　三郎", Presence.LEFT, "900001")
    assert found(cast, PeopleFilter("委託", presence=Presence.EMPLOYED), day=date(2027, 4, 1)) == []


def test_a_person_before_the_first_day_is_coming(cast: Cast) -> None:
    with cast.database.writing() as session:
        staff = cast.employment(session, "staff")
        staff.valid_from = date(2026, 4, 2)
    (row,) = found(cast, PeopleFilter(presence=Presence.COMING))
    assert (row.card.name, row.presence) == ("青木　一郎", Presence.COMING)


def test_the_primary_post_is_shown_where_there_are_two(cast: Cast) -> None:
    with cast.database.writing() as session:
        employment = cast.employment(session, "staff")
        other = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0600")).one()
        concurrent = Assignment(unit=other, post="主任", primary=False, valid_from=date(2025, 4, 1))
        employment.assignments.append(concurrent)
    (row,) = found(cast, PeopleFilter("青木"))
    assert (row.card.unit, row.card.post) == ("総務課", "主事")


def test_a_person_without_any_employment_is_listed(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.execute(update(Employment).where(Employment.staff_number == "100008").values(person_id=1))
    (row,) = found(cast, PeopleFilter("姪浜"))
    assert (row.card.staff_number, row.presence) == (None, None)


def hire(database: Database, count: int) -> None:
    with database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        for number in range(count):
            add_person(session, f"2{number:05}", f"職員　{number}", "ショクイン　タロウ", unit, "主事")


def test_a_long_list_comes_in_pages_and_asks_no_more_for_more_people(cast: Cast) -> None:
    with cast.database.reading() as session, counted(cast.database) as few:
        people_page(session, PeopleFilter(), day=TODAY)
    hire(cast.database, 120)
    with cast.database.reading() as session, counted(cast.database) as many:
        page = people_page(session, PeopleFilter(), day=TODAY, asked=2)
    assert (page.total, page.number, len(page.rows)) == (131, 2, ROWS_A_PAGE)
    assert len(many) == len(few)


def test_a_page_that_is_not_there_is_the_nearest_one(cast: Cast) -> None:
    with cast.database.reading() as session:
        assert people_page(session, PeopleFilter(), day=TODAY, asked=9).number == 1
        assert people_page(session, PeopleFilter(), day=TODAY, asked=-3).number == 1


def test_units_are_those_of_the_day(cast: Cast) -> None:
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0900")).one()
        unit.valid_until = TODAY
    with cast.database.reading() as session:
        codes = [unit.code for unit in units_on(session, TODAY)]
    assert codes == ["0000", "0100", "0110", "0600", "0610"]
