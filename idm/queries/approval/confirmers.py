"""Who saw somebody's authenticator work in the system that a line is about: none of them decides on it (SOD-4)."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from idm.models.authenticators import Authenticator, AuthenticatorUse, EnrolmentListImport
from idm.models.requests import RequestLine
from idm.vocabulary import LineEffect


def confirmers(session: Session, line_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Line id → who confirmed a use of its subject's there that is not over, or brought the list that showed it.

    Lines without anybody have no entry; nor have those that give nothing. A lost authenticator still has its use: it
    may be found again.
    """
    there = and_(
        AuthenticatorUse.authenticator_id == Authenticator.id, AuthenticatorUse.system_id == RequestLine.system_id,
        AuthenticatorUse.until.is_(None),
    )  # fmt: skip
    rows = session.execute(
        select(RequestLine.id, AuthenticatorUse.confirmed_by_id, EnrolmentListImport.imported_by_id)
        .join(Authenticator, Authenticator.person_id == RequestLine.subject_id)
        .join(AuthenticatorUse, there)
        .outerjoin(EnrolmentListImport, AuthenticatorUse.list_import_id == EnrolmentListImport.id)
        .where(RequestLine.id.in_(line_ids), RequestLine.effect == LineEffect.GRANT)
    )
    found: dict[int, set[int]] = defaultdict(set)
    for line_id, *officers in rows:
        found[line_id].update(officer for officer in officers if officer is not None)
    return {line_id: frozenset(people) for line_id, people in found.items()}
