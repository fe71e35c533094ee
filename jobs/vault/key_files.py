"""The vault's key in a file of its own folder: `vault.key`, and while it is replaced `vault-previous.key` beside it.

Replacing is a few renames, each of which leaves a state that the next run goes on from: no key is gone before nothing
is sealed under it.
"""

import os
from pathlib import Path

from idm.errors import ConfigurationInvalid
from idm.keys.secret_files import load_key, load_or_create_key
from jobs.vault.cipher import Cipher, FileCipher

CURRENT = "vault.key"
PREVIOUS = "vault-previous.key"
NEXT = "vault-next.key"


class KeyFiles:
    """The keys in the folder. See `jobs.vault.keyring.Keys`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make_first(self) -> None:
        """Afterwards there is a key. Raises ConfigurationInvalid."""
        try:
            load_or_create_key(self._folder, CURRENT)
        except OSError as reason:
            raise _refusal(self._folder, f"鍵を作れません（{reason.strerror}）。") from None

    def current(self) -> Cipher | None:
        """The key that new values are sealed under; None = there is none. Raises ConfigurationInvalid."""
        return self._read(CURRENT)

    def older(self) -> list[Cipher]:
        """The key before it, while it is replaced."""
        previous = self._read(PREVIOUS)
        return [] if previous is None else [previous]

    def being_replaced(self) -> bool:
        """Whether a replacement was begun and not finished."""
        return (self._folder / PREVIOUS).exists()

    def begin_replacing(self) -> None:
        """Afterwards there is a new key, and the one before it is kept. Raises ConfigurationInvalid."""
        current, previous, following = (self._folder / name for name in (CURRENT, PREVIOUS, NEXT))
        try:
            if not previous.exists():
                load_or_create_key(self._folder, NEXT)
                os.link(current, previous)
            if following.exists():
                following.replace(current)
            self._settle()
        except OSError as reason:
            raise _refusal(
                self._folder, f"鍵を替えられません（{reason.strerror}）。書き込める場所で行ってください。"
            ) from None

    def finish_replacing(self) -> None:
        """Afterwards the key before is out of use; its file is named by its fingerprint, for old database backups."""
        previous = self._read(PREVIOUS)
        if previous is not None:
            (self._folder / PREVIOUS).replace(self._folder / f"vault-retired-{previous.fingerprint[:16]}.key")
            self._settle()

    def _read(self, name: str) -> Cipher | None:
        return FileCipher(load_key(self._folder, name)) if (self._folder / name).exists() else None

    def _settle(self) -> None:
        """Afterwards the folder's entries are on the disk."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _refusal(folder: Path, why: str) -> ConfigurationInvalid:
    message = f"金庫の鍵のフォルダー {folder}: {why}"
    return ConfigurationInvalid(message, mistakes=(message,))
