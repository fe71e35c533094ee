"""Rules of the register of people outside HR (外部者登録簿): numbers, periods, ends, consent. Pure.

Whoever is in the register has an end: no longer than the profile allows, and no longer than every contract above them
(FK 6-3(2)⑪, MT 7-3(3)イ(ア)). An end moves earlier by itself; later only by a new entry.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from idm.calendar_days import end_to_last_day
from idm.employment_kind import EmploymentKind
from idm.errors import InvalidInput
from idm.policy import OutsideRules
from idm.wareki import format_wareki

NUMBER_DIGITS = 5
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """A half-open period whose end is known."""

    valid_from: date
    valid_until: date


def next_number(prefix: str, given: Iterable[str]) -> str:
    """The number after the highest one ever given: prefix and five digits. Raises InvalidInput when none is left."""
    of_register = re.compile(rf"{re.escape(prefix)}([0-9]{{{NUMBER_DIGITS}}})")
    last = max((int(found[1]) for number in given if (found := of_register.fullmatch(number))), default=0)
    if last + 1 >= 10**NUMBER_DIGITS:
        raise InvalidInput(
            f"外部者登録簿の番号（{prefix}＋{NUMBER_DIGITS}桁）を使い切りました。"
            "プロファイルの number_prefix を変えてください。"
        )
    return f"{prefix}{last + 1:0{NUMBER_DIGITS}d}"


def require_period(period: Period, rules: OutsideRules, *, contract: Period | None, day: date) -> None:
    """Afterwards an entry may have this period on the day. Raises InvalidInput at the field."""
    if period.valid_from < day:
        _refuse("valid_from", "始まる日は今日以後にしてください。")
    if contract is not None and period.valid_from < contract.valid_from:
        _refuse("valid_from", f"契約が始まる日（{format_wareki(contract.valid_from)}）以後にしてください。")
    require_end(period, rules, contract=contract, day=day)


def require_end(period: Period, rules: OutsideRules, *, contract: Period | None, day: date) -> None:
    """Afterwards an entry that begins then may end then. Raises InvalidInput at `valid_until`."""
    if period.valid_until <= max(period.valid_from, day):
        _refuse("valid_until", "終わる日が、始まる日より前か、すでに過ぎています。")
    longest = max(period.valid_from, day) + timedelta(days=rules.longest_days)
    if period.valid_until > longest:
        _refuse("valid_until", f"一回の登録は{rules.longest_days}日までです。{_last(longest)}までにしてください。")
    if contract is not None and period.valid_until > contract.valid_until:
        _refuse("valid_until", f"契約が終わる日（{_last(contract.valid_until)}）までにしてください。")


def require_contract_period(period: Period, above: Period | None, *, day: date) -> None:
    """Afterwards a contract may have this period; a subcontract's lies within the one above it, which holds.

    Raises InvalidInput at the field.
    """
    if period.valid_until <= max(period.valid_from, day):
        _refuse("valid_until", "契約の終わる日が、始まる日より前か、すでに過ぎています。")
    if above is None:
        return
    if above.valid_until <= day:
        _refuse("above_id", "元の契約はすでに終わっているため、再委託を登録できません。")
    if period.valid_from < above.valid_from:
        _refuse("valid_from", f"元の契約が始まる日（{format_wareki(above.valid_from)}）以後にしてください。")
    if period.valid_until > above.valid_until:
        _refuse("valid_until", f"元の契約が終わる日（{_last(above.valid_until)}）までにしてください。")


def narrowest(periods: Iterable[Period]) -> Period:
    """The days on which all of the periods hold; at least one is given."""
    known = tuple(periods)
    return Period(max(p.valid_from for p in known), min(p.valid_until for p in known))


def earliest_end(begun: Iterable[date], *, contract_from: date) -> date:
    """The earliest day on which a contract can cease to hold: after the first day of everything that began under it.

    Somebody who worked under it on a day was under a contract on that day: the record does not say otherwise later.
    """
    return max([contract_from, *begun]) + DAY


def end_of_shortened(period: Period | tuple[date, date | None], end: date, *, day: date) -> date | None:
    """The end of what holds no longer than to `end`, never later than it was; None = it never begins."""
    begins, until = (period.valid_from, period.valid_until) if isinstance(period, Period) else period
    if begins > day and begins >= end:
        return None
    wanted = max(end, begins + DAY)
    return wanted if until is None else min(wanted, until)


def requires_consent(kind: EmploymentKind, rules: OutsideRules) -> bool:
    """Whether somebody employed so gets no right before their consent is on record (FK 5-1(2)②)."""
    return kind in rules.consent_kinds


def _last(end: date) -> str:
    return format_wareki(end_to_last_day(end) or end)


def _refuse(field: str, problem: str) -> None:
    raise InvalidInput(problem, fields={field: problem})
