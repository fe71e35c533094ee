"""Who may stand at the desk where passwords are given and locks are opened (controls E3, B6).

One rule for everything the desk does: a named person with the role, no contractor (SOD-7), never for themself (SOD-2),
and nobody who decided on the account's rights (SOD-4). Only the words differ.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import NotPermitted, SeparationOfDuties
from idm.models.requests import ApprovalStep, Grant, RequestLine
from idm.models.systems import Account
from idm.permissions import Action, require
from idm.queries.approval.standing_facts import approvers_of_uses
from idm.queries.organisation.officers import contracted, humans, roles_of


@dataclass(frozen=True)
class Desk:
    """One thing done at the desk: the action it needs, and what those are told who may not do it."""

    action: Action
    nameless: str
    contractor: str
    own: str
    approver: str


def officer_at(desk: Desk, session: Session, *, actor: Actor, now: datetime) -> int:
    """The person id of whoever may do this at the desk today. Raises NotPermitted, SeparationOfDuties (SOD-7)."""
    person_id = actor.person_id
    if person_id is None:
        raise NotPermitted(desk.nameless)
    day = day_of(now)
    if contracted(session, humans(session, [person_id])[person_id].rows, day):
        raise SeparationOfDuties(f"{desk.contractor}（SOD-7）", code="SOD-7")
    require(roles_of(session, person_id, day), desk.action)
    return person_id


def require_uninvolved(desk: Desk, session: Session, account: Account, officer_id: int) -> None:
    """Afterwards the officer is not the account's person and approved none of its rights. Raises SeparationOfDuties."""
    require_another(desk, session, account.person_id or 0, officer_id)
    require_none_of(desk, session, _approvers_of(session, account), officer_id)


def require_none_of(desk: Desk, session: Session, approvers: frozenset[int], officer_id: int) -> None:
    """Afterwards the officer is none of the approvers, under any row. Raises SeparationOfDuties (SOD-4)."""
    if humans(session, [officer_id])[officer_id].is_one_of(approvers):
        raise SeparationOfDuties(f"{desk.approver}（SOD-4）", code="SOD-4")


def require_another(desk: Desk, session: Session, person_id: int, officer_id: int) -> None:
    """Afterwards the officer is another human than the person it is done for. Raises SeparationOfDuties (SOD-2)."""
    if humans(session, [officer_id])[officer_id].is_one_of(frozenset({person_id})):
        raise SeparationOfDuties(f"{desk.own}（SOD-2）", code="SOD-2")


def _approvers_of(session: Session, account: Account) -> frozenset[int]:
    """Everybody who decided on a right that the account has or had, line by line or by a standing approval."""
    approvers = session.scalars(
        select(ApprovalStep.decider_id)
        .join(Grant, Grant.line_id == ApprovalStep.line_id)
        .where(Grant.account_id == account.id, ApprovalStep.decider_id.is_not(None))
    )
    by_standing = approvers_of_uses(
        session,
        set(
            session.scalars(
                select(RequestLine.request_id)
                .join(Grant, Grant.line_id == RequestLine.id)
                .where(Grant.account_id == account.id)
            )
        ),
    )
    return frozenset(by_standing.union(person for person in approvers if person is not None))
