"""The keys at hand, and the values they open. Loaded anew for each run: a key that was replaced is seen at once."""

from importlib import import_module
from typing import Protocol

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import ConfigurationInvalid
from idm.models.privileged import Rotation, VaultSecret
from idm.models.systems import Account
from idm.operations.privileged.rotations import NewValue
from idm.operations.privileged.vault_keys import SealedValue, keys_in_use, register_key
from idm.policy import Policy
from idm.settings import Settings
from jobs.installation import Installation
from jobs.vault.cipher import Cipher
from jobs.vault.key_files import KeyFiles


class Keys(Protocol):
    """Where keys are: files or a token. Every method raises ConfigurationInvalid where they cannot be used."""

    def make_first(self) -> None:
        """Afterwards there is a key."""
        ...

    def current(self) -> Cipher | None:
        """The key that new values are sealed under; None = there is none."""
        ...

    def older(self) -> list[Cipher]:
        """The keys before it that are still at hand."""
        ...

    def being_replaced(self) -> bool:
        """Whether a replacement was begun and not finished."""
        ...

    def begin_replacing(self) -> None:
        """Afterwards there is a new key, and those before it are kept."""
        ...

    def finish_replacing(self) -> None:
        """Afterwards the keys before are out of use."""
        ...


def keys_of(settings: Settings) -> Keys:
    """The keys where the settings say that they are. Raises ConfigurationInvalid."""
    if settings.vault.pkcs11_module is None:
        return KeyFiles(settings.vault_key_dir)
    try:
        token = import_module("jobs.vault.token")
    except ImportError:
        message = "PKCS#11 の鍵を使うには、追加のパッケージ idm[pkcs11] が要ります。"
        raise ConfigurationInvalid(message, mistakes=(message,)) from None
    found: Keys = token.TokenKeys(settings.vault, settings.vault_key_dir)
    return found


def left_in_files(settings: Settings) -> list[Cipher]:
    """A key in a file from before there was a token: at hand until everything is sealed under the token's."""
    left = KeyFiles(settings.vault_key_dir).current() if settings.vault.pkcs11_module is not None else None
    return [] if left is None else [left]


class Keyring:
    """The vault, open. In the worker's memory only; no password in any repr, log or exception."""

    def __init__(self, current: Cipher, key_id: int, known: dict[int, Cipher]) -> None:
        self._current, self._key_id, self._known = current, key_id, known

    @property
    def key_id(self) -> int:
        """Our books' number of the key that new values are sealed under."""
        return self._key_id

    def for_rotation(self, rotation: Rotation, password: str) -> NewValue:
        """The password on its way, sealed for this rotation alone."""
        return self._sealed(password, _rotation_place(rotation.id, rotation.account_id))

    def of_rotation(self, rotation: Rotation) -> str:
        """The password on its way. Raises SealBroken."""
        return self._opened(rotation.key_id, rotation.sealed, _rotation_place(rotation.id, rotation.account_id))

    def for_account(self, account: Account, password: str) -> NewValue:
        """The password of this ID, sealed for it alone."""
        return self._sealed(password, _account_place(account.id, account.uuid.bytes))

    def of_account(self, secret: VaultSecret) -> str:
        """The password of that ID. Raises SealBroken."""
        return self._opened(secret.key_id, secret.sealed, _account_place(secret.account_id, secret.account.uuid.bytes))

    def resealed(self, value: SealedValue) -> bytes:
        """The same value under the current key. Raises SealBroken."""
        place = (
            _account_place(value.account_id, value.account_uuid)
            if value.rotation_id is None
            else _rotation_place(value.rotation_id, value.account_id)
        )
        return self._current.seal(self._known[value.key_id].open(value.sealed, place), place)

    def _sealed(self, password: str, place: bytes) -> NewValue:
        return NewValue(self._current.seal(password.encode(), place), self._key_id)

    def _opened(self, key_id: int | None, sealed: bytes | None, place: bytes) -> str:
        return self._known[key_id or 0].open(sealed or b"", place).decode()


def open_vault(installation: Installation, session: Session, *, actor: Actor, policy: Policy) -> Keyring:
    """The vault with every key that anything is sealed under. The first key is made here, once and for all.

    Raises ConfigurationInvalid when a key is missing or another's: nothing was done, nor can be until it is back.
    """
    settings = installation.settings
    keys, needed = keys_of(settings), keys_in_use(session)
    if keys.current() is None and not needed:
        keys.make_first()
    current = keys.current()
    at_hand = [*keys.older(), *left_in_files(settings), *([current] if current is not None else [])]
    by_fingerprint = {cipher.fingerprint: cipher for cipher in at_hand}
    missing = [key.fingerprint[:16] for key in needed if key.fingerprint not in by_fingerprint]
    if current is None or missing:
        raise _missing(missing)
    row = register_key(session, current.fingerprint, actor=actor, policy=policy, now=installation.clock())
    known = {key.id: by_fingerprint[key.fingerprint] for key in needed}
    return Keyring(current, row.id, known | {row.id: current})


def _missing(fingerprints: list[str]) -> ConfigurationInvalid:
    message = "金庫の鍵がないか、別の鍵です。預かっているパスワードを開けないため、何も行いません。"
    mistakes = [f"鍵 {one}…（指紋）: 見つかりません。控えから vault.key を戻してください。" for one in fingerprints]
    return ConfigurationInvalid(message, mistakes=tuple(mistakes) or (message,))


def _account_place(account_id: int, account_uuid: bytes) -> bytes:
    return b"vault_secrets.sealed:%d:" % account_id + account_uuid


def _rotation_place(rotation_id: int, account_id: int) -> bytes:
    return b"rotations.sealed:%d:%d" % (rotation_id, account_id)
