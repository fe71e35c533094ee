"""Passkeys: bound to this host, this session and this challenge; copied ones open nothing any more."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from idm.database import Database
from idm.errors import FreshFactorNeeded, InvalidInput, SignInRefused
from idm.factors.authenticator_state import AuthenticatorState
from idm.factors.passkey_ceremony import (
    AnswerRefused,
    credential_of,
    relying_party,
    verified_enrolment,
    verified_sign_in,
)
from idm.models.authenticators import Authenticator
from idm.models.sign_in import Passkey, SignInChallenge
from idm.operations.signing_in.passkey_challenges import ANSWER_WITHIN
from idm.operations.signing_in.web_sessions import Stage
from idm.vocabulary import AuthenticatorKind
from tests.operations.signing_in.factor_steps import (
    PARTY,
    add_app,
    add_passkey,
    enrol_answer,
    enrol_question,
    give_answer,
    give_passkey,
    own,
    passkey,
    sign_in_question,
    stale,
    with_passkey,
)
from tests.operations.signing_in.soft_passkey import SoftPasskey
from tests.operations.signing_in.steps import MINUTE, ON_BOTH_DATABASES, POLICY, arrive, audited, enrolled, present, who
from tests.small_town import NOW, Town

CHIEF = "100003"


# --- where it belongs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "host", "origin"),
    [
        ("https://id.aoba.example/", "id.aoba.example", "https://id.aoba.example"),
        ("https://id.aoba.example:443/idm", "id.aoba.example", "https://id.aoba.example"),
        ("https://ID.aoba.example:8443", "id.aoba.example", "https://id.aoba.example:8443"),
        ("http://localhost:8600", "localhost", "http://localhost:8600"),
    ],
)
def test_passkeys_belong_to_the_host_and_answers_to_the_origin_of_the_base_address(
    address: str, host: str, origin: str
) -> None:
    party = relying_party(address, "idm")
    assert (party.host, party.origin) == (host, origin)


def test_a_browser_is_asked_for_a_second_factor_that_verifies_its_user_and_for_nothing_about_its_maker(
    database: Database, town: Town
) -> None:
    token, key = with_passkey(database, town, town.chief)
    asked = json.loads(enrol_question(database, present(database, token)))
    assert (asked["rp"]["id"], asked["attestation"]) == ("id.aoba.example", "none")
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["authenticatorSelection"]["residentKey"] == "discouraged"
    assert asked["authenticatorSelection"]["requireResidentKey"] is False
    assert [one["id"] for one in asked["excludeCredentials"]] == [json.loads(key.made(json.dumps(asked)))["id"]]
    to_prove = json.loads(sign_in_question(database, arrive(database, CHIEF)))
    assert (to_prove["rpId"], to_prove["userVerification"]) == ("id.aoba.example", "required")
    assert len(to_prove["allowCredentials"]) == 1


# --- enrolling -------------------------------------------------------------------------------------------------------


@ON_BOTH_DATABASES
def test_a_passkey_is_a_second_factor_from_its_enrolment(database: Database, town: Town) -> None:
    token, key = with_passkey(database, town, town.chief)
    assert present(database, token).stage is Stage.SIGNED_IN
    rows = own(database, town.chief)
    assert [(row.kind, row.state, row.own_sign_in, row.issued_by_id, row.label) for row in rows] == [
        (AuthenticatorKind.PASSKEY, AuthenticatorState.ACTIVE, True, None, "執務室のパソコン")
    ]
    waiting = arrive(database, CHIEF)
    assert present(database, waiting).stage is Stage.CODE_NEEDED
    signed_in = present(database, give_passkey(database, waiting, key))
    assert signed_in.stage is Stage.SIGNED_IN
    assert signed_in.second_factor_at == NOW
    assert who(database, waiting) is None


def _wrong_origin(key: SoftPasskey) -> None:
    key.origin = "https://id.aoba.example.evil.example"


def _plain_origin(key: SoftPasskey) -> None:
    key.origin = "http://id.aoba.example"


def _other_port(key: SoftPasskey) -> None:
    key.origin = "https://id.aoba.example:8443"


def _wrong_host(key: SoftPasskey) -> None:
    key.host = "aoba.example"


def _unverified(key: SoftPasskey) -> None:
    key.verifies = False


def _in_a_frame(key: SoftPasskey) -> None:
    key.client_data = {"crossOrigin": True}


def _below_another(key: SoftPasskey) -> None:
    key.client_data = {"topOrigin": "https://evil.example"}


def _other_challenge(key: SoftPasskey) -> None:
    key.client_data = {"challenge": "AAAA"}


def _other_ceremony(key: SoftPasskey) -> None:
    key.client_data = {"type": "payment.get"}


LIES = [
    _wrong_origin, _plain_origin, _other_port, _wrong_host, _unverified, _in_a_frame, _below_another, _other_challenge,
    _other_ceremony,
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_an_enrolment_that_lies_about_one_thing_is_refused(
    database: Database, town: Town, lie: Callable[[SoftPasskey], None]
) -> None:
    signed_in, key = present(database, enrolled(database, town, town.chief)), passkey()
    lie(key)
    with pytest.raises(AnswerRefused):
        enrol_answer(database, signed_in, key.made(enrol_question(database, signed_in)))
    assert own(database, town.chief) == []


@pytest.mark.asvs("6.3.3")
@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_lies_about_one_thing_lets_nobody_in_and_counts(
    database: Database, town: Town, lie: Callable[[SoftPasskey], None]
) -> None:
    _, key = with_passkey(database, town, town.chief)
    waiting = arrive(database, CHIEF)
    lie(key)
    with pytest.raises(SignInRefused):
        give_passkey(database, waiting, key)
    assert present(database, waiting).stage is Stage.CODE_NEEDED
    assert len(audited(database, "sign_in.attempted")) == 1


def test_another_key_under_the_same_id_proves_nothing(database: Database, town: Town) -> None:
    _, key = with_passkey(database, town, town.chief)
    forged = SoftPasskey(key.origin, key.host, credential_id=key.credential_id)
    with pytest.raises(SignInRefused):
        give_passkey(database, arrive(database, CHIEF), forged)


def test_anothers_passkey_proves_nothing_about_me(database: Database, town: Town) -> None:
    with_passkey(database, town, town.chief)
    _, others = with_passkey(database, town, town.inviter)
    with pytest.raises(SignInRefused):
        give_passkey(database, arrive(database, CHIEF), others)


def test_wrong_answers_lock_like_wrong_codes(database: Database, town: Town) -> None:
    with_passkey(database, town, town.chief)
    waiting = arrive(database, CHIEF)
    for _ in range(POLICY.sign_in.attempts):
        with pytest.raises(SignInRefused):
            give_answer(database, waiting, "{}")
    assert who(database, waiting) is None
    once_more = arrive(database, CHIEF)
    with pytest.raises(SignInRefused, match="一時的に停止"):
        give_answer(database, once_more, "{}")


def test_a_credential_is_enrolled_once(database: Database, town: Town) -> None:
    token, key = with_passkey(database, town, town.chief)
    with pytest.raises(InvalidInput, match="すでに登録"):
        add_passkey(database, token, key)


@pytest.mark.parametrize("label", ["あ" * 41, "a\x07b"])
def test_a_name_that_cannot_be_shown_is_refused(database: Database, town: Town, label: str) -> None:
    signed_in = present(database, enrolled(database, town, town.chief))
    answer = passkey().made(enrol_question(database, signed_in))
    with pytest.raises(InvalidInput):
        enrol_answer(database, signed_in, answer, label=label)


# --- the challenge ---------------------------------------------------------------------------------------------------


@ON_BOTH_DATABASES
@pytest.mark.asvs("2.3.4")
def test_one_answer_given_many_times_at_once_lets_one_in(database: Database, town: Town) -> None:
    _, key = with_passkey(database, town, town.chief)
    waiting = arrive(database, CHIEF)
    answer = key.proves(sign_in_question(database, waiting))

    def give(_: int) -> bool:
        try:
            give_answer(database, waiting, answer)
        except SignInRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(give, range(8))) == 1


def test_an_answer_to_another_sessions_question_is_refused(database: Database, town: Town) -> None:
    _, key = with_passkey(database, town, town.chief)
    first, second = arrive(database, CHIEF), arrive(database, CHIEF)
    answer = key.proves(sign_in_question(database, first))
    with pytest.raises(SignInRefused):
        give_answer(database, second, answer)
    assert give_answer(database, first, answer)  # and takes nothing away from the one that was asked


def test_a_new_question_takes_the_place_of_the_one_before(database: Database, town: Town) -> None:
    _, key = with_passkey(database, town, town.chief)
    waiting = arrive(database, CHIEF)
    before, after = sign_in_question(database, waiting), sign_in_question(database, waiting)
    with pytest.raises(SignInRefused):
        give_answer(database, waiting, key.proves(before))
    with pytest.raises(SignInRefused):  # a question is for one answer, also for a wrong one
        give_answer(database, waiting, key.proves(after))
    with database.reading() as session:
        assert (
            len(session.scalars(select(SignInChallenge).where(SignInChallenge.purpose == "passkey.sign_in")).all()) == 1
        )


@pytest.mark.parametrize(("later", "accepted"), [(ANSWER_WITHIN - MINUTE, True), (ANSWER_WITHIN, False)])
def test_a_question_waits_for_minutes(database: Database, town: Town, later: timedelta, accepted: bool) -> None:
    _, key = with_passkey(database, town, town.chief)
    waiting = arrive(database, CHIEF)
    answer = key.proves(sign_in_question(database, waiting))
    if accepted:
        assert give_answer(database, waiting, answer, now=NOW + later)
    else:
        with pytest.raises(SignInRefused):
            give_answer(database, waiting, answer, now=NOW + later)


def test_without_a_question_nothing_is_enrolled_not_even_with_an_empty_challenge(
    database: Database, town: Town
) -> None:
    signed_in, key = present(database, enrolled(database, town, town.chief)), passkey()
    with pytest.raises(InvalidInput):
        enrol_answer(database, signed_in, key.made('{"challenge": ""}'))


def test_a_wrong_answer_uses_up_the_question_about_a_new_one(database: Database, town: Town) -> None:
    signed_in, key = present(database, enrolled(database, town, town.chief)), passkey()
    made = key.made(enrol_question(database, signed_in))
    with pytest.raises(AnswerRefused):
        enrol_answer(database, signed_in, "{}")
    with pytest.raises(InvalidInput, match="はじめから"):
        enrol_answer(database, signed_in, made)
    assert own(database, town.chief) == []


def test_a_question_about_a_new_one_outlasts_a_factor_given_again(database: Database, town: Town) -> None:
    token, key = with_passkey(database, town, town.chief)
    other, later = passkey(), NOW + MINUTE
    made = other.made(enrol_question(database, present(database, token)))
    renewed = give_answer(database, token, key.proves(sign_in_question(database, token, now=later)), now=later,
                          again=True)  # fmt: skip
    enrol_answer(database, present(database, renewed, now=later), made, now=later)
    assert len(own(database, town.chief)) == 2


def test_a_challenge_is_kept_sealed(database: Database, town: Town) -> None:
    with_passkey(database, town, town.chief)
    question = sign_in_question(database, arrive(database, CHIEF))
    with database.reading() as session:
        row = session.scalars(select(SignInChallenge).where(SignInChallenge.purpose == "passkey.sign_in")).one()
    assert json.loads(question)["challenge"].encode() not in row.sealed
    assert row.expires_at == NOW + ANSWER_WITHIN


# --- the counter -----------------------------------------------------------------------------------------------------


@ON_BOTH_DATABASES
def test_a_counter_that_goes_back_suspends_the_passkey_and_is_on_record(database: Database, town: Town) -> None:
    token, key = with_passkey(database, town, town.chief)
    copy = replace(key)
    give_passkey(database, arrive(database, CHIEF), key)
    with pytest.raises(SignInRefused) as refused:
        give_passkey(database, arrive(database, CHIEF), copy)
    assert refused.value.code == "PASSKEY-COPIED"
    with database.reading() as session:
        assert session.scalars(select(Authenticator.state)).all() == [AuthenticatorState.WITHDRAWN]
    assert who(database, token) is None
    record = json.loads(audited(database, "sign_in.passkey_copied")[0].payload or "")
    assert (record["counter_known"], record["counter_given"]) == (1, 1)
    # Neither of the two works now, and the password alone enrols nothing new.
    again = arrive(database, CHIEF)
    assert present(database, again).stage is Stage.FACTOR_NEEDED
    with pytest.raises(SignInRefused):
        sign_in_question(database, again)


def test_one_that_counts_nothing_is_accepted_every_time(database: Database, town: Town) -> None:
    key = passkey()
    key.step = 0
    add_passkey(database, enrolled(database, town, town.chief), key)
    for _ in range(3):
        assert give_passkey(database, arrive(database, CHIEF), key)


def test_one_that_has_counted_must_go_on_counting(database: Database, town: Town) -> None:
    _, key = with_passkey(database, town, town.chief)
    give_passkey(database, arrive(database, CHIEF), key)
    key.counter = key.step = 0
    with pytest.raises(SignInRefused):
        give_passkey(database, arrive(database, CHIEF), key)


def test_use_is_kept(database: Database, town: Town) -> None:
    _, key = with_passkey(database, town, town.chief)
    give_passkey(database, arrive(database, CHIEF), key)
    with database.reading() as session:
        kept = session.scalars(select(Passkey)).one()
    assert (kept.sign_count, kept.last_used_at) == (1, NOW)


# --- beside another one ----------------------------------------------------------------------------------------------


def test_a_second_one_is_added_with_a_factor_just_given(database: Database, town: Town) -> None:
    token, _ = with_passkey(database, town, town.chief)
    with pytest.raises(FreshFactorNeeded):
        enrol_question(database, stale(present(database, token)))
    token, _ = add_app(database, token)
    add_passkey(database, token, passkey())
    assert [row.kind for row in own(database, town.chief)] == [
        AuthenticatorKind.PASSKEY, AuthenticatorKind.TOTP, AuthenticatorKind.PASSKEY,
    ]  # fmt: skip


def test_a_passkey_given_again_makes_the_factor_fresh(database: Database, town: Town) -> None:
    token, key = with_passkey(database, town, town.chief)
    late = NOW + 5 * MINUTE
    answer = key.proves(sign_in_question(database, token, now=late))
    token = give_answer(database, token, answer, now=late, again=True)
    assert present(database, token, now=late).second_factor_at == late


# --- whatever a stranger sends ---------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]
MANGLED = st.one_of(
    st.text(max_size=200),
    JSON.map(json.dumps),
    st.fixed_dictionaries(
        {"id": st.text(max_size=8), "rawId": st.text(max_size=8), "type": st.just("public-key")},
        optional={"response": st.dictionaries(st.sampled_from(FIELDS), JSON)},
    ).map(json.dumps),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MANGLED)
def test_whatever_is_sent_is_refused_and_nothing_else(sent: str) -> None:
    with pytest.raises(AnswerRefused):
        verified_enrolment(PARTY, sent, b"x" * 32)
    with pytest.raises(AnswerRefused):
        verified_sign_in(PARTY, sent, b"x" * 32, b"no key")


@pytest.mark.parametrize("sent", ["", "{}", "[]", "null", "x" * 30_000, '{"rawId": 7}'])
def test_what_names_no_credential_is_refused(sent: str) -> None:
    with pytest.raises(AnswerRefused):
        credential_of(sent)
