"""Exceptions of the register (例外措置): when one holds, what it may cover, what falls due (FK 8, MT 8-4). Pure.

    asked ──the CISO permits──► permitted ──its last day is over──► expired
      └────the CISO refuses───► refused       └──no longer needed──► ended

Whether it holds is read from its state and its period on a day, so one whose end nobody has written down yet covers
nothing all the same. An emergency is acted upon first and reported afterwards (FK 8(2)); the register covers a finding
only from the CISO's answer on, so that an act without a report hides nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from idm.calendar_days import holds
from idm.errors import IllegalTransition, InvalidInput
from idm.oversight.finding_state import NEVER_ANSWERED
from idm.policy import ExceptionRules
from idm.vocabulary import EXCEPTION_STATE_TITLES, ExceptionScope, ExceptionState, FindingKind

State = ExceptionState
Scope = ExceptionScope


class ExceptionEvent(StrEnum):
    """What can happen to an exception."""

    PERMIT = "permit"
    REFUSE = "refuse"
    END = "end"
    EXPIRE = "expire"


TRANSITIONS: Mapping[tuple[ExceptionState, ExceptionEvent], ExceptionState] = {
    (State.ASKED, ExceptionEvent.PERMIT): State.PERMITTED,
    (State.ASKED, ExceptionEvent.REFUSE): State.REFUSED,
    (State.ASKED, ExceptionEvent.END): State.ENDED,
    (State.PERMITTED, ExceptionEvent.END): State.ENDED,
    (State.PERMITTED, ExceptionEvent.EXPIRE): State.EXPIRED,
    (State.EXPIRED, ExceptionEvent.END): State.ENDED,
}
"""What may happen in which state. Asked and ended = taken back by those who asked; expired and ended = somebody has
said that it is not needed any more. What has ended is asked for anew."""

OPEN = frozenset({State.ASKED, State.PERMITTED})


def after(state: ExceptionState, event: ExceptionEvent) -> ExceptionState:
    """The state that follows. Raises IllegalTransition when that may not happen to it now."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise IllegalTransition(f"この例外措置は「{EXCEPTION_STATE_TITLES[state]}」のため、この操作はできません。")
    return following


def in_force(state: ExceptionState, valid_from: date, valid_until: date, day: date) -> bool:
    """Whether an exception of that state and period holds on the day."""
    return state is State.PERMITTED and holds(valid_from, valid_until, day)


def require_coverable(kind: FindingKind | None) -> None:
    """Afterwards an exception may cover the kind of finding. Raises InvalidInput where nothing may."""
    if kind is not None and kind in NEVER_ANSWERED:
        raise InvalidInput(NEVER_ANSWERED[kind], fields={"finding_kind": NEVER_ANSWERED[kind]})


def require_period(valid_from: date, valid_until: date, today: date, *, emergency: bool, rules: ExceptionRules) -> None:
    """Afterwards the period is one that may be permitted: not over, and no longer than the profile allows.

    Only an emergency was acted upon before it was asked for. Raises InvalidInput.
    """
    if valid_from < today and not emergency:
        raise InvalidInput("さかのぼって許可することはできません。", fields={"first_day": "今日以後の日にしてください"})
    if valid_until <= max(valid_from, today):
        raise InvalidInput(
            "終わりの日を直してください。", fields={"last_day": "始まりの日以後、今日以後の日にしてください"}
        )
    if (valid_until - valid_from).days > rules.longest_days:
        raise InvalidInput(
            f"期間は{rules.longest_days}日までです。続けて必要なときは、期限の前に更新してください。",
            fields={"last_day": f"{rules.longest_days}日以内にしてください"},
        )


def may_renew(state: ExceptionState, valid_until: date, day: date, rules: ExceptionRules) -> bool:
    """Whether it can be gone on with: near its last day, or when it is over."""
    near = day >= valid_until - timedelta(days=rules.remind_before_days)
    return state is State.EXPIRED or (state is State.PERMITTED and near)


def reminder_due(valid_until: date, reminded_on: date | None, day: date, rules: ExceptionRules) -> bool:
    """Whether those who answer for it have still to be told that it ends: once, in time or as soon as possible."""
    first = valid_until - timedelta(days=rules.remind_before_days)
    return reminded_on is None and first <= day < valid_until


def check_to_tell(due: date, told_on: date | None, day: date) -> bool:
    """Whether those who check have still to be told that a check is overdue: once for every one that is."""
    return day > due and (told_on is None or told_on <= due)


def report_due(acted_at: datetime, rules: ExceptionRules) -> datetime:
    """Until when the CISO has the report of an emergency (FK 8(2))."""
    return acted_at + timedelta(hours=rules.emergency_report_hours)


def report_levels(acted_at: datetime, now: datetime, rules: ExceptionRules) -> int:
    """How many of the profile's levels have to know by now that the report is overdue: one more every such time."""
    late = now - report_due(acted_at, rules)
    if late <= timedelta(0):
        return 0
    step = timedelta(hours=rules.emergency_report_hours)
    return min(1 + int(late / step), len(rules.emergency_escalate_to))


def check_due(permitted_on: date, last_checked: date | None, rules: ExceptionRules) -> date:
    """The last day for the next regular check of one that holds (FK 8(3))."""
    return (last_checked or permitted_on) + timedelta(days=rules.check_every_days)


@dataclass(frozen=True)
class Covering:
    """What one exception that holds covers: `people` are all rows of one human, `units` those below it too."""

    exception_id: int
    kind: FindingKind
    scope: ExceptionScope
    valid_until: date
    system_id: int | None = None
    account_id: int | None = None
    people: frozenset[int] = frozenset()
    units: frozenset[str] = frozenset()


_Key = tuple[FindingKind, ExceptionScope, int | str | None, int | None]


class Covered:
    """What the exceptions that hold on one day cover: read once, asked as often as there are findings."""

    def __init__(self, exceptions: Iterable[Covering]) -> None:
        """Of several with the same reach the one that lasts longest covers."""
        self._best: dict[_Key, Covering] = {}
        for one in exceptions:
            if one.kind not in NEVER_ANSWERED:
                self._keep(one)

    def _keep(self, one: Covering) -> None:
        for key in _keys(one):
            known = self._best.get(key)
            if known is None or (one.valid_until, one.exception_id) > (known.valid_until, known.exception_id):
                self._best[key] = one

    def of(
        self, kind: FindingKind, *, system_id: int | None = None, account_id: int | None = None,
        person_id: int | None = None, unit_code: str | None = None,
    ) -> int | None:  # fmt: skip
        """The exception that covers such a finding, the nearest one: of the account before the person, and so on."""
        found = self.covering(
            kind, system_id=system_id, account_id=account_id, person_id=person_id, unit_code=unit_code
        )
        return None if found is None else found.exception_id

    def covering(
        self, kind: FindingKind, *, system_id: int | None = None, account_id: int | None = None,
        person_id: int | None = None, unit_code: str | None = None,
    ) -> Covering | None:  # fmt: skip
        """The same with its end."""
        keys = self._asked(kind, system_id, account_id, person_id, unit_code)
        return next((self._best[key] for key in keys if key in self._best), None)

    def all_of(
        self, kind: FindingKind, *, system_id: int | None = None, account_id: int | None = None,
        person_id: int | None = None, unit_code: str | None = None,
    ) -> frozenset[int]:  # fmt: skip
        """Every exception that covers such a finding, however near; of several with the same reach the longest."""
        keys = self._asked(kind, system_id, account_id, person_id, unit_code)
        return frozenset(self._best[key].exception_id for key in keys if key in self._best)

    def _asked(
        self, kind: FindingKind, system_id: int | None, account_id: int | None, person_id: int | None,
        unit_code: str | None,
    ) -> list[_Key]:  # fmt: skip
        """What would cover it, the nearest first."""
        if not self._best:
            return []
        asked: list[tuple[ExceptionScope, int | str | None]] = [
            (Scope.ACCOUNT, account_id), (Scope.PERSON, person_id), (Scope.UNIT, unit_code),
        ]  # fmt: skip
        keys: list[_Key] = []
        for scope, value in asked:
            if value is not None:
                keys += [(kind, scope, value, system_id), (kind, scope, value, None)]
        if system_id is not None:
            keys.append((kind, Scope.SYSTEM, None, system_id))
        return [*keys, (kind, Scope.ORGANISATION, None, None)]


def _keys(one: Covering) -> list[_Key]:
    match one.scope:
        case Scope.ACCOUNT:
            return [(one.kind, one.scope, one.account_id, None)]
        case Scope.PERSON:
            return [(one.kind, one.scope, person, one.system_id) for person in one.people]
        case Scope.UNIT:
            return [(one.kind, one.scope, unit, one.system_id) for unit in one.units]
        case Scope.SYSTEM:
            return [(one.kind, one.scope, None, one.system_id)]
        case Scope.ORGANISATION:
            return [(one.kind, one.scope, None, None)]
