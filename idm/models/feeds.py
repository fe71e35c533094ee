"""Personnel files that came: what was applied, what waits for a person, and what a person answered (control A7)."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.people import Person
from idm.vocabulary import HeldKind


class FeedSource(StrEnum):
    """Which way a file came in."""

    COMMAND = "command"
    UPLOAD = "upload"
    INBOX = "inbox"
    SCIM = "scim"


class FeedRun(Base):
    """One personnel file that was applied. The same file twice changes nothing."""

    __tablename__ = "feed_runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    feed: Mapped[str] = mapped_column(String(64))
    source: Mapped[FeedSource] = mapped_column(closed_list(FeedSource), default=FeedSource.COMMAND)
    sha256: Mapped[str] = mapped_column(String(64))
    applied_at: Mapped[datetime] = mapped_column(Instant)
    as_of: Mapped[date]
    row_count: Mapped[int]
    joiners: Mapped[int]
    movers: Mapped[int]
    leavers: Mapped[int]
    absences: Mapped[int] = mapped_column(default=0)
    corrections: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    held: Mapped[int]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("planned_batches.id"))
    """The approved batch that let this run go beyond the safety limits."""


class HeldRow(Base):
    """A row of a personnel file, or a person missing from it, that waits for a human. Absence is not a retirement."""

    __tablename__ = "held_rows"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("feed_runs.id"), index=True)
    kind: Mapped[HeldKind] = mapped_column(closed_list(HeldKind), default=HeldKind.ROW)
    row_number: Mapped[int | None]
    staff_number: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


class MatchQuestion(Base):
    """A new staff number that may belong to somebody known (equal kana and birth date): HR decides, not we.

    `person_id` is the answer *the same person as*; answered without one, it is somebody else. The answer holds for this
    staff number and this match key only.
    """

    __tablename__ = "match_questions"
    __table_args__ = (
        UniqueConstraint("staff_number", "match_key"),
        CheckConstraint("(answered_at IS NULL) = (answered_by_id IS NULL)", name="answered_by_someone"),
        CheckConstraint("person_id IS NULL OR answered_at IS NOT NULL", name="answer_complete"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    feed: Mapped[str] = mapped_column(String(64))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("feed_runs.id"))
    """The run that asked."""
    staff_number: Mapped[str] = mapped_column(String(32))
    match_key: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(Text)
    kana: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(Instant)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    candidates: Mapped[list["MatchCandidate"]] = relationship(cascade="all, delete-orphan")


class MatchCandidate(Base):
    """One known person whom the new number may belong to."""

    __tablename__ = "match_candidates"

    question_id: Mapped[int] = mapped_column(ForeignKey("match_questions.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)

    person: Mapped[Person] = relationship()


class GaijiMapping(Base):
    """What one private-use character (外字) of one feed stands for. History is rows: the newest open one counts."""

    __tablename__ = "gaiji_mappings"
    __table_args__ = (
        Index("uq_gaiji_mappings_current", "feed", "character", unique=True,
              sqlite_where=text("replaced_at IS NULL"), postgresql_where=text("replaced_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    feed: Mapped[str] = mapped_column(String(64))
    character: Mapped[str] = mapped_column(String(8))
    replacement: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    decided_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime] = mapped_column(Instant)
    replaced_at: Mapped[datetime | None] = mapped_column(Instant)


class UploadState(StrEnum):
    """State of an uploaded file."""

    WAITING = "waiting"
    APPLIED = "applied"
    DISCARDED = "discarded"


class UploadedFeed(Base):
    """A file uploaded in the browser that waits to be previewed and confirmed; its bytes are emptied with the end."""

    __tablename__ = "uploaded_feeds"
    __table_args__ = (CheckConstraint("(state = 'waiting') = (content IS NOT NULL)", name="content_while_waiting"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    feed: Mapped[str] = mapped_column(String(64))
    file_name: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))
    as_of: Mapped[date]
    uploaded_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    uploaded_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[UploadState] = mapped_column(closed_list(UploadState))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("feed_runs.id"))


class AcceptedLines(Base):
    """The lines of the last accepted snapshot of a feed, as hashes: the same line again needs no second reading.

    `hashes` and `employments` are arrays of eight-byte integers in one order; `reading_digest` names everything that
    the meaning of a line depends on (profile, 外字, answers), `roll_version` the records it was compared with.
    """

    __tablename__ = "accepted_lines"

    feed: Mapped[str] = mapped_column(String(64), primary_key=True)
    reading_digest: Mapped[str] = mapped_column(String(64))
    roll_version: Mapped[int]
    hashes: Mapped[bytes] = mapped_column(LargeBinary)
    employments: Mapped[bytes] = mapped_column(LargeBinary)


class RollVersion(Base):
    """One row: grows with every change of people, employments or posts, whoever made it."""

    __tablename__ = "roll_version"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
