"""What a key of the vault can do: seal and open, bound to a place; and be recognised."""

from hashlib import sha256
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from idm.keys.sealing import decrypt, encrypt

FINGERPRINT_NONCE = bytes(12)
FINGERPRINT_CONTEXT = b"idm vault key"


class Cipher(Protocol):
    """One key. AES-256-GCM wherever the key is; what one seals no other opens."""

    fingerprint: str
    """By which the key is recognised; says nothing of it."""

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """The plaintext, sealed and bound to its place."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """What was sealed so at this place. Raises SealBroken."""
        ...


class FileCipher:
    """A key that was read from a file. See `Cipher`."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.fingerprint = fingerprint_of(AESGCM(key).encrypt(FINGERPRINT_NONCE, b"", FINGERPRINT_CONTEXT))

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """See `Cipher`."""
        return encrypt(self._key, plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """See `Cipher`."""
        return decrypt(self._key, sealed, context)


def fingerprint_of(tag: bytes) -> str:
    """The fingerprint of the key that seals nothing at all to this tag, under a nonce that is used for nothing else."""
    return sha256(tag).hexdigest()
