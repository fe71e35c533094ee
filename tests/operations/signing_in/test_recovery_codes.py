"""Recovery codes: each lets its owner in once, and opens nothing that asks for a fresh factor."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from argon2 import extract_parameters
from sqlalchemy import select

from idm.database import Database
from idm.errors import FreshFactorNeeded, IllegalTransition, InvalidInput, SignInRefused
from idm.factors.recovery_code_text import ALPHABET, CHARACTERS, HOW_MANY, canonical, in_groups, new_codes
from idm.models.people import Person
from idm.models.sign_in import RecoveryCode
from idm.operations.signing_in.own_factors import remove
from idm.operations.signing_in.recovery_codes import draw_codes, may_have_codes, sign_in_with_recovery_code
from idm.operations.signing_in.web_sessions import Stage
from idm.policy import Policy
from idm.queries.signing_in.own_factors import own_factors
from idm.step_up import is_fresh
from tests.operations.signing_in.factor_steps import (
    add_app,
    enrol_question,
    make_codes,
    own,
    stale,
    told,
    with_app,
    with_passkey,
)
from tests.operations.signing_in.steps import HERE, ON_BOTH_DATABASES, POLICY, arrive, audited, enrolled, present, who
from tests.small_town import NOW, Town

CHIEF = "100003"
PATIENT = replace(POLICY, sign_in=replace(POLICY.sign_in, attempts=1000))


def use(database: Database, token: str, typed: str, *, policy: Policy = POLICY) -> str:
    return sign_in_with_recovery_code(database, token=token, typed=typed, source=HERE, policy=policy, now=NOW)


# --- how they are written --------------------------------------------------------------------------------------------


@pytest.mark.asvs("6.5.4")
def test_a_set_has_eight_codes_of_eighty_bits_and_none_twice() -> None:
    assert len(ALPHABET) == 32 == len(set(ALPHABET))
    assert CHARACTERS * 5 >= 80
    drawn = [code for _ in range(50) for code in new_codes()]
    assert len(drawn) == len(set(drawn)) == 50 * HOW_MANY
    assert {character for code in drawn for character in code} == set(ALPHABET)


def test_a_code_is_shown_in_groups_of_four() -> None:
    assert re.fullmatch(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", in_groups(new_codes()[0]))


@pytest.mark.parametrize(
    "typed",
    [
        "AB12-CD34-EF56-GH78", "ab12cd34ef56gh78", " AB12 CD34 EF56 GH78 ", "ＡＢ１２－ＣＤ３４－ＥＦ５６－ＧＨ７８",
        "ab12ーcd34ーef56ーgh78", "AB12　CD34　EF56　GH78", "AB12−CD34‐EF56–GH78", "ABI2-CD34-EF56-GH78",
        "abl2-cd34-ef56-gh78",
    ],
)  # fmt: skip
def test_width_case_spaces_and_hyphens_say_nothing(typed: str) -> None:
    assert canonical(typed) == "AB12CD34EF56GH78"


@pytest.mark.parametrize(
    "typed", ["", "123456", "AB12-CD34-EF56-GH7", "AB12-CD34-EF56-GH789", "U" * 16, "あ" * 16, "A" * 5000]
)
def test_what_is_no_code_is_none(typed: str) -> None:
    assert canonical(typed) is None


# --- making them -----------------------------------------------------------------------------------------------------


@pytest.mark.asvs("6.5.2")
def test_only_slow_salted_hashes_are_kept(database: Database, town: Town) -> None:
    token, _ = with_app(database, town, town.chief)
    shown = make_codes(database, token)
    with database.reading() as session:
        kept = session.scalars(select(RecoveryCode.code_hash)).all()
    assert len(kept) == len(shown) == HOW_MANY
    assert {extract_parameters(one).type.name for one in kept} == {"ID"}
    assert not [one for one in kept for code in shown if code in one or code.replace("-", "") in one]
    assert shown[0] not in repr(draw_codes())


def test_they_are_made_with_a_factor_just_given_and_only_beside_one(database: Database, town: Town) -> None:
    token, _ = with_app(database, town, town.chief)
    with database.reading() as session:
        with pytest.raises(FreshFactorNeeded):
            may_have_codes(session, signed_in=stale(present(database, token)), policy=POLICY, now=NOW)
        without = present(database, enrolled(database, town, town.staff))
        with pytest.raises(IllegalTransition):
            may_have_codes(session, signed_in=without, policy=POLICY, now=NOW)


def test_a_new_set_takes_the_place_of_the_old_one(database: Database, town: Town) -> None:
    token, _ = with_app(database, town, town.chief)
    old, new = make_codes(database, token), make_codes(database, token)
    with pytest.raises(SignInRefused):
        use(database, arrive(database, CHIEF), old[0])
    assert use(database, arrive(database, CHIEF), new[0])


# --- using them ------------------------------------------------------------------------------------------------------


@ON_BOTH_DATABASES
@pytest.mark.asvs("6.5.1")
def test_a_code_lets_in_once_however_it_is_typed(database: Database, town: Town) -> None:
    token, _ = with_app(database, town, town.chief)
    code = make_codes(database, token)[2]
    waiting = arrive(database, CHIEF)
    signed_in = present(database, use(database, waiting, code))
    assert signed_in.stage is Stage.SIGNED_IN
    assert who(database, waiting) is None
    for again in (code, code.lower(), code.replace("-", " "), code.replace("-", "ー")):
        with pytest.raises(SignInRefused):
            use(database, arrive(database, CHIEF), again, policy=PATIENT)


@ON_BOTH_DATABASES
@pytest.mark.asvs("6.5.1", "2.3.4")
def test_one_code_tried_fifty_times_at_once_lets_one_in(database: Database, town: Town) -> None:
    token, _ = with_app(database, town, town.chief)
    code = make_codes(database, token)[0]
    waiting = [arrive(database, CHIEF) for _ in range(50)]

    def give(one: str) -> bool:
        try:
            use(database, one, code, policy=PATIENT)
        except SignInRefused:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(give, waiting)) == 1
    with database.reading() as session:
        assert own_factors(session, town.chief).codes == HOW_MANY - 1


def test_one_sign_in_uses_up_one_code_also_where_two_are_given_at_once(database: Database, town: Town) -> None:
    token, _ = with_app(database, town, town.chief)
    codes = make_codes(database, token)
    waiting = arrive(database, CHIEF)

    def give(code: str) -> bool:
        try:
            use(database, waiting, code, policy=PATIENT)
        except SignInRefused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(give, codes[:4])) == 1


def test_wrong_codes_lock_like_wrong_passwords_and_malformed_ones_do_not_count(database: Database, town: Town) -> None:
    token, _ = with_app(database, town, town.chief)
    right = make_codes(database, token)[0]
    waiting = arrive(database, CHIEF)
    for _ in range(POLICY.sign_in.attempts):
        with pytest.raises(InvalidInput):
            use(database, waiting, "123456")
    for code in new_codes()[: POLICY.sign_in.attempts]:
        with pytest.raises(SignInRefused):
            use(database, waiting, code)
    assert who(database, waiting) is None
    with pytest.raises(SignInRefused, match="一時的に停止"):
        use(database, arrive(database, CHIEF), right)
    assert {record.code for record in audited(database, "sign_in.attempted")} == {"SIGN-IN"}
    assert right not in "".join(record.payload or "" for record in audited(database, "sign_in.attempted"))


def test_anothers_code_lets_nobody_in(database: Database, town: Town) -> None:
    with_app(database, town, town.chief)
    token, _ = with_app(database, town, town.inviter)
    code = make_codes(database, token)[0]
    with pytest.raises(SignInRefused):
        use(database, arrive(database, CHIEF), code)


@pytest.mark.asvs("6.3.4")
def test_without_the_password_a_code_opens_nothing(database: Database, town: Town) -> None:
    token, _ = with_app(database, town, town.chief)
    code = make_codes(database, token)[0]
    for nobody in ("", "made up", token):
        with pytest.raises(SignInRefused):
            use(database, nobody, code)


def test_its_owner_is_told_when_codes_are_made_and_used_and_how_many_are_left(database: Database, town: Town) -> None:
    with database.writing() as session:
        session.get_one(Person, town.chief).mail = "chief@aoba.example"
    token, _ = with_app(database, town, town.chief)
    code = make_codes(database, token)[0]
    use(database, arrive(database, CHIEF), code)
    assert told(database, "chief@aoba.example")[-2:] == ["回復用コードが作られました", "回復用コードが使われました"]
    assert '"left":7' in (audited(database, "sign_in.recovery_code_used")[0].payload or "").replace(" ", "")


# --- what they do not open -------------------------------------------------------------------------------------------


@pytest.mark.asvs("6.4.4")
def test_a_recovery_code_is_never_a_fresh_factor_and_changes_no_factor(database: Database, town: Town) -> None:
    token, _ = with_app(database, town, town.chief)
    token = use(database, arrive(database, CHIEF), make_codes(database, token)[0])
    signed_in = present(database, token)
    assert signed_in.stage is Stage.SIGNED_IN
    assert not is_fresh(signed_in.actor, policy=POLICY, now=NOW)
    with pytest.raises(FreshFactorNeeded):
        enrol_question(database, signed_in)
    with pytest.raises(FreshFactorNeeded):
        add_app(database, token)
    with pytest.raises(FreshFactorNeeded):
        make_codes(database, token)
    (only,) = own(database, town.chief)
    with database.writing() as session, pytest.raises(FreshFactorNeeded):
        remove(session, only.id, actor=signed_in.actor, policy=POLICY, now=NOW, keep_session=signed_in.session_id)


def test_codes_are_void_where_nothing_is_left_that_they_stand_in_for(database: Database, town: Town) -> None:
    token, _ = with_passkey(database, town, town.staff)
    make_codes(database, token)
    signed_in = present(database, token)
    (only,) = own(database, town.staff)
    with database.writing() as session:
        remove(session, only.id, actor=signed_in.actor, policy=POLICY, now=NOW, keep_session=signed_in.session_id)
        assert own_factors(session, town.staff).codes == 0
