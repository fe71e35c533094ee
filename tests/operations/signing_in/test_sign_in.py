"""Name and password: who is let in, who is not, and what is written down either way."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Literal

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from idm.database import Database
from idm.errors import SignInRefused
from idm.models.sign_in import SignIn, SignInAttempts
from idm.operations.signing_in.sign_in import canonical_name
from idm.operations.signing_in.web_sessions import (
    Stage,
)
from idm.passwords import password_hashing
from idm.passwords.password_hashing import hash_password, verify_password
from tests.operations.signing_in.steps import (
    HERE,
    MINUTE,
    ON_BOTH_DATABASES,
    PASSWORD,
    POLICY,
    arrive,
    audited,
    enrolled,
    present,
    refused,
)
from tests.small_town import NOW, Town


@ON_BOTH_DATABASES
def test_name_and_password_open_a_session_for_somebody_without_a_role(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    found = present(database, arrive(database))
    assert (found.person_id, found.stage) == (town.staff, Stage.SIGNED_IN)
    assert [json.loads(r.payload or "")["source"] for r in audited(database, "sign_in.completed")] == [HERE]


def test_a_wrong_password_and_an_unknown_name_are_refused_in_the_same_words(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    wrong, unknown = refused(database), refused(database, "999999")
    assert (wrong.message, wrong.code) == (unknown.message, unknown.code)


def test_an_unknown_name_costs_a_real_password_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Watching(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - as in the parent
            seen.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(password_hashing, "_HASHER", Watching(time_cost=1, memory_cost=1024, parallelism=1))
    verify_password(None, "x")
    verify_password(hash_password("y"), "x")
    nobody, somebody = (text.split("$")[1:4] for text in seen)
    assert nobody[0] == somebody[0] == "argon2id"
    real = PasswordHasher()
    assert nobody[2] == f"m={real.memory_cost},t={real.time_cost},p={real.parallelism}"


@pytest.mark.asvs("16.3.1")
def test_every_failure_is_counted_and_audited_although_it_is_a_refusal(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    refused(database)
    refused(database, "nobody-has-this")
    records = audited(database, "sign_in.attempted")
    assert [(r.code, r.object_kind, r.object_id) for r in records] == [
        ("SIGN-IN", "person", str(town.staff)),
        ("SIGN-IN", "sign_in", "unknown"),
    ]
    with database.reading() as session:
        assert [row.count for row in session.scalars(select(SignInAttempts))] == [1, 1]


@pytest.mark.asvs("16.2.5")
def test_nothing_typed_is_ever_written_down(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    with pytest.raises(SignInRefused):
        arrive(database, "canarypassword1", "CanaryWrongPassword")
    arrive(database)
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        dump = "\n".join(driver.iterdump())
    assert "canary" not in dump.lower()
    assert PASSWORD not in dump


def test_a_name_locks_after_the_profiles_attempts_and_opens_after_its_minutes(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    codes = [refused(database).code for _ in range(POLICY.sign_in.attempts)]
    assert codes == ["SIGN-IN"] * (POLICY.sign_in.attempts - 1) + ["SIGN-IN-LOCKED"]
    with pytest.raises(SignInRefused, match="約15分後"):
        arrive(database)
    with pytest.raises(SignInRefused, match="約1分後"):
        arrive(database, now=NOW + MINUTE * 14 + timedelta(seconds=30))
    assert arrive(database, now=NOW + MINUTE * POLICY.sign_in.lock_minutes)


def test_after_a_lock_all_attempts_are_there_again(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    for _ in range(POLICY.sign_in.attempts):
        refused(database)
    later = NOW + MINUTE * POLICY.sign_in.lock_minutes
    assert refused(database, now=later).code == "SIGN-IN"
    assert present(database, arrive(database, now=later), now=later).failures_before == POLICY.sign_in.attempts + 1


def test_attempts_during_a_lock_do_not_lengthen_it(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    for minute in range(POLICY.sign_in.attempts + 5):
        refused(database, now=NOW + timedelta(seconds=minute))
    assert arrive(database, now=NOW + MINUTE * 15 + timedelta(seconds=5))


@ON_BOTH_DATABASES
def test_a_name_that_nobody_has_locks_like_any_other(database: Database) -> None:
    codes = [refused(database, "999999").code for _ in range(POLICY.sign_in.attempts + 1)]
    assert codes[-2:] == ["SIGN-IN-LOCKED"] * 2


@pytest.mark.parametrize("spelling", ["sato ", " sato", "SATO", "Sato"])
def test_spellings_of_one_name_share_one_count(database: Database, town: Town, spelling: str) -> None:
    enrolled(database, town, town.staff, name="sato")
    for _ in range(POLICY.sign_in.attempts - 1):
        refused(database, "sato")
    assert refused(database, spelling).code == "SIGN-IN-LOCKED"


@given(st.text(max_size=40))
def test_a_canonical_name_is_its_own_canonical_name(name: str) -> None:
    canonical = canonical_name(name)
    assert canonical is None or (canonical_name(canonical) == canonical and canonical.isascii())


@pytest.mark.parametrize("name", ["", "１０００01", "taro\u200b", "tаro", "-taro", "a b", "ı", "x" * 65, "taro\n"])
def test_a_name_outside_ascii_is_nobodys(name: str) -> None:
    assert canonical_name(name) is None


def test_success_forgets_earlier_failures_and_tells_their_number(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    refused(database)
    refused(database)
    assert present(database, arrive(database)).failures_before == 2
    for _ in range(POLICY.sign_in.attempts - 1):
        refused(database)
    assert present(database, arrive(database)).failures_before == POLICY.sign_in.attempts - 1


def test_failures_older_than_a_day_no_longer_count(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    for _ in range(POLICY.sign_in.attempts - 1):
        refused(database)
    assert refused(database, now=NOW + timedelta(days=1, seconds=1)).code == "SIGN-IN"


@ON_BOTH_DATABASES
def test_parallel_guesses_do_not_exceed_the_limit(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: refused(database).code, range(24)))
    assert codes.count("SIGN-IN") == POLICY.sign_in.attempts - 1
    assert len(audited(database, "sign_in.attempted")) == POLICY.sign_in.attempts


def test_a_leaver_is_refused_in_the_same_words(database: Database, town: Town) -> None:
    with database.writing() as session:
        session.add(SignIn(person_id=town.leaver, name="100005", password_hash=hash_password(PASSWORD)))
    with pytest.raises(SignInRefused) as caught:
        arrive(database, "100005")
    assert caught.value.message == refused(database, "999999").message


def test_an_officer_without_an_employment_can_sign_in(database: Database, town: Town) -> None:
    enrolled(database, town, town.auditor, name="kansa")
    assert present(database, arrive(database, "KANSA")).stage is Stage.FACTOR_NEEDED


@pytest.mark.asvs("11.4.2")
def test_a_hash_made_with_other_parameters_is_made_anew_at_sign_in(database: Database, town: Town) -> None:
    former = PasswordHasher(time_cost=2, memory_cost=512, parallelism=1).hash(PASSWORD)
    with database.writing() as session:
        session.add(SignIn(person_id=town.staff, name="100001", password_hash=former))
    arrive(database)
    with database.reading() as session:
        assert "m=1024,t=1" in (session.scalars(select(SignIn.password_hash)).one() or "")
