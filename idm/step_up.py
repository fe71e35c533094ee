"""Step-up: what matters most asks for a second factor given a moment ago, whoever asks for it (control B3). Pure.

It is demanded for decisions on My Number systems and on privileged rights, for exceptions, and for everything about
authenticators. A job is nobody's session, and has none of these to decide.
"""

from datetime import datetime, timedelta

from idm.actor import Actor
from idm.errors import FreshFactorNeeded
from idm.policy import Policy


def is_fresh(actor: Actor, *, policy: Policy, now: datetime) -> bool:
    """Whether the person gave a second factor in this session within the profile's minutes."""
    given = actor.second_factor_at
    return given is not None and now - given <= timedelta(minutes=policy.sign_in.step_up_minutes)


def require_fresh_factor(actor: Actor, *, policy: Policy, now: datetime) -> None:
    """Afterwards the person has just shown a second factor. Raises FreshFactorNeeded."""
    if not is_fresh(actor, policy=policy, now=now):
        raise FreshFactorNeeded(
            f"この操作の前に、二つ目の認証要素をもう一度確認してください（確認の有効時間は"
            f"{policy.sign_in.step_up_minutes}分です）。"
        )
