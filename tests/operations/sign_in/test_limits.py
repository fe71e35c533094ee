"""Guessing: one limit over every way in and every spelling, and nothing by which a name that is somebody's differs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice

import pytest
from sqlalchemy import func, select, update

from idm import password_hashing
from idm.database import Database
from idm.errors import SignInRefused
from idm.models.audit import AuditRecord
from idm.models.sign_in import SignIn, SignInAttempts, WebSession
from idm.models.systems import InformationSystem
from idm.operations.own_password import change_password
from idm.operations.passkeys import verify_passkey
from idm.operations.recovery_codes import draw_codes, keep_codes, sign_in_with_recovery_code
from idm.operations.sign_in import verify_code
from tests.cast import Cast
from tests.operations.sign_in.answering_directory import EXTERNAL_ID as THEIRS
from tests.operations.sign_in.answering_directory import LOGIN, WRONG, DirectoryAnswers, account_of
from tests.operations.sign_in.answering_directory import arrive as arrive_with_directory
from tests.operations.sign_in.factor_steps import CEREMONY
from tests.operations.sign_in.steps import (
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


WAYS = [by_password, by_code, by_passkey, by_recovery_code, by_code_again, by_passkey_again, by_own_password]


@pytest.mark.asvs("6.3.1", "6.3.4")
@pytest.mark.parametrize("first", range(len(WAYS)))
def test_every_way_to_guess_counts_with_every_other(database: Database, town: Town, first: int) -> None:
    with_factor(database, town, town.chief)
    inside = give_code(database, arrive(database, "100003"), code_of(NOW))
    waiting = arrive(database, "100003")
    ways = [*WAYS[first:], *WAYS[:first]][:ATTEMPTS]
    codes = [code_of_refusal(partial(way, database, waiting, inside)) for way in ways]
    assert codes == ["SIGN-IN"] * (ATTEMPTS - 1) + ["SIGN-IN-LOCKED"]
    assert refused(database, "100003").code == "SIGN-IN-LOCKED"


def test_a_right_factor_given_again_takes_back_only_its_own_attempt(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    inside = give_code(database, arrive(database, "100003"), code_of(NOW, steps_away=-1))
    for _ in range(ATTEMPTS - 1):
        refused(database, "100003")
    again = verify_code(database, token=inside, code=code_of(NOW), source=HERE, factor_key=KEY, policy=POLICY,
                        now=NOW, again=True)  # fmt: skip
    assert present(database, again).second_factor_at == NOW
    assert refused(database, "100003").code == "SIGN-IN-LOCKED", "what others guessed meanwhile still counts"


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
