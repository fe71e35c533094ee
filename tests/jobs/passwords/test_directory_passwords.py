"""What the web may ask of a directory is whether a password is right, over a connection that ends with the answer."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.memory.connector import MemoryConnector
from connectors.memory.directory import MemoryDirectory
from connectors.plugins import Clock
from connectors.registry import KINDS, former_password_counts, promised
from idm.errors import ConfigurationInvalid, TargetRefused
from idm.models.systems import InformationSystem
from idm.organisation_file import load_organisation
from idm.ports import AccountId, ChecksPasswords, PasswordVerdict
from idm.settings import Settings
from jobs.installation import Installation
from jobs.passwords.directory_passwords import password_checker, require_can_check
from tests.cast import NOW, ORGANISATION, Cast

NOBODY = 'first_officers = [{ role = "ciso", staff_number = "100001" }]\n'


class Counted(MemoryConnector):
    """A connector that remembers how often it was closed."""

    closed = 0

    def close(self) -> None:
        type(self).closed += 1


class ReadsOnly:
    """A connector that can be read and nothing else."""

    def account_ids(self) -> Iterator[AccountId]:
        return iter(())

    def close(self) -> None:
        """Nothing is open."""


def opened(settings: Mapping[str, object], _password: str | None, clock: Clock) -> MemoryConnector:
    return Counted(MemoryDirectory.named(str(settings["name"])), clock=clock)


def blind(_settings: Mapping[str, object], _password: str | None, _clock: Clock) -> ReadsOnly:
    return ReadsOnly()


@pytest.fixture
def system(cast: Cast) -> InformationSystem:
    with cast.database.reading() as session:
        return session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()


@pytest.fixture
def installation(cast: Cast, tmp_path: Path) -> Installation:
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "ledger.password").write_text("x")
    return Installation(Settings(secrets_dir=tmp_path / "secrets"), cast.database, _now)


def _now() -> datetime:
    return NOW


def test_each_question_has_a_connection_of_its_own_that_ends_with_it(
    installation: Installation, system: InformationSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "memory", opened)
    monkeypatch.setattr(Counted, "closed", 0)
    check = password_checker(installation)
    for _ in range(2):
        assert check(system, "nobody", "password").verdict is PasswordVerdict.WRONG
    assert Counted.closed == 2


def test_a_connector_that_cannot_check_passwords_is_refused_and_closed(
    installation: Installation, system: InformationSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "memory", blind)
    with pytest.raises(TargetRefused, match="パスワードを確かめられません"):
        password_checker(installation)(system, "nobody", "password")


def test_every_directory_of_ours_says_that_it_can_check_passwords_and_no_service_does() -> None:
    for kind in KINDS:
        found = promised(kind)
        assert found is not None
        assert issubclass(found, ChecksPasswords) is (kind not in ("entra", "scim"))


def test_only_domains_are_known_to_go_on_taking_a_former_password() -> None:
    known = {kind: former_password_counts(kind) for kind in [*KINDS, "of_another_package"]}
    assert {kind for kind, counts in known.items() if counts is not None} == {"active_directory"}


def test_an_organisation_cannot_name_a_connector_that_says_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    organisation = load_organisation(NOBODY + ORGANISATION, "town.toml")
    require_can_check(organisation)
    monkeypatch.setitem(KINDS, "memory", blind)
    require_can_check(organisation)
    with pytest.raises(ConfigurationInvalid) as caught:
        require_can_check(replace(organisation, sign_in_system="ledger"))
    assert "memory" in caught.value.mistakes[0]
