"""Whom the organisation's provider means by a subject, as far as that holds at the moment (control F4)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.sign_in import ProviderIdentity, WebSession
from idm.organisation import SignInProvider
from idm.queries.governance.configuration import organisation_in_force


def provider_in_force(session: Session, *, now: datetime) -> SignInProvider | None:
    """The provider that people sign in with, as accepted by `now`; None where the organisation named none."""
    return organisation_in_force(session, now=now).sign_in_provider


def identity_of(session: Session, person_id: int) -> ProviderIdentity | None:
    """The identity this person is linked to, of whichever provider."""
    return session.scalars(
        select(ProviderIdentity).where(ProviderIdentity.person_id == person_id, ProviderIdentity.ended_at.is_(None))
    ).one_or_none()


def meant_by(session: Session, issuer: str, subject: str) -> ProviderIdentity | None:
    """The link of that subject of that issuer; None when it is nobody's."""
    return session.scalars(
        select(ProviderIdentity).where(
            ProviderIdentity.issuer == issuer, ProviderIdentity.subject == subject, ProviderIdentity.ended_at.is_(None)
        )
    ).one_or_none()


def is_linked(session: Session, person_id: int, *, now: datetime) -> bool:
    """Whether the person is linked to an identity of the very provider that is in force."""
    known, provider = identity_of(session, person_id), provider_in_force(session, now=now)
    return known is not None and provider is not None and known.issuer == provider.issuer


def opened_by_linking(session: Session, session_id: int) -> bool:
    """Whether this is the session that an enrolment link opened by linking its person, and they are linked still.

    It began at the moment of the link; every later one began with the provider alone.
    """
    found = session.scalar(
        select(WebSession.id)
        .join(ProviderIdentity, ProviderIdentity.person_id == WebSession.person_id)
        .where(
            WebSession.id == session_id,
            WebSession.created_at == ProviderIdentity.linked_at,
            ProviderIdentity.ended_at.is_(None),
        )
    )
    return found is not None
