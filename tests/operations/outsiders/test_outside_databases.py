"""People outside HR on SQLite and PostgreSQL: one life of an entry, and what the database itself refuses."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.operations.outsiders import sponsorship
from idm.operations.outsiders.outside_entry import check
from idm.operations.outsiders.sponsorship import SponsorshipChanges
from idm.queries.outsiders.contracts import contractors_without_live_contract
from idm.queries.outsiders.outside import Listed, counts, entries_page, reach_of
from idm.queries.outsiders.outside_duties import block_rows, last_consents, without_consent
from tests.cast import NOW, TODAY, Cast
from tests.outsiders import CONTRACT, SECRET, WORKER, accept, contract, end, enter, entry, let

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


def test_the_life_of_an_entry(office: Cast) -> None:
    top = let(office)
    below = let(office, replace(CONTRACT, number="再", above_id=top))
    wanted = replace(WORKER, contract_id=below, sponsor_id=office.people["staff"])
    with office.database.reading() as session:
        assert check(
            session, wanted, match_secret=SECRET, actor=office.actor("hr"), policy=office.policy, now=NOW
        ).contract  # fmt: skip
    worker = enter(office, wanted, who="hr", sponsor="staff")
    coming = enter(office, replace(wanted, name="後", kana="アト", birth_date=None, valid_from=JUNE), sponsor="staff")
    accept(office, worker, "staff")
    with office.database.writing() as session:
        office.employment(session, "staff").valid_until = MAY
    with office.database.writing() as session:
        done = sponsorship.follow(session, actor=Actor.job("tests"), policy=office.policy, now=start_of(MAY))
    assert done == SponsorshipChanges(replaced=1, ended=1, closed=0)
    end(office, top, date(2026, 5, 20), now=start_of(MAY))
    assert entry(office, worker).valid_until == contract(office, below).valid_until == date(2026, 5, 20)
    with office.database.reading() as session:
        for days in range(90):
            assert contractors_without_live_contract(session, TODAY + timedelta(days=days)) == []
        reach = reach_of(session, office.people["security"], TODAY)
        page = entries_page(session, reach, Listed.CURRENT, "ザッショ", day=TODAY)
        assert [row.employment_id for row in page.rows] == [worker]
        assert counts(session, reach, TODAY)[Listed.CURRENT] == 1
        assert coming not in {row.employment_id for row in page.rows}


def test_the_lists_of_what_is_owed(office: Cast) -> None:
    with office.database.reading() as session:
        for units in (None, frozenset({"0100"}), frozenset[str]()):
            assert without_consent(session, units, policy=office.policy, day=TODAY) == []
            assert last_consents(session, units, day=TODAY, limit=9) == []
            assert block_rows(session, units, day=TODAY) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE employments SET contract_id = NULL WHERE kind = 'contractor'",
        "UPDATE employments SET valid_until = NULL WHERE kind = 'contractor'",
        "UPDATE sponsorships SET sponsor_id = person_id",
        "UPDATE sponsorships SET accepted_at = NULL",
        "UPDATE contracts SET above_id = id",
        "INSERT INTO consents (person_id, given_on, document, recorded_by_id, recorded_at)"
        " VALUES (1, '2026-04-01', 'x', 1, '2026-04-01')",
        "INSERT INTO service_blocks (person_id, service, reason, reported_by_id, reported_at, lifted_at, lifted_by_id)"
        " VALUES (1, 'mail', 'x', 2, '2026-04-01', '2026-04-01', 1)",
    ],
)
def test_the_database_refuses_what_no_operation_would_do(office: Cast, statement: str) -> None:
    enter(office, replace(WORKER, contract_id=let(office)))
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(text(statement))
