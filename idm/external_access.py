"""Access from outside, and out to the internet: what a right to it asks of an application (FK 6-2(4), MT 7-2(2)). Pure.

It is asked for by name, with a reason and an end, and two people permit it; before it ends, whoever still needs it
applies for more from that day on, and so it is looked at again. Nobody permits today what is to be used in years: the
end is near to this day as well as to the beginning. The second factor is the gate's business
(`idm.factors.factor_gate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from idm.policy import ExternalAccessRules
from idm.vocabulary import Role
from idm.wareki import format_wareki

TWO = 2
"""Permissions that are needed, by different people (FK 6-2(4))."""


@dataclass(frozen=True)
class AskedFor:
    """One line of an application. `valid_until` is the first day on which it no longer holds; `by_name`: no draft."""

    valid_from: date
    valid_until: date | None
    by_name: bool


@dataclass(frozen=True)
class Mistake:
    """Why the right cannot be asked for like that, and the field in which it can be mended."""

    sentence: str
    field: str | None = None


def mistake_in(
    asked: AskedFor, rules: ExternalAccessRules, route: Sequence[Role], *, today: date
) -> Mistake | None:  # fmt: skip
    """What keeps a right to external access from being asked for like that today; None = nothing."""
    if len(set(route)) < TWO:
        return Mistake("外部からの利用には二人の許可が必要ですが、プロファイルの決裁の経路が一人だけです")
    if not asked.by_name:
        return Mistake(
            "人事異動の下書きからは申請できない、外部からの利用の権限です。この行を除き、本人を名指しして申請してください"
        )
    latest = min(asked.valid_from, today) + timedelta(days=rules.longest_days)
    until = f"（{format_wareki(latest - timedelta(days=1))}まで）"
    if asked.valid_until is None:
        return Mistake(f"外部からの利用の権限には終了日が必要です{until}", "valid_until")
    if asked.valid_until > latest:
        return Mistake(
            f"外部からの利用の権限は今日から{rules.longest_days}日以内の期間にしてください{until}", "valid_until"
        )
    return None
