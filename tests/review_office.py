"""Access reviews as tests make them: rights that are held, a campaign over them, and what somebody answers."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.requests import Grant
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import MailMessage
from idm.operations.reviews import answering, opening
from idm.operations.reviews.answering import Answered, Shown
from idm.policy import Policy
from idm.queries.reviews.review_candidates import Wanted
from idm.queries.reviews.review_lines import lines_of, rows_of
from idm.reviews.review_rows import seal
from idm.vocabulary import ReviewDecision, ReviewScope
from tests.cast import NOW, PEOPLE, Cast

KEY = b"k" * 32
JOB = Actor.job("tests.reviews")
RIGHTS = (("staff", "account"), ("staff", "enter"), ("other", "account"), ("security", "account"))


@dataclass(frozen=True)
class Reviews:
    """The cast with rights in the ledger: 青木 enters vouchers, 今泉 and the section manager have IDs only."""

    cast: Cast

    @classmethod
    def of(cls, cast: Cast, rights: tuple[tuple[str, str], ...] = RIGHTS, *, now: datetime = NOW) -> "Reviews":
        """After both officers have approved these rights."""
        ends = date(2027, 1, 1) if any(right.startswith("admin") for _, right in rights) else None
        filed = cast.file("hr", *((who, f"ledger/{right}") for who, right in rights), now=now, valid_until=ends)
        for line in range(len(rights)):
            cast.approve(filed, now=now, line=line)
        return cls(cast)

    def open(
        self, scope: ReviewScope = ReviewScope.UNIT, *, who: str | None = "chief", unit: str | None = None,
        now: datetime = NOW, policy: Policy | None = None,
    ) -> int:  # fmt: skip
        """The id of a campaign that somebody opened; None = the calendar."""
        with self.cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            enter = self.cast.entitlement(session, "ledger/enter")
            wanted = Wanted(
                scope, system.id if scope is ReviewScope.SYSTEM else None, unit,
                enter.id if scope is ReviewScope.ENTITLEMENT else None,
            )  # fmt: skip
            actor = JOB if who is None else self.cast.actor(who)
            campaign = opening.open_campaign(
                session, wanted, "令和8年度の棚卸し", actor=actor, policy=policy or self.cast.policy, now=now
            )
            return campaign.id

    def line(self, who: str, right: str, campaign_id: int = 1) -> int:
        """The id of the line about that right of that person."""
        with self.cast.database.reading() as session:
            return session.scalars(
                select(ReviewLine.id)
                .join(ReviewLine.grant)
                .join(Grant.account)
                .join(Entitlement, Grant.entitlement_id == Entitlement.id)
                .where(ReviewLine.campaign_id == campaign_id, ReviewLine.holder_id == self.cast.people[who],
                       Entitlement.code == right, Account.person_id == self.cast.people[who])
            ).one()  # fmt: skip

    def seal_for(self, who: str, line_id: int, *, shown_at: datetime = NOW, campaign_id: int = 1) -> str:
        """The seal over what that person is shown of the line now."""
        with self.cast.database.reading() as session:
            lines = lines_of(session, campaign_id, line_ids=[line_id])
            cells = rows_of(session, lines, day=day_of(shown_at))[line_id].cells
        return seal(KEY, campaign_id, self.cast.people[who], shown_at, cells)

    def answer(
        self, who: str, answers: dict[int, ReviewDecision], *, reason: str = "担当を外れたため", now: datetime = NOW,
        shown_at: datetime = NOW, fresh: bool = True, policy: Policy | None = None, campaign_id: int = 1,
    ) -> Counter[ReviewDecision]:  # fmt: skip
        """That person answers these lines as they are shown now."""
        given = {
            line_id: Answered(
                decision, "" if decision is ReviewDecision.KEEP else reason,
                self.seal_for(who, line_id, shown_at=shown_at, campaign_id=campaign_id),
            )
            for line_id, decision in answers.items()
        }  # fmt: skip
        actor = self.cast.actor(who) if fresh else self.cast.stale(who)
        with self.cast.acting(who, "review.answer", now) as session:
            return answering.answer(
                session, campaign_id, given, shown=Shown(shown_at, KEY), actor=actor,
                policy=policy or self.cast.policy, now=now,
            )  # fmt: skip

    def reviewers(self, campaign_id: int = 1) -> dict[tuple[str, str], str | None]:
        """Who is asked, by holder and right."""
        names = {person_id: name for name, person_id in self.cast.people.items()}
        with self.cast.database.reading() as session:
            return {
                (names[line.holder_id], line.grant.entitlement.code): names.get(line.reviewer_id or 0)
                for line in lines_of(session, campaign_id)
            }

    def campaign(self, campaign_id: int = 1) -> ReviewCampaign:
        """The campaign as it is now."""
        with self.cast.database.reading() as session:
            return session.get_one(ReviewCampaign, campaign_id)

    def mailed(self, words: str) -> Counter[str]:
        """Member of the cast → how many notices with these words they have had."""
        numbers = {f"u{number}@example.jp": name for name, (number, *_) in PEOPLE.items()}
        with self.cast.database.reading() as session:
            found = session.scalars(
                select(MailMessage).where(or_(MailMessage.subject.contains(words), MailMessage.body.contains(words)))
            )
            return Counter(numbers[message.recipient] for message in found)
