"""An application on its way through the wizard: what was chosen and typed so far, and what is still wrong with it.

All of it travels in the form itself; nothing is stored before submission, and every step looks at all of it anew.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from idm.calendar_days import last_day_to_end
from idm.employment_kind import EmploymentKind
from idm.errors import InvalidInput
from idm.operations.approval.requests import WantedLine
from idm.queries.approval.choices import Choice, SystemChoice
from idm.queries.organisation.person_cards import PersonCard
from idm.vocabulary import EntitlementKind, LineEffect, RequestAction
from idm.wareki import format_wareki, parse_date
from idm.written_text import written
from web.row_ids import row_id

WHAT = re.compile(rf"({'|'.join(RequestAction)}):(\d{{1,9}})", re.ASCII)
"""Kind of application and system are one choice."""


@dataclass(frozen=True)
class Entry:
    """What was chosen and typed. `first_day` and `last_day` are texts, as people write days."""

    subject_id: int | None = None
    action: RequestAction | None = None
    system_id: int | None = None
    give: frozenset[int] = frozenset()
    take: frozenset[int] = frozenset()
    first_day: str = ""
    last_day: str = ""
    reason: str = ""
    cites_id: int | None = None

    def about(self, subject_id: int) -> "Entry":
        """The same entry about this person."""
        return replace(self, subject_id=subject_id)

    def fields(self, *leave_out: str) -> list[tuple[str, str]]:
        """The hidden fields that carry it, without those that the page itself shows."""
        what = f"{self.action.value}:{self.system_id}" if self.action is not None else ""
        carried = [("subject", self.subject_id), ("what", what), ("first_day", self.first_day),
                   ("last_day", self.last_day), ("reason", self.reason), ("cites", self.cites_id)]  # fmt: skip
        rights = [("give", right) for right in sorted(self.give)] + [("take", right) for right in sorted(self.take)]
        return [(name, str(value)) for name, value in [*carried, *rights] if value and name not in leave_out]


def entry_from(values: MultiDict[str, str]) -> Entry:
    """The entry of a form or an address; whatever is no choice at all counts as not chosen."""
    what_was_chosen = WHAT.fullmatch(values.get("what", ""))
    return Entry(
        subject_id=values.get("subject", type=row_id),
        action=RequestAction(what_was_chosen[1]) if what_was_chosen else None,
        system_id=int(what_was_chosen[2]) if what_was_chosen else None,
        give=frozenset(values.getlist("give", type=row_id)),
        take=frozenset(values.getlist("take", type=row_id)),
        first_day=values.get("first_day", "").strip(),
        last_day=values.get("last_day", "").strip(),
        reason=values.get("reason", "").replace("\r\n", "\n").strip(),
        cites_id=values.get("cites", type=row_id),
    )


@dataclass(frozen=True)
class Facts:
    """What the entry is judged by: who it is about, what they may be given and have, and the day."""

    subject: PersonCard | None
    systems: tuple[SystemChoice, ...]
    today: date

    def system(self, entry: Entry) -> SystemChoice | None:
        """The system that was chosen."""
        return next((system for system in self.systems if system.system_id == entry.system_id), None)

    def rights(self, chosen: Iterable[int], entry: Entry) -> list[Choice]:
        """The rights of the chosen system that were ticked."""
        system = self.system(entry)
        ids = frozenset(chosen)
        return [right for right in system.rights if right.entitlement_id in ids] if system is not None else []


Mistakes = dict[str, str]


def actions_for(system: SystemChoice) -> tuple[RequestAction, ...]:
    """What can be asked for in the system by the person who stands so to it."""
    if system.held:
        return RequestAction.CHANGE, RequestAction.REMOVE
    return () if system.zone_closed else (RequestAction.REGISTER,)


def fitted(entry: Entry, facts: Facts) -> Entry:
    """The entry without ticks that belong to another system or another kind of application, chosen before."""
    system = facts.system(entry)
    here = frozenset(right.entitlement_id for right in system.rights) if system is not None else frozenset()
    return replace(
        entry,
        give=entry.give & here if entry.action is not RequestAction.REMOVE else frozenset(),
        take=entry.take & here if entry.action is not RequestAction.REGISTER else frozenset(),
    )


def with_defaults(entry: Entry, facts: Facts, step: str) -> Entry:
    """The entry as a step begins: the account ticked where it is what the application is about; today as first day."""
    system = facts.system(entry)
    if step == "period" and not entry.first_day:
        ends = [right.held.valid_until for right in facts.rights(entry.give, entry) if right.held is not None]
        return replace(entry, first_day=format_wareki(next((end for end in ends if end is not None), facts.today)))
    if step != "rights" or system is None or entry.give or entry.take:
        return entry
    daily = (r for r in system.rights if r.kind is EntitlementKind.ACCOUNT and not r.privileged)
    accounts = frozenset(right.entitlement_id for right in daily if not right.asked)
    if entry.action is RequestAction.REGISTER:
        return replace(entry, give=accounts)
    return replace(entry, take=accounts) if entry.action is RequestAction.REMOVE else entry


def who(entry: Entry, facts: Facts) -> Mistakes:
    """What is wrong with the choice of the person."""
    if entry.subject_id is None:
        return {"subject": _("だれのための申請かを選んでください")}
    if facts.subject is None:
        return {"subject": _("この人のために申請することはできません。一覧から選んでください")}
    return {}


def what(entry: Entry, facts: Facts) -> Mistakes:
    """What is wrong with the choice of system and kind of application."""
    system = facts.system(entry)
    if entry.action is None or system is None:
        return {"what": _("システムと申請の区分を選んでください")}
    if entry.action not in actions_for(system):
        return {"what": _("%(system)sでは、この区分の申請はできません。選び直してください", system=system.name)}
    return {}


def rights(entry: Entry, facts: Facts) -> Mistakes:
    """What is wrong with the choice of rights."""
    system = facts.system(entry)
    if system is None:
        return {}
    give, take = facts.rights(entry.give, entry), facts.rights(entry.take, entry)
    if not give and not take:
        return {"rights": _("権限を1つ以上選んでください")}
    if any(right.held and not right.renewable for right in give) or any(not right.held for right in take):
        return {"rights": _("いまの権限が変わりました。選び直してください")}
    if both := entry.give & entry.take:
        name = next(right.name for right in give if right.entitlement_id in both)
        return {"rights": _("「%(right)s」は、続けるか取り消すかのどちらかにしてください", right=name)}
    if asked := [right for right in (*give, *take) if right.asked]:
        number = asked[0].asked[1] if asked[0].asked else ""
        return {"rights": _("「%(right)s」は申請 %(number)s で審査中です", right=asked[0].name, number=number)}
    return _account_mistakes(system, give, take)


def _account_mistakes(system: SystemChoice, give: list[Choice], take: list[Choice]) -> Mistakes:
    """A right is on the daily ID or, a privileged one, on the privileged ID: that one is had, or asked for with it."""
    for account in (right for right in system.rights if right.kind is EntitlementKind.ACCOUNT):
        others = [right for right in give if right.privileged or not account.privileged]
        if others and account in take:
            return {"rights": _("「%(right)s」を取り消すと、ほかの権限は使えません。", right=account.name)}
        on_it = [right for right in give if right.privileged == account.privileged]
        if on_it and not account.held and not account.asked and account not in give:
            return {"rights": _NEEDS[account.privileged](account.name)}
    return {}


_NEEDS: dict[bool, Callable[[str], str]] = {
    False: lambda name: _("「%(right)s」も一緒に選んでください。ないと、ほかの権限は使えません", right=name),
    True: lambda name: _(
        "「%(right)s」も一緒に選んでください。特権は、日常の利用者IDではなく本人の別のIDに付きます", right=name
    ),
}
"""Whether a privileged ID is missing → what is said."""


def period(entry: Entry, facts: Facts) -> Mistakes:
    """What is wrong with the days and the reason."""
    mistakes: Mistakes = {}
    first = _day(entry.first_day, "first_day", mistakes) if entry.first_day else None
    if not entry.first_day:
        mistakes["first_day"] = _("日付を入れてください")
    elif first is not None and first < facts.today:
        mistakes["first_day"] = _("今日以後の日付にしてください")
    last = _day(entry.last_day, "last_day", mistakes) if entry.last_day and entry.give else None
    if first is not None and last is not None and last < first:
        mistakes["last_day"] = _("開始日以後の日付にしてください")
    if not entry.last_day and needs_end(entry, facts):
        mistakes["last_day"] = _("特権、共用IDの利用、外部からの利用又は委託事業者の権限には終了日が必要です")
    try:
        written(entry.reason, field="reason", empty=_("理由を書いてください"))
    except InvalidInput as mistake:
        mistakes |= mistake.fields
    return mistakes


def _day(text: str, name: str, mistakes: Mistakes) -> date | None:
    try:
        return parse_date(text).day
    except ValueError as mistake:
        mistakes[name] = _("%(mistake)s「令和8年4月1日」又は「2026-04-01」のように入れてください", mistake=str(mistake))
        return None


def needs_end(entry: Entry, facts: Facts) -> bool:
    """Whether what is asked for must end (FK 6-2(3)①, 6-2(4), 6-3(2)⑪)."""
    contractor = facts.subject is not None and facts.subject.kind is EmploymentKind.CONTRACTOR
    given = facts.rights(entry.give, entry)
    return bool(given) and (contractor or any(right.needs_end for right in given))


STEPS: dict[str, Callable[[Entry, Facts], Mistakes]] = {"who": who, "what": what, "rights": rights, "period": period}
"""The steps in their order, each with what looks at it."""


def first_mistake(entry: Entry, facts: Facts, before: str) -> tuple[str, Mistakes] | None:
    """The first step before the one named that has a mistake, with its mistakes; None when there is none."""
    for step, mistakes_of in STEPS.items():
        if step == before:
            return None
        if mistakes := mistakes_of(entry, facts):
            return step, mistakes
    return None


def first_day_of(entry: Entry) -> date:
    """The first day of an entry without mistakes."""
    return parse_date(entry.first_day).day


def last_day_of(entry: Entry) -> date | None:
    """The last day of an entry without mistakes; None = no end."""
    return parse_date(entry.last_day).day if entry.last_day and entry.give else None


def warnings(entry: Entry) -> list[str]:
    """What a day's spelling needs a look at, in an entry without mistakes (an era that was over by then)."""
    days = [entry.first_day] + ([entry.last_day] if entry.last_day and entry.give else [])
    return [warning for text in days if (warning := parse_date(text).warning) is not None]


def wanted_lines(entry: Entry) -> list[WantedLine]:
    """The lines that an entry without mistakes asks for."""
    subject, first, end = entry.subject_id or 0, first_day_of(entry), last_day_to_end(last_day_of(entry))
    given = [WantedLine(subject, right, LineEffect.GRANT, first, end) for right in sorted(entry.give)]
    return given + [WantedLine(subject, right, LineEffect.REVOKE, first) for right in sorted(entry.take)]
