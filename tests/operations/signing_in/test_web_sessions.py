"""Sessions: how long they hold, and what ends them at once."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from idm.database import Database
from idm.models.officers import Officer
from idm.models.people import Employment
from idm.models.sign_in import EnrolmentLink, WebSession
from idm.operations.signing_in.web_sessions import (
    Stage,
    end_all_sessions,
    end_session,
    note_use,
    resume_session,
)
from idm.vocabulary import Role
from tests.operations.signing_in.factor_steps import add_passkey, passkey, with_passkey
from tests.operations.signing_in.steps import (
    MINUTE,
    PASSWORD,
    POLICY,
    arrive,
    audited,
    enrol,
    enrolled,
    invite,
    inviter,
    present,
    who,
)
from tests.small_town import NOW, Town


@pytest.mark.asvs("7.3.1")
def test_a_session_ends_after_the_profiles_idle_minutes(database: Database, town: Town) -> None:
    token = enrolled(database, town, town.staff)
    assert who(database, token, now=NOW + MINUTE * 9)
    assert who(database, token, now=NOW + MINUTE * POLICY.sign_in.idle_minutes) is None


@pytest.mark.asvs("7.3.2")
def test_use_keeps_a_session_alive_until_the_profiles_hours(database: Database, town: Town) -> None:
    token = enrolled(database, town, town.staff)
    end = NOW + timedelta(hours=POLICY.sign_in.absolute_hours)
    now = NOW
    while now < end:
        found = present(database, token, now=now)
        with database.writing() as session:
            note_use(session, session_id=found.session_id, now=now)
        now += MINUTE * 9
    assert who(database, token, now=end) is None


@pytest.mark.asvs("7.3.2")
def test_enrolling_another_second_factor_makes_no_session_last_longer(database: Database, town: Town) -> None:
    token, _key = with_passkey(database, town, town.chief)
    until = lasts_until(database, token)
    later = NOW + MINUTE * 5
    assert lasts_until(database, add_passkey(database, token, passkey(), now=later), now=later) == until


def lasts_until(database: Database, token: str, *, now: datetime = NOW) -> datetime:
    found = present(database, token, now=now)
    with database.reading() as session:
        return session.get_one(WebSession, found.session_id).expires_at


def test_looking_notes_use_only_now_and_then(database: Database, town: Town) -> None:
    token = enrolled(database, town, town.staff)
    assert not present(database, token, now=NOW + timedelta(seconds=29)).note_is_due
    assert present(database, token, now=NOW + timedelta(seconds=30)).note_is_due


def test_a_slow_request_does_not_turn_the_clock_of_a_session_back(database: Database, town: Town) -> None:
    token = enrolled(database, town, town.staff)
    found = present(database, token)
    with database.writing() as session:
        note_use(session, session_id=found.session_id, now=NOW + MINUTE * 8)
        note_use(session, session_id=found.session_id, now=NOW + MINUTE * 5)
    assert who(database, token, now=NOW + MINUTE * 17)


@pytest.mark.asvs("7.4.2")
def test_a_session_ends_the_moment_its_person_has_left(database: Database, town: Town) -> None:
    token = enrolled(database, town, town.staff)
    with database.writing() as session:
        session.execute(
            update(Employment).where(Employment.person_id == town.staff).values(valid_until=date(2026, 11, 20))
        )
    assert who(database, token) is None


def test_a_role_gained_during_a_session_demands_its_factor_at_once(database: Database, town: Town) -> None:
    token = enrolled(database, town, town.staff)
    assert present(database, token).stage is Stage.SIGNED_IN
    with database.writing() as session:
        record = session.scalars(select(Officer.first_record_id)).first()
        session.add(Officer(role=Role.CISO, person_id=town.staff, valid_from=date(2026, 11, 1), first_record_id=record))
    assert present(database, token).stage is Stage.FACTOR_NEEDED


@pytest.mark.asvs("7.4.1")
def test_an_ended_session_stays_ended(database: Database, town: Town) -> None:
    token = enrolled(database, town, town.staff)
    found = present(database, token)
    with database.writing() as session:
        end_session(session, session_id=found.session_id, actor=found.actor, policy=POLICY, now=NOW)
        note_use(session, session_id=found.session_id, now=NOW + MINUTE)
    assert who(database, token) is None
    assert len(audited(database, "sign_in.session_ended")) == 1


def test_all_sessions_of_a_person_can_be_ended(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    tokens = [arrive(database), arrive(database)]
    with database.writing() as session:
        assert end_all_sessions(session, person_id=town.staff, actor=inviter(town), policy=POLICY, now=NOW) == 3
    assert [who(database, token) for token in tokens] == [None, None]


def test_the_last_sign_in_and_sign_out_are_told_at_the_next_one(database: Database, town: Town) -> None:
    first = present(database, enrolled(database, town, town.staff))
    assert (first.previous_sign_in_at, first.previous_sign_out_at) == (None, None)
    with database.writing() as session:
        end_session(session, session_id=first.session_id, actor=first.actor, policy=POLICY, now=NOW + MINUTE)
    later = NOW + timedelta(hours=1)
    second = present(database, arrive(database, now=later), now=later)
    assert (second.previous_sign_in_at, second.previous_sign_out_at) == (NOW, NOW + MINUTE)


def test_a_session_left_open_counts_as_signed_out_when_it_ran_out(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    later = NOW + timedelta(hours=1)
    found = present(database, arrive(database, now=later), now=later)
    assert found.previous_sign_out_at == NOW + POLICY.idle


@pytest.mark.asvs("7.2.2")
def test_the_database_holds_no_token_of_a_session_or_a_link(database: Database, town: Town) -> None:
    link = invite(database, town, town.staff)
    with database.writing() as session:
        token = enrol(session, token=link, password=PASSWORD, policy=POLICY, now=NOW)
        kept = {*session.scalars(select(WebSession.token_hash)), *session.scalars(select(EnrolmentLink.token_hash))}
    assert not kept & {link, token}
    assert all(len(text) == 64 for text in kept)


def test_a_profile_without_factor_roles_lets_an_officer_in_with_a_password(database: Database, town: Town) -> None:
    lenient = replace(POLICY, sign_in=replace(POLICY.sign_in, second_factor_roles=frozenset()))
    token = enrolled(database, town, town.chief)
    with database.reading() as session:
        found = resume_session(session, token=token, policy=lenient, now=NOW)
    assert found is not None
    assert found.stage is Stage.SIGNED_IN
