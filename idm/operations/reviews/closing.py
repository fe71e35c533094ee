"""Closing a campaign: what nobody answered is treated as the profile says, and the result stands for good (A10)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, NobodyAsked, NotFound, SafetyLimit, SeparationOfDuties
from idm.grant_state import GrantState
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.models.safety import RunKind
from idm.operations.hr import safety
from idm.operations.notification.notices import notify
from idm.operations.reviews.opening import require_reach
from idm.operations.reviews.removal import remove
from idm.operations.reviews.schedule import ask_whoever_holds_the_office, bench_of, step_of
from idm.personnel.safety_limits import Touched
from idm.policy import Policy
from idm.queries.organisation.officers import holders, humans
from idm.queries.reviews.results import result_digest
from idm.queries.reviews.review_candidates import Wanted
from idm.queries.reviews.review_lines import campaign_of, lines_of, posts_on, rows_of
from idm.queries.reviews.reviews import ReviewerRow, reviewer_rows
from idm.reviews.review_rules import Step
from idm.step_up import matters_most, require_fresh_factor
from idm.vocabulary import ReviewDecision, Role, SafetyAction

UNANSWERED = "期限までに回答がなかったため、プロファイルの定めにより取り消しました。"


@dataclass(frozen=True)
class Closing:
    """What closing a campaign now would do: how many lines wait, whether it may be closed, and how many rights go."""

    title: str
    waiting: int
    may_close: bool
    removed: int


def closing(session: Session, campaign_id: int, *, policy: Policy, now: datetime) -> Closing:
    """What `close` would do now. Changes nothing. Raises NotFound."""
    campaign = campaign_of(session, campaign_id)
    if campaign is None:
        raise NotFound("この棚卸しは見つかりません。")
    waiting = lines_of(session, campaign_id, waiting=True)
    ripe = not waiting or step_of(campaign, waiting, day_of(now), policy) is Step.END
    removed = len(waiting) if ripe and policy.reviews.unanswered == "remove" else 0
    return Closing(campaign.title, len(waiting), campaign.closed_at is None and ripe, removed)


def open_one(session: Session, campaign_id: int, *, actor: Actor, now: datetime) -> ReviewCampaign:
    """The campaign, locked, where it is open and this person may end it. Raises NotFound, NotPermitted,
    IllegalTransition."""
    campaign = campaign_of(session, campaign_id, lock=True)
    if campaign is None:
        raise NotFound("この棚卸しは見つかりません。")
    if actor.person_id is not None:
        wanted = Wanted(campaign.scope, campaign.system_id, campaign.unit_code, campaign.entitlement_id)
        require_reach(session, wanted, actor, day_of(now))
    if campaign.closed_at is not None:
        raise IllegalTransition("この棚卸しはすでに終わっています。")
    return campaign


@dataclass(frozen=True)
class Closed:
    """What came of closing: how many rights went unanswered, or that a second person has to agree before any does."""

    removed: int = 0
    needs_another: bool = False


def close(session: Session, campaign_id: int, *, actor: Actor, policy: Policy, now: datetime) -> Closed:
    """Afterwards the campaign is closed, and what nobody answered is treated as the profile says.

    Before the next rung has had its days it can be closed only when everything is answered. What is more than the
    safety limits let a run take away is taken away by two people: the first asks, and another one who may close does.
    Raises NotFound, NotPermitted, IllegalTransition, SafetyLimit for a job, NobodyAsked, SeparationOfDuties (SOD-1),
    FreshFactorNeeded where a right that matters most is taken away.
    """
    campaign = open_one(session, campaign_id, actor=actor, now=now)
    day = day_of(now)
    waiting = lines_of(session, campaign.id, waiting=True, lock=True)
    ask_whoever_holds_the_office(waiting, bench_of(session, waiting, policy=policy, day=day), day)
    if waiting and step_of(campaign, waiting, day, policy) is not Step.END:
        raise IllegalTransition(
            f"まだ{len(waiting)}件の回答を待っています。すべて回答されるか、期限を過ぎて次の順位の人（途中で回答する人が"
            f"替わったときはその人にも）に{policy.reviews.escalate_after_days}日の猶予を与えた後でなければ終えられません。"
        )
    if not waiting or policy.reviews.unanswered != "remove":
        end_campaign(session, campaign, waiting, actor=actor, policy=policy, now=now)
        return Closed()
    if actor.person_id is None:
        return Closed(remove_unanswered(session, campaign, waiting, actor=actor, policy=policy, now=now))
    if any(_matters(line) for line in waiting):
        require_fresh_factor(actor, policy=policy, now=now)
    return _remove_by_hand(session, campaign, waiting, actor=actor, policy=policy, now=now)


def remove_unanswered(
    session: Session, campaign: ReviewCampaign, waiting: Sequence[ReviewLine], *, actor: Actor, policy: Policy,
    now: datetime,
) -> int:  # fmt: skip
    """Afterwards what nobody answered has ended and the campaign is closed; within the limits, counted.

    Returns how many. Raises SafetyLimit, NobodyAsked.
    """
    _require_asked(waiting)
    touched = _touched(session, waiting, now=now)
    safety.require_within_limits(session, touched, kind=RunKind.REVIEW, day=day_of(now), policy=policy, now=now)
    safety.count(session, touched, kind=RunKind.REVIEW, batch=None, now=now)
    return _take_away(session, campaign, waiting, actor=actor, policy=policy, now=now)


def _remove_by_hand(
    session: Session, campaign: ReviewCampaign, waiting: Sequence[ReviewLine], *, actor: Actor, policy: Policy,
    now: datetime,
) -> Closed:  # fmt: skip
    """Within the limits by one person; beyond them the first one's wish is written down, and the second one's act."""
    try:
        return Closed(remove_unanswered(session, campaign, waiting, actor=actor, policy=policy, now=now))
    except SafetyLimit as excess:
        if campaign.closing_asked_by_id is None:
            _ask_for_another(session, campaign, str(excess), len(waiting), actor=actor, policy=policy, now=now)
            return Closed(needs_another=True)
    asked = humans(session, [campaign.closing_asked_by_id])[campaign.closing_asked_by_id]
    if asked.is_one_of(frozenset({actor.person_id or 0})):
        raise SeparationOfDuties(
            "あなたが終了を求めた棚卸しです。取り消す数が上限を超えるため、別の人が終えてください。", code="SOD-1"
        )
    return Closed(_take_away(session, campaign, waiting, actor=actor, policy=policy, now=now))


def _ask_for_another(
    session: Session, campaign: ReviewCampaign, why: str, number: int, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    campaign.closing_asked_by_id, campaign.closing_asked_at = actor.person_id, now
    tell_closers(session, campaign, why, now=now)
    audit.record(
        session, action="review.closing_asked", actor=actor, obj=("review", str(campaign.id)), now=now,
        policy_digest=policy.digest, payload={"title": campaign.title, "unanswered": number},
    )  # fmt: skip


def _require_asked(waiting: Sequence[ReviewLine]) -> None:
    """Silence is an answer only from whoever was asked. Raises NobodyAsked."""
    unasked = sum(line.reviewer_id is None for line in waiting)
    if unasked:
        raise NobodyAsked(
            f"回答を求められる人のいない権限が{unasked}件あるため、取り消せません。"
            "役職者の登録を確かめてください。誰かに回答を求められるようになれば、続けられます。"
        )


def _take_away(
    session: Session, campaign: ReviewCampaign, waiting: Sequence[ReviewLine], *, actor: Actor, policy: Policy,
    now: datetime,
) -> int:  # fmt: skip
    _keep_as_shown(session, waiting, now=now)
    for line in waiting:
        line.decision, line.reason, line.decided_at = ReviewDecision.REMOVE, UNANSWERED, now
    session.flush()
    remove(session, waiting, actor=actor, policy=policy, now=now)
    end_campaign(session, campaign, waiting, actor=actor, policy=policy, now=now)
    return len(waiting)


def _touched(session: Session, lines: Sequence[ReviewLine], *, now: datetime) -> list[Touched]:
    rows, posts = rows_of(session, lines, day=day_of(now)), posts_on(session, day_of(now))
    return sorted({
        Touched(SafetyAction.REVOKE, rows[line.id].staff_number, posts.get(line.holder_id, ("", ""))[0])
        for line in lines
    })  # fmt: skip


def keepers(session: Session, *, now: datetime) -> set[int]:
    """The officers for security and the chief: whoever may end any campaign."""
    return {person for role in (Role.SECURITY, Role.CHIEF) for person in holders(session, role, None, day_of(now))}


def tell_closers(session: Session, campaign: ReviewCampaign, why: str, *, now: datetime) -> None:
    """Afterwards those who may close the campaign by hand know why the calendar does not."""
    notify(
        session, keepers(session, now=now), now=now, link=f"/reviews/{campaign.id}",
        subject=f"【棚卸し】{campaign.title}を終えられません",
        body=f"回答のなかった権限を、まだ取り消していません。内容を確かめて、画面から終えてください。\n{why}",
    )  # fmt: skip


def _matters(line: ReviewLine) -> bool:
    right = line.grant.entitlement
    zone = line.grant.account.system.zone
    return matters_most(zone, privileged=right.privileged, external_access=right.external_access)


def end_campaign(
    session: Session, campaign: ReviewCampaign, unanswered: Sequence[ReviewLine], *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards the campaign is closed, and the audit record says what nobody answered and how the result looks."""
    keep_result(session, campaign, actor=actor, now=now)
    rules = policy.reviews
    hurried = [
        row for row in reviewer_rows(session, campaign.id)
        if row.pace.hurried(rules.rubber_stamp_seconds, rules.kept_at_once)
    ]  # fmt: skip
    _tell_of_haste(session, campaign, hurried, now=now)
    audit.record(
        session, action="review.closed", actor=actor, obj=("review", str(campaign.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "title": campaign.title, "unanswered": len(unanswered), "treated": policy.reviews.unanswered,
            "lines": [line.id for line in unanswered], "result": campaign.result_digest,
            "hurried": [row.person_id for row in hurried],
        },
    )  # fmt: skip


def _tell_of_haste(
    session: Session, campaign: ReviewCampaign, hurried: Sequence[ReviewerRow], *, now: datetime
) -> None:  # fmt: skip
    """Those who may end any campaign know who may not have read what they answered, but for themselves."""
    for keeper in sorted(keepers(session, now=now)):
        named = "\n".join(f"・{row.name}　{row.pace.answers}件" for row in hurried if row.person_id != keeper)
        if named:
            notify(
                session, [keeper], now=now, link=f"/reviews/{campaign.id}",
                subject=f"【棚卸し】{campaign.title}で、読まずに回答したおそれのある人がいます",
                body="回答が速すぎるか、多くを一度にすべて「必要」としています。"
                     f"必要なら、範囲を絞って改めて棚卸しをしてください。\n{named}",
            )  # fmt: skip


def keep_result(session: Session, campaign: ReviewCampaign, *, actor: Actor, now: datetime) -> None:
    """Afterwards the campaign is closed, and its result says for good what was so at this moment."""
    campaign.closed_at, campaign.closed_by_id = now, actor.person_id
    left = lines_of(session, campaign.id, undecided=True)
    _keep_as_shown(session, left, now=now)
    for line in left:
        line.ended_unanswered = line.grant.state is GrantState.ENDED
    session.flush()
    campaign.result_digest = result_digest(session, campaign.id)


def _keep_as_shown(session: Session, lines: Sequence[ReviewLine], *, now: datetime) -> None:
    rows = rows_of(session, lines, day=day_of(now))
    for line in lines:
        line.shown = asdict(rows[line.id])
