"""Whoever comes again and again without a good token is slowed down, and is written down once a minute, not each time.

Counted in this process only: a token cannot be guessed; what is kept small is the noise, and the record of it.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from idm.errors import TooManyPushes

WINDOW = timedelta(minutes=1)
MOST = 20
MOST_ADDRESSES = 1000


class Guessing:
    """How often each address came without a good token since its minute began."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def require_patience(self, source: str, now: datetime) -> None:
        """Raises TooManyPushes where the address has failed too often a moment ago."""
        began, times = self._seen.get(source, (now, 0))
        if times > MOST and began <= now < began + WINDOW:
            raise TooManyPushes("正しいトークンのない要求が続いています。1分後にやり直してください。")

    def note(self, source: str, now: datetime) -> bool:
        """Afterwards one more failure of the address is known. Whether it is the first of its minute."""
        began, times = self._seen.pop(source, (now, 0))
        if not began <= now < began + WINDOW:
            began, times = now, 0
        self._seen[source] = (began, times + 1)
        if len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        return times == 0
