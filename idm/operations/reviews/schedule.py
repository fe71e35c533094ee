"""Where a campaign stands on a day, and who is asked about what still waits in it (control A10)."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.policy import Policy
from idm.queries.reviews.review_lines import ReviewBench, right_of
from idm.reviews.review_rules import Schedule, Step, step_on


def bench_of(session: Session, lines: Sequence[ReviewLine], *, policy: Policy, day: date) -> ReviewBench:
    """Everybody who may be asked about these lines on the day."""
    return ReviewBench.on(session, [right_of(line.grant) for line in lines], rules=policy.reviews, day=day)


def ask_whoever_holds_the_office(waiting: Sequence[ReviewLine], bench: ReviewBench, day: date) -> Counter[int]:
    """Afterwards whoever holds an office now is asked, and has days of their own; returns who is new, with how many."""
    new: Counter[int] = Counter()
    for line in waiting:
        asked = {seat.person_id: None for seat in bench.asked(line)}
        if line.reviewer_id in asked:
            continue
        line.reviewer_id = next(iter(asked), None)
        if line.reviewer_id is not None:
            line.asked_on = day
            new[line.reviewer_id] += 1
    return new


def step_of(campaign: ReviewCampaign, waiting: Sequence[ReviewLine], day: date, policy: Policy) -> Step | None:
    """What falls due of the campaign on the day."""
    asked_on = max((line.asked_on for line in waiting if line.asked_on is not None), default=None)
    opened_on = day_of(campaign.opened_at)
    schedule = Schedule(opened_on, campaign.answer_until, campaign.reminded_on, campaign.escalated_on, asked_on)
    rules = policy.reviews
    return step_on(
        day, schedule, remind_every_days=rules.remind_every_days, escalate_after_days=rules.escalate_after_days
    )


def reminder_due(campaign: ReviewCampaign, day: date, policy: Policy) -> bool:
    """Whether everybody who has yet to answer is told once more on the day."""
    told = (day_of(campaign.opened_at), campaign.reminded_on, campaign.escalated_on)
    return day >= max(one for one in told if one is not None) + timedelta(days=policy.reviews.remind_every_days)
