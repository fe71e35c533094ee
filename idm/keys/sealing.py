"""Sealed bytes: under a key of this installation, or to one public key; always bound to one place.

Every seal names its place (`context`: table, column and row) as additional data of AES-256-GCM, so that a sealed value
copied to another row, column or person does not open there. The hand-over of a temporary password is sealed to a public
key made for it alone (X25519, HKDF-SHA256, a fresh sender key each time): whoever has the database cannot open it (E3).
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idm.errors import Refusal

KEY_BYTES = 32
NONCE_BYTES = 12
UNDER_KEY = b"\x01"
_TO_PUBLIC_KEY = b"\x02"
_PURPOSE = b"idm hand-over, X25519 + HKDF-SHA256 + AES-256-GCM, 1"


class SealBroken(Refusal):
    """The sealed value cannot be opened: wrong key, wrong place, or changed. Says nothing of key or content."""

    code = "SEAL"


def encrypt(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """The plaintext sealed under a 32-byte key and bound to its place: version ‖ nonce ‖ ciphertext with tag."""
    nonce = os.urandom(NONCE_BYTES)
    return UNDER_KEY + nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def decrypt(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """What `encrypt` sealed under this key at this place. Raises SealBroken."""
    if sealed[:1] != UNDER_KEY:
        raise seal_broken()
    return _open(key, sealed[1:], context)


def new_handover_key() -> tuple[bytes, bytes]:
    """A fresh pair (private, public) of 32 bytes each, for one hand-over."""
    private = X25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def seal_to(public: bytes, plaintext: bytes, context: bytes) -> bytes:
    """The plaintext so that only the private key opens it: version ‖ sender's public key ‖ nonce ‖ ciphertext with tag.

    Raises SealBroken when `public` is no usable public key.
    """
    sender = X25519PrivateKey.generate()
    sender_public = sender.public_key().public_bytes_raw()
    key = _agreed_key(sender.private_bytes_raw(), public, sender_public + public)
    nonce = os.urandom(NONCE_BYTES)
    return _TO_PUBLIC_KEY + sender_public + nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def unseal(private: bytes, sealed: bytes, context: bytes) -> bytes:
    """What `seal_to` sealed to this private key's public key at this place. Raises SealBroken."""
    if sealed[:1] != _TO_PUBLIC_KEY or len(sealed) < 1 + KEY_BYTES or len(private) != KEY_BYTES:
        raise seal_broken()
    sender_public, rest = sealed[1 : 1 + KEY_BYTES], sealed[1 + KEY_BYTES :]
    public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    return _open(_agreed_key(private, sender_public, sender_public + public), rest, context)


def _agreed_key(private: bytes, public: bytes, both_public: bytes) -> bytes:
    try:
        shared = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise seal_broken() from None
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=both_public, info=_PURPOSE).derive(shared)


def _open(key: bytes, nonce_and_ciphertext: bytes, context: bytes) -> bytes:
    nonce, ciphertext = nonce_and_ciphertext[:NONCE_BYTES], nonce_and_ciphertext[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, context)
    except (InvalidTag, ValueError):
        raise seal_broken() from None


def seal_broken() -> SealBroken:
    """The refusal of what cannot be opened, whatever the reason: none is told."""
    return SealBroken(
        "封をされた値を開けません。鍵が違うか、値が変えられています。やり直しても同じなら管理者に知らせてください。"
    )
