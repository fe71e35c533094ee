"""Which audit records tell of an unpublished appointment: pages list them from its publication on (control A7).

They are written, sealed and verified like every other; only the pages wait. HR and the CISO see them at once.
"""

from sqlalchemy import ColumnElement, Select, String, and_, cast, not_, or_, select, true
from sqlalchemy.orm import Session

from idm.models.audit import AuditRecord
from idm.models.people import Absence, Assignment, Employment
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account
from idm.publication import Reader
from idm.queries.organisation.publication import hidden_requests, only_by, public


def told_to(session: Session, reader: Reader) -> ColumnElement[bool]:
    """Whether the reader is shown the record (AuditRecord)."""
    if reader.may_see:
        return true()
    requests = hidden_requests(session, reader) | _drafts(session, reader)
    lines = select(RequestLine.id).where(RequestLine.request_id.in_(requests))
    grants = select(cast(Grant.id, String)).where(or_(Grant.line_id.in_(lines), Grant.ended_by_line_id.in_(lines)))
    accounts = select(cast(Account.id, String)).where(only_by(requests))
    return not_(
        or_(
            and_(AuditRecord.object_kind == "request", AuditRecord.object_id.in_([str(found) for found in requests])),
            and_(AuditRecord.object_kind == "grant", AuditRecord.object_id.in_(grants)),
            and_(AuditRecord.object_kind == "account", AuditRecord.object_id.in_(accounts)),
            and_(AuditRecord.object_kind == "employment", AuditRecord.object_id.in_(_employments(reader))),
        )
    )


def _drafts(session: Session, reader: Reader) -> frozenset[int]:
    unsubmitted = select(Request.id).where(~public(Request, reader), Request.applicant_id.is_(None))
    return frozenset(session.scalars(unsubmitted))


def _employments(reader: Reader) -> Select[str]:
    own = select(Employment.id).where(~public(Employment, reader))
    posts = select(Assignment.employment_id).where(~public(Assignment, reader))
    away = select(Absence.employment_id).where(~public(Absence, reader))
    told = or_(Employment.id.in_(own), Employment.id.in_(posts), Employment.id.in_(away))
    return select(cast(Employment.id, String)).where(told)
