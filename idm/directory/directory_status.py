"""What the directory shows of a decision: derived from the last read-back, stored nowhere. Pure.

An approved right is never called done: what is approved is the decision, what is done is read from the target.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from idm.directory.hand_work import HandProgress
from idm.grant_state import GrantState
from idm.ports import ExternalId
from idm.vocabulary import EntitlementKind


class DirectoryStatus(StrEnum):
    """How far the directory follows a decision."""

    NOT_YET = "not_yet"
    OBSERVED = "observed"
    WAITING = "waiting"
    RETRYING = "retrying"
    REFUSED = "refused"
    HAND_WAITING = "hand_waiting"
    HAND_DONE = "hand_done"
    HANDOVER = "handover"
    ASLEEP = "asleep"
    NOTHING = "nothing"
    SHOWN = "shown"
    COMPLETE = "complete"
    STOPPED = "stopped"
    TAKEN = "taken"


CONFIRMED = frozenset(
    {
        DirectoryStatus.HANDOVER, DirectoryStatus.ASLEEP, DirectoryStatus.SHOWN, DirectoryStatus.COMPLETE,
        DirectoryStatus.STOPPED, DirectoryStatus.TAKEN,
    }
)  # fmt: skip
"""What was read from the target, and so has a time of reading."""

TITLES = {
    DirectoryStatus.NOT_YET: "開始日を待っています",
    DirectoryStatus.OBSERVED: "観察中のシステムのため、まだ反映しません",
    DirectoryStatus.WAITING: "ディレクトリ反映待ち",
    DirectoryStatus.RETRYING: "ディレクトリ反映待ち（接続できないため、やり直しています）",
    DirectoryStatus.REFUSED: "ディレクトリに反映できません（担当者の確認が必要です）",
    DirectoryStatus.HAND_WAITING: "承認済み・手作業待ち",
    DirectoryStatus.HAND_DONE: "作業済み・確認待ち",
    DirectoryStatus.HANDOVER: "作成済み・仮パスワードの交付待ち",
    DirectoryStatus.ASLEEP: "利用待ち（使うときだけ開きます）",
    DirectoryStatus.NOTHING: "ディレクトリの変更はありません（使うときに利用を申し出ます）",
    DirectoryStatus.SHOWN: "反映済み",
    DirectoryStatus.COMPLETE: "完了",
    DirectoryStatus.STOPPED: "停止を反映済み",
    DirectoryStatus.TAKEN: "取消しを反映済み",
}


@dataclass(frozen=True)
class DirectoryFacts:
    """One grant and what its target last showed. `group` is the target's id of its group, None for the account.

    `refused` and `retrying` say how the newest task about the account goes; `observed`: its system is never written to.
    `by_hand`: how far the work of a person has come, None where a connector does it. `sleeps`: it is somebody's
    privileged ID, which is open only while it is used (D6).
    """

    kind: EntitlementKind
    group: ExternalId | None
    grant_state: GrantState
    handed_over: bool
    seen_at: datetime | None
    present: bool
    enabled: bool
    groups: frozenset[ExternalId]
    refused: bool = False
    retrying: bool = False
    observed: bool = False
    by_hand: HandProgress | None = None
    sleeps: bool = False


@dataclass(frozen=True)
class Reflection:
    """The status; `checked_at` is when it was read from the target, None while it was not."""

    status: DirectoryStatus
    checked_at: datetime | None = None


def reflection(facts: DirectoryFacts) -> Reflection:
    """What the directory shows of the grant at its last read-back."""
    if facts.grant_state is GrantState.PLANNED:
        return Reflection(DirectoryStatus.NOT_YET)
    if facts.kind is EntitlementKind.SHARED_ID:
        return Reflection(DirectoryStatus.NOTHING)
    shown = _shown(facts) if facts.seen_at is not None else None
    if shown is not None:
        return Reflection(_as_hand_work(shown) if facts.by_hand is not None else shown, facts.seen_at)
    if facts.observed:
        return Reflection(DirectoryStatus.OBSERVED)
    if facts.by_hand is not None and not facts.refused:
        done = facts.by_hand is HandProgress.DONE
        return Reflection(DirectoryStatus.HAND_DONE if done else DirectoryStatus.HAND_WAITING)
    if facts.refused:
        return Reflection(DirectoryStatus.REFUSED)
    return Reflection(DirectoryStatus.RETRYING if facts.retrying else DirectoryStatus.WAITING)


def _as_hand_work(shown: DirectoryStatus) -> DirectoryStatus:
    """Where people do the work, what was confirmed is called complete."""
    return DirectoryStatus.COMPLETE if shown is DirectoryStatus.SHOWN else shown


def _shown(facts: DirectoryFacts) -> DirectoryStatus | None:
    """The status that the read-back proves, None when it proves nothing of what was decided."""
    there = facts.present and (facts.kind is EntitlementKind.ACCOUNT or facts.group in facts.groups)
    usable = there and (facts.kind is not EntitlementKind.ACCOUNT or facts.enabled)
    if facts.grant_state is GrantState.ENDED:
        return None if usable else DirectoryStatus.TAKEN
    if facts.grant_state is GrantState.SUSPENDED:
        return None if usable else DirectoryStatus.STOPPED
    if usable:
        return DirectoryStatus.SHOWN
    if facts.sleeps:
        return DirectoryStatus.ASLEEP if facts.present and not facts.enabled else None
    return DirectoryStatus.HANDOVER if there and not facts.handed_over else None
