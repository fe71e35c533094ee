"""Changing one's own password: the old one is asked for and counted, and nobody else stays signed in."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from idm.database import Database
from idm.errors import IllegalTransition, InvalidInput, Refusal, SignInRefused
from idm.models.people import Person
from idm.models.sign_in import SignIn
from idm.models.work import MailMessage
from idm.operations.signing_in import own_password
from idm.operations.signing_in.own_password import change_password
from idm.vocabulary import SignInWay
from tests.operations.signing_in.steps import (
    HERE,
    ON_BOTH_DATABASES,
    PASSWORD,
    POLICY,
    arrive,
    audited,
    enrolled,
    invite,
    present,
    refused,
    who,
)
from tests.small_town import NOW, Town

NEW = "雨上がりの坂道を自転車で下る"
ATTEMPTS = POLICY.sign_in.attempts


def change(database: Database, token: str, *, old: str = PASSWORD, new: str = NEW) -> str:
    return change_password(database, token=token, old=old, new=new, source=HERE, policy=POLICY, now=NOW)


def code_of_change(database: Database, token: str, old: str) -> str:
    """How it ends."""
    try:
        change(database, token, old=old)
    except Refusal as refusal:
        return refusal.code
    return "changed"


@pytest.mark.asvs("6.2.2")
def test_the_new_password_opens_and_the_old_one_does_not(database: Database, town: Town) -> None:
    change(database, enrolled(database, town, town.staff))
    assert arrive(database, password=NEW)
    with pytest.raises(SignInRefused):
        arrive(database)


@pytest.mark.asvs("6.2.3")
@pytest.mark.parametrize("old", ["", "ちがうパスワードです！", NEW, PASSWORD + " "])
def test_without_the_old_one_nothing_changes_and_the_attempt_counts(database: Database, town: Town, old: str) -> None:
    token = enrolled(database, town, town.staff)
    with pytest.raises(SignInRefused, match="いまのパスワード"):
        change(database, token, old=old)
    (record,) = audited(database, "sign_in.attempted")
    assert (record.code, record.object_id) == ("SIGN-IN", str(town.staff))
    assert present(database, arrive(database)).failures_before == 1


@pytest.mark.asvs("6.3.1")
def test_its_attempts_are_limited_and_the_last_one_ends_the_session(database: Database, town: Town) -> None:
    token, another = enrolled(database, town, town.staff), arrive(database)
    codes = [code_of_change(database, token, "ちがう") for _ in range(ATTEMPTS)]
    assert codes == ["SIGN-IN"] * (ATTEMPTS - 1) + ["SIGN-IN-LOCKED"]
    assert who(database, token) is None
    assert code_of_change(database, another, PASSWORD) == "SIGN-IN-LOCKED"
    assert audited(database, "sign_in.password_changed") == []


@pytest.mark.asvs("6.1.1")
def test_wrong_passwords_typed_under_the_name_keep_nobody_from_changing_theirs(database: Database, town: Town) -> None:
    token = enrolled(database, town, town.staff)
    for _ in range(ATTEMPTS):
        refused(database)
    assert code_of_change(database, token, PASSWORD) == "changed"


@ON_BOTH_DATABASES
@pytest.mark.asvs("6.3.1")
def test_parallel_guesses_of_the_old_one_do_not_exceed_the_limit(
    database: Database, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = enrolled(database, town, town.staff)
    compared: list[str] = []
    monkeypatch.setattr(own_password, "verify_password", lambda _hash, password: compared.append(password))
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda number: code_of_change(database, token, f"guess {number}"), range(24)))
    assert "changed" not in codes
    assert len(compared) == ATTEMPTS


def test_a_right_old_one_does_not_count_though_the_new_one_is_refused(database: Database, town: Town) -> None:
    token = enrolled(database, town, town.staff)
    for _ in range(ATTEMPTS + 1):
        with pytest.raises(InvalidInput, match="推測"):
            change(database, token, new="Shiyakusho2026!")
    assert change(database, token)


@pytest.mark.asvs("7.2.4", "7.4.3")
def test_every_other_session_is_ended_and_this_one_goes_on_under_another_token(database: Database, town: Town) -> None:
    first, other = enrolled(database, town, town.staff), arrive(database)
    now_token = change(database, first)
    assert present(database, now_token).person_id == town.staff
    assert [who(database, first), who(database, other)] == [None, None]


def test_its_owner_is_told_and_it_is_on_record_without_any_password(database: Database, town: Town) -> None:
    with database.writing() as session:
        session.execute(update(Person).where(Person.id == town.staff).values(mail="staff@example.jp"))
    change(database, enrolled(database, town, town.staff))
    (record,) = audited(database, "sign_in.password_changed")
    assert (record.actor_id, record.object_id) == (town.staff, str(town.staff))
    with database.reading() as session:
        assert session.scalars(select(MailMessage.recipient)).all() == ["staff@example.jp"]
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        dump = "\n".join(driver.iterdump())
    assert PASSWORD not in dump
    assert NEW not in dump


@pytest.mark.parametrize(
    ("way", "where"), [(SignInWay.DIRECTORY, "パソコンで変更"), (SignInWay.PROVIDER, "サービスの画面で変更")]
)
def test_who_has_none_here_is_told_where_it_is_changed(
    database: Database, town: Town, monkeypatch: pytest.MonkeyPatch, way: SignInWay, where: str
) -> None:
    token = enrolled(database, town, town.staff)
    with database.writing() as session:
        session.execute(update(SignIn).values(way=way, password_hash=None))
    monkeypatch.setattr("idm.operations.signing_in.web_sessions._may_still", lambda *_args, **_options: True)
    with pytest.raises(IllegalTransition, match=where):
        change(database, token)


def test_a_link_used_meanwhile_wins(database: Database, town: Town) -> None:
    token = enrolled(database, town, town.staff)
    with database.writing() as session:
        session.execute(update(SignIn).values(password_hash="-"))
    assert code_of_change(database, token, PASSWORD) == "SIGN-IN"
    assert invite(database, town, town.staff)


@pytest.mark.asvs("6.2.9")
@pytest.mark.parametrize("length", [64, 72, 73, 128])
def test_long_passwords_work_from_end_to_end_and_to_the_last_character(
    database: Database, town: Town, length: int
) -> None:
    sentence = "ながい坂道の上にある古い図書館で雨の音を聞きながら本を読むのが好きだった祖父の時計は今も動いている。"
    long = (sentence * 3)[:length]
    change(database, enrolled(database, town, town.staff), new=long)
    assert arrive(database, password=long)
    with pytest.raises(SignInRefused):
        arrive(database, password=long[:-1])
