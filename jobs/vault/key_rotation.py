"""Replacing the vault's key: a new one, every value sealed anew row by row, then the old one retires.

Each row is a transaction of its own; whatever dies in between, the next run goes on, and whatever is still under the
old key is opened with it meanwhile. A worker may run at the same time.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from idm.actor import Actor
from idm.errors import ConfigurationInvalid
from idm.operations.privileged.vault_keys import (
    SealedValue,
    give_up_key,
    key_known_by,
    keys_in_use,
    keys_not_retired,
    reseal,
    retire_key,
    sealed_values,
)
from idm.queries.governance.configuration import policy_in_force
from jobs.installation import Installation
from jobs.vault.keyring import Keyring, keys_of, open_vault

ACTOR = Actor.job("idm vault")
BATCH = 200


@dataclass(frozen=True)
class Replaced:
    """What was done: whether an earlier run was gone on with, how many values were sealed anew, which keys retired."""

    resumed: bool
    resealed: int
    retired: tuple[str, ...]
    fingerprint: str


def replace_key(installation: Installation) -> Replaced:
    """Afterwards everything is sealed under a new key, and every older one is retired.

    Goes on where an earlier run died. Raises ConfigurationInvalid when a key is missing: nothing was done.
    """
    with _alone(installation.settings.vault_key_dir):
        keys = keys_of(installation.settings)
        resumed = keys.being_replaced() or _something_is_left(installation)
        if not resumed:
            keys.make_first()
            _opened(installation)  # what cannot be opened now could not be sealed anew either
            keys.begin_replacing()
        elif keys.being_replaced():
            keys.begin_replacing()
        resealed = _reseal_all(installation)
        retired, more = _retire(installation)
        while more:
            resealed += _reseal_all(installation)
            again, more = _retire(installation)
            retired += again
        keys.finish_replacing()
        current = keys.current()
        return Replaced(resumed, resealed, tuple(retired), current.fingerprint if current is not None else "")


def would_reseal(installation: Installation) -> int:
    """How many values a replacement would seal anew. Raises ConfigurationInvalid when a key is missing."""
    _opened(installation)
    with installation.database.reading() as session:
        return len(sealed_values(session, not_under=0, limit=None))


def forget_lost_key(installation: Installation, fingerprint: str) -> int:
    """Afterwards what was sealed under a key that is lost is given up, and every such ID gets a new password.

    Returns how many values were lost. Raises ConfigurationInvalid for a key that is at hand, or unknown.
    """
    with _alone(installation.settings.vault_key_dir), installation.database.writing() as session:
        keys = keys_of(installation.settings)
        current = keys.current()
        at_hand = {one.fingerprint for one in (*keys.older(), *([current] if current is not None else []))}
        found = [key for key in keys_in_use(session) if key.fingerprint.startswith(fingerprint)]
        if len(found) != 1 or len(fingerprint) < SHORTEST_FINGERPRINT:
            raise _mistake(f"指紋 {fingerprint} の鍵は使われていません。idm vault status で確かめてください。")
        if found[0].fingerprint in at_hand:
            raise _mistake(f"鍵 {fingerprint} は手元にあります。失われたものとして扱えません。")
        now = installation.clock()
        return give_up_key(session, found[0], actor=ACTOR, policy=policy_in_force(session, now=now), now=now)


SHORTEST_FINGERPRINT = 16
"""Characters of a fingerprint by which a key may be named."""


def _opened(installation: Installation) -> Keyring:
    now = installation.clock()
    with installation.database.writing() as session:
        return open_vault(installation, session, actor=ACTOR, policy=policy_in_force(session, now=now))


def _something_is_left(installation: Installation) -> bool:
    """Whether values are sealed under a key that is not the current one."""
    current = keys_of(installation.settings).current()
    with installation.database.reading() as session:
        in_use = {key.fingerprint for key in keys_in_use(session)}
        known = current is not None and key_known_by(session, current.fingerprint) is not None
    return known and bool(in_use - {current.fingerprint if current is not None else ""})


def _reseal_all(installation: Installation) -> int:
    vault, done = _opened(installation), 0
    while values := _left(installation, vault.key_id):
        done += sum(_reseal_one(installation, vault, value) for value in values)
    return done


def _left(installation: Installation, key_id: int) -> list[SealedValue]:
    with installation.database.reading() as session:
        return list(sealed_values(session, not_under=key_id, limit=BATCH))


def _reseal_one(installation: Installation, vault: Keyring, value: SealedValue) -> bool:
    sealed = vault.resealed(value)
    with installation.database.writing() as session:
        return reseal(session, value, sealed, key_id=vault.key_id)


def _retire(installation: Installation) -> tuple[list[str], bool]:
    """The keys that are retired now, and whether a worker has sealed something under one of them meanwhile."""
    vault, now = _opened(installation), installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        older = [key for key in keys_not_retired(session) if key.id != vault.key_id]
        gone = [key for key in older if retire_key(session, key.id, actor=ACTOR, policy=policy, now=now)]
        return [key.fingerprint for key in gone], len(gone) < len(older)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else replaces the key meanwhile. Raises ConfigurationInvalid."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise _mistake("金庫の鍵は、いま別の処理が替えています。終わってからやり直してください。") from None
    finally:
        os.close(descriptor)


def _mistake(message: str) -> ConfigurationInvalid:
    return ConfigurationInvalid(message, mistakes=(message,))
