"""The vault's key: in a file or a token, replaced row by row whatever dies, never guessed when it is missing (D4)."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.memory.directory import Fault, MemoryDirectory
from idm.errors import ConfigurationInvalid, IllegalTransition
from idm.keys.sealing import SealBroken
from idm.models.privileged import VaultKey, VaultSecret
from idm.models.systems import InformationSystem
from idm.operations.privileged.vault_keys import SealedValue, reseal
from idm.settings import Settings, VaultSettings
from idm.vocabulary import RotationState
from jobs.installation import Installation
from jobs.vault import key_rotation
from jobs.vault.cipher import Cipher, FileCipher
from jobs.vault.key_files import CURRENT, PREVIOUS
from tests.cast import Cast
from tests.jobs.conftest import Clock
from tests.jobs.dying_key_rotation import POINTS
from tests.vault_office import VaultOffice

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "2468"


@pytest.fixture
def office(cast: Cast, tmp_path: Path) -> VaultOffice:
    """The office with a directory in memory, keeping three passwords and one on its way."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "ledger.password").write_text("unused", encoding="utf-8")
    settings = Settings(
        database_url=cast.database.url, secrets_dir=secrets, checkpoint_file=tmp_path / "checkpoints.jsonl"
    )
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector_settings = {"name": str(tmp_path)}
    return VaultOffice(cast, Installation(settings, cast.database, Clock()))


@pytest.fixture
def kept(office: VaultOffice) -> dict[int, list[str]]:
    """What is kept: account → every value of it in the books; of the last, one is on its way."""
    ids = office.keep("one", "two", "three")
    office.rotate()
    office.ask(ids[2])
    directory = MemoryDirectory.named(str(office.installation.settings.secrets_dir.parent))
    directory.fault = Fault.ANSWER_LOST
    office.rotate()
    assert office.rotation(ids[2]).state is RotationState.SEALED
    return {account_id: office.in_our_books(account_id) for account_id in ids}


def keys(session: Session) -> list[VaultKey]:
    """Every key that our books know, oldest first."""
    return list(session.scalars(select(VaultKey).order_by(VaultKey.id)))


def test_the_first_key_is_made_readable_by_the_worker_alone(office: VaultOffice) -> None:
    office.keep("one")
    office.rotate()
    folder = office.installation.settings.vault_key_dir
    assert (folder.stat().st_mode & 0o777, (folder / CURRENT).stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_sealed_password_opens_at_its_own_place_only(office: VaultOffice) -> None:
    one, two = office.keep("one", "two")
    office.rotate()
    with office.cast.database.writing() as session:
        mine, other = session.get_one(VaultSecret, one), session.get_one(VaultSecret, two)
        mine.sealed = other.sealed
    with pytest.raises(SealBroken):
        office.password(one)
    assert office.password(two)


def test_a_key_that_others_can_read_is_refused_and_nothing_is_done(office: VaultOffice) -> None:
    [account_id] = office.keep("one")
    office.rotate()
    file = office.installation.settings.vault_key_dir / CURRENT
    file.chmod(0o640)
    office.ask(account_id)
    office.rotate()
    assert office.rotation(account_id).state is RotationState.ASKED
    assert "chmod 600" in (office.rotation(account_id).last_error or "")
    with pytest.raises(ConfigurationInvalid):
        key_rotation.replace_key(office.installation)


def test_a_credential_that_systemd_passes_on_may_carry_its_access_list(
    office: VaultOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    [account_id] = office.keep("one")
    office.rotate()
    folder = office.installation.settings.vault_key_dir
    (folder / CURRENT).chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert office.password(account_id)
    (folder / CURRENT).chmod(0o444)
    with pytest.raises(ConfigurationInvalid):
        office.password(account_id)


@pytest.mark.parametrize("wrong", [None, bytes(32)], ids=["missing", "another"])
def test_without_the_right_key_nothing_is_made_sealed_or_set(
    office: VaultOffice, kept: dict[int, list[str]], wrong: bytes | None
) -> None:
    file = office.installation.settings.vault_key_dir / CURRENT
    right = file.read_bytes()
    file.unlink()
    if wrong is not None:
        file.touch(mode=0o600)
        file.write_bytes(wrong)
    with office.cast.database.reading() as session:
        before = [one.sealed for one in session.scalars(select(VaultSecret).order_by(VaultSecret.account_id))]
    office.ask(*kept)
    office.rotate()
    for act in (key_rotation.replace_key, key_rotation.would_reseal):
        with pytest.raises(ConfigurationInvalid) as refused:
            act(office.installation)
        assert "vault.key" in "".join(refused.value.mistakes)
    with office.cast.database.reading() as session:
        assert [one.sealed for one in session.scalars(select(VaultSecret).order_by(VaultSecret.account_id))] == before
        assert len(keys(session)) == 1
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(right)
    assert {account_id: office.in_our_books(account_id) for account_id in kept} == kept


def test_everything_is_sealed_under_the_new_key_and_the_old_one_retires(
    office: VaultOffice, kept: dict[int, list[str]]
) -> None:
    assert key_rotation.would_reseal(office.installation) == 4
    done = key_rotation.replace_key(office.installation)
    assert (done.resealed, done.resumed) == (4, False)
    with office.cast.database.reading() as session:
        old, new = keys(session)
        assert old.retired_at is not None
        assert (new.retired_at, new.fingerprint) == (None, done.fingerprint)
        assert set(session.scalars(select(VaultSecret.key_id))) == {new.id}
    folder = office.installation.settings.vault_key_dir
    assert sorted(file.name for file in folder.iterdir()) == [f"vault-retired-{old.fingerprint[:16]}.key", CURRENT]
    assert {account_id: office.in_our_books(account_id) for account_id in kept} == kept
    assert office.rotate() >= 0


@pytest.mark.parametrize("point", POINTS)
def test_a_replacement_killed_at_any_point_is_gone_on_with(
    office: VaultOffice, kept: dict[int, list[str]], point: str
) -> None:
    settings = office.installation.settings.model_dump_json()
    command = [sys.executable, "-m", "tests.jobs.dying_key_rotation", settings, point]
    died = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert died.returncode == -9, died.stderr
    assert {account_id: office.in_our_books(account_id) for account_id in kept} == kept, "the worker goes on meanwhile"
    key_rotation.replace_key(office.installation)
    with office.cast.database.reading() as session:
        live = [key.id for key in keys(session) if key.retired_at is None]
        assert len(live) == 1
        assert set(session.scalars(select(VaultSecret.key_id))) == set(live)
    assert not (office.installation.settings.vault_key_dir / PREVIOUS).exists()
    assert {account_id: office.in_our_books(account_id) for account_id in kept} == kept


def test_nothing_is_sealed_under_a_key_that_has_retired(office: VaultOffice, kept: dict[int, list[str]]) -> None:
    with office.vault() as (_, stale):
        pass
    key_rotation.replace_key(office.installation)
    with office.cast.database.reading() as session:
        secret = session.scalars(select(VaultSecret)).first()
        assert secret is not None
        value = SealedValue(secret.key_id, secret.sealed, secret.account_id, b"")
    with pytest.raises(IllegalTransition), office.cast.database.writing() as session:
        reseal(session, value, b"sealed", key_id=stale.key_id)


def test_what_a_lost_key_took_is_set_anew(office: VaultOffice, kept: dict[int, list[str]]) -> None:
    with office.cast.database.reading() as session:
        [lost] = [key.fingerprint for key in keys(session)]
    with pytest.raises(ConfigurationInvalid):
        key_rotation.forget_lost_key(office.installation, lost)
    (office.installation.settings.vault_key_dir / CURRENT).unlink()
    assert key_rotation.forget_lost_key(office.installation, lost[:16]) == 4
    office.rotate()
    for account_id in kept:
        assert office.is_let_in(account_id, office.password(account_id))


# --- the key in a token -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The label of a new SoftHSM token; the library reads its configuration and its tokens once in a process."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        command = ["softhsm2-util", "--init-token", "--free", "--label", "idm", "--pin", PIN, "--so-pin", "13579"]
        subprocess.run(command, check=True, capture_output=True)
        yield "idm"


@pytest.fixture
def with_token(office: VaultOffice, token: str, tmp_path: Path) -> VaultOffice:
    """The same office, its key in the token."""
    settings = office.installation.settings
    settings.vault_key_dir.mkdir(mode=0o700, exist_ok=True)
    pin = settings.vault_key_dir / "vault.pin"
    pin.touch(mode=0o600)
    pin.write_text(PIN, encoding="utf-8")
    vault = VaultSettings(pkcs11_module=MODULE, pkcs11_token=token, pkcs11_key=str(tmp_path)[-30:])
    installation = replace(office.installation, settings=settings.model_copy(update={"vault": vault}))
    return VaultOffice(office.cast, installation)


def test_a_key_in_a_token_seals_opens_and_is_replaced(with_token: VaultOffice) -> None:
    ids = with_token.keep("one", "two")
    with_token.rotate()
    before = {account_id: with_token.password(account_id) for account_id in ids}
    assert all(with_token.is_let_in(account_id, password) for account_id, password in before.items())
    assert key_rotation.replace_key(with_token.installation).resealed == 2
    assert {account_id: with_token.password(account_id) for account_id in ids} == before
    assert not (with_token.installation.settings.vault_key_dir / CURRENT).exists()


def test_a_token_takes_over_from_a_file(
    office: VaultOffice, kept: dict[int, list[str]], with_token: VaultOffice
) -> None:
    assert key_rotation.replace_key(with_token.installation).resealed == 4
    (office.installation.settings.vault_key_dir / CURRENT).unlink()
    assert {account_id: with_token.in_our_books(account_id) for account_id in kept} == kept


def test_a_token_opens_nothing_at_another_place_and_a_wrong_pin_is_told(with_token: VaultOffice) -> None:
    one, two = with_token.keep("one", "two")
    with_token.rotate()
    with with_token.cast.database.writing() as session:
        session.get_one(VaultSecret, one).sealed = session.get_one(VaultSecret, two).sealed
    with pytest.raises(SealBroken):
        with_token.password(one)
    (with_token.installation.settings.vault_key_dir / "vault.pin").write_text("wrong", encoding="utf-8")
    with pytest.raises(ConfigurationInvalid, match="開けません"):
        with_token.password(two)


def test_a_fingerprint_is_the_keys_own_and_says_nothing_of_it() -> None:
    one: Cipher = FileCipher(bytes(range(32)))
    assert one.fingerprint == FileCipher(bytes(range(32))).fingerprint != FileCipher(bytes(32)).fingerprint
    assert bytes(range(32)).hex() not in one.fingerprint
