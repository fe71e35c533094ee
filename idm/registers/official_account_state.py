"""The life of an official social-media account (公式アカウント), and what is wrong with one on a day. Pure.

    asked ──approved──► in use ──taken over──► taken over ──its own again, said by one, confirmed by another──► in use
      ├──refused──►       │  ▲                    │
      └──taken back──►    │  └──sent back─────────┼────┐
                          └──given up──► ended ◄──┘    │
                                           ├───────────┘
                                           └──confirmed by another──► closed

It has somebody who answers for it, people who post with it, and a place where what opens it is kept. Whoever no longer
posts may still know its password, so that is due to be changed (FK 6-1(22), MT 7-1(22); control I6).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from idm.errors import IllegalTransition
from idm.policy import OfficialAccountRules
from idm.vocabulary import OFFICIAL_ACCOUNT_STATE_TITLES, OfficialAccountState

State = OfficialAccountState


class AccountEvent(StrEnum):
    """What can happen to an official account."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    TAKE_OVER = "take_over"
    """Somebody else has it, or may have."""
    RECOVER = "recover"
    """Another person has confirmed that it is its own again."""
    GIVE_UP = "give_up"
    SEND_BACK = "send_back"
    CLOSE = "close"


TRANSITIONS: Mapping[tuple[OfficialAccountState, AccountEvent], OfficialAccountState] = {
    (State.ASKED, AccountEvent.APPROVE): State.IN_USE,
    (State.ASKED, AccountEvent.REFUSE): State.REFUSED,
    (State.ASKED, AccountEvent.WITHDRAW): State.WITHDRAWN,
    (State.IN_USE, AccountEvent.TAKE_OVER): State.TAKEN_OVER,
    (State.TAKEN_OVER, AccountEvent.RECOVER): State.IN_USE,
    (State.IN_USE, AccountEvent.GIVE_UP): State.ENDED,
    (State.TAKEN_OVER, AccountEvent.GIVE_UP): State.ENDED,
    (State.ENDED, AccountEvent.SEND_BACK): State.IN_USE,
    (State.ENDED, AccountEvent.CLOSE): State.CLOSED,
}
IN_THE_REGISTER = frozenset({State.ASKED, State.IN_USE, State.TAKEN_OVER, State.ENDED})
"""While there is one of these about an account, there is no other."""
WATCHED = frozenset({State.IN_USE, State.TAKEN_OVER, State.ENDED})
"""What a day looks at."""
POSTING = frozenset({State.IN_USE, State.TAKEN_OVER})
"""What there are people for who post, or answer for it."""


def after(state: OfficialAccountState, event: AccountEvent) -> OfficialAccountState:
    """The state that follows. Raises IllegalTransition when that may not happen to it now."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        title = OFFICIAL_ACCOUNT_STATE_TITLES[state]
        raise IllegalTransition(f"この公式アカウントは「{title}」のため、この操作はできません。")
    return following


def check_due(since: date, rules: OfficialAccountRules) -> date:
    """The last day for the next regular check of one that was approved, or checked, on the day."""
    return since + timedelta(days=rules.check_every_days)


@dataclass(frozen=True)
class OfficialAccountFacts:
    """What a day knows of an official account. `since`: when its state began."""

    state: OfficialAccountState
    since: date
    check_due: date
    responsible_there: bool
    two_factors: bool
    password_due: bool
    """Somebody who may know the password posts no longer, and it has not been changed since."""


def faults(facts: OfficialAccountFacts, day: date, rules: OfficialAccountRules) -> tuple[str, ...]:
    """What somebody has to put right about it, in sentences."""
    posting = facts.state in POSTING
    late = facts.since + timedelta(days=rules.confirm_within_days) <= day
    found = (
        (posting and not facts.responsible_there, "責任者が在籍していません。"),
        (posting and facts.password_due, "ほかの人が知っているかもしれないパスワードが、変更されていません。"),
        (posting and not facts.two_factors, "二要素認証が設定されていません。"),
        (facts.state is State.IN_USE and facts.check_due < day, "定期確認の期限が過ぎています。"),
        (facts.state is State.ENDED and late, "利用を終えたことが確認されていません。"),
    )
    return tuple(said for wrong, said in found if wrong)
