"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Numbers of things."""

    accounts: int
    creations: int
    staff: int = 1_000
    movers_of: int = 500
    kept: int = 1_000


SCALES = {
    "full": Scale(accounts=100_000, creations=5_000, staff=100_000, movers_of=10_000),
    "small": Scale(accounts=2_000, creations=200, staff=2_000, kept=30),
}
"""Goals are meant at full scale; at small scale programs mostly start and end."""
