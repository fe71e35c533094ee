"""At a real domain: built-in IDs by number, members behind our back, and a privileged ID's own rules (D4, D5, D9)."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.calendar_days import day_of
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding
from idm.settings import Settings
from idm.vocabulary import AccountKind, FindingKind
from jobs import provision
from jobs.installation import Installation
from jobs.sweep import sweep
from tests.cast import Cast
from tests.connectors.samba_target import SambaTarget
from tests.jobs.conftest import GROUPS, Clock
from tests.servers.samba_ad import SambaAD

PRIVILEGED = "ledger-admin"


@dataclass
class Town:
    """The cast's ledger system in a domain, and what is found there."""

    cast: Cast
    installation: Installation
    clock: Clock
    domain: SambaTarget

    def swept(self) -> dict[FindingKind, set[str]]:
        """What is open after one sweep, by kind; rules for everybody are not looked at here."""
        sweep.sweep(self.installation, system_code="ledger")
        found: dict[FindingKind, set[str]] = {}
        with self.cast.database.reading() as session:
            for one in session.scalars(select(Finding).where(Finding.resolved_at.is_(None), Finding.system_id == 1)):
                if one.subject_key != "ordinary":
                    found.setdefault(one.kind, set()).add(one.label)
        return found

    def join(self, group: str, member: str) -> None:
        """Somebody puts one into the other, behind our back."""
        groups = self.domain.server.groups_ou
        self.domain.server.apply(f"dn: CN={group},{groups}\nchangetype: modify\nadd: member\nmember: {member}\n")

    def members(self, group: str = PRIVILEGED) -> list[str]:
        """Who stands in the group, as the domain's administrator sees it."""
        return self.domain.server.read(f"CN={group},{self.domain.server.groups_ou}", "member").get("member", [])


@pytest.fixture(scope="module")
def samba() -> Iterator[SambaAD]:
    """A running domain controller, one for all tests of the module."""
    server = SambaAD()
    server.build()
    server.start()
    yield server
    server.discard()


@pytest.fixture
def town(cast: Cast, samba: SambaAD, tmp_path: Path) -> Iterator[Town]:
    """The office, with 青木's privileged ID in the domain, and its group known."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "ledger.password").write_text(samba.service_password(), encoding="utf-8")
    settings, clock = Settings(database_url=cast.database.url, secrets_dir=secrets), Clock()
    with ExitStack() as closing:
        domain = SambaTarget(samba, closing, clock)
        for group in GROUPS:
            domain.add_group(group)
        with cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            system.connector, system.connector_settings = "active_directory", domain.connector_settings()
        until = day_of(clock()) + timedelta(days=90)
        request = cast.file("staff", ("staff", "ledger/admin-account"), now=clock(), valid_until=until)
        cast.approve(request, now=clock())
        installation = Installation(settings, cast.database, clock)
        provision.run_due(installation, worker="w1")
        yield Town(cast, installation, clock, domain)


def test_the_built_in_administrator_is_known_by_name_and_once_renamed_by_number(town: Town) -> None:
    server = town.domain.server
    assert town.swept()[FindingKind.DEFAULT_NAME] == {"Administrator"}, "Guest is switched off"
    server.replace(server.administrator_dn, "sAMAccountName", "kanri-taro")
    try:
        found = town.swept()
    finally:
        server.replace(server.administrator_dn, "sAMAccountName", "Administrator")
    assert FindingKind.DEFAULT_NAME not in found
    assert found[FindingKind.OUT_OF_BAND] >= {"kanri-taro"}, "it is in the groups of the domain's administrators"
    assert "krbtgt" not in {name for names in found.values() for name in names}


def test_a_member_put_into_a_privileged_group_behind_our_back_is_out_after_one_sweep(town: Town) -> None:
    town.domain.add_foreign_account("intruder")
    town.join(PRIVILEGED, town.domain.dn("intruder"))
    found = town.swept()
    assert town.members() == []
    assert "intruder" not in found.get(FindingKind.OUT_OF_BAND, set())
    with town.cast.database.reading() as session:
        [finding] = session.scalars(select(Finding).where(Finding.label == "intruder", Finding.kind == "out_of_band"))
    assert finding.resolved_at is not None


def test_a_member_through_another_group_and_one_of_tier_0_are_told_of_after_one_sweep(town: Town) -> None:
    for name in ("nested", "tier0"):
        town.domain.add_foreign_account(name)
    town.domain.add_group("inner")
    town.join("inner", town.domain.dn("nested"))
    town.domain.put_into_group(PRIVILEGED, "inner")
    town.domain.make_administrator("tier0")
    found = town.swept()
    assert found[FindingKind.OUT_OF_BAND] >= {"nested", "tier0"}
    assert len(town.members()) == 1, "the group inside it is a person's to look into"
    machines = {name for name in found[FindingKind.OUT_OF_BAND] if name.endswith("$") or "-" in name}
    assert machines == set(), "the domain's own controllers are where they belong"


def test_the_count_of_an_administrator_left_on_an_account_is_found(town: Town) -> None:
    town.domain.add_foreign_account("once-admin")
    town.domain.server.replace(town.domain.dn("once-admin"), "adminCount", "1")
    assert town.swept()[FindingKind.UNREGISTERED_PRIVILEGE] == {"once-admin"}


def test_rules_of_an_own_that_are_weaker_than_the_profiles_are_found(town: Town) -> None:
    with town.cast.database.reading() as session:
        own = session.scalars(select(Account.login_name).where(Account.kind == AccountKind.PRIVILEGED)).one()
    server = town.domain.server
    options = ("--min-pwd-length=20", "--account-lockout-threshold=5", "--max-pwd-age=0")
    dn = server.add_password_settings_object("weak", 10, *options, applies_to=own)
    server.let_service_read(f"CN=Password Settings Container,CN=System,{server.base_dn}")
    assert town.swept()[FindingKind.PASSWORD_RULES] == {own}
    server.replace(dn, "msDS-MinimumPasswordLength", "24")
    assert FindingKind.PASSWORD_RULES not in town.swept()
