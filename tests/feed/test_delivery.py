"""Checksums and signatures beside a file: only the proof of exactly these bytes holds."""

from base64 import b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import ConfigurationInvalid
from idm.feed.delivery import FeedDelivery, proof_problem
from idm.feed.profile import load_feed_profile
from idm.feed.profiles import FEEDS

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = b64encode(KEY.public_key().public_bytes_raw()).decode()
SUM, SIGNED = FeedDelivery("sha256"), FeedDelivery("signature", PUBLIC)
TEXT = (FEEDS / "aoba.toml").read_text(encoding="utf-8")


@given(data=st.binary(max_size=200), other=st.binary(max_size=200))
def test_a_proof_holds_for_its_own_bytes_only(data: bytes, other: bytes) -> None:
    line = f"{sha256(data).hexdigest()}  a.csv\n".encode()
    for delivery, proof in ((SUM, line), (SIGNED, KEY.sign(data))):
        assert proof_problem(delivery, "a.csv", data, proof) is None
        assert (proof_problem(delivery, "a.csv", other, proof) is None) == (data == other)


@given(proof=st.binary(max_size=200))
def test_nothing_else_is_a_proof_and_nothing_breaks_the_check(proof: bytes) -> None:
    assert proof_problem(SUM, "a.csv", b"data", proof) is not None
    assert proof_problem(SIGNED, "a.csv", b"data", proof) is not None


@pytest.mark.parametrize("line", ["{}  a.csv", "{} *a.csv\r\n"])
def test_both_modes_of_sha256sum_are_read(line: str) -> None:
    assert proof_problem(SUM, "a.csv", b"", line.format(sha256(b"").hexdigest().upper()).encode()) is None


def test_the_profile_says_what_is_asked_and_nothing_is_asked_otherwise() -> None:
    assert load_feed_profile(TEXT, "aoba").delivery.suffix is None
    asked = load_feed_profile(f'{TEXT}\n[delivery]\nrequire = "signature"\npublic_key = "{PUBLIC}"\n', "aoba")
    assert asked.delivery.suffix == ".sig"


@pytest.mark.parametrize(
    "said",
    [
        'require = "md5"', 'require = "signature"', 'require = "signature"\npublic_key = "AAAA"',
        'require = "signature"\npublic_key = "?"', f'require = "sha256"\npublic_key = "{PUBLIC}"', "other = 1",
    ],
)  # fmt: skip
def test_a_delivery_that_cannot_be_checked_is_no_profile(said: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refusal:
        load_feed_profile(f"{TEXT}\n[delivery]\n{said}\n", "aoba")
    assert any("delivery" in mistake for mistake in refusal.value.mistakes)
