"""A loss shuts the account of a real directory in the worker's next pass; found again, it is opened."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.systems import InformationSystem
from idm.models.work import MailMessage
from jobs.sweep import sweep
from tests.authenticator_office import PRODUCT, activate, issue, lose, recover
from tests.jobs.conftest import Office


@dataclass
class SigningIn:
    """青木 and 今泉 sign in to the directory with the passwords they were handed."""

    office: Office
    passwords: dict[str, str]

    def may(self, login_name: str) -> bool:
        """Whether the directory lets this one in."""
        return self.office.directory.sign_in(self.office.dn(login_name), self.passwords[login_name])


@pytest.fixture
def signing_in(office: Office) -> SigningIn:
    """Both have an account, and have been handed its password."""
    with office.cast.database.writing() as session:
        for system in session.scalars(select(InformationSystem)):
            system.verification = PRODUCT
    found = SigningIn(office, {})
    for who in ("staff", "other"):
        office.grant(who, "ledger/account")
        office.provision()
        login_name, found.passwords[login_name] = office.hand_over(who)
        assert found.may(login_name)
    return found


def card(office: Office) -> int:
    now = office.clock()
    one = issue(office.cast, now=now)
    activate(office.cast, one, "ledger", now=now)
    return one


def test_a_loss_shuts_the_account_in_the_next_pass_and_only_that_one(signing_in: SigningIn) -> None:
    office = signing_in.office
    one = card(office)
    office.provision()
    assert signing_in.may("u100009")
    lose(office.cast, one, now=office.clock())
    office.provision()
    assert not signing_in.may("u100009")
    assert signing_in.may("u100010")
    recover(office.cast, one, now=office.clock())
    office.provision()
    assert signing_in.may("u100009")


def reminders(office: Office) -> int:
    with office.cast.database.reading() as session:
        found = session.scalars(select(MailMessage.id).where(MailMessage.subject.contains("紛失の事後処理")))
        return len(found.all())


def test_the_nightly_sweep_reminds_of_a_follow_up_that_is_open_too_long_once(signing_in: SigningIn) -> None:
    office = signing_in.office
    lose(office.cast, card(office), now=office.clock())
    sweep.sweep(office.installation)
    assert reminders(office) == 0
    office.clock.ahead += timedelta(days=office.cast.policy.factors.follow_up_days, minutes=1)
    sweep.sweep(office.installation, dry_run=True)
    assert reminders(office) == 0
    sweep.sweep(office.installation)
    sweep.sweep(office.installation)
    assert reminders(office) == 1
