"""The life of a finding: a fact is one finding from the day it is first seen to the day it is gone (C1, J1).

    open ──exception, or somebody else answers──► justified ──its end, or other facts──► open
      ├────the CISO accepts the risk────────────► accepted  ──its end──────────────────► open
      └────the fact is gone (from any state)────► repaired

What stands is read from facts and a day, never written down: an answer that ends needs nobody to end it. A fact that
comes back after it was repaired is a new finding that names the earlier one: it has its own first day, its own time and
its own answers, and what was accepted then is not accepted now.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from idm.errors import IllegalTransition
from idm.policy import FindingRules
from idm.vocabulary import FINDING_STATE_TITLES, FindingEventKind, FindingKind, FindingState, Role

Event = FindingEventKind
State = FindingState


@dataclass(frozen=True)
class FindingFacts:
    """What is on record of one finding. Each end is the first day on which the answer no longer holds, None = there is
    no answer: the newest that is about exactly what is found, the exception that covers it, the accepted risk."""

    repaired: bool = False
    answered_until: date | None = None
    excepted_until: date | None = None
    accepted_until: date | None = None


def state_of(facts: FindingFacts, day: date) -> FindingState:
    """Where the finding stands on the day."""
    if facts.repaired:
        return State.REPAIRED
    if _holds(facts.accepted_until, day):
        return State.ACCEPTED
    if _holds(facts.answered_until, day) or _holds(facts.excepted_until, day):
        return State.JUSTIFIED
    return State.OPEN


def _holds(until: date | None, day: date) -> bool:
    return until is not None and day < until


ANSWERED = frozenset({State.JUSTIFIED, State.ACCEPTED})
"""Known, and nobody has to do anything until a day."""

TRANSITIONS: Mapping[tuple[FindingState, FindingEventKind], FindingState] = {
    **{(state, Event.REPAIRED): State.REPAIRED for state in (State.OPEN, *ANSWERED)},
    **{(state, Event.ACCEPTED): State.ACCEPTED for state in (State.OPEN, *ANSWERED)},
    **{(state, Event.ANSWER_ENDED): State.OPEN for state in ANSWERED},
    **{
        (state, event): state
        for state in (State.OPEN, *ANSWERED)
        for event in (Event.CHANGED, Event.ASSIGNED, Event.NOTED, Event.REPAIR_ASKED)
    },
    (State.OPEN, Event.JUSTIFIED): State.JUSTIFIED,
    (State.JUSTIFIED, Event.JUSTIFIED): State.JUSTIFIED,
    (State.OPEN, Event.DUE_MOVED): State.OPEN,
    (State.OPEN, Event.ESCALATED): State.OPEN,
    (State.REPAIRED, Event.NOTED): State.REPAIRED,
}
"""What may happen to a finding in which state, and where it stands then. A justification beneath an accepted risk would
outlive it unseen; only an open finding has a deadline."""


def after(state: FindingState, event: FindingEventKind) -> FindingState:
    """The state that follows. Raises IllegalTransition when that may not happen to it now."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise IllegalTransition(f"この点検結果は「{FINDING_STATE_TITLES[state]}」のため、この操作はできません。")
    return following


_DEPARTED = "離職者や契約の終わった人が使えるIDは、使えないようにする以外の扱いができません（6-2(2)②③）。"
_PRIVILEGE = "承認のない特権は、登録簿に登録するか、外してください（6-2(3)）。"
_FACTORS = "二つの認証要素は、ほかの措置で代えることができません（3(1)②ア）。"
NEVER_ANSWERED: Mapping[FindingKind, str] = {
    FindingKind.LEFT: _DEPARTED,
    FindingKind.CONTRACT_ENDED: _DEPARTED,
    FindingKind.SHARED_USER_LEFT: _DEPARTED,
    FindingKind.OUT_OF_BAND: _PRIVILEGE,
    FindingKind.UNREGISTERED_PRIVILEGE: _PRIVILEGE,
    FindingKind.FACTOR_MISSING: _FACTORS,
    FindingKind.FACTOR_UNSHOWN: _FACTORS,
    FindingKind.FACTOR_UNREGISTERED: _FACTORS,
    FindingKind.STOP_NOT_REACHED: "止めると決めたものは、止まるまで終わりになりません（6-5(2)）。",
    FindingKind.OWN_DEVICE_LOST: "紛失・盗難は、対応が記録されるまで終わりになりません（5-1(1)④）。",
    FindingKind.OFFICIAL_ACCOUNT_TAKEN_OVER: "乗っ取りは、別の人が確認するまで終わりになりません（6-1(22)④）。",
    FindingKind.STOP_UNCONFIRMED: "コマンドでの停止は、責任者が確認するか、二人で解除してください（6-5(2)）。",
    FindingKind.EXCEPTION_EXPIRED: "期限の過ぎた例外措置は、続けるならあらためて許可を得てください（8(1)）。",
}
"""Kinds of which no risk is accepted and no exception permitted, and why not: the standard leaves no choice."""

OFFICE: Mapping[FindingKind, Role] = {
    **dict.fromkeys(FindingKind, Role.SYSTEM),
    **dict.fromkeys(
        (
            FindingKind.EXCEPTION_EXPIRED, FindingKind.AFTER_HOURS, FindingKind.BURST, FindingKind.REFUSED_ATTEMPTS,
            FindingKind.QUICK_DECISIONS, FindingKind.SUDDEN_USE, FindingKind.EXPORT_LATE, FindingKind.SERVICE_UNCARED,
            FindingKind.OWN_DEVICE_UNCARED, FindingKind.OFFICIAL_ACCOUNT_UNCARED,
            FindingKind.OFFICIAL_ACCOUNT_TAKEN_OVER, FindingKind.OWN_DEVICE_LOST, FindingKind.STOP_UNCONFIRMED,
        ),
        Role.SECURITY,
    ),
}  # fmt: skip
"""Whose a finding is where nobody was named: the manager of its system, or the security officer (FK 1-2)."""


def office_of(kind: FindingKind, *, of_system: bool) -> Role:
    """The office that the finding belongs to; what is of no system has no manager of a system."""
    return OFFICE[kind] if of_system else Role.SECURITY


def due_on(kind: FindingKind, day: date, rules: FindingRules, working: Callable[[date], date]) -> date:
    """The last day for an answer to what is open since `day`; `working`: the first working day on or after a day."""
    days = rules.urgent_due_days if kind in rules.urgent else rules.due_days
    return working(day + timedelta(days=days))


def levels_due(due: date, day: date, rules: FindingRules) -> int:
    """How many of the profile's levels have to know by the day that nobody answered; 0 = it still has time."""
    if day <= due:
        return 0
    late = (day - due).days - 1
    return min(1 + late // rules.escalate_every_days, len(rules.escalate_to))
