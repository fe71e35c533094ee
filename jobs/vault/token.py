"""The vault's key in a PKCS#11 token (an HSM, a smart card): it seals and opens inside the token and never leaves it.

All AES keys of one label are the vault's; the one with the greatest id is the current one. A replaced key stays in the
token until a person deletes it: old backups of the database need it.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import PKCS11Error

from idm.errors import ConfigurationInvalid
from idm.keys.sealing import NONCE_BYTES, UNDER_KEY, seal_broken
from idm.keys.secret_files import read_guarded
from idm.settings import VaultSettings
from jobs.vault.cipher import FINGERPRINT_CONTEXT, FINGERPRINT_NONCE, Cipher, fingerprint_of

PIN_FILE = "vault.pin"
PIN_BYTES = 256
ID_BYTES = 4
KEY_BITS = 256
TAG_BITS = 128


class TokenCipher:
    """A key inside a token. See `jobs.vault.cipher.Cipher`."""

    def __init__(self, key: Any) -> None:  # the package types its keys without what they can do
        self._key = key
        self.number = int.from_bytes(key.id, "big")
        self.fingerprint = fingerprint_of(self._encrypted(FINGERPRINT_NONCE, b"", FINGERPRINT_CONTEXT))

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """See `Cipher`."""
        nonce = os.urandom(NONCE_BYTES)
        return UNDER_KEY + nonce + self._encrypted(nonce, plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """See `Cipher`."""
        nonce, ciphertext = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if sealed[:1] != UNDER_KEY or len(nonce) < NONCE_BYTES:
            raise seal_broken()
        parameters = GCMParams(nonce, context, TAG_BITS)
        try:
            return bytes(self._key.decrypt(ciphertext, mechanism=Mechanism.AES_GCM, mechanism_param=parameters))
        except PKCS11Error:
            raise seal_broken() from None

    def _encrypted(self, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
        parameters = GCMParams(nonce, context, TAG_BITS)
        try:
            return bytes(self._key.encrypt(plaintext, mechanism=Mechanism.AES_GCM, mechanism_param=parameters))
        except PKCS11Error as failure:
            raise _refusal(f"トークンの鍵を使えません（{type(failure).__name__}）。") from None


class TokenKeys:
    """The vault's keys in a token. See `jobs.vault.keyring.Keys`."""

    def __init__(self, settings: VaultSettings, folder: Path) -> None:
        self._settings = settings
        self._session = _session(str(settings.pkcs11_module), settings.pkcs11_token, _pin(folder))

    def make_first(self) -> None:
        """Afterwards there is a key. Raises ConfigurationInvalid."""
        if not self._ciphers():
            self.begin_replacing()

    def current(self) -> Cipher | None:
        """The key that new values are sealed under; None = there is none."""
        return max(self._ciphers(), key=lambda one: one.number, default=None)

    def older(self) -> list[Cipher]:
        """The keys before it, as long as they are in the token."""
        known = sorted(self._ciphers(), key=lambda one: one.number)
        return list(known[:-1])

    def being_replaced(self) -> bool:
        """A new key is made at once; whether values are left under an older one, the database knows."""
        return False

    def begin_replacing(self) -> None:
        """Afterwards there is a new key in the token, which cannot be read out. Raises ConfigurationInvalid."""
        number = max((one.number for one in self._ciphers()), default=0) + 1
        guarded = {Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True}
        try:
            self._session.generate_key(
                KeyType.AES, KEY_BITS, id=number.to_bytes(ID_BYTES, "big"), label=self._settings.pkcs11_key, store=True,
                template=guarded,
            )  # fmt: skip
        except PKCS11Error as failure:
            raise _refusal(f"鍵を作れません（{type(failure).__name__}）。") from None

    def finish_replacing(self) -> None:
        """The key before stays in the token until a person deletes it."""

    def _ciphers(self) -> list[TokenCipher]:
        wanted = {
            Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES,
            Attribute.LABEL: self._settings.pkcs11_key,
        }  # fmt: skip
        try:
            found = list(self._session.get_objects(wanted))  # a session does nothing else while it searches
            return [TokenCipher(key) for key in found]
        except PKCS11Error as failure:
            raise _refusal(f"トークンを読めません（{type(failure).__name__}）。") from None


def _pin(folder: Path) -> str:
    return read_guarded(folder / PIN_FILE, most=PIN_BYTES).decode().strip()


@lru_cache(maxsize=1)
def _session(module: str, token_label: str, pin: str) -> pkcs11.Session:
    """One open session for the life of the process. Raises ConfigurationInvalid."""
    try:
        return pkcs11.lib(module).get_token(token_label=token_label).open(user_pin=pin, rw=True)
    except (PKCS11Error, RuntimeError) as failure:
        raise _refusal(f"トークン「{token_label}」を開けません（{type(failure).__name__}）。") from None


def _refusal(why: str) -> ConfigurationInvalid:
    message = f"金庫の鍵のトークン: {why}"
    return ConfigurationInvalid(message, mistakes=(message,))
