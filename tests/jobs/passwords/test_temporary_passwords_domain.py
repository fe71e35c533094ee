"""Temporary passwords and leaks at a real domain controller, which says nothing of when a password was set (E2, E6)."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.keys.sealing import new_handover_key
from idm.models.privileged import LeakReport
from idm.models.systems import Account, Handover, InformationSystem
from idm.operations.passwords import handovers, leaks
from idm.settings import Settings
from jobs import provision
from jobs.installation import Installation
from jobs.passwords import temporary_passwords
from jobs.passwords.temporary_passwords import Result
from tests.cast import Cast
from tests.connectors.samba_target import SambaTarget
from tests.jobs.conftest import GROUPS, Clock
from tests.servers.samba_ad import SambaAD

OWN, NAME = "Onl-y-mine-4711", "u100009"
DISABLED = 0x2


@dataclass
class Town:
    """The cast's ledger system at a real directory; what 青木 and the desk do about it."""

    cast: Cast
    installation: Installation
    clock: Clock

    def hand_over(self) -> str:
        """The temporary password of 青木's ID there, after the whole hand-over."""
        private, public = new_handover_key()
        desk, policy = self.cast.actor("desk"), self.cast.policy
        with self.cast.acting("desk", now=self.clock()) as session:
            account = session.scalars(select(Account)).one()
            handover_id = handovers.ask(
                session, account_id=account.id, public_key=public, actor=desk, policy=policy, now=self.clock()
            ).id
        provision.run_due(self.installation, worker="w1")
        with self.cast.acting("desk", now=self.clock()) as session:
            return handovers.show(
                session, handover_id=handover_id, private_key=private, actor=desk, policy=policy, now=self.clock()
            ).password

    def one_round(self) -> Result:
        """One round of the worker."""
        said = temporary_passwords.run_due(self.installation)
        provision.run_due(self.installation, worker="w1")
        return said

    def late(self) -> None:
        """The hours are over."""
        self.clock.ahead += timedelta(hours=self.cast.policy.passwords.temporary_hours, minutes=1)

    def newest(self) -> Handover:
        """The newest hand-over."""
        with self.cast.database.reading() as session:
            return session.scalars(select(Handover).order_by(Handover.id.desc())).first() or Handover()


@dataclass
class Domain(Town):
    """The same in a domain."""

    domain: SambaTarget

    def is_off(self) -> bool:
        """Whether the domain has the ID switched off, as its administrator sees it."""
        said = self.domain.server.read(self.domain.dn(NAME), "userAccountControl")["userAccountControl"][0]
        return bool(int(said) & DISABLED)

    def switch_on(self) -> None:
        """An administrator of the domain switches it on, whatever we say."""
        self.domain.server.replace(self.domain.dn(NAME), "userAccountControl", "512")


@pytest.fixture(scope="module")
def samba() -> Iterator[SambaAD]:
    """A running domain controller, one for all tests of the module."""
    server = SambaAD()
    server.build()
    server.start()
    yield server
    server.discard()


@pytest.fixture
def town(cast: Cast, samba: SambaAD, tmp_path: Path) -> Iterator[Domain]:
    """The office, with 青木's ID in the domain."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "ledger.password").write_text(samba.service_password(), encoding="utf-8")
    clock = Clock()
    with ExitStack() as closing:
        domain = SambaTarget(samba, closing, lambda: datetime.now(UTC))
        for group in GROUPS:
            domain.add_group(group)
        with cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            system.connector, system.connector_settings = "active_directory", domain.connector_settings()
        settings = Settings(database_url=cast.database.url, secrets_dir=secrets)
        found = Domain(cast, Installation(settings, cast.database, clock), clock, domain)
        cast.approve(cast.file("staff", ("staff", "ledger/account"), now=clock()), now=clock())
        provision.run_due(found.installation, worker="w1")
        yield found


def test_a_change_is_known_from_the_domain_itself(town: Domain) -> None:
    password = town.hand_over()
    assert town.newest().set_time is None, "the domain says no time of a password that must be changed"
    assert town.one_round() == Result(asked=1)
    town.domain.choose_password(NAME, password, OWN)
    assert town.one_round() == Result(asked=1, changed=1)
    town.late()
    assert town.one_round() == Result()
    assert town.domain.sign_in(NAME, OWN)


def test_what_was_not_changed_in_time_is_locked_and_replaced(town: Domain) -> None:
    password = town.hand_over()
    assert town.domain.sign_in(NAME, password)
    town.late()
    assert town.one_round() == Result(asked=1, overdue=1)
    assert town.is_off()
    assert town.newest().replaced_at is not None
    town.switch_on()
    assert not town.domain.sign_in(NAME, password), "not only off: the password is another one"


def test_a_demand_taken_away_by_an_administrator_is_dated_like_a_change_and_believed(town: Domain) -> None:
    """As the tick "must change at next logon" is taken away: its date is that of a change by the owner."""
    town.hand_over()
    town.domain.server.replace(town.domain.dn(NAME), "pwdLastSet", "-1")
    assert town.one_round() == Result(asked=1, changed=1)


def test_handed_over_anew_it_opens_again(town: Domain) -> None:
    town.hand_over()
    town.late()
    town.one_round()
    assert town.domain.sign_in(NAME, town.hand_over())
    assert not town.is_off()
    assert town.one_round() == Result(asked=1)


def test_a_leaked_password_opens_nothing_after_the_next_pass(town: Domain) -> None:
    town.domain.choose_password(NAME, town.hand_over(), OWN)
    now, staff = town.clock(), town.cast.people["staff"]
    with town.cast.acting("staff", now=now) as session:
        leaks.report(
            session, leaks.Wanted(staff), note="", actor=town.cast.stale("staff"), policy=town.cast.policy, now=now
        )
    provision.run_due(town.installation, worker="w1")
    assert town.is_off()
    town.switch_on()
    assert not town.domain.sign_in(NAME, OWN)
    with town.cast.database.reading() as session:
        assert session.scalars(select(LeakReport)).one().replaced_at is not None
