"""Who acts: a person signed in, or a job that runs without one."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self


@dataclass(frozen=True)
class Actor:
    """Who did something, as the audit record names them: `label` stays readable when the person's row is gone."""

    person_id: int | None
    label: str
    second_factor_at: datetime | None = field(default=None, compare=False)
    """When this person last gave a second factor in the session they act in; None = not in this one."""

    @classmethod
    def job(cls, name: str) -> Self:
        """The job of that name ('jobs.provision'); it is no person."""
        return cls(None, name)
