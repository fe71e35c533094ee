"""One-time codes: needed where enrolled, accepted once, counted with the passwords."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from idm.database import Database
from idm.errors import InvalidInput, SignInRefused
from idm.keys.sealing import SealBroken
from idm.models.sign_in import SignIn, SignInAttempts
from idm.operations.signing_in.web_sessions import (
    Stage,
)
from idm.passwords.password_hashing import hash_password
from tests.operations.signing_in.steps import (
    ON_BOTH_DATABASES,
    PASSWORD,
    POLICY,
    arrive,
    code_of,
    give_code,
    present,
    who,
    with_factor,
    wrong_code,
)
from tests.small_town import NOW, Town


def test_a_password_alone_does_not_bring_somebody_with_a_factor_in(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    token = arrive(database, "100003")
    assert present(database, token).stage is Stage.CODE_NEEDED


def test_the_code_replaces_the_session_by_a_signed_in_one(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    waiting = arrive(database, "100003")
    token = give_code(database, waiting, code_of(NOW))
    assert token != waiting
    assert who(database, waiting) is None
    assert present(database, token).stage is Stage.SIGNED_IN


@pytest.mark.asvs("6.5.5")
@pytest.mark.parametrize(("steps_away", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_accepted_one_step_early_or_late(
    database: Database, town: Town, steps_away: int, accepted: bool
) -> None:
    with_factor(database, town, town.chief)
    waiting = arrive(database, "100003")
    if accepted:
        assert give_code(database, waiting, code_of(NOW, steps_away=steps_away))
    else:
        with pytest.raises(SignInRefused):
            give_code(database, waiting, code_of(NOW, steps_away=steps_away))


@ON_BOTH_DATABASES
def test_a_code_is_accepted_once(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    first, second = arrive(database, "100003"), arrive(database, "100003")
    give_code(database, first, code_of(NOW))
    with pytest.raises(SignInRefused):
        give_code(database, second, code_of(NOW))


def test_a_code_older_than_the_one_accepted_is_refused(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    first, second = arrive(database, "100003"), arrive(database, "100003")
    give_code(database, first, code_of(NOW))
    with pytest.raises(SignInRefused):
        give_code(database, second, code_of(NOW, steps_away=-1))


@ON_BOTH_DATABASES
def test_one_code_tried_many_times_at_once_lets_one_in(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    waiting = [arrive(database, "100003") for _ in range(4)]

    def attempt(token: str) -> bool:
        try:
            return bool(give_code(database, token, code_of(NOW)))
        except SignInRefused:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, waiting)) == 1


@pytest.mark.parametrize("code", ["１２３４５６", "12345", "1234567", "12 456", "12345a", "", "¹²³⁴⁵⁶", "123456\n"])
def test_what_is_not_six_ascii_digits_is_no_code_and_no_attempt(database: Database, town: Town, code: str) -> None:
    with_factor(database, town, town.chief)
    waiting = arrive(database, "100003")
    with pytest.raises(InvalidInput, match="半角の数字6桁"):
        give_code(database, waiting, code)
    with database.reading() as session:
        assert session.scalars(select(SignInAttempts.count)).one() == 0


@pytest.mark.asvs("6.3.1")
def test_a_right_password_gives_no_more_guesses_at_the_code(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    for _ in range(POLICY.sign_in.attempts):
        waiting = arrive(database, "100003")
        with pytest.raises(SignInRefused) as caught:
            give_code(database, waiting, wrong_code(NOW))
    assert caught.value.code == "SIGN-IN-LOCKED"
    with pytest.raises(SignInRefused) as caught:
        give_code(database, arrive(database, "100003"), code_of(NOW))
    assert caught.value.code == "SIGN-IN-LOCKED"


def test_a_lock_ends_the_session_that_waited_for_its_code(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    waiting = arrive(database, "100003")
    for _ in range(POLICY.sign_in.attempts):
        with pytest.raises(SignInRefused) as caught:
            give_code(database, waiting, wrong_code(NOW))
    assert caught.value.code == "SIGN-IN-LOCKED"
    assert who(database, waiting) is None


def test_a_sealed_secret_copied_to_another_person_does_not_work(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    with database.writing() as session:
        stolen = session.scalars(select(SignIn.totp_secret)).one()
        session.add(SignIn(person_id=town.staff, name="100001", password_hash=hash_password(PASSWORD),
                           totp_secret=stolen, last_totp_step=0))  # fmt: skip
    waiting = arrive(database)
    with pytest.raises(SealBroken):
        give_code(database, waiting, code_of(NOW))
