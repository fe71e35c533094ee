"""Ed25519 signatures (RFC 8032), for what must be provable to somebody who does not trust our database.

The private key is one of the installation's secret files; the public key lies beside it, to be handed to whoever
verifies. A private key that is lost is never silently replaced: what it signed would no longer verify.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from idm.errors import ConfigurationInvalid
from idm.keys import secret_files


@dataclass(frozen=True)
class PublicKey:
    """What verifies. `key_id` is the first 16 hex digits of the SHA-256 of the raw key."""

    key_id: str
    _key: Ed25519PublicKey = field(repr=False, compare=False)

    @classmethod
    def of(cls, key: Ed25519PublicKey) -> Self:
        """The key under its name."""
        return cls(sha256(key.public_bytes_raw()).hexdigest()[:16], key)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the owner of the private key signed exactly these bytes."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def pem(self) -> bytes:
        """The key as it is handed out."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class SigningKey:
    """What signs. Its repr says which key it is and nothing of it."""

    public: PublicKey
    _key: Ed25519PrivateKey = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self._key.sign(message)


def load_or_create_key(folder: Path, name: str = "audit-signing") -> SigningKey:
    """The private key `NAME.key` of the folder, with `NAME.pub` beside it; both made now if there are none.

    Raises ConfigurationInvalid when the private key is readable by others, is missing beside its public key, or is not
    the one that belongs to it.
    """
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    if public.exists() and not private.exists():
        raise _refusal(private, f"公開鍵 {public.name} はあるのに秘密鍵がありません。控えから戻してください。")
    own = Ed25519PrivateKey.from_private_bytes(secret_files.load_or_create_key(folder, private.name))
    key = SigningKey(PublicKey.of(own.public_key()), own)
    if not public.exists():
        unfinished = public.with_name(f".{public.name}.{token_hex(8)}")
        unfinished.write_bytes(key.public.pem())
        unfinished.replace(public)
    if load_public_key(public).pem() != key.public.pem():
        raise _refusal(public, f"秘密鍵 {private.name} の公開鍵ではありません。どちらが正しいかを確かめてください。")
    return key


def load_public_key(path: Path) -> PublicKey:
    """The public key of a PEM file. Raises ConfigurationInvalid when there is none that can be read."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as reason:
        raise _refusal(path, f"開けません({reason.strerror})。") from None
    except ValueError:
        raise _refusal(path, "公開鍵として読めません。") from None
    if not isinstance(key, Ed25519PublicKey):
        raise _refusal(path, "Ed25519 の公開鍵ではありません。")
    return PublicKey.of(key)


def _refusal(path: Path, why: str) -> ConfigurationInvalid:
    message = f"署名の鍵 {path} を使えません。{why}"
    return ConfigurationInvalid(message, mistakes=(message,))
