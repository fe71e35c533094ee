"""内示: until the day of its publication an appointment is seen only by the few who may see it (control A7). Pure.

The day itself is public. An end that only makes room for something unpublished would betray it: it is not shown either.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Reader:
    """Somebody who looks at something on a day. `may_see`: their role lets them see unpublished appointments."""

    day: date
    person_id: int | None = None
    may_see: bool = False

    def sees(self, published_on: date | None) -> bool:
        """Whether this reader sees what is published on that day."""
        return visible(published_on, self.day, self.may_see)


def visible(published_on: date | None, day: date, may_see: bool) -> bool:
    """Whether what is published on `published_on` (None = it never was secret) is seen on the day."""
    return may_see or published_on is None or published_on <= day


def shown_end(ends: date | None, hidden_starts: Collection[date]) -> date | None:
    """The end as it is shown: None while something that the reader does not see begins at that very instant."""
    return None if ends in hidden_starts else ends
