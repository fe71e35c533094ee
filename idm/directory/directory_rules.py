"""What a directory should be like for this product and this profile: its rules for passwords, its guarded groups.

Pure functions of what was read back; a worker or `idm system test` reads it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from idm.policy import Policy
from idm.ports import Check, CheckVerdict, PasswordPolicy

FINE, WARNING, FAILED = CheckVerdict.FINE, CheckVerdict.WARNING, CheckVerdict.FAILED


@dataclass(frozen=True)
class GroupRight:
    """A right that is a group, as registered (`by_hand`) and as the target has it (`protected`: its tier 0)."""

    name: str
    group: str
    by_hand: bool
    protected: bool


def password_checks(read: PasswordPolicy, profile: Policy, *, for_sign_in: bool) -> Iterator[Check]:
    """The directory's rules beside the profile's (controls D4, E4), and our attempts where people sign in with it."""
    yield _length(read, profile)
    yield _temporary(read, profile)
    if for_sign_in:
        yield _attempts(read, profile)
    elif read.lockout_after is None:
        yield _no_lockout(read)
    else:
        yield Check("ロックアウト", FINE, f"{read.lockout_after}回の誤りで{_duration(read.lockout_for)}ロックします")


def tier0_check(right: GroupRight) -> Check:
    """A group of the directory's own administrators is given and taken by work order only (control D10)."""
    subject = f"権限「{right.name}」のグループ {right.group}"
    if right.protected and not right.by_hand:
        return Check(
            subject, FAILED, "ディレクトリ自身の管理者グループ（tier 0）なのに、自動で付与する設定です",
            "団体設定のこの権限に by_hand = true を加え、手作業指示で付与・取消しをしてください",
        )  # fmt: skip
    if right.protected:
        return Check(subject, FINE, "管理者グループ（tier 0）です。手作業で付与します")
    return Check(subject, FINE, "あります")


def _length(read: PasswordPolicy, profile: Policy) -> Check:
    subject, wanted = "パスワードの長さ", profile.passwords.own_minimum_length
    if read.minimum_length is None or read.minimum_length < wanted:
        shown = "決まりがありません" if read.minimum_length is None else f"{read.minimum_length}文字以上です"
        return Check(
            subject, WARNING, f"ディレクトリでは{shown}。プロファイルは{wanted}文字以上です（{read.name}）",
            f"ディレクトリの最小の長さを{wanted}文字以上にしてください",
        )  # fmt: skip
    return Check(subject, FINE, f"{read.minimum_length}文字以上です（プロファイルは{wanted}文字以上）")


def _temporary(read: PasswordPolicy, profile: Policy) -> Check:
    subject, length = "仮パスワードの長さ", profile.passwords.temporary_length
    if read.minimum_length is not None and length < read.minimum_length:
        return Check(
            subject, FAILED, f"仮パスワードは{length}文字ですが、ディレクトリは{read.minimum_length}文字以上を求めます",
            "プロファイルの passwords.temporary_length を、ディレクトリの最小の長さ以上にしてください",
        )  # fmt: skip
    return Check(subject, FINE, f"{length}文字です")


def _no_lockout(read: PasswordPolicy) -> Check:
    return Check(
        "ロックアウト", WARNING, f"パスワードを何回間違えてもロックしません（{read.name}）",
        "ディレクトリのパスワードポリシーで、続けて失敗した利用者IDをロックするようにしてください",
    )  # fmt: skip


def _attempts(read: PasswordPolicy, profile: Policy) -> Check:
    """Ours must end first: else anybody who knows a name could lock its account through our page.

    After each of our locks the attempts begin anew; while the directory still remembers those before, they add up. A
    directory counts for at most as long as it locks (Active Directory demands so), and for ever where that has no end.
    """
    if read.lockout_after is None:
        return _no_lockout(read)
    ours, lock = profile.sign_in.attempts, timedelta(minutes=profile.sign_in.lock_minutes)
    subject = "サインインの試行回数"
    shown = f"この製品は{ours}回、ディレクトリは{read.lockout_after}回の誤りで止めます"
    remedy = "プロファイルの sign_in.attempts と lock_minutes、ディレクトリの回数のどれかを見直してください"
    if ours >= read.lockout_after:
        return Check(subject, WARNING, f"{shown}。この製品の画面から、他人の利用者IDをロックできてしまいます", remedy)
    rounds = max(1, ceil(read.lockout_for / lock)) if read.lockout_for is not None else None
    if rounds is None or ours * rounds >= read.lockout_after:
        return Check(subject, WARNING, f"{shown}。画面の停止が解けるたびに試すと、ディレクトリがロックします", remedy)
    return Check(subject, FINE, shown)


def _duration(time: timedelta | None) -> str:
    return "解除するまで" if time is None else f"{int(time.total_seconds() // 60)}分間"


def last_use_check(source: str | None, lag: timedelta | None, *, readable: bool) -> Check:
    """Where the date of last use is read, and how late it may be (control C3)."""
    subject = "最終利用日"
    if not readable:
        return Check(
            subject, WARNING, "この接続では読めません。使われていないIDを見つけられません",
            "利用者IDの一覧を定期に確かめるか、最終利用日を読める接続にしてください",
        )  # fmt: skip
    if source is None:
        return Check(subject, FINE, "まだ記録がありません")
    late = f"実際より最大{lag.days}日遅れることがあります" if lag else "遅れはありません"
    return Check(subject, FINE, f"{source} から読みます。{late}")


def missing_groups(groups: Iterable[tuple[str, str]]) -> Iterator[Check]:
    """Rights whose group is not there."""
    for name, group in groups:
        yield Check(
            f"権限「{name}」のグループ {group}", FAILED, "ディレクトリに見つかりません",
            "ディレクトリにグループを作るか、団体設定の group を直してください",
        )  # fmt: skip
