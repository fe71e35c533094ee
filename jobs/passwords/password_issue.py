"""Makes a temporary password, has the target take it, proves it must be changed, and seals or prints it (E1, E3).

The password exists in this process for as long as that takes; it is in no row, log, audit record or exception. One that
nobody is to know is made the same way, and forgotten (E2, E6).
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from idm.errors import TargetError, TargetRefused
from idm.keys.sealing import seal_to
from idm.models.systems import Handover
from idm.operations.passwords.handovers import context
from idm.ports import Directory, ExternalId, PasswordState, ReadsPasswordState, SetTemporaryPassword, Writes

ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
SYMBOLS = "-+=%"
"""No letters that look alike on paper; symbols that every Japanese keyboard has in one place."""


LONGEST = 30
"""Characters of a password that nobody is to know: longer than any that is typed, and not too long for any target."""


@dataclass(frozen=True)
class Issued:
    """A temporary password that the target took: readable only with the key of its hand-over, or printed (None)."""

    handover_id: int
    sealed: bytes | None
    set_time: datetime | None
    """The target's own time of that change, where it states one."""


def temporary_password(length: int) -> str:
    """A random password of that many characters with every kind a directory may ask for."""
    kinds = (ALPHABET[:23], ALPHABET[23:47], ALPHABET[47:], SYMBOLS)
    characters = [secrets.choice(kind) for kind in kinds]
    characters += [secrets.choice(ALPHABET) for _ in range(length - len(kinds))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def issue(
    directory: Directory, external_id: ExternalId, handover: Handover, *, length: int,
    print_it: Callable[[str], None] | None = None,
) -> Issued:  # fmt: skip
    """Afterwards the target has a new temporary password that must be changed, sealed or printed by `print_it`.

    Raises a TargetError otherwise.
    """
    password = temporary_password(length)
    state = _set(directory, external_id, password)
    if handover.public_key is not None:
        return Issued(handover.id, seal_to(handover.public_key, password.encode(), context(handover)), state.changed_at)
    if print_it is None:
        raise TargetRefused("この交付には、渡し方がありません。交付をやり直してください。")
    print_it(password)
    return Issued(handover.id, None, state.changed_at)


def replace_by_unknown(directory: Directory, external_id: ExternalId) -> None:
    """Afterwards the target has a random password that nobody has seen, and asks for another. Raises a TargetError.

    Whether the account can be signed in to is as before: the caller has locked it.
    """
    _set(directory, external_id, temporary_password(LONGEST))


def _set(directory: Directory, external_id: ExternalId, password: str) -> PasswordState:
    if not isinstance(directory, Writes) or not isinstance(directory, ReadsPasswordState):
        raise TargetRefused("このシステムのコネクターは仮パスワードを設定できません。")
    (answer,) = directory.perform([SetTemporaryPassword(external_id, password)])
    if isinstance(answer, TargetError):
        raise answer
    state = directory.password_state(external_id)
    if not state.must_change:
        raise TargetRefused(
            "ディレクトリが初回の変更を求める状態になりませんでした。パスワードポリシーを確かめてください。"
        )
    return state
