"""Who holds which role on a day, who stands in, and which person rows are one human."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idm.models.officers import Deputy, Officer
from idm.models.people import Employment, OrganisationUnit, Person
from idm.queries.organisation.officers import (
    auditing,
    contracted,
    deputations_on,
    holders,
    humans,
    never_deciding,
    roles_of,
    tenures_on,
    units_of_role,
)
from idm.separation_of_duties import Human
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast, add_person

BEFORE, MAY = date(2020, 4, 1), date(2026, 5, 1)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def roles(cast: Cast, who: str, day: date = TODAY) -> frozenset[Role]:
    with cast.database.reading() as session:
        return roles_of(session, cast.people[who], day)


def deputise(cast: Cast, begins: date, ends: date, *, accepted: bool = True) -> None:
    """今泉 stands in for the chief in this period."""
    with cast.database.writing() as session:
        session.add(
            Deputy(
                principal_id=cast.people["chief"], role=Role.CHIEF, deputy_id=cast.people["other"], valid_from=begins,
                valid_until=ends, named_at=NOW, accepted_at=NOW if accepted else None,
                accepted_by_id=cast.people["ciso"] if accepted else None,
            )
        )  # fmt: skip


def deputies_on(cast: Cast, day: date) -> list[int]:
    with cast.database.reading() as session:
        return [deputy.deputy_id for deputy in session.scalars(deputations_on(day))]


def same_human(cast: Cast, *names: str, key: str = "0" * 64) -> None:
    with cast.database.writing() as session:
        for name in names:
            session.get_one(Person, cast.people[name]).match_key = key


@pytest.mark.parametrize(
    ("begins", "ends", "counts"),
    [(TODAY, None, True), (TOMORROW, None, False), (BEFORE, TODAY, False), (BEFORE, TOMORROW, True)],
)
def test_a_tenure_counts_within_its_own_half_open_period(
    cast: Cast, begins: date, ends: date | None, counts: bool
) -> None:
    with cast.database.writing() as session:
        session.add(
            Officer(role=Role.HR, person_id=cast.people["other"], valid_from=begins, valid_until=ends,
                    confirmed_at=NOW, confirmed_by_id=cast.people["ciso"])
        )  # fmt: skip
    assert roles(cast, "other") == ({Role.HR} if counts else frozenset())


def test_a_tenure_without_first_record_or_confirmation_does_not_count(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.add(Officer(role=Role.CISO, person_id=cast.people["other"], valid_from=BEFORE))
    assert roles(cast, "other") == frozenset()


def test_a_tenure_outside_the_personnel_file_needs_no_post(cast: Cast) -> None:
    """The audit lead may belong to another organisation: nobody here employs them."""
    with cast.database.writing() as session:
        lead = Person(name="外部　監査", kana="ガイブ　カンサ", search_key="", created_at=NOW)
        session.add(lead)
        session.flush()
        cast.people["lead"] = lead.id
        session.add(
            Officer(role=Role.AUDITOR, person_id=lead.id, valid_from=BEFORE, confirmed_at=NOW,
                    confirmed_by_id=cast.people["ciso"])
        )  # fmt: skip
    assert roles(cast, "lead") == {Role.AUDITOR}


@pytest.mark.parametrize("what", ["post", "employment"])
def test_a_tenure_ends_with_the_post_or_the_employment_it_follows_from(cast: Cast, what: str) -> None:
    with cast.database.writing() as session:
        employment = cast.employment(session, "chief")
        if what == "employment":
            employment.valid_until = MAY
        else:
            employment.assignments[0].valid_until = MAY
    assert roles(cast, "chief", MAY - timedelta(days=1)) == {Role.CHIEF}
    assert roles(cast, "chief", MAY) == frozenset()


def test_holders_are_found_for_the_whole_and_for_one_unit(cast: Cast) -> None:
    with cast.database.reading() as session:
        everyone = sorted([cast.people["system"], cast.people["security"]])
        assert holders(session, Role.SECTION, None, TODAY) == everyone
        assert holders(session, Role.SECTION, "0600", TODAY) == [cast.people["system"]]
        assert holders(session, Role.SYSTEM, "0600", TODAY) == [cast.people["system"]]
        assert holders(session, Role.SYSTEM, "0200", TODAY) == []
        assert units_of_role(session, cast.people["system"], Role.SECTION, TODAY) == {"0600"}
        assert units_of_role(session, cast.people["chief"], Role.CHIEF, TODAY) == frozenset()


def test_two_tenures_of_one_person_are_one_holder(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.add(
            Officer(role=Role.CHIEF, person_id=cast.people["chief"], valid_from=BEFORE, confirmed_at=NOW,
                    confirmed_by_id=cast.people["ciso"])
        )  # fmt: skip
    with cast.database.reading() as session:
        assert holders(session, Role.CHIEF, None, TODAY) == [cast.people["chief"]]
        assert len(session.scalars(tenures_on(TODAY).where(Officer.role == Role.CHIEF)).all()) == 2


@pytest.mark.parametrize(("day", "counts"), [(YESTERDAY, False), (TODAY, True), (TOMORROW, False)])
def test_a_deputy_counts_within_the_half_open_period(cast: Cast, day: date, counts: bool) -> None:
    deputise(cast, TODAY, TOMORROW)
    assert deputies_on(cast, day) == ([cast.people["other"]] if counts else [])


def test_a_deputy_whom_nobody_accepted_does_not_count(cast: Cast) -> None:
    deputise(cast, BEFORE, MAY, accepted=False)
    assert deputies_on(cast, TODAY) == []


def test_a_deputy_who_left_does_not_count(cast: Cast) -> None:
    deputise(cast, BEFORE, MAY)
    with cast.database.writing() as session:
        cast.employment(session, "other").valid_until = TODAY
    assert deputies_on(cast, YESTERDAY) == [cast.people["other"]]
    assert deputies_on(cast, TODAY) == []


def test_rows_with_one_kana_and_birth_date_are_one_human(cast: Cast) -> None:
    same_human(cast, "staff", "other", "desk")
    with cast.database.reading() as session:
        found = humans(session, [cast.people["staff"], cast.people["chief"]])
    assert found[cast.people["staff"]].same_as == {cast.people["other"], cast.people["desk"]}
    assert found[cast.people["chief"]] == Human(cast.people["chief"])


def test_rows_of_which_the_birth_date_is_not_known_are_different_humans(cast: Cast) -> None:
    with cast.database.reading() as session:
        found = humans(session, cast.people.values())
    assert all(human.same_as == frozenset() for human in found.values())


def test_nobody_asked_for_is_nobody_found(cast: Cast) -> None:
    with cast.database.reading() as session:
        assert humans(session, []) == {}
        assert auditing(session, [], TODAY) == contracted(session, [], TODAY) == frozenset()
        assert never_deciding(session, [], TODAY) == frozenset()


def test_auditors_and_contractors_never_decide_under_any_row(cast: Cast) -> None:
    same_human(cast, "auditor", "staff", key="a" * 64)
    same_human(cast, "contractor", "other", key="c" * 64)
    with cast.database.reading() as session:
        known = humans(session, [cast.people[name] for name in ("staff", "other", "chief")])
        never = never_deciding(session, known.values(), TODAY)
    assert never == {cast.people["auditor"], cast.people["contractor"]}
    assert [known[cast.people[name]].is_one_of(never) for name in ("staff", "other", "chief")] == [True, True, False]


def test_a_contract_counts_on_its_days_only(cast: Cast) -> None:
    contractor = cast.people["contractor"]
    with cast.database.writing() as session:
        employment = session.scalars(select(Employment).where(Employment.person_id == contractor)).one()
        employment.valid_from, employment.valid_until = TODAY, TOMORROW
    with cast.database.reading() as session:
        found = [contracted(session, [contractor], day) for day in (YESTERDAY, TODAY, TOMORROW)]
    assert found == [frozenset(), {contractor}, frozenset()]


def test_a_second_employment_does_not_make_a_role_twice(cast: Cast) -> None:
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        person = session.get_one(Person, cast.people["chief"])
        add_person(session, "300003", person.name, person.kana, unit, "主事", person=person)
    assert roles(cast, "chief") == {Role.CHIEF}
