"""One right of an access review as its reviewer is shown it, on a page or in a file, and the seal over it. Pure.

The seal says who was shown what, in which campaign and when. It is keyed: nobody else makes one, and what was changed,
or was shown to somebody else, or belongs to another campaign, carries none. A decision on something that has changed
since is refused for the same reason: the seal of what it is now is another.
"""

import hmac
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from hashlib import sha256

from idm.lists.spreadsheet_text import harmless


@dataclass(frozen=True)
class ReviewRow:
    """What is shown of one right, as text. `version` changes with the grant, whatever is shown of it."""

    line_id: str
    version: str
    unit: str
    post: str
    staff_number: str
    name: str
    system: str
    right: str
    login_name: str
    until: str
    last_use: str
    alike: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The texts in their order, none of which a spreadsheet takes for a formula."""
        return tuple(harmless(text) for text in astuple(self))


HEADINGS = (
    "行", "版", "所属", "職", "職員番号", "氏名", "情報システム", "権限", "利用者ID", "期間の最後の日", "最終利用",
    "同じ所属・職の人",
)  # fmt: skip
"""What the texts are called, in their order."""


def version_of(*facts: object) -> str:
    """A short name for one state of a grant: another as soon as any of these facts is another."""
    return sha256(json.dumps(facts, default=str, ensure_ascii=False).encode()).hexdigest()[:12]


def seal(key: bytes, campaign_id: int, person_id: int, shown_at: datetime, cells: Sequence[str]) -> str:
    """The seal over what this person was shown at that moment (whole seconds), as 32 hexadecimal digits."""
    said = json.dumps([campaign_id, person_id, int(shown_at.timestamp()), *cells], ensure_ascii=False)
    return hmac.new(key, said.encode(), sha256).hexdigest()[:32]


def is_sealed(
    key: bytes, campaign_id: int, person_id: int, shown_at: datetime, cells: Sequence[str], given: str
) -> bool:
    """Whether this is the seal over exactly that."""
    return hmac.compare_digest(seal(key, campaign_id, person_id, shown_at, cells).encode(), given.encode())


SOURCE_TITLES = {"listing": "利用者ID一覧", "memory": "試験用のディレクトリ"}
"""Sources of a last use that are no name of an attribute."""


BY_SWEEP = "sweep"
"""In place of a source: the moment is that of a sweep that did not find the ID unused."""


def last_use_text(at: date | None, source: str | None) -> str:
    """When it was used last, and where that was read; never and unknown are told apart (control C3)."""
    if source is None:
        return "不明"
    if source == BY_SWEEP:
        return f"{at.isoformat() if at else ''}の点検で未使用とされていない"
    return f"{at.isoformat() if at else '一度もない'}（{SOURCE_TITLES.get(source, source)}）"


def alike_text(holding: int, there: int) -> str:
    """How many others in the same place have it too."""
    return f"ほかの{there}人のうち{holding}人が保有" if there else "ほかにいない"
