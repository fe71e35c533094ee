"""Which checks a sweep makes of a directory, and what stands where one of them is not possible (C1, C3). Pure.

What cannot be looked at is found as such: nobody takes silence for order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from idm.vocabulary import FindingKind


class SweepCheck(StrEnum):
    """One thing that a sweep looks at, and that not every directory shows."""

    LAST_USE = "last_use"
    CHANGE_DATES = "password_age"
    RULES = "password_rules"
    GUARDED = "guarded"
    SECOND_FACTORS = "second_factors"


@dataclass(frozen=True)
class CheckWords:
    """What one check is called, what comes of it, and what to do where it is not possible."""

    title: str
    kinds: frozenset[FindingKind]
    missing: str
    repair: str
    by_hand: str
    """What to do about it in a system without an interface."""


_ASK = "利用者ID一覧にこの項目を含められるか、業者に確かめる"
CHECKS: Mapping[SweepCheck, CheckWords] = {
    SweepCheck.LAST_USE: CheckWords(
        "使われていないID", frozenset({FindingKind.DORMANT, FindingKind.NEVER_USED, FindingKind.LAST_USE_UNKNOWN}),
        "最終利用日が示されないため、使われていないIDを見つけられません。",
        "最終利用日を記録し、接続アカウントが読めるようにする", "最終利用日の列を含む利用者ID一覧を取り込む",
    ),
    SweepCheck.CHANGE_DATES: CheckWords(
        "パスワードの変更期限", frozenset({FindingKind.PASSWORD_OVERDUE}),
        "パスワードを最後に変更した日が示されないため、変更の期限を確かめられません。",
        "変更の日時を、接続アカウントが読めるようにする", _ASK,
    ),
    SweepCheck.RULES: CheckWords(
        "パスワードの規則", frozenset({FindingKind.PASSWORD_RULES}),
        "パスワードの規則が示されないため、プロファイルの規則に合うか確かめられません。",
        "規則を、接続アカウントが読めるようにする",
        "システムの設定画面で規則を確かめ、リスク受容か例外措置として記録する",
    ),
    SweepCheck.GUARDED: CheckWords(
        "ディレクトリ自身の管理者", frozenset({FindingKind.UNREGISTERED_PRIVILEGE, FindingKind.DEFAULT_NAME}),
        "ディレクトリ自身の管理者を読み取れません。", "管理者のグループを、接続アカウントが読めるようにする", _ASK,
    ),
    SweepCheck.SECOND_FACTORS: CheckWords(
        "二要素認証の登録", frozenset({FindingKind.FACTOR_UNREGISTERED}),
        "二要素認証の登録が示されないため、登録のないIDを見つけられません。",
        "登録の一覧を、接続アカウントが読めるようにする", _ASK,
    ),
}  # fmt: skip


def unlooked_kinds(not_possible: Mapping[SweepCheck, str]) -> frozenset[FindingKind]:
    """The kinds of which nothing can be said: what was found of them before is not gone because nobody looked."""
    return frozenset().union(*(CHECKS[check].kinds for check in not_possible))


def gap_details(check: SweepCheck, why: str, *, by_hand: bool) -> dict[str, object]:
    """What is said of a check that is not possible."""
    words = CHECKS[check]
    said = why or words.missing
    reason = f"「{words.title}」を点検できません。{said}"
    return {"reason": reason, "repair": words.by_hand if by_hand else words.repair, "check": check.value}
