"""What the calendar does with campaigns: reminds, asks the next rung, treats what nobody answered, closes (A10).

Running it twice on one day does nothing the second time.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, NobodyAsked, NotFound, SafetyLimit, SeparationOfDuties
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.models.safety import RunKind
from idm.operations.hr import safety
from idm.operations.notification.notices import notify
from idm.operations.reviews.opening import require_reach
from idm.operations.reviews.removal import remove
from idm.personnel.safety_limits import Touched
from idm.policy import Policy
from idm.queries.organisation.officers import holders, humans
from idm.queries.reviews.review_candidates import Wanted
from idm.queries.reviews.review_lines import ReviewBench, campaign_of, lines_of, posts_on, right_of, rows_of
from idm.reviews.review_rules import Schedule, Step, may_answer, step_on
from idm.step_up import matters_most, require_fresh_factor
from idm.vocabulary import ReviewDecision, Role, SafetyAction
from idm.wareki import format_wareki

UNANSWERED = "期限までに回答がなかったため、プロファイルの定めにより取り消しました。"


@dataclass(frozen=True)
class ReviewsFollowed:
    """How many campaigns were reminded of, asked of the next rung, closed; `removed`: rights nobody answered for.

    `held_back`: campaigns whose unanswered rights are too many to be taken away without a person.
    """

    reminded: int = 0
    escalated: int = 0
    closed: int = 0
    removed: int = 0
    held_back: int = 0


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> ReviewsFollowed:
    """Afterwards whatever falls due today of the open campaigns has been done, each step once."""
    found: Counter[str] = Counter()
    reminders = _Reminders()
    open_ids = select(ReviewCampaign.id).where(ReviewCampaign.closed_at.is_(None)).order_by(ReviewCampaign.id)
    for campaign_id in session.scalars(open_ids).all():
        campaign = campaign_of(session, campaign_id, lock=True)
        if campaign is not None:
            found.update(_follow(session, campaign, reminders, actor=actor, policy=policy, now=now))
    reminders.send(session, now=now)
    return ReviewsFollowed(**found)


@dataclass
class _Reminders:
    """Who has to be asked for answers tonight, about which campaigns: one mail each."""

    lines: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    waiting: Counter[int] = field(default_factory=Counter)

    def ask(self, campaign: ReviewCampaign, asked: Counter[int], why: str) -> None:
        """Afterwards each of these people will be told how many wait in the campaign."""
        until = format_wareki(campaign.answer_until)
        for person_id, number in asked.items():
            self.lines[person_id].append(f"・{campaign.title}　{number}件（期限 {until}）{why}")
        self.waiting += asked

    def send(self, session: Session, *, now: datetime) -> None:
        """Afterwards everybody's one mail is on its way."""
        for person_id, lines in sorted(self.lines.items()):
            said = "\n".join(lines)
            notify(
                session, [person_id], now=now, link="/reviews", asks=True,
                subject=f"【棚卸しの回答のお願い】回答待ち{self.waiting[person_id]}件",
                body=f"次の棚卸しで、あなたの回答を待っています。今も必要かどうかを回答してください。\n{said}",
            )  # fmt: skip


def _follow(
    session: Session, campaign: ReviewCampaign, reminders: _Reminders, *, actor: Actor, policy: Policy, now: datetime
) -> dict[str, int]:  # fmt: skip
    waiting = lines_of(session, campaign.id, waiting=True, lock=True)
    if not waiting:
        _close(session, campaign, [], actor=actor, policy=policy, now=now)
        return {"closed": 1}
    day = day_of(now)
    bench = _bench(session, waiting, policy=policy, day=day)
    _ask_whoever_holds_the_office(waiting, bench)
    step = _step(campaign, day, policy)
    if step is Step.ESCALATE:
        _escalate(campaign, waiting, bench, reminders, day)
        return {"escalated": 1}
    if step is Step.END and policy.reviews.unanswered == "remove":
        try:
            removed = _remove_unanswered(session, campaign, waiting, actor=actor, policy=policy, now=now)
        except (SafetyLimit, NobodyAsked) as reason:
            return {"held_back": 1, **_hold_back(session, campaign, str(reason), policy=policy, now=now)}
        return {"closed": 1, "removed": removed}
    if step is not None and _reminder_due(campaign, day, policy):
        _remind(campaign, waiting, bench, reminders, day)
        return {"reminded": 1}
    return {}


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
    ripe = not waiting or _step(campaign, day_of(now), policy) is Step.END
    removed = len(waiting) if ripe and policy.reviews.unanswered == "remove" else 0
    return Closing(campaign.title, len(waiting), campaign.closed_at is None and ripe, removed)


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
    campaign = campaign_of(session, campaign_id, lock=True)
    if campaign is None:
        raise NotFound("この棚卸しは見つかりません。")
    if actor.person_id is not None:
        wanted = Wanted(campaign.scope, campaign.system_id, campaign.unit_code, campaign.entitlement_id)
        require_reach(session, wanted, actor, day_of(now))
    if campaign.closed_at is not None:
        raise IllegalTransition("この棚卸しはすでに終わっています。")
    waiting = lines_of(session, campaign.id, waiting=True, lock=True)
    if waiting and _step(campaign, day_of(now), policy) is not Step.END:
        raise IllegalTransition(
            f"まだ{len(waiting)}件の回答を待っています。すべて回答されるか、期限を過ぎて次の順位の人に"
            f"{policy.reviews.escalate_after_days}日の猶予を与えた後でなければ終えられません。"
        )
    if not waiting or policy.reviews.unanswered != "remove":
        _close(session, campaign, waiting, actor=actor, policy=policy, now=now)
        return Closed()
    if actor.person_id is None:
        return Closed(_remove_unanswered(session, campaign, waiting, actor=actor, policy=policy, now=now))
    if any(_matters(line) for line in waiting):
        require_fresh_factor(actor, policy=policy, now=now)
    return _remove_by_hand(session, campaign, waiting, actor=actor, policy=policy, now=now)


def _remove_unanswered(
    session: Session, campaign: ReviewCampaign, waiting: Sequence[ReviewLine], *, actor: Actor, policy: Policy,
    now: datetime,
) -> int:  # fmt: skip
    """Within the limits, counted. Raises SafetyLimit, NobodyAsked."""
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
        return Closed(_remove_unanswered(session, campaign, waiting, actor=actor, policy=policy, now=now))
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
    _tell_closers(session, campaign, why, now=now)
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
    for line in waiting:
        line.decision, line.reason, line.decided_at = ReviewDecision.REMOVE, UNANSWERED, now
    session.flush()
    remove(session, waiting, actor=actor, policy=policy, now=now)
    _close(session, campaign, waiting, actor=actor, policy=policy, now=now)
    return len(waiting)


def _touched(session: Session, lines: Sequence[ReviewLine], *, now: datetime) -> list[Touched]:
    rows, posts = rows_of(session, lines, day=day_of(now)), posts_on(session, day_of(now))
    return sorted({
        Touched(SafetyAction.REVOKE, rows[line.id].staff_number, posts.get(line.holder_id, ("", ""))[0])
        for line in lines
    })  # fmt: skip


def _hold_back(
    session: Session, campaign: ReviewCampaign, why: str, *, policy: Policy, now: datetime
) -> dict[str, int]:  # fmt: skip
    """Nothing is taken away; those who may close the campaign by hand are told, as often as others are reminded."""
    if not _reminder_due(campaign, day_of(now), policy):
        return {}
    campaign.reminded_on = day_of(now)
    _tell_closers(session, campaign, why, now=now)
    return {"reminded": 1}


def _tell_closers(session: Session, campaign: ReviewCampaign, why: str, *, now: datetime) -> None:
    told = {person for role in (Role.SECURITY, Role.CHIEF) for person in holders(session, role, None, day_of(now))}
    notify(
        session, told, now=now, link=f"/reviews/{campaign.id}", subject=f"【棚卸し】{campaign.title}を終えられません",
        body=f"回答のなかった権限を、まだ取り消していません。内容を確かめて、画面から終えてください。\n{why}",
    )  # fmt: skip


def _bench(session: Session, lines: Sequence[ReviewLine], *, policy: Policy, day: date) -> ReviewBench:
    return ReviewBench.on(session, [right_of(line.grant) for line in lines], rules=policy.reviews, day=day)


def _ask_whoever_holds_the_office(lines: Sequence[ReviewLine], bench: ReviewBench) -> None:
    """Offices change while a campaign runs: whoever holds one now is asked, and reminded."""
    for line in lines:
        asked = {seat.person_id: None for seat in bench.asked(line)}
        if line.reviewer_id not in asked:
            line.reviewer_id = next(iter(asked), None)


def _step(campaign: ReviewCampaign, day: date, policy: Policy) -> Step | None:
    schedule = Schedule(day_of(campaign.opened_at), campaign.answer_until, campaign.reminded_on, campaign.escalated_on)
    rules = policy.reviews
    return step_on(
        day, schedule, remind_every_days=rules.remind_every_days, escalate_after_days=rules.escalate_after_days
    )


def _reminder_due(campaign: ReviewCampaign, day: date, policy: Policy) -> bool:
    told = (day_of(campaign.opened_at), campaign.reminded_on, campaign.escalated_on)
    return day >= max(one for one in told if one is not None) + timedelta(days=policy.reviews.remind_every_days)


def _remind(
    campaign: ReviewCampaign, waiting: Sequence[ReviewLine], bench: ReviewBench, reminders: _Reminders, day: date
) -> None:
    """Who is asked, with how many wait; past the last day the next rung too."""
    campaign.reminded_on = day
    late = campaign.escalated_on is not None
    asked = Counter(line.reviewer_id for line in waiting if line.reviewer_id is not None)
    if late:
        asked += Counter(person for line in waiting for person in _next_rung(line, bench) if person != line.reviewer_id)
    reminders.ask(campaign, asked, "　期限を過ぎています。" if late else "")


def _escalate(
    campaign: ReviewCampaign, waiting: Sequence[ReviewLine], bench: ReviewBench, reminders: _Reminders, day: date
) -> None:
    """Afterwards the next rung may answer too, and knows; so does who has not answered."""
    campaign.escalated_on = day
    asked = Counter(line.reviewer_id for line in waiting if line.reviewer_id is not None)
    reminders.ask(campaign, asked, "　期限を過ぎました。")
    above = Counter(person for line in waiting for person in _next_rung(line, bench))
    reminders.ask(campaign, above, "　期限までに回答がありませんでした。代わりに回答してください。")


def _next_rung(line: ReviewLine, bench: ReviewBench) -> list[int]:
    facts = bench.facts(right_of(line.grant), line.campaign.scope)
    first = len(may_answer(facts, escalated=False))
    return [seat.person_id for seat in may_answer(facts, escalated=True)[first:]]


def _matters(line: ReviewLine) -> bool:
    right = line.grant.entitlement
    zone = line.grant.account.system.zone
    return matters_most(zone, privileged=right.privileged, external_access=right.external_access)


def _close(
    session: Session, campaign: ReviewCampaign, unanswered: Sequence[ReviewLine], *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    campaign.closed_at, campaign.closed_by_id = now, actor.person_id
    session.flush()
    audit.record(
        session, action="review.closed", actor=actor, obj=("review", str(campaign.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "title": campaign.title, "unanswered": len(unanswered), "treated": policy.reviews.unanswered,
            "lines": [line.id for line in unanswered],
        },
    )  # fmt: skip
