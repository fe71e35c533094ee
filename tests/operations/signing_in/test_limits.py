"""Guessing: one limit over every way in and every spelling, and nothing by which a name that is somebody's differs."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import cycle, islice

import pytest
from sqlalchemy import func, select, update

from idm.database import Database
from idm.errors import SignInRefused
from idm.models.audit import AuditRecord
from idm.models.people import Person
from idm.models.sign_in import SignIn, SignInAttempts, WebSession
from idm.models.systems import InformationSystem
from idm.operations.signing_in.own_password import change_password
from idm.operations.signing_in.passkeys import verify_passkey
from idm.operations.signing_in.recovery_codes import draw_codes, keep_codes, sign_in_with_recovery_code
from idm.operations.signing_in.sign_in import sign_in, verify_code
from idm.operations.signing_in.sign_in_attempts import NAMED_SOURCES
from idm.passwords import password_hashing
from tests.cast import Cast
from tests.operations.signing_in.answering_directory import EXTERNAL_ID as THEIRS
from tests.operations.signing_in.answering_directory import LOGIN, WRONG, DirectoryAnswers, account_of
from tests.operations.signing_in.answering_directory import arrive as arrive_with_directory
from tests.operations.signing_in.factor_steps import CEREMONY, told
from tests.operations.signing_in.steps import (
    HERE,
    KEY,
    ON_BOTH_DATABASES,
    PASSWORD,
    POLICY,
    arrive,
    audited,
    code_of,
    enrolled,
    give_code,
    present,
    refused,
    who,
    with_factor,
    wrong_code,
)
from tests.small_town import NOW, Town

ATTEMPTS = POLICY.sign_in.attempts


def code_of_refusal(attempt: Callable[[], object]) -> str:
    with pytest.raises(SignInRefused) as refusal:
        attempt()
    return refusal.value.code


@ON_BOTH_DATABASES
@pytest.mark.asvs("6.3.1")
def test_two_hundred_guesses_at_once_under_every_spelling_of_a_name_do_not_exceed_the_limit(
    database: Database, town: Town
) -> None:
    enrolled(database, town, town.staff, name="sato")
    spellings = list(islice(cycle(["sato", "SATO", " sato", "sato ", "Sato"]), 200))
    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(lambda name: refused(database, name).code, spellings))
    assert codes.count("SIGN-IN") == ATTEMPTS - 1
    assert codes.count("SIGN-IN-LOCKED") == 200 - (ATTEMPTS - 1)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SignInAttempts)) == 1


def by_password(database: Database, _waiting: str, _inside: str) -> object:
    return arrive(database, " 100003", "ちがうパスワードです！")


def by_code(database: Database, waiting: str, _inside: str) -> object:
    return give_code(database, waiting, wrong_code(NOW))


def by_passkey(database: Database, waiting: str, _inside: str) -> object:
    return verify_passkey(database, token=waiting, answer="{}", source=HERE, ceremony=CEREMONY, policy=POLICY,
                          now=NOW)  # fmt: skip


def by_recovery_code(database: Database, waiting: str, _inside: str) -> object:
    return sign_in_with_recovery_code(database, token=waiting, typed=draw_codes().shown[0], source=HERE, policy=POLICY,
                                      now=NOW)  # fmt: skip


def by_code_again(database: Database, _waiting: str, inside: str) -> object:
    return verify_code(database, token=inside, code=wrong_code(NOW), source=HERE, factor_key=KEY, policy=POLICY,
                       now=NOW, again=True)  # fmt: skip


def by_passkey_again(database: Database, _waiting: str, inside: str) -> object:
    return verify_passkey(database, token=inside, answer="{}", source=HERE, ceremony=CEREMONY, policy=POLICY,
                          now=NOW, again=True)  # fmt: skip


def by_own_password(database: Database, _waiting: str, inside: str) -> object:
    return change_password(database, token=inside, old="ちがう", new=PASSWORD, source=HERE, policy=POLICY, now=NOW)


INSIDE = [by_code, by_passkey, by_recovery_code, by_code_again, by_passkey_again, by_own_password]
WAYS = [by_password, *INSIDE]


def given_again(database: Database, inside: str, *, steps_away: int = 0) -> str:
    return verify_code(database, token=inside, code=code_of(NOW, steps_away=steps_away), source=HERE, factor_key=KEY,
                       policy=POLICY, now=NOW, again=True)  # fmt: skip


@pytest.mark.asvs("6.3.1", "6.3.4")
@pytest.mark.parametrize("first", range(len(INSIDE)))
def test_behind_the_first_step_every_way_to_guess_counts_with_every_other(
    database: Database, town: Town, first: int
) -> None:
    with_factor(database, town, town.chief)
    inside = give_code(database, arrive(database, "100003"), code_of(NOW, steps_away=-1))
    waiting, another = arrive(database, "100003"), arrive(database, "100003")
    ways = [*INSIDE[first:], *INSIDE[:first]][:ATTEMPTS]
    codes = [code_of_refusal(partial(way, database, waiting, inside)) for way in ways]
    assert codes == ["SIGN-IN"] * (ATTEMPTS - 1) + ["SIGN-IN-LOCKED"]
    assert code_of_refusal(partial(give_code, database, another, code_of(NOW))) == "SIGN-IN-LOCKED"


@ON_BOTH_DATABASES
@pytest.mark.asvs("6.3.1")
def test_guesses_at_once_in_many_sessions_do_not_exceed_the_limit_of_the_second_step(
    database: Database, town: Town
) -> None:
    with_factor(database, town, town.chief)
    waiting = [arrive(database, "100003") for _ in range(24)]
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda token: code_of_refusal(partial(by_code, database, token, "")), waiting))
    assert codes.count("SIGN-IN") == ATTEMPTS - 1
    assert len(audited(database, "sign_in.attempted")) == ATTEMPTS


@ON_BOTH_DATABASES
@pytest.mark.asvs("6.1.1", "6.3.1")
def test_who_types_somebodys_name_ends_no_session_of_theirs_and_stands_between_nobody_and_the_second_step(
    database: Database, town: Town
) -> None:
    with_factor(database, town, town.chief)
    inside = give_code(database, arrive(database, "100003"), code_of(NOW, steps_away=-1))
    waiting = arrive(database, "100003")
    assert [refused(database, "100003").code for _ in range(ATTEMPTS + 1)][-2:] == ["SIGN-IN-LOCKED"] * 2
    inside = given_again(database, inside)
    assert present(database, inside).second_factor_at == NOW
    inside = change_password(database, token=inside, old=PASSWORD, new=PASSWORD + "また", source=HERE, policy=POLICY,
                             now=NOW)  # fmt: skip
    assert present(database, inside).person_id == town.chief
    assert who(database, waiting) is None, "the new password ended it, and nothing before"


@pytest.mark.asvs("6.1.1")
def test_who_waits_for_the_second_step_is_let_in_while_others_lock_the_name(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    waiting = arrive(database, "100003")
    for _ in range(ATTEMPTS):
        refused(database, "100003")
    assert present(database, give_code(database, waiting, code_of(NOW))).failures_before == ATTEMPTS


def test_a_right_factor_given_again_takes_back_only_its_own_attempt(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    inside = give_code(database, arrive(database, "100003"), code_of(NOW, steps_away=-1))
    waiting = arrive(database, "100003")
    for _ in range(ATTEMPTS - 1):
        code_of_refusal(partial(by_code, database, waiting, inside))
    again = given_again(database, inside)
    assert present(database, again).second_factor_at == NOW
    assert code_of_refusal(partial(by_code, database, waiting, again)) == "SIGN-IN-LOCKED"


# --- what is told ----------------------------------------------------------------------------------------------------


def test_failures_of_every_lock_since_the_last_sign_in_are_told(database: Database, town: Town) -> None:
    """Also those during locks, and after more than a day without any."""
    with_factor(database, town, town.chief)
    now = NOW
    for _ in range(3):
        for _ in range(ATTEMPTS + 2):
            refused(database, "100003", now=now)
        now += timedelta(days=2)
    token = give_code(database, arrive(database, "100003", now=now), code_of(now), now=now)
    assert present(database, token, now=now).failures_before == 3 * (ATTEMPTS + 2)
    later = now + timedelta(minutes=1)
    token = give_code(database, arrive(database, "100003", now=later), code_of(later, steps_away=1), now=later)
    assert present(database, token, now=later).failures_before == 0


def test_the_first_lock_of_the_second_step_is_told_to_its_owner_by_mail_once(database: Database, town: Town) -> None:
    """Somebody has passed the first step, and so knows the password; who types a name knows nothing."""
    with_factor(database, town, town.chief)
    with database.writing() as session:
        session.get_one(Person, town.chief).mail = "chief@aoba.example"
    told_of = "サインインの確認の失敗が続きました"
    for _ in range(ATTEMPTS + 1):
        refused(database, "100003")
    assert told(database, "chief@aoba.example") == []
    for locks in range(2):
        now = NOW + timedelta(minutes=16 * (locks + 1))
        for _ in range(ATTEMPTS):
            waiting = arrive(database, "100003", now=now)
            with pytest.raises(SignInRefused):
                give_code(database, waiting, wrong_code(now), now=now)
    assert told(database, "chief@aoba.example") == [told_of]


@ON_BOTH_DATABASES
def test_attempts_during_a_lock_are_one_record_with_their_number_at_the_next_event(
    database: Database, town: Town
) -> None:
    enrolled(database, town, town.staff)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: refused(database, "100001"), range(60)))
    assert len(audited(database, "sign_in.attempted")) == ATTEMPTS
    assert audited(database, "sign_in.refused_during_lock") == []
    later = NOW + timedelta(minutes=POLICY.sign_in.lock_minutes)
    assert present(database, arrive(database, now=later), now=later).failures_before == 60
    (record,) = audited(database, "sign_in.refused_during_lock")
    assert (record.object_kind, record.object_id) == ("person", str(town.staff))
    assert json.loads(record.payload or "") == {"attempts": 60 - ATTEMPTS, "sources": {HERE: 60 - ATTEMPTS}}


@ON_BOTH_DATABASES
def test_attempts_during_the_lock_of_a_name_that_is_nobodys_are_on_record_before_it_is_forgotten(
    database: Database, town: Town
) -> None:
    enrolled(database, town, town.staff)
    for _ in range(ATTEMPTS + 7):
        refused(database, "999999")
    days_later = NOW + timedelta(days=3)
    arrive(database, now=days_later)
    (record,) = audited(database, "sign_in.refused_during_lock")
    assert (record.object_kind, record.object_id) == ("sign_in", "unknown")
    assert json.loads(record.payload or "") == {"attempts": 7, "sources": {HERE: 7}}
    arrive(database, now=days_later)
    with database.reading() as session:
        left = session.scalars(select(SignInAttempts).where(SignInAttempts.person_id.is_(None))).all()
    assert left == []


def test_of_many_addresses_during_one_lock_the_first_are_counted_apart(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    for _ in range(ATTEMPTS):
        refused(database, "100001")
    for number in range(NAMED_SOURCES + 5):
        with pytest.raises(SignInRefused):
            sign_in(
                database, name="100001", password="x", source=f"192.0.2.{number}", policy=POLICY, now=NOW
            )  # fmt: skip
    with database.reading() as session:
        (row,) = session.scalars(select(SignInAttempts)).all()
    assert (row.during_lock, len(row.lock_sources)) == (NAMED_SOURCES + 5, NAMED_SOURCES)


@pytest.mark.parametrize("name", ["100001", "999999"])
def test_a_lock_of_several_days_lasts_so_long(database: Database, town: Town, name: str) -> None:
    enrolled(database, town, town.staff)
    policy = replace(POLICY, sign_in=replace(POLICY.sign_in, lock_minutes=3 * 24 * 60))
    codes = []
    for now in [NOW] * ATTEMPTS + [NOW + timedelta(days=1, minutes=1), NOW + timedelta(days=3)]:
        with pytest.raises(SignInRefused) as caught:
            sign_in(database, name=name, password="ちがう", source=HERE, policy=policy, now=now)
        codes.append(caught.value.code)
    assert codes[-3:] == ["SIGN-IN-LOCKED", "SIGN-IN-LOCKED", "SIGN-IN"]


def test_who_waits_for_the_code_cannot_give_it_as_if_signed_in_nor_the_other_way_round(
    database: Database, town: Town
) -> None:
    with_factor(database, town, town.chief)
    waiting = arrive(database, "100003")
    with pytest.raises(SignInRefused, match="はじめから"):
        verify_code(database, token=waiting, code=code_of(NOW), source=HERE, factor_key=KEY, policy=POLICY, now=NOW,
                    again=True)  # fmt: skip
    inside = give_code(database, waiting, code_of(NOW))
    with pytest.raises(SignInRefused, match="はじめから"):
        give_code(database, inside, code_of(NOW, steps_away=1))


def test_a_code_given_again_is_on_record_and_ends_no_session_of_its_owner(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    inside = give_code(database, arrive(database, "100003"), code_of(NOW, steps_away=-1))
    other = arrive(database, "100003")
    verify_code(database, token=inside, code=code_of(NOW), source=HERE, factor_key=KEY, policy=POLICY, now=NOW,
                again=True)  # fmt: skip
    assert present(database, other).person_id == town.chief
    (record,) = audited(database, "sign_in.factor_renewed")
    assert (record.actor_id, record.object_id) == (town.chief, str(town.chief))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(WebSession).where(WebSession.ended_at.is_(None))) == 2


@ON_BOTH_DATABASES
@pytest.mark.asvs("6.5.1")
def test_one_code_used_in_fifty_sign_ins_at_once_lets_one_in(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    waiting = [arrive(database, "100003") for _ in range(50)]

    def attempt(token: str) -> bool:
        try:
            return bool(give_code(database, token, code_of(NOW)))
        except SignInRefused:
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, waiting)) == 1
    assert len(audited(database, "sign_in.completed")) == 1


@pytest.mark.asvs("6.5.1")
def test_a_recovery_code_used_in_many_sign_ins_at_once_lets_one_in(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    inside = present(database, give_code(database, arrive(database, "100003"), code_of(NOW)))
    codes = draw_codes()
    with database.writing() as session:
        keep_codes(session, codes, signed_in=inside, policy=POLICY, now=NOW)
    waiting = [arrive(database, "100003") for _ in range(8)]

    def attempt(token: str) -> bool:
        try:
            return bool(sign_in_with_recovery_code(database, token=token, typed=codes.shown[0], source=HERE,
                                                   policy=POLICY, now=NOW))  # fmt: skip
        except SignInRefused:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, waiting)) == 1


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time a password is hashed to be compared."""
    done: list[str] = []
    real = password_hashing._HASHER

    class Counting:
        memory_cost, time_cost, parallelism = real.memory_cost, real.time_cost, real.parallelism

        def verify(self, hashed: str, typed: bytes) -> bool:
            done.append(hashed)
            return real.verify(hashed, typed)

        def check_needs_rehash(self, hashed: str) -> bool:
            return real.check_needs_rehash(hashed)

        def hash(self, typed: bytes) -> str:
            return real.hash(typed)

    monkeypatch.setattr(password_hashing, "_HASHER", Counting())
    return done


def test_a_name_costs_the_same_work_whosever_it_is(cast: Cast, work: list[str]) -> None:
    """One hash and one question, whether the name is nobody's, of either way, or no name at all."""
    directory = DirectoryAnswers()
    account_of(cast, "staff", THEIRS)
    with cast.database.writing() as session:
        session.execute(update(InformationSystem).where(InformationSystem.code == "ledger").values(for_sign_in=True))
        for who, name in (("chief", "100003"), ("hr", "100006")):
            hashed = password_hashing.hash_password(PASSWORD)
            session.add(SignIn(person_id=cast.people[who], name=name, password_hash=hashed))
    cost = {}
    for name in ("100003", "100006", LOGIN, "nobody-has-this", "１００００３", "", "x" * 200, "a b"):
        work.clear()
        directory.asked.clear()
        with pytest.raises(SignInRefused):
            arrive_with_directory(cast, directory, name, WRONG)
        cost[name] = (len(work), len(directory.asked))
    assert set(cost.values()) == {(1, 1)}, cost


def test_a_locked_name_costs_the_same_work_whosever_it_is(database: Database, town: Town, work: list[str]) -> None:
    enrolled(database, town, town.staff)
    cost = []
    for name in ("100001", "999999"):
        for _ in range(ATTEMPTS):
            refused(database, name)
        work.clear()
        assert refused(database, name).code == "SIGN-IN-LOCKED"
        cost.append(len(work))
    assert cost == [1, 1]


@pytest.mark.asvs("6.2.10")
def test_a_password_does_not_run_out(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    later = NOW.replace(year=NOW.year + 10)
    assert present(database, arrive(database, now=later), now=later).person_id == town.staff


@pytest.mark.asvs("16.3.1")
def test_every_attempt_of_every_way_is_on_record_once(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    inside = give_code(database, arrive(database, "100003"), code_of(NOW))
    waiting = arrive(database, "100003")
    for way in WAYS:
        with database.writing() as session:
            session.execute(update(SignInAttempts).values(count=0, locked_until=None))
        code_of_refusal(partial(way, database, waiting, inside))
    with database.reading() as session:
        failed = session.scalars(select(AuditRecord.object_id).where(AuditRecord.action == "sign_in.attempted")).all()
    assert failed == [str(town.chief)] * len(WAYS)
