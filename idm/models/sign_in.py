"""The product's own sign-in: who may sign in and how, links that let people enrol, and sessions (FK 6-2(8), 6-2(9)).

No row holds a password, a code, a link or a session cookie; only hashes, and the secret of the second factor sealed
under a key that is not in the database.
"""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.people import Person
from idm.vocabulary import SignInWay


class SignIn(Base):
    """How one person signs in. `name` is canonical: ASCII, lower-case."""

    __tablename__ = "sign_ins"
    __table_args__ = (
        UniqueConstraint("person_id"),
        UniqueConstraint("name"),
        CheckConstraint("name = lower(name)", name="canonical"),
        CheckConstraint("totp_secret IS NULL OR last_totp_step IS NOT NULL", name="confirmed_by_a_code"),
        CheckConstraint("(way = 'password') = (password_hash IS NOT NULL)", name="password_by_way"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str] = mapped_column(String(64))
    way: Mapped[SignInWay] = mapped_column(closed_list(SignInWay), default=SignInWay.PASSWORD)
    """By what this person signs in: one way, whatever else they could prove."""
    password_hash: Mapped[str | None] = mapped_column(Text)
    """Set exactly where that is the way. Of who signs in with the directory, `name` is the login name there."""
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed. None = no second factor; one counts only when a code has confirmed it."""
    totp_pending: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed. Shown for enrolment, not confirmed yet."""
    last_totp_step: Mapped[int | None]
    """The newest time step accepted; no code of it or of an earlier one is accepted again."""
    factor_lost_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the last second factor was lost: until an enrolment link has been used, the password opens no page."""
    last_signed_in_at: Mapped[datetime | None] = mapped_column(Instant)
    last_signed_out_at: Mapped[datetime | None] = mapped_column(Instant)

    person: Mapped[Person] = relationship()


class SignInAttempts(Base):
    """Attempts under one sign-in name, or of one person behind the first step, since the last success.

    The name is kept as SHA-256, whether or not anybody has it: a name that nobody has locks like any other, and what
    people mistype into the name field is not written down.
    """

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("ix_sign_in_attempts_untold", "locked_until", sqlite_where=text("during_lock > 0"),
              postgresql_where=text("during_lock > 0")),
    )  # fmt: skip

    name_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    """Whose name it is, if it is anybody's: their row stays until they sign in, so that they hear of all of it."""
    count: Mapped[int]
    """Attempts that count for the next lock."""
    failures: Mapped[int] = mapped_column(default=0)
    """All attempts that failed, those of former locks and during locks as well: only a success clears them."""
    during_lock: Mapped[int] = mapped_column(default=0)
    """Attempts during a lock that no audit record has told of yet."""
    lock_sources: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """Where those came from, with how many: of the first addresses, the rest is in `during_lock` alone."""
    locks: Mapped[int] = mapped_column(default=0)
    """How often it has locked."""
    last_at: Mapped[datetime] = mapped_column(Instant, index=True)
    locked_until: Mapped[datetime | None] = mapped_column(Instant)


class EnrolmentLink(Base):
    """An invitation to enrol, by a link that works once. The link itself is not kept.

    One for somebody who decides opens nothing unless a second officer issued it in the place of the first one's
    (`idm.queries.signing_in.enrolment_links`).
    """

    __tablename__ = "enrolment_links"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        CheckConstraint("issued_by_id IS NULL OR issued_by_id <> person_id", name="not_to_oneself"),
        CheckConstraint("used_at IS NULL OR replaced_at IS NULL", name="used_or_replaced"),
        Index("uq_enrolment_links_open", "person_id", unique=True,
              sqlite_where=text("used_at IS NULL AND replaced_at IS NULL"),
              postgresql_where=text("used_at IS NULL AND replaced_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str] = mapped_column(String(64))
    """The sign-in name it is for."""
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """None only for a link issued by a job: the first one of an installation."""
    issued_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    replaced_at: Mapped[datetime | None] = mapped_column(Instant)

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    issued_by: Mapped[Person | None] = relationship(foreign_keys=[issued_by_id], viewonly=True)


class WebSession(Base):
    """One signed-in browser, or one on its way there: without `second_factor_at` it opens no page that needs both."""

    __tablename__ = "web_sessions"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index("ix_web_sessions_open", "person_id", sqlite_where=text("ended_at IS NULL"),
              postgresql_where=text("ended_at IS NULL")),
        Index("ix_web_sessions_place", "person_id", "source", "browser"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_seen_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    second_factor_at: Mapped[datetime | None] = mapped_column(Instant)
    recovery_code_at: Mapped[datetime | None] = mapped_column(Instant)
    """When a recovery code stood in for the second factor: it opens pages, and is never a fresh factor."""
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    source: Mapped[str | None] = mapped_column(String(64))
    """The address it was opened from."""
    browser: Mapped[str | None] = mapped_column(String(64))
    """What the browser says it is, in a few words, so that its owner recognises it."""
    previous_sign_in_at: Mapped[datetime | None] = mapped_column(Instant)
    previous_sign_out_at: Mapped[datetime | None] = mapped_column(Instant)
    failures_before: Mapped[int] = mapped_column(default=0)
    """Failed attempts between the sign-in before this one and this one, so that their owner can notice them."""

    person: Mapped[Person] = relationship()


class Passkey(Base):
    """A passkey (WebAuthn Level 3) for the product's own sign-in: the public half, and how often it was used."""

    __tablename__ = "passkeys"
    __table_args__ = (UniqueConstraint("credential_id"), UniqueConstraint("authenticator_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    authenticator_id: Mapped[int] = mapped_column(ForeignKey("authenticators.id"))
    """It counts as long as this one is active."""
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    """The newest counter it gave; 0 for good where it counts nothing. One that goes back is a copy."""
    backed_up: Mapped[bool]
    """Whether it says that it is kept in more than one place."""
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)


class RecoveryCode(Base):
    """A code that stands in for a lost second factor, once. Shown when made, kept as a slow hash."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    code_hash: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    replaced_at: Mapped[datetime | None] = mapped_column(Instant)


class SignInChallenge(Base):
    """What the product asked a browser, or a provider through it, and still waits to hear: for one answer, not long.

    Bound to the browser by a token of which the hash is here; what must come back with the answer is sealed.
    """

    __tablename__ = "sign_in_challenges"
    __table_args__ = (UniqueConstraint("token_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(32))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class ProviderIdentity(Base):
    """Whom a provider means by a subject: linked by a person with an officer's link, never by an address (F4)."""

    __tablename__ = "provider_identities"
    __table_args__ = (
        Index("uq_provider_identities_subject", "issuer", "subject", unique=True,
              sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
        Index("uq_provider_identities_person", "person_id", unique=True,
              sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    issuer: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    link_id: Mapped[int] = mapped_column(ForeignKey("enrolment_links.id"))
    linked_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)

    person: Mapped[Person] = relationship()
