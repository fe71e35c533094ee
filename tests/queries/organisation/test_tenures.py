"""Who holds which role, and by which record."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.officers import Officer
from idm.models.people import Assignment, OrganisationUnit
from idm.operations.governance import officers
from idm.publication import Reader
from idm.queries.organisation.officers import tenures_on
from idm.queries.organisation.tenures import Standing, TenureRow, deputy_rows, tenure_rows, tenures_of_person
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast

NEXT_YEAR = TODAY + timedelta(days=365)


def tenures(cast: Cast) -> list[TenureRow]:
    with cast.database.reading() as session:
        return tenure_rows(session, TODAY)


def end_post(cast: Cast, session: Session, who: str) -> None:
    employment = cast.employment(session, who)
    employment.assignments[0].valid_until = TODAY


def become_chief(cast: Cast) -> None:
    """今泉 takes over the post of the chief, by a personnel file."""
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0000")).one()
        employment = cast.employment(session, "other")
        employment.assignments.append(Assignment(unit=unit, post="事務局次長", primary=True, valid_from=TODAY))
        session.flush()
        officers.follow_posts(session, policy=cast.policy, actor=cast.actor("hr"), now=NOW)


def test_the_first_officers_are_current_by_the_first_record(cast: Cast) -> None:
    rows = [row for row in tenures(cast) if row.role is Role.CISO]
    assert [(row.name, row.post, row.standing) for row in rows] == [("大濠　公子", "事務局長", Standing.CURRENT)]
    assert rows[0].first_record_id is not None
    assert rows[0].confirmed_by is None


def test_what_is_shown_as_current_is_what_counts(cast: Cast) -> None:
    become_chief(cast)
    with cast.database.writing() as session:
        end_post(cast, session, "security")
    with cast.database.reading() as session:
        counting = {officer.id for officer in session.scalars(tenures_on(TODAY))}
    assert {row.id for row in tenures(cast) if row.standing is Standing.CURRENT} == counting


def test_a_new_holder_waits_until_another_person_has_confirmed(cast: Cast) -> None:
    become_chief(cast)
    (waiting,) = [row for row in tenures(cast) if row.standing is Standing.WAITING]
    assert (waiting.name, waiting.role) == ("今泉　二葉", Role.CHIEF)
    with cast.acting("ciso") as session:
        officers.confirm(session, waiting.id, actor=cast.actor("ciso"), policy=cast.policy, now=NOW)
    (confirmed,) = [row for row in tenures(cast) if row.id == waiting.id]
    assert (confirmed.standing, confirmed.confirmed_by, confirmed.confirmed_at) == (
        Standing.CURRENT, "大濠　公子", NOW
    )  # fmt: skip


def test_a_tenure_whose_post_is_over_is_over(cast: Cast) -> None:
    with cast.database.writing() as session:
        end_post(cast, session, "chief")
    (row,) = [row for row in tenures(cast) if row.role is Role.CHIEF]
    assert (row.standing, row.valid_until) == (Standing.OVER, TODAY)


def test_a_tenure_whose_employment_is_over_is_over(cast: Cast) -> None:
    with cast.database.writing() as session:
        employment = cast.employment(session, "chief")
        employment.valid_until = TODAY
    (row,) = [row for row in tenures(cast) if row.role is Role.CHIEF]
    assert (row.standing, row.valid_until) == (Standing.OVER, TODAY)


def test_a_person_sees_their_own_tenures(cast: Cast) -> None:
    with cast.database.reading() as session:
        roles = {row.role for row in tenures_of_person(session, cast.people["system"], TODAY)}
    assert roles == {Role.SYSTEM, Role.SECTION}


def test_an_office_without_a_post_is_listed(cast: Cast) -> None:
    with cast.database.writing() as session:
        record = session.scalars(select(Officer.first_record_id)).first()
        session.add(
            Officer(role=Role.AUDITOR, person_id=cast.people["staff"], valid_from=TODAY, first_record_id=record)
        )
    (row,) = [row for row in tenures(cast) if row.person_id == cast.people["staff"]]
    assert (row.post, row.unit, row.standing) == (None, None, Standing.CURRENT)


def test_a_deputation_waits_for_the_ciso(cast: Cast) -> None:
    with cast.acting("chief") as session:
        named = officers.name_deputy(
            session, role=Role.CHIEF, deputy_id=cast.people["security"], valid_from=TODAY, valid_until=NEXT_YEAR,
            actor=cast.actor("chief"), policy=cast.policy, now=NOW,
        )  # fmt: skip
    with cast.database.reading() as session:
        (row,) = deputy_rows(session, TODAY)
    assert (row.principal, row.deputy, row.standing) == ("天神　太郎", "香椎　宮子", Standing.WAITING)
    with cast.acting("ciso") as session:
        officers.accept_deputy(session, named.id, actor=cast.actor("ciso"), policy=cast.policy, now=NOW)
    with cast.database.reading() as session:
        (row,) = deputy_rows(session, TODAY)
        (later,) = deputy_rows(session, NEXT_YEAR)
    assert (row.standing, row.accepted_by, later.standing) == (Standing.CURRENT, "大濠　公子", Standing.OVER)


def test_a_tenure_is_not_shortened_by_an_unpublished_transfer_for_those_who_may_not_see_it(cast: Cast) -> None:
    moves_on = TODAY + timedelta(days=20)
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0900")).one()
        employment = cast.employment(session, "security")
        employment.assignments[0].valid_until = moves_on
        employment.assignments.append(
            Assignment(unit=unit, post="課長", primary=True, valid_from=moves_on, published_on=moves_on)
        )
    with cast.database.reading() as session:
        person = cast.people["security"]
        known = {row.valid_until for row in tenures_of_person(session, person, TODAY)}
        secret = {
            row.valid_until for row in tenures_of_person(session, person, TODAY, reader=Reader(TODAY, may_see=True))
        }
    assert known == {None}
    assert secret == {moves_on}
