"""Where somebody is signed in: noted, told when it is new, ended by its owner or by officers."""

import pytest
from sqlalchemy import select, update

from idm.actor import Actor
from idm.database import Database
from idm.errors import NotFound, NotPermitted
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.sign_in import WebSession
from idm.models.work import MailMessage
from idm.operations.signing_in import signed_in_places as places
from idm.queries.signing_in.open_sessions import open_sessions, people_signed_in
from idm.vocabulary import Role
from tests.operations.signing_in.steps import (
    MINUTE,
    POLICY,
    arrive,
    audited,
    enrolled,
    inviter,
    present,
    who,
    with_factor,
)
from tests.small_town import NOW, Town

EDGE, CHROME = "Edge（Windows）", "Chrome（Windows）"


def note(database: Database, token: str, source: str = "192.0.2.7", browser: str = EDGE) -> str:
    with database.writing() as session:
        places.note_place(session, token=token, source=source, browser=browser, policy=POLICY, now=NOW)
    return token


def mails(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(MailMessage.body).order_by(MailMessage.id)))


@pytest.fixture
def staff(database: Database, town: Town) -> int:
    """Somebody with a mail address, enrolled and signed in at their own PC."""
    with database.writing() as session:
        session.execute(update(Person).values(mail="someone@example.jp"))
    note(database, enrolled(database, town, town.staff))
    return town.staff


def security(database: Database, town: Town) -> Actor:
    """The chief is security officer as well."""
    with database.writing() as session:
        record = session.scalars(select(Officer.first_record_id)).first()
        session.add(Officer(role=Role.SECURITY, person_id=town.chief, valid_from=NOW.date(), first_record_id=record))
    return Actor(town.chief, "髙橋 次郎", NOW)


@pytest.mark.usefixtures("staff")
def test_the_first_place_and_one_used_before_are_told_to_nobody(database: Database) -> None:
    note(database, arrive(database))
    assert mails(database) == []


@pytest.mark.usefixtures("staff")
@pytest.mark.parametrize(("source", "browser"), [("192.0.2.8", EDGE), ("192.0.2.7", CHROME)])
def test_a_browser_or_an_address_never_seen_before_is_told_once(database: Database, source: str, browser: str) -> None:
    note(database, arrive(database), source, browser)
    (body,) = mails(database)
    assert source in body
    assert browser in body
    note(database, arrive(database), source, browser)
    note(database, arrive(database))
    assert len(mails(database)) == 1


def test_what_one_person_used_is_new_for_another(database: Database, town: Town, staff: int) -> None:
    note(database, enrolled(database, town, town.inviter), "198.51.100.1")
    with database.writing() as session:
        session.execute(update(WebSession).where(WebSession.person_id != staff).values(second_factor_at=NOW))
    assert mails(database) == []
    note(database, arrive(database), "198.51.100.1")
    assert len(mails(database)) == 1


def test_somebody_who_knows_the_password_alone_makes_no_place_known(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    waiting = note(database, arrive(database, "100003"), "203.0.113.9", CHROME)
    with database.reading() as session:
        assert session.scalars(select(WebSession.source)).all() == [None]
        (listed,) = open_sessions(session, town.chief, policy=POLICY, now=NOW)
    assert (listed.source, listed.browser) == (None, None)
    assert present(database, waiting).person_id == town.chief


@pytest.mark.usefixtures("staff")
def test_a_place_is_noted_once_and_a_text_of_any_length_fits(database: Database) -> None:
    token = note(database, arrive(database), "x" * 100, "y" * 100)
    note(database, token, "203.0.113.9", CHROME)
    with database.reading() as session:
        found = session.get_one(WebSession, present(database, token).session_id)
    assert (found.source, found.browser) == ("x" * 64, "y" * 64)


@pytest.mark.asvs("7.5.2")
def test_only_what_is_open_is_listed_the_one_used_last_first(database: Database, staff: int) -> None:
    later = NOW + MINUTE * 5
    second = arrive(database, now=later)
    ended = arrive(database, now=later)
    with database.writing() as session:
        places.end_own(session, present(database, ended, now=later).session_id, actor=Actor(staff, "x"), policy=POLICY,
                       now=later)  # fmt: skip
    with database.reading() as session:
        both = open_sessions(session, staff, policy=POLICY, now=later)
        left = open_sessions(session, staff, policy=POLICY, now=NOW + MINUTE * 12)
    assert [one.since for one in both] == [later, NOW]
    assert [one.id for one in left] == [present(database, second, now=later).session_id]


@pytest.mark.asvs("7.5.2", "7.4.1")
def test_one_of_ones_own_is_ended_at_once_and_nobody_elses(database: Database, town: Town, staff: int) -> None:
    mine, theirs = arrive(database), enrolled(database, town, town.inviter)
    me = present(database, mine).actor
    with database.writing() as session:
        places.end_own(session, present(database, mine).session_id, actor=me, policy=POLICY, now=NOW)
        with pytest.raises(NotFound):
            places.end_own(session, present(database, theirs).session_id, actor=me, policy=POLICY, now=NOW)
        with pytest.raises(NotFound):
            places.end_own(session, 4711, actor=me, policy=POLICY, now=NOW)
    assert who(database, mine) is None
    assert who(database, theirs) is not None
    assert [record.object_id for record in audited(database, "sign_in.session_ended")] == [str(staff)]


@pytest.mark.asvs("7.4.3", "7.5.2")
@pytest.mark.usefixtures("staff")
def test_all_but_this_one_are_ended(database: Database) -> None:
    mine, other = arrive(database), arrive(database)
    found = present(database, mine)
    with database.writing() as session:
        ended = places.end_others(session, keep_session=found.session_id, actor=found.actor, policy=POLICY, now=NOW)
    assert ended == 2
    assert who(database, other) is None
    assert who(database, mine) is not None


@pytest.mark.asvs("7.4.5")
def test_the_desk_ends_one_persons_and_they_are_told(database: Database, town: Town, staff: int) -> None:
    tokens = [arrive(database), arrive(database)]
    with database.writing() as session:
        assert places.end_of_person(session, staff, actor=inviter(town), policy=POLICY, now=NOW) == 3
    assert [who(database, token) for token in tokens] == [None, None]
    (record,) = audited(database, "sign_in.all_sessions_ended")
    assert (record.actor_id, record.object_id) == (town.inviter, str(staff))
    assert "サインインをすべて終了しました" in mails(database)[0]


@pytest.mark.asvs("7.4.5")
def test_the_security_officer_ends_everybodys_ones_own_as_well(database: Database, town: Town, staff: int) -> None:
    tokens = [arrive(database), enrolled(database, town, town.chief), enrolled(database, town, town.inviter)]
    officer = security(database, town)
    with database.reading() as session:
        assert people_signed_in(session, policy=POLICY, now=NOW) == 3
    with database.writing() as session:
        assert places.end_of_everybody(session, actor=officer, policy=POLICY, now=NOW) == 3
    assert [who(database, token) for token in tokens] == [None] * 3
    with database.reading() as session:
        assert people_signed_in(session, policy=POLICY, now=NOW) == 0
    assert len(audited(database, "sign_in.everybodys_sessions_ended")) == 1
    assert str(staff) in {record.object_id for record in audited(database, "sign_in.all_sessions_ended")}


def test_nobody_else_ends_others(database: Database, town: Town, staff: int) -> None:
    with database.writing() as session:
        for actor in (Actor(staff, "x"), Actor(town.auditor, "y"), Actor.job("jobs.lifecycle")):
            with pytest.raises(NotPermitted):
                places.end_of_person(session, town.chief, actor=actor, policy=POLICY, now=NOW)
        for actor in (Actor(staff, "x"), inviter(town)):
            with pytest.raises(NotPermitted):
                places.end_of_everybody(session, actor=actor, policy=POLICY, now=NOW)
        with pytest.raises(NotFound):
            places.end_of_person(session, 4711, actor=inviter(town), policy=POLICY, now=NOW)
