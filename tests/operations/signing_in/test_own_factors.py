"""Own second factors: in the register, withdrawn at once, and after a loss enrolled again by a link only."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from idm.actor import Actor
from idm.database import Database
from idm.errors import FreshFactorNeeded, IllegalTransition, NotFound, NotPermitted, Refusal, SignInRefused
from idm.factors.authenticator_state import AuthenticatorState
from idm.factors.one_time_codes import code_at, step_of
from idm.models.authenticators import Authenticator, LossReport
from idm.models.people import Person
from idm.models.sign_in import SignIn
from idm.operations.signing_in.enrolment import INVITED_BY_TWO, issue_enrolment_link
from idm.operations.signing_in.factor_enrolment import BY_LINK
from idm.operations.signing_in.lost_factor import report_own_factor_lost
from idm.operations.signing_in.own_factors import LAST_ONE, remove, withdraw
from idm.operations.signing_in.web_sessions import SignedIn, Stage
from idm.queries.signing_in.own_factors import listed, own_factors
from idm.vocabulary import AuthenticatorKind
from tests.operations.signing_in.factor_steps import (
    add_app,
    add_passkey,
    enrol_question,
    give_answer,
    give_passkey,
    make_codes,
    own,
    passkey,
    sign_in_question,
    stale,
    told,
    with_app,
    with_passkey,
)
from tests.operations.signing_in.steps import (
    MINUTE,
    ON_BOTH_DATABASES,
    PASSWORD,
    POLICY,
    arrive,
    audited,
    enrol,
    enrolled,
    give_code,
    invite,
    present,
    who,
)
from tests.small_town import NOW, Town

CHIEF, STAFF = "100003", "100001"


def take_off(database: Database, signed_in: SignedIn, authenticator_id: int) -> None:
    with database.writing() as session:
        remove(session, authenticator_id, actor=signed_in.actor, policy=POLICY, now=NOW,
               keep_session=signed_in.session_id)  # fmt: skip


def lose(database: Database, token: str, circumstances: str = "電車に置き忘れた。") -> int:
    signed_in = present(database, token)
    with database.writing() as session:
        return report_own_factor_lost(
            session, signed_in=signed_in, circumstances=circumstances, policy=POLICY, now=NOW
        )  # fmt: skip


def reachable(database: Database, person_id: int, address: str) -> str:
    with database.writing() as session:
        session.get_one(Person, person_id).mail = address
    return address


def code_after(secret: bytes, minutes: int) -> str:
    return code_at(secret, step_of(NOW + minutes * MINUTE))


# --- in the register -------------------------------------------------------------------------------------------------


def test_an_app_stands_in_the_register_from_the_code_that_confirmed_it(database: Database, town: Town) -> None:
    with_app(database, town, town.chief)
    (row,) = own(database, town.chief)
    assert (row.kind, row.state, row.own_sign_in) == (AuthenticatorKind.TOTP, AuthenticatorState.ACTIVE, True)
    assert (row.issued_by_id, row.activated_at) == (None, NOW)


def test_what_is_only_being_enrolled_does_not(database: Database, town: Town) -> None:
    signed_in = present(database, enrolled(database, town, town.chief))
    enrol_question(database, signed_in)
    with database.reading() as session:
        assert session.scalar(select(func.count(Authenticator.id))) == 0
        assert not own_factors(session, town.chief).some


def test_a_page_lists_what_there_is(database: Database, town: Town) -> None:
    token, key = with_passkey(database, town, town.chief)
    add_app(database, token)
    give_passkey(database, arrive(database, CHIEF), key)
    with database.reading() as session:
        rows = listed(session, town.chief)
        found = own_factors(session, town.chief)
    assert [(row.kind, row.label, row.last_used_at) for row in rows] == [
        (AuthenticatorKind.PASSKEY, "執務室のパソコン", NOW), (AuthenticatorKind.TOTP, None, None),
    ]  # fmt: skip
    assert (found.app, found.passkeys, found.codes) == (True, 1, 0)


# --- changed by their owner ------------------------------------------------------------------------------------------


def test_a_new_app_takes_the_place_of_the_old_one_whose_codes_open_nothing(database: Database, town: Town) -> None:
    token, old = with_app(database, town, town.chief)
    later = NOW + MINUTE
    _, new = add_app(database, token, now=later)
    assert len(own(database, town.chief)) == 1
    with database.reading() as session:
        states = session.execute(
            select(Authenticator.state, Authenticator.replaces_id).order_by(Authenticator.id)
        ).all()
    assert [state for state, _ in states] == [AuthenticatorState.WITHDRAWN, AuthenticatorState.ACTIVE]
    assert states[1].replaces_id is not None
    at = NOW + 2 * MINUTE
    with pytest.raises(SignInRefused):
        give_code(database, arrive(database, CHIEF, now=at), code_after(old, 2), now=at)
    assert give_code(database, arrive(database, CHIEF, now=at), code_after(new, 2), now=at)


def test_a_removed_one_opens_nothing_and_ends_the_other_sessions(database: Database, town: Town) -> None:
    token, key = with_passkey(database, town, town.chief)
    token, _ = add_app(database, token)
    elsewhere = give_passkey(database, arrive(database, CHIEF), key)
    waiting = arrive(database, CHIEF)
    answer = key.proves(sign_in_question(database, waiting))
    take_off(database, present(database, token), own(database, town.chief)[0].id)
    assert who(database, token) is not None
    assert who(database, elsewhere) is None
    with pytest.raises(SignInRefused):
        give_answer(database, waiting, answer)
    assert own(database, town.chief)[0].kind is AuthenticatorKind.TOTP
    assert json.loads(audited(database, "sign_in.factor_withdrawn")[-1].payload or "")["because"] == "removed"


@pytest.mark.asvs("7.5.1")
def test_removing_asks_for_a_factor_just_given(database: Database, town: Town) -> None:
    token, _ = with_passkey(database, town, town.staff)
    with pytest.raises(FreshFactorNeeded):
        take_off(database, stale(present(database, token)), own(database, town.staff)[0].id)


def test_nobody_removes_anothers(database: Database, town: Town) -> None:
    with_passkey(database, town, town.chief)
    token, _ = with_passkey(database, town, town.inviter)
    with pytest.raises(NotFound):
        take_off(database, present(database, token), own(database, town.chief)[0].id)


def test_the_last_one_stays_where_a_role_demands_it(database: Database, town: Town) -> None:
    token, _ = with_passkey(database, town, town.chief)
    with pytest.raises(IllegalTransition) as refused:
        take_off(database, present(database, token), own(database, town.chief)[0].id)
    assert refused.value.code == LAST_ONE


@ON_BOTH_DATABASES
def test_two_removals_at_once_leave_one_where_a_role_demands_it(database: Database, town: Town) -> None:
    token, _ = with_passkey(database, town, town.chief)
    token, _ = add_app(database, token)
    signed_in = present(database, token)

    def off(authenticator_id: int) -> bool:
        try:
            take_off(database, signed_in, authenticator_id)
        except Refusal:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(off, [row.id for row in own(database, town.chief)])) == 1
    assert len(own(database, town.chief)) == 1


def test_who_needs_none_may_remove_the_last_one_and_the_password_is_what_it_was(database: Database, town: Town) -> None:
    token, _ = with_passkey(database, town, town.staff)
    take_off(database, present(database, token), own(database, town.staff)[0].id)
    assert present(database, arrive(database, STAFF)).stage is Stage.SIGNED_IN


def test_its_owner_is_told_of_every_change(database: Database, town: Town) -> None:
    address = reachable(database, town.staff, "sato@aoba.example")
    token, _ = with_passkey(database, town, town.staff)
    token, _ = add_app(database, token)
    take_off(database, present(database, token), own(database, town.staff)[0].id)
    assert told(database, address) == [
        "パスキー（執務室のパソコン）が登録されました", "認証アプリが登録されました",
        "サインインの二つ目の認証が変わりました",
    ]  # fmt: skip


# --- lost ------------------------------------------------------------------------------------------------------------


@ON_BOTH_DATABASES
def test_a_reported_loss_stops_everything_at_once(database: Database, town: Town) -> None:
    token, key = with_passkey(database, town, town.chief)
    token, _ = add_app(database, token)
    code = make_codes(database, token)[0]
    assert code
    answering = arrive(database, CHIEF)
    answer = key.proves(sign_in_question(database, answering))
    assert lose(database, arrive(database, CHIEF)) == 2
    assert who(database, token) is None
    assert who(database, answering) is None
    with pytest.raises(SignInRefused):
        give_answer(database, answering, answer)
    with database.reading() as session:
        found = own_factors(session, town.chief)
        reports = session.scalars(select(LossReport)).all()
    assert (found.some, found.codes) == (False, 0)
    assert [(one.owner_id, one.reported_by_id, one.closed_at) for one in reports] == [
        (town.chief, town.chief, None)
    ] * 2


def test_desk_and_security_are_told(database: Database, town: Town) -> None:
    desk = reachable(database, town.inviter, "desk@aoba.example")
    with_app(database, town, town.chief)
    lose(database, arrive(database, CHIEF))
    assert "【紛失】サインインの二つ目の認証" in told(database, desk)


def test_a_loss_is_reported_by_who_has_given_the_password_and_waits(database: Database, town: Town) -> None:
    token, _ = with_app(database, town, town.chief)
    for somewhere_else in (token, enrolled(database, town, town.staff)):
        with pytest.raises(IllegalTransition):
            lose(database, somewhere_else)
    assert len(own(database, town.chief)) == 1


@pytest.mark.asvs("6.3.4", "6.4.4")
@pytest.mark.parametrize("person", ["chief", "staff"])
def test_after_a_loss_the_password_enrols_nothing_and_opens_no_page(
    database: Database, town: Town, person: str
) -> None:
    person_id, name = (town.chief, CHIEF) if person == "chief" else (town.staff, STAFF)
    with_app(database, town, person_id)
    lose(database, arrive(database, name))
    token = arrive(database, name)
    assert present(database, token).stage is Stage.FACTOR_NEEDED
    with pytest.raises(NotPermitted) as refused:
        enrol_question(database, present(database, token))
    assert refused.value.code == BY_LINK
    with pytest.raises(NotPermitted):
        add_app(database, token)


@pytest.mark.asvs("6.4.4")
def test_no_administrator_alone_brings_back_a_lost_factor_of_somebody_who_decides(
    database: Database, town: Town
) -> None:
    with_app(database, town, town.chief)
    lose(database, arrive(database, CHIEF))
    with database.writing() as session:
        link = issue_enrolment_link(
            session, person_id=town.chief, policy=POLICY, now=NOW,
            actor=Actor(town.inviter, "鈴木 花子", NOW),
        )  # fmt: skip
    with database.writing() as session, pytest.raises(IllegalTransition) as refused:
        enrol(session, token=link, password=PASSWORD, policy=POLICY, now=NOW)
    assert refused.value.code == INVITED_BY_TWO
    enrolled(database, town, town.inviter)  # from now on no command makes links any more
    with database.writing() as session, pytest.raises(NotPermitted):
        issue_enrolment_link(session, person_id=town.chief, policy=POLICY, now=NOW, actor=Actor.job("idm init"))


@pytest.mark.asvs("6.4.3")
def test_the_link_is_the_way_back_and_the_second_factor_is_enrolled_anew(database: Database, town: Town) -> None:
    with_app(database, town, town.chief)
    lose(database, arrive(database, CHIEF))
    link = invite(database, town, town.chief)  # as on the first day: with the two officers that the town has not got
    with database.writing() as session:
        token = enrol(session, token=link, password=PASSWORD, policy=POLICY, now=NOW)
    assert present(database, token).stage is Stage.FACTOR_NEEDED
    key = passkey()
    assert present(database, add_passkey(database, token, key)).stage is Stage.SIGNED_IN
    assert present(database, give_passkey(database, arrive(database, CHIEF), key)).stage is Stage.SIGNED_IN


def test_one_of_two_that_another_reports_lost_leaves_the_other_as_it_is(database: Database, town: Town) -> None:
    token, key = with_passkey(database, town, town.chief)
    add_app(database, token)
    passkey_row = own(database, town.chief)[0]
    with database.writing() as session:
        row = session.get_one(Authenticator, passkey_row.id)
        withdraw(session, row, actor=Actor(town.inviter, "鈴木 花子"), policy=POLICY, now=NOW)
    assert present(database, arrive(database, CHIEF)).stage is Stage.CODE_NEEDED
    with pytest.raises(SignInRefused):
        give_passkey(database, arrive(database, CHIEF), key)
    with database.reading() as session:
        assert session.scalars(select(SignIn.factor_lost_at).where(SignIn.person_id == town.chief)).one() is None


def test_the_last_one_that_another_reports_lost_shuts_the_door_until_a_link(database: Database, town: Town) -> None:
    with_app(database, town, town.staff)
    with database.writing() as session:
        row = session.get_one(Authenticator, own(database, town.staff)[0].id)
        withdraw(session, row, actor=Actor(town.inviter, "鈴木 花子"), policy=POLICY, now=NOW)
    with pytest.raises(NotPermitted):
        add_app(database, arrive(database, STAFF), now=NOW + timedelta(minutes=1))


def test_what_is_no_own_factor_is_not_withdrawn_here(database: Database, town: Town) -> None:
    with database.writing() as session:
        card = Authenticator(person_id=town.staff, kind=AuthenticatorKind.IC_CARD, label="C-1", issued_at=NOW,
                             state=AuthenticatorState.ACTIVE, issued_by_id=town.inviter, activated_at=NOW)  # fmt: skip
        session.add(card)
        session.flush()
        with pytest.raises(IllegalTransition):
            withdraw(session, card, actor=Actor(town.inviter, "鈴木 花子"), policy=POLICY, now=NOW)
