"""The rule of `idm.publication` as conditions on rows: what a reader does not see is not read (control A7)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, or_, select, true
from sqlalchemy.orm import Session, aliased

from idm.models.people import Absence, Assignment, Employment, Person
from idm.models.requests import ApprovalStep, Grant, Request, RequestLine
from idm.models.systems import Account
from idm.publication import Reader
from idm.queries.approval.seats import open_steps, seatings
from idm.queries.approval.standing_facts import approvers_of_uses
from idm.queries.rights.held_rights import HeldRight

Published = type[Employment | Assignment | Absence | Request]


def public(table: Published, reader: Reader) -> ColumnElement[bool]:
    """Whether the reader sees the row, by its day of publication alone."""
    if reader.may_see:
        return true()
    return or_(table.published_on.is_(None), table.published_on <= reader.day)


def known(reader: Reader) -> ColumnElement[bool]:
    """Whether the reader knows of the person at all: whoever has only unpublished employments is nobody yet."""
    if reader.may_see:
        return true()
    own = aliased(Employment)
    of_person = own.person_id == Person.id
    published = or_(own.published_on.is_(None), own.published_on <= reader.day)
    return or_(~exists().where(of_person), exists().where(of_person, published))


def makes_room(reader: Reader) -> ColumnElement[bool]:
    """Whether the post (Assignment) ends only for an unpublished one that begins at that instant."""
    later = aliased(Assignment)
    unseen = exists().where(
        later.employment_id == Assignment.employment_id,
        later.valid_from == Assignment.valid_until,
        later.published_on > reader.day,
    )
    return and_(~true(), unseen) if reader.may_see else unseen


def hidden_starts(session: Session, person_ids: Iterable[int], reader: Reader) -> dict[int, frozenset[date]]:
    """Person id → the days on which something of theirs begins that the reader does not see."""
    if reader.may_see:
        return {}
    found: dict[int, set[date]] = defaultdict(set)
    people = set(person_ids)
    own = select(Employment.person_id, Employment.valid_from).where(~public(Employment, reader))
    posts = select(Employment.person_id, Assignment.valid_from).join(Assignment.employment)
    away = select(Employment.person_id, Absence.valid_from).join(Absence.employment)
    for query in (own, posts.where(~public(Assignment, reader)), away.where(~public(Absence, reader))):
        for person_id, begins in session.execute(query.where(Employment.person_id.in_(people))):
            found[person_id].add(begins)
    return {person_id: frozenset(days) for person_id, days in found.items()}


def hidden_requests(session: Session, reader: Reader) -> frozenset[int]:
    """The unpublished applications that the reader neither filed, decides, decided, nor may see by their role."""
    if reader.may_see:
        return frozenset()
    unpublished = ~public(Request, reader)
    secret = dict(session.execute(select(Request.id, Request.applicant_id).where(unpublished)).all())
    if not secret or reader.person_id is None:
        return frozenset(secret)
    undecided = open_steps(session, unpublished)
    seats = seatings(session, undecided, day=reader.day)
    seated = {step.request_id for step in undecided if seats[step.step_id].seat_of(reader.person_id) is not None}
    decided = session.scalars(
        select(RequestLine.request_id)
        .join(ApprovalStep, ApprovalStep.line_id == RequestLine.id)
        .where(RequestLine.request_id.in_(secret), ApprovalStep.decider_id == reader.person_id)
    )
    filed = {request_id for request_id, applicant_id in secret.items() if applicant_id == reader.person_id}
    by_standing = {found for found in secret if reader.person_id in approvers_of_uses(session, [found])}
    return frozenset(secret) - seated - filed - by_standing - frozenset(decided)


def only_by(requests: Collection[int]) -> ColumnElement[bool]:
    """Whether the account (Account) has rights, all of them by these applications."""
    of_account = Grant.account_id == Account.id
    line = select(RequestLine.id).where(RequestLine.request_id.in_(requests))
    return and_(exists().where(of_account), ~exists().where(of_account, Grant.line_id.not_in(line)))


def shown_rights(session: Session, rights: Iterable[HeldRight], reader: Reader) -> list[HeldRight]:
    """The rights as the reader sees them: without those of hidden applications, and without the ends they set."""
    hidden = hidden_requests(session, reader)
    if not hidden:
        return list(rights)
    lines = set(session.scalars(select(RequestLine.id).where(RequestLine.request_id.in_(hidden))))
    return [
        replace(right, valid_until=None, ended_by_line_id=None) if right.ended_by_line_id in lines else right
        for right in rights
        if right.request_id not in hidden
    ]
