"""Enrolment: by a link that works once, and never by oneself."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from idm.actor import Actor
from idm.database import Database
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties, SignInRefused
from idm.factors.one_time_codes import code_at, step_of
from idm.keys.sealing import SealBroken, decrypt
from idm.models.people import Person
from idm.models.sign_in import SignIn
from idm.operations.signing_in.enrolment import (
    find_enrolment,
    issue_enrolment_link,
)
from idm.operations.signing_in.second_factor import confirm_second_factor, pending_second_factor, prepare_second_factor
from idm.operations.signing_in.sign_in import totp_context
from idm.operations.signing_in.web_sessions import (
    Stage,
)
from tests.operations.signing_in.steps import (
    KEY,
    ON_BOTH_DATABASES,
    PASSWORD,
    POLICY,
    arrive,
    code_of,
    enrol,
    enrolled,
    give_code,
    invite,
    inviter,
    present,
    refused,
    who,
    with_factor,
)
from tests.small_town import NOW, Town


def test_a_link_works_once(database: Database, town: Town) -> None:
    link = invite(database, town, town.staff)
    with database.writing() as session:
        enrol(session, token=link, password=PASSWORD, policy=POLICY, now=NOW)
    with database.writing() as session, pytest.raises(NotFound):
        enrol(session, token=link, password="もうひとつの長いパスワード", policy=POLICY, now=NOW)


def test_a_link_says_for_whom_it_is_and_looking_does_not_use_it(database: Database, town: Town) -> None:
    link = invite(database, town, town.staff)
    for _ in range(2):
        with database.reading() as session:
            found = find_enrolment(session, token=link, now=NOW)
        assert (found.person_name, found.name) == ("佐藤 一郎", "100001")


@pytest.mark.asvs("6.5.5", "6.4.1")
def test_a_link_ends_after_the_profiles_hours(database: Database, town: Town) -> None:
    link = invite(database, town, town.staff)
    late = NOW + timedelta(hours=POLICY.sign_in.enrolment_hours)
    with database.reading() as session:
        assert find_enrolment(session, token=link, now=late - timedelta(seconds=1))
        with pytest.raises(NotFound):
            find_enrolment(session, token=link, now=late)


@ON_BOTH_DATABASES
def test_a_newer_link_replaces_an_unused_one(database: Database, town: Town) -> None:
    first, second = invite(database, town, town.staff), invite(database, town, town.staff)
    with database.reading() as session:
        with pytest.raises(NotFound):
            find_enrolment(session, token=first, now=NOW)
        assert find_enrolment(session, token=second, now=NOW)


def test_nobody_invites_themself_nor_without_the_role(database: Database, town: Town) -> None:
    with database.writing() as session:
        with pytest.raises(SeparationOfDuties):
            issue_enrolment_link(session, person_id=town.inviter, actor=inviter(town), policy=POLICY, now=NOW)
        with pytest.raises(NotPermitted):
            issue_enrolment_link(
                session, person_id=town.staff, actor=Actor(town.chief, "髙橋 次郎"), policy=POLICY, now=NOW
            )


def test_nobody_invites_themself_under_another_row_of_the_same_human(database: Database, town: Town) -> None:
    with database.writing() as session:
        session.execute(update(Person).where(Person.id.in_([town.inviter, town.staff])).values(match_key="same"))
        with pytest.raises(SeparationOfDuties):
            issue_enrolment_link(session, person_id=town.staff, actor=inviter(town), policy=POLICY, now=NOW)


def test_a_job_invites_only_while_nobody_who_may_can_sign_in(database: Database, town: Town) -> None:
    def by_job(person_id: int) -> str:
        with database.writing() as session:
            return issue_enrolment_link(
                session, person_id=person_id, actor=Actor.job("idm init"), policy=POLICY, now=NOW
            )

    with database.writing() as session:
        enrol(session, token=by_job_first(database, town), password=PASSWORD, policy=POLICY, now=NOW)
    with pytest.raises(NotPermitted):
        by_job(town.chief)
    assert by_job(town.inviter)


def by_job_first(database: Database, town: Town) -> str:
    return invite(database, town, town.inviter)


def test_a_leaver_cannot_be_invited(database: Database, town: Town) -> None:
    with pytest.raises(NotFound):
        invite(database, town, town.leaver)


def test_two_people_never_share_a_name(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff, name="sato")
    with pytest.raises(InvalidInput, match="すでに使われています"):
        invite(database, town, town.auditor, name="SATO")


def test_a_new_link_starts_password_and_factor_anew_and_ends_every_session(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    token = give_code(database, arrive(database, "100003"), code_of(NOW))
    link = invite(database, town, town.chief)
    with database.writing() as session:
        again = enrol(session, token=link, password="まったく別の長いパスワード", policy=POLICY, now=NOW)
    assert who(database, token) is None
    assert present(database, again).stage is Stage.FACTOR_NEEDED
    with pytest.raises(SignInRefused):
        arrive(database, "100003")


def test_enrolling_ends_a_lock(database: Database, town: Town) -> None:
    enrolled(database, town, town.staff)
    for _ in range(POLICY.sign_in.attempts):
        refused(database)
    enrolled(database, town, town.staff)
    assert arrive(database)


@ON_BOTH_DATABASES
def test_the_second_factor_counts_only_when_a_code_confirmed_it(database: Database, town: Town) -> None:
    signed_in = present(database, enrolled(database, town, town.chief))
    assert signed_in.stage is Stage.FACTOR_NEEDED
    with database.writing() as session:
        prepare_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW)
    assert present(database, arrive(database, "100003")).stage is Stage.FACTOR_NEEDED
    with database.writing() as session:
        secret = pending_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW)
        assert secret is not None
        with pytest.raises(InvalidInput):
            confirm_second_factor(session, signed_in=signed_in, code="12345", factor_key=KEY, policy=POLICY, now=NOW)
        code = code_at(secret, step_of(NOW))
        token = confirm_second_factor(session, signed_in=signed_in, code=code, factor_key=KEY, policy=POLICY, now=NOW)
    assert present(database, token).stage is Stage.SIGNED_IN
    waiting = arrive(database, "100003")
    assert present(database, waiting).stage is Stage.CODE_NEEDED
    with pytest.raises(SignInRefused):
        give_code(database, waiting, code)


def test_who_has_a_factor_cannot_enrol_another_with_the_password_alone(database: Database, town: Town) -> None:
    with_factor(database, town, town.chief)
    waiting = present(database, arrive(database, "100003"))
    with database.writing() as session, pytest.raises(IllegalTransition):
        prepare_second_factor(session, signed_in=waiting, factor_key=KEY, policy=POLICY, now=NOW)


def test_the_secret_is_sealed_in_the_database_to_its_person(database: Database, town: Town) -> None:
    signed_in = present(database, enrolled(database, town, town.chief))
    with database.writing() as session:
        prepare_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW)
        secret = pending_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW)
        stored = session.scalars(select(SignIn.totp_pending)).one()
    assert secret is not None
    assert stored is not None
    assert secret not in stored
    with pytest.raises(SealBroken):
        decrypt(KEY, stored, totp_context("totp_secret", town.chief))
