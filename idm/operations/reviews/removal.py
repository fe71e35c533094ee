"""What an answer "not needed" does: the right ends in the books, the directory follows by the outbox (control A10)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.grant_state import EndReason, GrantState
from idm.models.requests import Grant
from idm.models.reviews import ReviewLine
from idm.operations.notification.notices import notify
from idm.operations.rights import grants
from idm.policy import Policy


def remove(
    session: Session, lines: Sequence[ReviewLine], *, actor: Actor, policy: Policy, now: datetime
) -> list[Grant]:  # fmt: skip
    """Afterwards the rights of these lines have ended, and with an account all that hangs on it; holders are told."""
    ended: list[Grant] = []
    for line in lines:
        if line.grant.state is not GrantState.ENDED:
            ended += grants.end_with_what_hangs(
                session, line.grant, EndReason.REVIEWED, actor=actor, policy=policy, now=now
            )  # fmt: skip
        line.done_at = now
    _tell_holders(session, ended, now=now)
    return ended


def _tell_holders(session: Session, ended: Sequence[Grant], *, now: datetime) -> None:
    lost: dict[int, list[Grant]] = defaultdict(list)
    for grant in ended:
        lost[grant.account.person_id or 0].append(grant)
    for person_id, theirs in sorted(lost.items()):
        rights = "\n".join(f"・{grant.account.system.name}「{grant.entitlement.name}」" for grant in theirs)
        notify(
            session, [person_id], now=now, link="/me", subject=f"【権限の取消し】棚卸しによる取消し（{len(theirs)}件）",
            body=(
                f"棚卸しの結果、次の権限を取り消しました。\n{rights}\n"
                "引き続き必要なときは、所属の課長に相談のうえ、改めて申請してください。"
            ),
        )  # fmt: skip
