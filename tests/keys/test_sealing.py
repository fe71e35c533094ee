"""What is sealed opens in its own place, with its own key, unchanged; and nowhere else."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import ConfigurationInvalid
from idm.keys.sealing import SealBroken, decrypt, encrypt, new_handover_key, seal_to, unseal
from idm.keys.secret_files import load_key, load_or_create_key

KEYS = st.binary(min_size=32, max_size=32)


@given(key=KEYS, plaintext=st.binary(max_size=200), context=st.binary(max_size=40))
def test_what_is_encrypted_opens_with_its_key_at_its_place(key: bytes, plaintext: bytes, context: bytes) -> None:
    assert decrypt(key, encrypt(key, plaintext, context), context) == plaintext


@given(key=KEYS, other=KEYS, context=st.binary(max_size=40), elsewhere=st.binary(max_size=40))
def test_it_opens_with_no_other_key_and_at_no_other_place(
    key: bytes, other: bytes, context: bytes, elsewhere: bytes
) -> None:
    sealed = encrypt(key, b"JBSWY3DP", context)
    if elsewhere != context:
        with pytest.raises(SealBroken):
            decrypt(key, sealed, elsewhere)
    if other != key:
        with pytest.raises(SealBroken):
            decrypt(other, sealed, context)


@given(plaintext=st.binary(max_size=200), context=st.binary(max_size=40))
def test_what_is_sealed_to_a_hand_over_opens_with_its_private_key(plaintext: bytes, context: bytes) -> None:
    private, public = new_handover_key()
    assert unseal(private, seal_to(public, plaintext, context), context) == plaintext


def test_a_hand_over_opens_neither_for_another_officer_nor_as_another_hand_over() -> None:
    private, public = new_handover_key()
    someone_else, _ = new_handover_key()
    sealed = seal_to(public, b"Kari-pass", b"handovers.sealed:1:7")
    with pytest.raises(SealBroken):
        unseal(someone_else, sealed, b"handovers.sealed:1:7")
    with pytest.raises(SealBroken):
        unseal(private, sealed, b"handovers.sealed:2:7")


@pytest.mark.asvs("11.3.3")
@given(data=st.data())
def test_a_changed_or_shortened_seal_is_broken(data: st.DataObject) -> None:
    private, public = new_handover_key()
    key = b"k" * 32
    for sealed in (seal_to(public, b"Kari-pass", b"here"), encrypt(key, b"Kari-pass", b"here")):
        position = data.draw(st.integers(0, len(sealed) - 1))
        flipped = bytearray(sealed)
        flipped[position] ^= data.draw(st.integers(1, 255))
        for damaged in (bytes(flipped), sealed[:position]):
            with pytest.raises(SealBroken):
                unseal(private, damaged, b"here") if sealed[:1] == b"\x02" else decrypt(key, damaged, b"here")


@given(text=st.binary(max_size=100))
def test_arbitrary_bytes_are_a_broken_seal_and_never_another_error(text: bytes) -> None:
    private, _ = new_handover_key()
    with pytest.raises(SealBroken):
        unseal(private, b"\x02" + text, b"")
    with pytest.raises(SealBroken):
        decrypt(b"k" * 32, b"\x01" + text, b"")


@pytest.mark.parametrize("public", [b"", bytes(32), b"x" * 31, b"\x01" + bytes(31)])
def test_an_unusable_public_key_is_refused_before_anything_is_sealed(public: bytes) -> None:
    with pytest.raises(SealBroken):
        seal_to(public, b"Kari-pass", b"")


def test_sealing_the_same_thing_twice_gives_different_bytes() -> None:
    _, public = new_handover_key()
    assert seal_to(public, b"a", b"") != seal_to(public, b"a", b"")
    assert encrypt(b"k" * 32, b"a", b"") != encrypt(b"k" * 32, b"a", b"")


def test_the_error_says_nothing_of_key_or_content() -> None:
    sealed = encrypt(b"k" * 32, b"Kari-pass", b"here")
    with pytest.raises(SealBroken) as caught:
        decrypt(b"o" * 32, sealed, b"here")
    assert "Kari" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_a_new_installation_makes_a_key_of_its_own_that_only_its_user_can_read(tmp_path: Path) -> None:
    first, second = (load_or_create_key(tmp_path / place / "secrets", "factor.key") for place in "ab")
    assert first != second
    assert load_or_create_key(tmp_path / "a" / "secrets", "factor.key") == first
    assert stat.S_IMODE((tmp_path / "a" / "secrets" / "factor.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a" / "secrets").stat().st_mode) == 0o700
    assert [file.name for file in (tmp_path / "a" / "secrets").iterdir()] == ["factor.key"]


@pytest.mark.asvs("13.3.2")
def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_or_create_key(tmp_path, "factor.key")
    (tmp_path / "factor.key").chmod(0o640)
    with pytest.raises(ConfigurationInvalid, match="chmod 600"):
        load_or_create_key(tmp_path, "factor.key")


def test_a_damaged_or_missing_key_is_refused_and_never_made_anew(tmp_path: Path) -> None:
    load_or_create_key(tmp_path, "factor.key")
    (tmp_path / "factor.key").write_bytes(b"short")
    with pytest.raises(ConfigurationInvalid):
        load_or_create_key(tmp_path, "factor.key")
    with pytest.raises(ConfigurationInvalid):
        load_key(tmp_path, "none.key")
    (tmp_path / "link.key").symlink_to(tmp_path / "factor.key")
    with pytest.raises(ConfigurationInvalid):
        load_key(tmp_path, "link.key")
