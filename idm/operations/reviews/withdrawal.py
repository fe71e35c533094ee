"""Giving a campaign up (取り下げ): one person asks with a reason, another one does it (control A10)."""

from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.errors import NotPermitted, SeparationOfDuties
from idm.models.reviews import ReviewCampaign
from idm.operations.notification.notices import notify
from idm.operations.reviews.closing import keep_result, keepers, open_one
from idm.policy import Policy
from idm.queries.organisation.officers import humans
from idm.queries.reviews.review_lines import lines_of
from idm.written_text import written


def withdraw(
    session: Session, campaign_id: int, reason: str, *, actor: Actor, policy: Policy, now: datetime
) -> bool:  # fmt: skip
    """Afterwards somebody wants the campaign given up, and the officers know why; or, by another person, it is.

    Nothing is taken away: what has an answer keeps it, what has none goes on, and a regular review is still due.
    Returns whether it was given up. Raises NotFound, NotPermitted, IllegalTransition, InvalidInput without a reason,
    SeparationOfDuties (SOD-1).
    """
    if actor.person_id is None:
        raise NotPermitted("棚卸しの取下げは、名前のある人だけができます。")
    campaign = open_one(session, campaign_id, actor=actor, now=now)
    if campaign.withdrawal_asked_by_id is None:
        _ask(session, campaign, reason, actor=actor, policy=policy, now=now)
        return False
    asker = humans(session, [campaign.withdrawal_asked_by_id])[campaign.withdrawal_asked_by_id]
    if asker.is_one_of(frozenset({actor.person_id})):
        raise SeparationOfDuties(
            "あなたが取下げを求めた棚卸しです。別の人が理由を確かめて取り下げてください。", code="SOD-1"
        )
    waiting = lines_of(session, campaign.id, waiting=True, lock=True)
    campaign.withdrawn = True
    keep_result(session, campaign, actor=actor, now=now)
    notify(
        session, {line.reviewer_id for line in waiting if line.reviewer_id is not None}, now=now, link="/reviews",
        subject=f"【棚卸し】{campaign.title}は取り下げられました",
        body=f"回答は要りません。すでにされた回答は、そのまま残ります。\n理由 {campaign.withdrawal_reason}",
    )  # fmt: skip
    _record(session, "review.withdrawn", campaign, actor=actor, policy=policy, now=now)
    return True


def _ask(
    session: Session, campaign: ReviewCampaign, reason: str, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    campaign.withdrawal_reason = written(reason, field="reason", empty="取り下げる理由を書いてください。")
    campaign.withdrawal_asked_by_id, campaign.withdrawal_asked_at = actor.person_id, now
    notify(
        session, keepers(session, now=now) - {actor.person_id or 0}, now=now, link=f"/reviews/{campaign.id}",
        subject=f"【棚卸し】{campaign.title}の取下げが求められています", asks=True,
        body=f"取り下げるには、求めた人とは別の人が、画面で理由を確かめてください。\n理由 {campaign.withdrawal_reason}",
    )  # fmt: skip
    _record(session, "review.withdrawal_asked", campaign, actor=actor, policy=policy, now=now)


def _record(
    session: Session, action: str, campaign: ReviewCampaign, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("review", str(campaign.id)), now=now, policy_digest=policy.digest,
        payload={
            "title": campaign.title, "reason": campaign.withdrawal_reason, "asked_by": campaign.withdrawal_asked_by_id,
            "result": campaign.result_digest,
        },
    )  # fmt: skip
