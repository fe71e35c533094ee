"""Rights that come to their end: when their holder is reminded, and from when on they can be renewed (A8). Pure.

    … 60 days ── 30 days ── 7 days ── last day      (the profile's days; told of each once)

Whoever could not be told in time, because no run was made, is told of the nearest step only.
"""

from datetime import date, timedelta

from idm.policy import GivingBackRules


def days_left(valid_until: date, day: date) -> int:
    """How many days after this one the right still holds; 0 = this is its last day."""
    return (valid_until - day).days - 1


def step_due(valid_until: date, told: int | None, day: date, rules: GivingBackRules) -> int | None:
    """Which of the profile's steps is to be told of on the day; None = none, it was told, or it is over."""
    left = days_left(valid_until, day)
    if left < 0:
        return None
    reached = [step for step in rules.remind_before_days if left <= step]
    nearest = min(reached, default=None)
    return nearest if nearest is not None and (told is None or nearest < told) else None


def renewable_until(day: date, rules: GivingBackRules) -> date:
    """Renewal can be applied for of rights whose first day without them is not after this one."""
    return day + timedelta(days=rules.renew_from_days + 1)


def may_renew(valid_until: date | None, day: date, rules: GivingBackRules) -> bool:
    """Whether renewal can be applied for on the day: near the end, and before it."""
    return valid_until is not None and day < valid_until <= renewable_until(day, rules)
