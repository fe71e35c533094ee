"""Step-up: what matters most asks for a second factor given a moment ago, whoever asks for it (control B3). Pure.

A session that was left open, or taken over, decides nothing of what stands here. A job is nobody's session: it gives no
factor, and so can do none of it.
"""

from datetime import datetime, timedelta

from idm.actor import Actor
from idm.errors import FreshFactorNeeded
from idm.permissions import Action
from idm.policy import Policy
from idm.vocabulary import Zone

NEEDED_FOR = frozenset({
    Action.PERMIT_EXCEPTION,
    Action.ACCEPT_CONFIGURATION,
    Action.CONFIRM_OFFICER,
    Action.JUSTIFY_FINDING,
    Action.ACCEPT_RISK,
    Action.NAME_DEPUTY,
    Action.ACCEPT_DEPUTY,
    Action.INVITE_OFFICER,
    Action.KEEP_AUTHENTICATORS,
    Action.CLOSE_LOSS,
    Action.UPLOAD_ENROLMENTS,
    Action.END_EVERYBODYS_SESSIONS,
    Action.PERMIT_BATCH,
    Action.PROPOSE_REGISTERED_ID,
    Action.ACCEPT_REGISTERED_ID,
    Action.USE_REGISTERED_ID,
    Action.PERMIT_USE,
    Action.ROTATE_KEPT,
    Action.NAME_PRIVILEGE_DEPUTY,
    Action.ACCEPT_PRIVILEGE_DEPUTY,
    Action.ORDER_STOP,
    Action.LIFT_STOP,
    Action.STOP_FOR_VIOLATION,
})  # fmt: skip
"""What is always asked for it: who decides, by which rules, in spite of which rules, by what people prove themselves,
what reaches everybody at once, and whatever opens a privileged ID (control D6)."""

NEEDED_WHERE_A_RIGHT_MATTERS_MOST = frozenset({
    Action.HAND_OVER,
    Action.DO_WORK,
    Action.CONFIRM_WORK,
    Action.REPAIR_FINDING,
    Action.SETTLE_FOUND,
    Action.UPLOAD_LISTING,
    Action.UNLOCK_ACCOUNT,
})  # fmt: skip
"""What is asked for it where it is about a right that matters most, as every decision on such a right is: whatever is
done to the accounts of a My Number system is its administration."""


def matters_most(zone: Zone, *, privileged: bool = False, external_access: bool = False) -> bool:
    """Whether a right is one of those on which nobody decides without having given a second factor just now."""
    return zone is Zone.MYNUMBER or privileged or external_access


def is_fresh(actor: Actor, *, policy: Policy, now: datetime) -> bool:
    """Whether the person gave a second factor in this session within the profile's minutes."""
    given = actor.second_factor_at
    return actor.person_id is not None and given is not None and now - given <= _lasting(policy)


def require_fresh_factor_for(zone: Zone, actor: Actor, *, policy: Policy, now: datetime) -> None:
    """Afterwards the person, where a system of this zone is administered, has just shown a second factor.

    Raises FreshFactorNeeded where it matters most.
    """
    if matters_most(zone):
        require_fresh_factor(actor, policy=policy, now=now)


def require_fresh_factor(actor: Actor, *, policy: Policy, now: datetime) -> None:
    """Afterwards the person has just shown a second factor. Raises FreshFactorNeeded."""
    if not is_fresh(actor, policy=policy, now=now):
        raise FreshFactorNeeded(
            f"この操作の前に、二つ目の認証要素をもう一度確認してください（確認の有効時間は"
            f"{policy.sign_in.step_up_minutes}分です）。"
        )


def _lasting(policy: Policy) -> timedelta:
    return timedelta(minutes=policy.sign_in.step_up_minutes)
