"""The worker answers the help desk about real locks, and opens them, without opening what is switched off."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.help_desk import UnlockRequest
from idm.models.systems import InformationSystem
from idm.operations.passwords import unlocking
from idm.operations.passwords.unlocking import ANSWERED_WITHIN, TOO_LATE
from idm.vocabulary import Stage
from jobs.information_systems import examination
from jobs.passwords import unlocking as job
from tests.jobs.conftest import Office

WRONG = "Not-the-password-1"
LOCKED_AFTER = 5
"""pwdMaxFailure of the directory's policy."""


@pytest.fixture
def opened(office: Office) -> Office:
    """青木 has an account with a password."""
    office.grant("staff", "ledger/account")
    office.provision()
    office.hand_over("staff")
    return office


def guess(office: Office) -> None:
    for _ in range(LOCKED_AFTER):
        assert not office.directory.sign_in(office.dn("u100009"), WRONG)


def ask(office: Office, *, unlock: bool = False) -> None:
    now = office.clock()
    with office.cast.acting("desk", now=now) as session:
        account = office.account(session, "staff")
        unlocking.ask(
            session, account_id=account.id, unlock=unlock, actor=office.cast.actor("desk"), policy=office.cast.policy,
            now=now,
        )  # fmt: skip


def answered(office: Office) -> UnlockRequest:
    job.run_due(office.installation)
    with office.cast.database.reading() as session:
        return session.scalars(select(UnlockRequest).order_by(UnlockRequest.id.desc()).limit(1)).one()


def test_an_account_that_nobody_guessed_at_is_not_locked(opened: Office) -> None:
    ask(opened)
    said = answered(opened)
    assert (said.was_locked, said.locked, said.failure) == (False, False, None)


def test_a_lock_is_seen_with_its_end_and_looking_does_not_open_it(opened: Office) -> None:
    guess(opened)
    ask(opened)
    said = answered(opened)
    assert (said.was_locked, said.locked) == (True, True)
    assert said.locked_until is not None
    assert timedelta() < said.locked_until - opened.clock() < timedelta(minutes=16)
    assert "pwdAccountLockedTime" in opened.entry("u100009")


def test_the_second_button_opens_it_and_that_is_read_back(opened: Office) -> None:
    guess(opened)
    ask(opened, unlock=True)
    said = answered(opened)
    assert (said.was_locked, said.locked, said.locked_until, said.failure) == (True, False, None, None)
    assert "pwdAccountLockedTime" not in opened.entry("u100009")


def test_opening_a_lock_does_not_open_an_account_that_is_switched_off(opened: Office) -> None:
    guess(opened)
    opened.leave("staff")
    opened.directory.apply(
        f"dn: {opened.dn('u100009')}\nchangetype: modify\nreplace: pwdEndTime\npwdEndTime: 19700101000000Z\n"
    )
    ask(opened, unlock=True)
    assert answered(opened).locked is False
    assert opened.entry("u100009")["pwdEndTime"] == ["19700101000000Z"]


def test_a_directory_that_is_away_is_an_answer_too_and_closes_the_question(opened: Office) -> None:
    ask(opened)
    port = opened.directory.ldaps_port
    opened.directory.stop()
    try:
        said = answered(opened)
    finally:
        opened.directory.start(port)
    assert said.answered_at is not None
    assert "接続" in (said.failure or "")
    assert said.locked is None


def test_what_waited_too_long_is_not_carried_out(opened: Office) -> None:
    guess(opened)
    ask(opened, unlock=True)
    opened.clock.ahead += ANSWERED_WITHIN + timedelta(seconds=5)
    assert answered(opened).failure == TOO_LATE
    assert "pwdAccountLockedTime" in opened.entry("u100009")


def test_a_system_that_is_only_observed_is_looked_at_and_not_written_to(opened: Office) -> None:
    guess(opened)
    with opened.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.stage = Stage.OBSERVE
    ask(opened, unlock=True)
    said = answered(opened)
    assert said.was_locked
    assert said.failure is not None
    assert "pwdAccountLockedTime" in opened.entry("u100009")


def test_with_more_rights_than_needed_nothing_is_opened_and_the_answer_says_so(opened: Office) -> None:
    guess(opened)
    server = opened.directory
    password = server.administrator_password_file.read_text()
    opened.installation.settings.secrets_dir.joinpath("ledger.password").write_text(password, encoding="utf-8")
    with opened.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector_settings = {**system.connector_settings, "bind_dn": server.administrator_dn}
    said_so = examination.examine(opened.installation, system).stops_writing
    assert said_so is not None
    ask(opened, unlock=True)
    assert answered(opened).failure == said_so
    assert "pwdAccountLockedTime" in opened.entry("u100009")


def test_a_worker_of_another_zone_leaves_it(opened: Office) -> None:
    ask(opened)
    elsewhere = opened.installation.settings.model_copy(update={"zones": ("internet",)})
    assert job.run_due(type(opened.installation)(elsewhere, opened.cast.database, opened.clock)) == 0
    assert job.run_due(opened.installation) == 1
