"""Keys are made once, kept closed, and never silently replaced."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from idm.errors import ConfigurationInvalid
from idm.keys.signing import load_or_create_key, load_public_key


def test_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    first, second = load_or_create_key(tmp_path), load_or_create_key(tmp_path)
    assert first.public == second.public
    assert second.public.verify(b"message", first.sign(b"message"))


def test_private_key_is_closed_to_others(tmp_path: Path) -> None:
    load_or_create_key(tmp_path / "secrets")
    assert stat.S_IMODE((tmp_path / "secrets" / "audit-signing.key").stat().st_mode) == 0o600


def test_public_key_alone_verifies(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path)
    public = load_public_key(tmp_path / "audit-signing.pub")
    assert public.key_id == key.public.key_id
    assert public.verify(b"message", key.sign(b"message"))
    assert not public.verify(b"another", key.sign(b"message"))
    assert not public.verify(b"message", b"short")


def test_two_keys_have_two_names(tmp_path: Path) -> None:
    first, second = load_or_create_key(tmp_path, "audit-signing"), load_or_create_key(tmp_path, "bundle-signing")
    assert first.public.key_id != second.public.key_id
    assert not second.public.verify(b"message", first.sign(b"message"))


def test_repr_shows_nothing_of_the_key(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path)
    secret = (tmp_path / "audit-signing.key").read_bytes()
    assert repr(key) == f"SigningKey(public=PublicKey(key_id='{key.public.key_id}'))"
    assert secret.hex() not in repr(key)


def test_lost_private_key_is_not_replaced(tmp_path: Path) -> None:
    load_or_create_key(tmp_path)
    (tmp_path / "audit-signing.key").unlink()
    with pytest.raises(ConfigurationInvalid, match="控えから戻して"):
        load_or_create_key(tmp_path)


def test_public_key_of_another_is_refused(tmp_path: Path) -> None:
    load_or_create_key(tmp_path)
    other = load_or_create_key(tmp_path / "other")
    (tmp_path / "audit-signing.pub").write_bytes(other.public.pem())
    with pytest.raises(ConfigurationInvalid, match="公開鍵ではありません"):
        load_or_create_key(tmp_path)


def test_lost_public_key_is_written_again(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path)
    (tmp_path / "audit-signing.pub").unlink()
    assert load_or_create_key(tmp_path).public == key.public
    assert load_public_key(tmp_path / "audit-signing.pub") == key.public


@pytest.mark.asvs("13.3.2")
def test_private_key_open_to_others_is_refused(tmp_path: Path) -> None:
    load_or_create_key(tmp_path)
    (tmp_path / "audit-signing.key").chmod(0o640)
    with pytest.raises(ConfigurationInvalid, match="chmod 600"):
        load_or_create_key(tmp_path)


def test_file_that_is_no_ed25519_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.pub"
    with pytest.raises(ConfigurationInvalid, match="開けません"):
        load_public_key(path)
    path.write_bytes(b"garbage")
    with pytest.raises(ConfigurationInvalid, match="読めません"):
        load_public_key(path)
    rsa = generate_private_key(65537, 2048).public_key()
    path.write_bytes(rsa.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ConfigurationInvalid, match="Ed25519"):
        load_public_key(path)


def test_processes_starting_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as starting:
        keys = list(starting.map(lambda _: load_or_create_key(tmp_path), range(8)))
    assert len({key.public.key_id for key in keys}) == 1
