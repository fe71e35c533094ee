"""When an ID counts as unused, and what follows on which day (FK 6-2(2)③, MT 7-2(1)イ(ウ); control C1). Pure.

    unused ──► warned ──the days of the warning──► disabled ──the days of the stop, nobody employed──► deleted
                 └──used, given back, exempted, out of use anyway──► closed ◄──┘

Unknown is not the same as never: where the target may have lost the date, the ID is listed as unknown, and no machine
goes on with it. No step falls on a day off, and nothing is stopped of which nobody could be told. An ID is never
deleted while an employment lasts.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from idm.calendar_days import day_of
from idm.policy import DormancyRules, DormancyTimes
from idm.ports import LastUse
from idm.vocabulary import DormancyStage, FindingKind
from idm.working_days import WorkingDays


def unused_cutoff(times: DormancyTimes, now: datetime) -> datetime:
    """An ID last used at or before this instant is unused."""
    return now - timedelta(days=times.unused_days)


def never_used_cutoff(times: DormancyTimes, now: datetime) -> datetime:
    """An ID created before this instant and never used since is unused."""
    return now - timedelta(days=times.never_used_days)


def kind_of(last_use: LastUse) -> FindingKind:
    """What a reading of last use that the target filtered out stands for."""
    if not last_use.known:
        return FindingKind.LAST_USE_UNKNOWN
    return FindingKind.DORMANT if last_use.last_used_at is not None else FindingKind.NEVER_USED


class Step(StrEnum):
    """What one night does about one ID."""

    NONE = "none"
    WARN = "warn"
    DISABLE = "disable"
    DELETE = "delete"
    HOLD = "hold"
    """A step is due and not taken; the reason is kept."""
    CLOSE = "close"


class Closing(StrEnum):
    """Why a case comes to an end before it has come to its own."""

    USED = "また使われたか、未使用として扱う基準に当てはまらなくなりました。"
    OUT_OF_USE = "休職や権限の終了などにより、もともと使えない状態になりました。"
    EXEMPT = "例外措置により対象から外れました。"


class Holding(StrEnum):
    """Why a step that is due is not taken tonight."""

    UNKNOWN = "最後に使われた日が分からないため、自動では進めません。"
    UNREAD = "最後に使われた日を読み取れなかったため、このままにします。"
    EMPLOYED = "在籍している人、これから在籍する人、または退職から日の浅い人のIDのため、削除しません。"
    UNTOLD = (
        "停止する日を本人にも所属長にも知らせることができないため、停止しません。"
        "人事データのメールアドレスを直すと、知らせた日から日数を数え直します。"
    )
    LIMIT = "一定期間に止められる数の上限に達したため、見合わせました。点検の設定が正しいかを確かめてください。"


@dataclass(frozen=True)
class UnusedFacts:
    """What one night knows of one ID. `stage` None = there is no case; `found` None = it was not found unused.

    `counts_from`: the latest of its last use and of when it last became usable (made, handed over, opened again).
    """

    stage: DormancyStage | None
    found: FindingKind | None
    counts_from: datetime
    usable: bool
    employed: bool
    exempt: bool = False
    there: bool = True
    """Whether the target showed it at all, when it was read last."""
    use_read: bool = False
    """Whether the target showed tonight when it was last used, or that it never was."""
    told: bool = True
    """Whether somebody was told of the day on which it is to be stopped."""
    disable_on: date | None = None
    delete_on: date | None = None


@dataclass(frozen=True)
class Verdict:
    """The step of a night, and why it is none where one might be expected."""

    step: Step
    reason: str | None = None


NOTHING = Verdict(Step.NONE)


def next_step(facts: UnusedFacts, times: DormancyTimes, calendar: WorkingDays, now: datetime) -> Verdict:
    """What is due of this ID at `now`, safety limits aside."""
    if facts.stage is None:
        return _unheeded(facts, times, calendar, now)
    if not facts.there and not facts.employed:
        return Verdict(Step.CLOSE, Closing.OUT_OF_USE.value)
    if facts.exempt:
        return Verdict(Step.CLOSE, Closing.EXEMPT.value)
    if facts.stage is DormancyStage.WARNED:
        return _warned(facts, times, calendar, now)
    return _disabled(facts, calendar, day_of(now))


def disable_day(times: DormancyTimes, calendar: WorkingDays, day: date) -> date:
    """The working day on which an ID warned of on the day is stopped."""
    return calendar.on_or_after(day + timedelta(days=times.disable_after_days))


def delete_day(times: DormancyTimes, calendar: WorkingDays, day: date) -> date | None:
    """The working day on which an ID stopped on the day may be deleted; None = never."""
    if times.delete_after_days == 0:
        return None
    return calendar.on_or_after(day + timedelta(days=times.delete_after_days))


def room_left(rules: DormancyRules, *, accounts: int, taken: int) -> int:
    """How many more IDs of a system of so many accounts may be stopped, after so many within the window.

    Whichever limit is reached first; one of a small system may always be.
    """
    return max(min(max(int(rules.most_share * accounts), 1), rules.most_accounts) - taken, 0)


def is_unused(kind: FindingKind, counts_from: datetime, times: DormancyTimes, now: datetime) -> bool:
    """Whether an ID of which that was read counts as unused by times of its own."""
    never = kind is FindingKind.NEVER_USED
    return counts_from <= (never_used_cutoff(times, now) if never else unused_cutoff(times, now))


def _unheeded(facts: UnusedFacts, times: DormancyTimes, calendar: WorkingDays, now: datetime) -> Verdict:
    known = facts.found in (FindingKind.DORMANT, FindingKind.NEVER_USED)
    if facts.found is None or not known or facts.exempt or not facts.usable or not calendar.is_working(day_of(now)):
        return NOTHING
    return Verdict(Step.WARN) if is_unused(facts.found, facts.counts_from, times, now) else NOTHING


def _warned(facts: UnusedFacts, times: DormancyTimes, calendar: WorkingDays, now: datetime) -> Verdict:
    day = day_of(now)
    if not facts.usable:
        return Verdict(Step.CLOSE, Closing.OUT_OF_USE.value)
    if facts.found is None:
        return _not_found(facts)
    due = facts.disable_on is not None and day >= facts.disable_on and calendar.is_working(day)
    if facts.found is FindingKind.LAST_USE_UNKNOWN:
        return Verdict(Step.HOLD, Holding.UNKNOWN.value) if due else NOTHING
    if not is_unused(facts.found, facts.counts_from, times, now):
        return Verdict(Step.CLOSE, Closing.USED.value)
    if due and not facts.told:
        return Verdict(Step.HOLD, Holding.UNTOLD.value)
    return Verdict(Step.DISABLE) if due else NOTHING


def _disabled(facts: UnusedFacts, calendar: WorkingDays, day: date) -> Verdict:
    if facts.found is None:
        return _not_found(facts)
    if facts.delete_on is None or day < facts.delete_on or not calendar.is_working(day):
        return NOTHING
    if facts.employed:
        return Verdict(Step.HOLD, Holding.EMPLOYED.value)
    if facts.found is FindingKind.LAST_USE_UNKNOWN:
        return Verdict(Step.HOLD, Holding.UNKNOWN.value)
    return Verdict(Step.DELETE)


def _not_found(facts: UnusedFacts) -> Verdict:
    """Whoever was not found unused was used only if that was read: what is not shown is not the same as used."""
    return Verdict(Step.CLOSE, Closing.USED.value) if facts.use_read else Verdict(Step.HOLD, Holding.UNREAD.value)
