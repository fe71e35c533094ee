"""How recovery codes are drawn and written: one canonical text for each, however somebody types it. Pure.

Crockford's alphabet has no I, L, O and U, so that a code read from paper can be typed wrongly in few ways; those few
are read as what was meant.
"""

import secrets
import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHARACTERS = 16
"""Of 5 bits each: 80 bits, far beyond guessing (ASVS 6.5.4)."""
GROUP = 4
HOW_MANY = 8
LONGEST_TYPED = 100

_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BETWEEN = frozenset({"Pd", "Zs", "Sm", "Lm", "Cf"})
"""Kinds of characters people put between groups: hyphens, minus signs, the long vowel mark, spaces of any width."""


def new_codes() -> list[str]:
    """A fresh set in canonical form."""
    return ["".join(secrets.choice(ALPHABET) for _ in range(CHARACTERS)) for _ in range(HOW_MANY)]


def in_groups(canonical: str) -> str:
    """A code as it is shown: XXXX-XXXX-XXXX-XXXX."""
    return "-".join(canonical[start : start + GROUP] for start in range(0, len(canonical), GROUP))


def canonical(typed: str) -> str | None:
    """The one form of what somebody typed; None when it is no code. Width, case, spaces and hyphens say nothing."""
    if len(typed) > LONGEST_TYPED:
        return None
    plain = unicodedata.normalize("NFKC", typed).upper()
    kept = "".join(one for one in plain if unicodedata.category(one) not in _BETWEEN).translate(_MEANT)
    return kept if len(kept) == CHARACTERS and set(kept) <= set(ALPHABET) else None
