"""A leaver's sign-in does not sleep until they come back: it ends, and the way back is a link."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from idm.actor import Actor
from idm.database import Database
from idm.errors import SignInRefused
from idm.models.people import Employment
from idm.models.sign_in import SignIn
from idm.operations.signing_in.lapsed_sign_ins import end_of_leavers
from idm.queries.signing_in.own_factors import own_authenticators
from tests.operations.signing_in.steps import POLICY, arrive, audited, enrolled, invite
from tests.small_town import NOW, Town

JOB = Actor.job("jobs.lifecycle")
KEPT = timedelta(days=POLICY.personnel.delete_after_days)


def leaves(database: Database, town: Town) -> None:
    """Yesterday was the last day."""
    with database.writing() as session:
        of_staff = update(Employment).where(Employment.person_id == town.staff)
        session.execute(of_staff.values(valid_until=NOW.date()))


def comes_back(database: Database, town: Town) -> None:
    with database.writing() as session:
        session.execute(update(Employment).where(Employment.person_id == town.staff).values(valid_until=None))


def ended(database: Database, later: timedelta) -> int:
    with database.writing() as session:
        return end_of_leavers(session, actor=JOB, policy=POLICY, now=NOW + later)


def test_who_left_long_ago_and_comes_back_needs_a_link(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    leaves(database, town)
    later = KEPT + timedelta(days=2)
    assert ended(database, later) == 1
    assert ended(database, later) == 0
    comes_back(database, town)
    with pytest.raises(SignInRefused):
        arrive(database, now=NOW + later)
    with database.reading() as session:
        assert session.scalars(select(SignIn).where(SignIn.person_id == town.staff)).all() == []
        assert own_authenticators(session, town.staff) == []
    (record,) = audited(database, "sign_in.ended")
    assert record.object_id == str(town.staff)
    assert invite(database, town, town.staff, now=NOW + later)


def test_who_left_lately_or_is_here_keeps_theirs(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    assert ended(database, KEPT + timedelta(days=2)) == 0, "employed still"
    leaves(database, town)
    assert ended(database, KEPT - timedelta(days=2)) == 0, "left lately"
    assert audited(database, "sign_in.ended") == []
