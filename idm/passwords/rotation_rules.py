"""When a kept password is replaced, and what proves that a directory has the new one (control D4). Pure.

    asked ─ seal ─► sealed ─ set ─► set ─ prove ─► confirmed
      ▲                │             │
      └── give up ─────┴─────────────┘   the directory refused the value, and has not got it

The value on its way is in our books before the directory is told of it, and the value before it stays in our books
until the directory is proven to have the new one: at no moment is the password that a directory has in nobody's hands.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from idm.ports import PasswordCheck, PasswordVerdict
from idm.vocabulary import RotationReason, RotationState, VerifiedHow

ON_ITS_WAY = frozenset({RotationState.SEALED, RotationState.SET})
"""A directory may have the new value already."""
OVER = frozenset({RotationState.CONFIRMED, RotationState.CANCELLED})

NEVER_WAITS = frozenset({RotationReason.FIRST, RotationReason.SUSPECTED, RotationReason.HOLDER_CHANGED})
"""Carried out also while somebody works with the password: whoever has it must not, or may be somebody else."""

TAKEN_FROM_SOMEBODY = frozenset({RotationReason.RETURNED, RotationReason.HOLDER_CHANGED, RotationReason.SUSPECTED})
"""Asked for because somebody has, or may have, the password and must not go on with it."""

URGENCY = (
    RotationReason.INTERVAL,
    RotationReason.BY_HAND,
    RotationReason.RETURNED,
    RotationReason.FIRST,
    RotationReason.HOLDER_CHANGED,
    RotationReason.SUSPECTED,
)
"""The least urgent first."""

SPREAD = 5
"""The part of the interval before its end over which changes are spread: a fifth."""


def goes_before(new: RotationReason, standing: RotationReason) -> bool:
    """Whether a rotation that is asked for already is asked for more urgently now."""
    return URGENCY.index(new) > URGENCY.index(standing)


def due_by_age(confirmed_at: datetime, account_uuid: bytes, *, rotation_days: int) -> datetime:
    """When a password of that age is replaced: at the latest when it is so many days old.

    Which moment of the last fifth differs from ID to ID and from time to time, so that IDs that were taken into keeping
    together are not all changed on one day.
    """
    latest = timedelta(days=rotation_days)
    drawn = sha256(account_uuid + confirmed_at.isoformat().encode()).digest()
    return confirmed_at + latest - latest / SPREAD * (int.from_bytes(drawn[:4], "big") / 2**32)


def proof(
    check: PasswordCheck | None,
    *,
    changed_at: datetime | None,
    changed_before: datetime | None,
    may_have_it: bool = True,
) -> VerifiedHow | None:
    """What proves that the directory has the value that was set; None = nothing does.

    Where the directory tells nobody whether a password is right (an account that is switched off or locked), its own
    time of change must differ from what it was before: two moments of one clock, so that ours does not matter.
    `may_have_it`: it took the value, or was told of it by a run that did not live to hear the answer. Of one that it
    refused, and was never told of before, a time of change says that somebody else set another.
    """
    if check is not None and check.proven:
        return VerifiedHow.SIGN_IN
    if not may_have_it or (check is not None and check.verdict is PasswordVerdict.WRONG):
        return None
    return VerifiedHow.CHANGE_TIME if changed_at is not None and changed_at != changed_before else None
