"""Who saw somebody's authenticator work in the system that a line is about: none of them decides on it (SOD-4)."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from idm.models.authenticators import Authenticator, AuthenticatorUse
from idm.models.requests import RequestLine
from idm.vocabulary import LineEffect


def confirmers(session: Session, line_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Line id → the officers who confirmed a use of its subject's there that is not over; without any, no entry.

    Only lines that give something. A lost authenticator still has its use: somebody else may record that it was found.
    """
    there = and_(
        AuthenticatorUse.authenticator_id == Authenticator.id, AuthenticatorUse.system_id == RequestLine.system_id,
        AuthenticatorUse.until.is_(None), AuthenticatorUse.confirmed_by_id.is_not(None),
    )  # fmt: skip
    rows = session.execute(
        select(RequestLine.id, AuthenticatorUse.confirmed_by_id)
        .join(Authenticator, Authenticator.person_id == RequestLine.subject_id)
        .join(AuthenticatorUse, there)
        .where(RequestLine.id.in_(line_ids), RequestLine.effect == LineEffect.GRANT)
    )
    found: dict[int, set[int]] = defaultdict(set)
    for line_id, confirmer_id in rows:
        found[line_id].add(confirmer_id or 0)
    return {line_id: frozenset(people) for line_id, people in found.items()}
