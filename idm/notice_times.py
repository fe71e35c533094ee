"""When digests leave, and how far an undecided application is brought to mind, in working days. Pure."""

from datetime import date, datetime, time, timedelta

from idm.calendar_days import TOKYO, day_of
from idm.policy import NoticeRules
from idm.working_days import WorkingDays


def last_digest(now: datetime, rules: NoticeRules, days: WorkingDays) -> datetime:
    """The latest moment, `now` at the latest, at which digests left or should have left: what waited before it is due.

    So whoever was away at that moment makes up for it, once, and what came after it waits for the next.
    """
    at, day = time.fromisoformat(rules.digest_at), day_of(now)
    while not days.is_working(day) or datetime.combine(day, at, TOKYO) > now:
        day -= timedelta(days=1)
    return datetime.combine(day, at, TOKYO)


def levels_due(submitted_on: date, day: date, rules: NoticeRules, days: WorkingDays) -> int:
    """How far an application that nobody decided is brought to mind by the day: 0 = not yet, 1 = to its deciders.

    Then one more for each of `escalate_to`, so many working days after the one before.
    """
    level, due = 0, days.after(submitted_on, rules.remind_decision_days)
    while level <= len(rules.escalate_to) and due <= day:
        level, due = level + 1, days.after(due, rules.escalate_decision_days)
    return level
