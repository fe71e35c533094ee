"""Makes a temporary password, has the target take it, proves it must be changed, and seals it (control E1, E3).

The password exists in this process for as long as that takes; it is in no row, log, audit record or exception.
"""

import secrets
from dataclasses import dataclass

from idm.errors import TargetError, TargetRefused
from idm.models.systems import Handover
from idm.operations.handovers import context
from idm.ports import Directory, ExternalId, ReadsPasswordState, SetTemporaryPassword, Writes
from idm.sealing import seal_to

ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
SYMBOLS = "-+=%"
"""No letters that look alike on paper; symbols that every Japanese keyboard has in one place."""


@dataclass(frozen=True)
class Issued:
    """A temporary password that the target took, readable only with the key of its hand-over."""

    handover_id: int
    sealed: bytes


def temporary_password(length: int) -> str:
    """A random password of that many characters with every kind a directory may ask for."""
    kinds = (ALPHABET[:23], ALPHABET[23:47], ALPHABET[47:], SYMBOLS)
    characters = [secrets.choice(kind) for kind in kinds]
    characters += [secrets.choice(ALPHABET) for _ in range(length - len(kinds))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def issue(directory: Directory, external_id: ExternalId, handover: Handover, *, length: int) -> Issued:
    """Afterwards the target has a new temporary password that must be changed. Raises a TargetError otherwise."""
    if not isinstance(directory, Writes) or not isinstance(directory, ReadsPasswordState):
        raise TargetRefused("このシステムのコネクターは仮パスワードを設定できません。")
    password = temporary_password(length)
    (answer,) = directory.perform([SetTemporaryPassword(external_id, password)])
    if isinstance(answer, TargetError):
        raise answer
    if not directory.password_state(external_id).must_change:
        raise TargetRefused(
            "ディレクトリが初回の変更を求める状態になりませんでした。パスワードポリシーを確かめてください。"
        )
    return Issued(handover.id, seal_to(handover.public_key, password.encode(), context(handover)))
