"""What the calendar does with campaigns: reminds, asks the next rung, treats what nobody answered, closes (A10).

Each campaign by itself, so that none waits for another. Running it twice on one day does nothing the second time.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import NobodyAsked, SafetyLimit
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.operations.notification.notices import notify
from idm.operations.reviews.closing import end_campaign, remove_unanswered, tell_closers
from idm.operations.reviews.schedule import ask_whoever_holds_the_office, bench_of, reminder_due, step_of
from idm.policy import Policy
from idm.queries.reviews.review_lines import ReviewBench, campaign_of, lines_of, right_of
from idm.reviews.review_rules import Step, may_answer
from idm.wareki import format_wareki


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


def open_campaigns(session: Session) -> list[int]:
    """The campaigns that run, the oldest first."""
    running = select(ReviewCampaign.id).where(ReviewCampaign.closed_at.is_(None)).order_by(ReviewCampaign.id)
    return list(session.scalars(running))


def follow(
    session: Session, campaign_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> ReviewsFollowed:  # fmt: skip
    """Afterwards whatever falls due today of this campaign has been done, each step once; `remind` is for all of them.

    Whoever holds an office now is asked in the place of whoever held it, is told so, and has days of their own.
    """
    campaign = campaign_of(session, campaign_id, lock=True)
    if campaign is None or campaign.closed_at is not None:
        return ReviewsFollowed()
    waiting = lines_of(session, campaign.id, waiting=True, lock=True)
    if not waiting:
        end_campaign(session, campaign, [], actor=actor, policy=policy, now=now)
        return ReviewsFollowed(closed=1)
    day = day_of(now)
    bench = bench_of(session, waiting, policy=policy, day=day)
    new = ask_whoever_holds_the_office(waiting, bench, day)
    step = step_of(campaign, waiting, day, policy)
    if step is Step.ESCALATE:
        _escalate(session, campaign, waiting, bench, now=now)
        return ReviewsFollowed(escalated=1)
    if step is Step.END and policy.reviews.unanswered == "remove":
        return _end(session, campaign, waiting, actor=actor, policy=policy, now=now)
    if new and not reminder_due(campaign, day, policy):
        reminders = _Reminders()
        reminders.ask(campaign, new, "　あなたが新たに回答する人になりました。")
        reminders.send(session, now=now)
    return ReviewsFollowed()


def remind(session: Session, *, policy: Policy, now: datetime) -> int:
    """Afterwards whoever has yet to answer has been told, of all campaigns by one mail; returns of how many campaigns.

    Each every so many days; past the last day the next rung too.
    """
    day, reminders, reminded = day_of(now), _Reminders(), 0
    for campaign_id in open_campaigns(session):
        campaign = campaign_of(session, campaign_id, lock=True)
        if campaign is None or campaign.closed_at is not None or not reminder_due(campaign, day, policy):
            continue
        waiting = lines_of(session, campaign_id, waiting=True)
        _remind(campaign, waiting, bench_of(session, waiting, policy=policy, day=day), reminders, day)
        reminded += 1
    reminders.send(session, now=now)
    return reminded


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


def _end(
    session: Session, campaign: ReviewCampaign, waiting: Sequence[ReviewLine], *, actor: Actor, policy: Policy,
    now: datetime,
) -> ReviewsFollowed:  # fmt: skip
    try:
        removed = remove_unanswered(session, campaign, waiting, actor=actor, policy=policy, now=now)
    except (SafetyLimit, NobodyAsked) as reason:
        told = _hold_back(session, campaign, str(reason), policy=policy, now=now)
        return ReviewsFollowed(held_back=1, reminded=told)
    return ReviewsFollowed(closed=1, removed=removed)


def _hold_back(session: Session, campaign: ReviewCampaign, why: str, *, policy: Policy, now: datetime) -> int:
    """Nothing is taken away; those who may close the campaign by hand are told, as often as others are reminded.

    Returns whether they were.
    """
    if not reminder_due(campaign, day_of(now), policy):
        return 0
    campaign.reminded_on = day_of(now)
    tell_closers(session, campaign, why, now=now)
    return 1


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
    session: Session, campaign: ReviewCampaign, waiting: Sequence[ReviewLine], bench: ReviewBench, *, now: datetime
) -> None:  # fmt: skip
    """Afterwards the next rung may answer too, and knows; so does who has not answered."""
    campaign.escalated_on, reminders = day_of(now), _Reminders()
    asked = Counter(line.reviewer_id for line in waiting if line.reviewer_id is not None)
    reminders.ask(campaign, asked, "　期限を過ぎました。")
    above = Counter(person for line in waiting for person in _next_rung(line, bench))
    reminders.ask(campaign, above, "　期限までに回答がありませんでした。代わりに回答してください。")
    reminders.send(session, now=now)


def _next_rung(line: ReviewLine, bench: ReviewBench) -> list[int]:
    facts = bench.facts(right_of(line.grant), line.campaign.scope)
    first = len(may_answer(facts, escalated=False))
    return [seat.person_id for seat in may_answer(facts, escalated=True)[first:]]
