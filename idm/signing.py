"""Ed25519 keys kept as files, for what must be provable to somebody who does not trust our database.

The private key is a file only its owner can read (mode 0600); the public key lies beside it, to be handed to whoever
verifies. A private key that is lost is never silently replaced: what it signed would no longer verify.
"""

import os
import stat
import tempfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from idm.errors import ConfigurationInvalid


@dataclass(frozen=True)
class PublicKey:
    """What verifies. `key_id` is the first 16 hex digits of the SHA-256 of the raw key."""

    key_id: str
    _key: Ed25519PublicKey = field(repr=False)

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
    _key: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature (RFC 8032)."""
        return self._key.sign(message)


def load_or_create_key(folder: Path, name: str = "audit-signing") -> SigningKey:
    """The key `NAME.key` of the folder, made there if neither it nor `NAME.pub` exists.

    Raises ConfigurationInvalid when the file is no Ed25519 key, is readable by others than its owner, is missing
    beside its public key, or does not belong to it.
    """
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    if not private.exists():
        if public.exists():
            raise ConfigurationInvalid(
                f"{public} はありますが、対になる秘密鍵 {private} がありません。控えから戻してください。"
            )
        _create(private)
    key = _load_private(private)
    if not public.exists():
        _write_once(public, key.public.pem(), mode=0o644)
    if load_public_key(public) != key.public:
        raise ConfigurationInvalid(
            f"{public} は {private} の公開鍵ではありません。どちらが正しいかを確かめてください。"
        )
    return key


def load_public_key(path: Path) -> PublicKey:
    """The public key of a file. Raises ConfigurationInvalid when there is none that can be read."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationInvalid(f"公開鍵 {path} を読めません ({type(error).__name__})。") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationInvalid(f"{path} は Ed25519 の公開鍵ではありません。")
    return _named(key)


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_once(path, pem, mode=0o600)


def _write_once(path: Path, content: bytes, *, mode: int) -> None:
    """The file holds the content, whole and on disk, unless somebody else made it first: then it holds theirs."""
    handle, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        Path(draft).unlink()


def _load_private(path: Path) -> SigningKey:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigurationInvalid(f"秘密鍵 {path} を本人以外も読めます。chmod 600 で閉じてください。")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        # The cause is cut off: a parser's message may quote what it read.
        raise ConfigurationInvalid(f"秘密鍵 {path} を読めません ({type(error).__name__})。") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationInvalid(f"{path} は Ed25519 の秘密鍵ではありません。")
    return SigningKey(_named(key.public_key()), key)


def _named(key: Ed25519PublicKey) -> PublicKey:
    return PublicKey(sha256(key.public_bytes_raw()).hexdigest()[:16], key)
