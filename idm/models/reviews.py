"""Access reviews (棚卸し): campaigns, and one line for each right that somebody looks at (control A10)."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.people import Person
from idm.models.requests import Grant
from idm.vocabulary import ReviewDecision, ReviewScope


class ReviewCampaign(Base):
    """One campaign: what it looks at, until when it is answered, and how it ended."""

    __tablename__ = "review_campaigns"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) OR (closed_at >= opened_at)", name="period"),
        CheckConstraint("(scope = 'system') = (system_id IS NOT NULL)", name="of_a_system"),
        CheckConstraint("(scope = 'entitlement') = (entitlement_id IS NOT NULL)", name="of_a_right"),
        CheckConstraint("scope = 'unit' OR unit_code IS NULL", name="of_a_unit"),
        CheckConstraint("(closing_asked_by_id IS NULL) = (closing_asked_at IS NULL)", name="closing_asked_sometime"),
        CheckConstraint(
            "withdrawn IS true OR closing_asked_by_id IS NULL OR closed_by_id IS NULL "
            "OR closed_by_id <> closing_asked_by_id",
            name="closed_by_two",
        ),
        CheckConstraint("(withdrawal_asked_by_id IS NULL) = (withdrawal_asked_at IS NULL)", name="withdrawal_asked"),
        CheckConstraint("(withdrawal_asked_by_id IS NULL) = (withdrawal_reason IS NULL)", name="withdrawal_explained"),
        CheckConstraint(
            "withdrawn IS NOT true OR (closed_at IS NOT NULL AND withdrawal_asked_by_id IS NOT NULL "
            "AND closed_by_id IS NOT NULL AND closed_by_id <> withdrawal_asked_by_id)",
            name="withdrawn_by_two",
        ),
        # One campaign at a time looks at the same, whoever opens it at the same moment.
        Index(
            "uq_review_campaigns_open",
            "looks_at",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    scope: Mapped[ReviewScope] = mapped_column(closed_list(ReviewScope))
    system_id: Mapped[int | None] = mapped_column(ForeignKey("information_systems.id"))
    unit_code: Mapped[str | None] = mapped_column(Text)
    """The unit, with those below it; None in a campaign by unit = the whole organisation."""
    entitlement_id: Mapped[int | None] = mapped_column(ForeignKey("entitlements.id"))
    looks_at: Mapped[str] = mapped_column(Text)
    """Scope and what it names, as one word."""
    opened_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """None = the calendar did."""
    opened_at: Mapped[datetime] = mapped_column(Instant)
    answer_until: Mapped[date]
    reminded_on: Mapped[date | None]
    escalated_on: Mapped[date | None]
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    closing_asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who wanted more taken away unanswered than the limits let one person."""
    closing_asked_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawal_asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who wanted it given up (取り下げ); another person does it."""
    withdrawal_asked_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawal_reason: Mapped[str | None] = mapped_column(Text)
    withdrawn: Mapped[bool] = mapped_column(default=False)
    """It was given up: what had no answer went on, and it counts as no regular review."""
    result_digest: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 over the result as it stood when the campaign was closed (`idm.queries.reviews.results`)."""

    lines: Mapped[list["ReviewLine"]] = relationship(back_populates="campaign", order_by="ReviewLine.id")


class ReviewLine(Base):
    """One right of one person, as it stood when the campaign was opened, and what the reviewer said of it."""

    __tablename__ = "review_lines"
    __table_args__ = (
        UniqueConstraint("campaign_id", "grant_id"),
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> holder_id", name="not_by_the_holder"),
        CheckConstraint("reviewer_id IS NULL OR reviewer_id <> holder_id", name="not_given_to_the_holder"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_sometime"),
        CheckConstraint(
            "acting_for_id IS NULL OR acting_for_id NOT IN (holder_id, decided_by_id)", name="no_deputy_of_it"
        ),
        CheckConstraint("decision IS NULL OR decision = 'keep' OR reason IS NOT NULL", name="reason_given"),
        Index("ix_review_lines_reviewer", "campaign_id", "reviewer_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("review_campaigns.id"))
    grant_id: Mapped[int] = mapped_column(ForeignKey("grants.id"), index=True)
    holder_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who is asked, as the offices were held on the last night; None = nobody may, it is shown as such."""
    asked_on: Mapped[date | None]
    """Since when this person is asked, where it was somebody else before; None = since the opening."""
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    last_use_source: Mapped[str | None] = mapped_column(Text)
    """Where the last use was read; None = it is unknown. A source without a date = it was never used (control C3).

    `sweep`: the date is that of the sweep which did not find it unused.
    """
    alike_holding: Mapped[int]
    alike: Mapped[int]
    """How many other people of the same unit and post there are, and how many of them hold the right."""
    shown: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    """What its row said when it was decided on, or else when the campaign was closed; the result says so for good."""
    ended_unanswered: Mapped[bool] = mapped_column(default=False)
    """The campaign was closed, and the right had ended before anybody answered."""
    shown_at: Mapped[datetime | None] = mapped_column(Instant)
    """When what was decided on was shown to who decided: what the seconds of a decision are counted from."""
    decision: Mapped[ReviewDecision | None] = mapped_column(closed_list(ReviewDecision))
    reason: Mapped[str | None] = mapped_column(Text)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """None with a decision = nobody answered, and the profile says what then (control A10)."""
    acting_for_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """In whose place, where a deputy answered."""
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    by_file: Mapped[bool] = mapped_column(default=False)
    done_at: Mapped[datetime | None] = mapped_column(Instant)
    """When a removal was carried out in the books; the directory follows by the outbox."""

    campaign: Mapped[ReviewCampaign] = relationship(back_populates="lines")
    grant: Mapped[Grant] = relationship()
    holder: Mapped[Person] = relationship(foreign_keys=[holder_id])
    reviewer: Mapped[Person | None] = relationship(foreign_keys=[reviewer_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
