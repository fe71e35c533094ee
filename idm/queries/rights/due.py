"""Which rights have something due on a day: the facts that `idm.personnel.due_changes` judges, read in bulk."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from idm.calendar_days import Period, day_of, start_of
from idm.grant_state import GrantState, SuspensionReason
from idm.models.people import Absence, Employment
from idm.models.requests import Grant, GrantSuspension, Request
from idm.models.systems import Account
from idm.models.work import OutboxTask, TaskState
from idm.personnel.due_changes import NOBODY, Due, RightFacts, Service, Standing, due_on, standing
from idm.personnel_event import AbsenceKind
from idm.policy import Policy
from idm.queries.organisation.lost_posts import judged_posts
from idm.request_state import RequestState
from idm.vocabulary import AccountKind

Holder = tuple[int | None, int]
"""(person, 0), or (None, account) for an account of nobody's: what belongs together in one transaction."""


@dataclass(frozen=True)
class DueRight:
    """One thing due to one right."""

    due: Due
    holder: Holder
    grant_id: int


def due_rights(
    session: Session, day: date, *, policy: Policy, now: datetime, holders: Collection[Holder] | None = None
) -> list[DueRight]:
    """Everything due to rights on the day, in the order of stages, people and rights; of these holders only, if named.

    What has run before is not due again.
    """
    people = {person for person, _ in holders if person is not None} if holders is not None else None
    services = services_of(session, policy.personnel.suspending_absences, people)
    standings = {person: standing(held, day) for person, held in services.items()}
    found = [
        DueRight(due, holder, grant_id)
        for grant_id, holder, facts in _rights(session, day, holders, now=now)
        for due in due_on(facts, _standing(standings, holder), day)
    ]
    order = list(Due)
    return sorted(found, key=lambda one: (order.index(one.due), one.holder[0] or 0, one.holder[1], one.grant_id))


def _standing(standings: dict[int, Standing], holder: Holder) -> Standing:
    person = holder[0]
    return standings.get(person, standing((), date.min)) if person is not None else NOBODY


def _rights(
    session: Session, day: date, holders: Collection[Holder] | None, *, now: datetime
) -> list[tuple[int, Holder, RightFacts]]:
    query: Select[int, int | None, int, GrantState, date, date | None] = (
        select(Grant.id, Account.person_id, Grant.account_id, Grant.state, Grant.valid_from, Grant.valid_until)
        .join(Account, Grant.account_id == Account.id)
        .where(Grant.state != GrantState.ENDED)
    )
    if holders is not None:
        people = [person for person, _ in holders if person is not None]
        query = query.where(
            Account.person_id.in_(people)
            | (Account.person_id.is_(None) & Account.id.in_([account for person, account in holders if person is None]))
        )
    on_leave = set(
        session.scalars(
            select(GrantSuspension.grant_id).where(
                GrantSuspension.until.is_(None), GrantSuspension.reason == SuspensionReason.LEAVE
            )
        )
    )
    posts = judged_posts(session, day, now=now)
    return [
        (
            grant_id,
            (person, 0 if person is not None else account),
            RightFacts(state, begins, ends, grant_id in on_leave, grant_id in posts.lost, grant_id in posts.moved),
        )
        for grant_id, person, account, state, begins, ends in session.execute(query)
    ]


def services_of(
    session: Session, suspending: Collection[AbsenceKind], people: Collection[int] | None = None
) -> dict[int, list[Service]]:
    """Person → their employments with the absences that suspend; of everybody, or of the people named."""
    absences: dict[int, list[Period]] = defaultdict(list)
    away = select(Absence.employment_id, Absence.valid_from, Absence.valid_until).where(Absence.kind.in_(suspending))
    for employment_id, begins, ends in session.execute(away):
        absences[employment_id].append((begins, ends))
    query = select(Employment.person_id, Employment.id, Employment.valid_from, Employment.valid_until)
    if people is not None:
        query = query.where(Employment.person_id.in_(people))
    found: dict[int, list[Service]] = defaultdict(list)
    for person_id, employment_id, begins, ends in session.execute(query):
        found[person_id].append(Service(begins, ends, tuple(absences[employment_id])))
    return found


def due_deletions(session: Session, *, policy: Policy, at: datetime) -> list[int]:
    """Accounts still on their target whose last right ended longer ago than the profile's days, and nobody looks at.

    One that was there before us, and that nobody approved, ended on the day on which it was taken over.
    """
    live = select(Grant.account_id).where(Grant.state != GrantState.ENDED)
    since = at - timedelta(days=policy.personnel.delete_after_days)
    recent = select(Grant.account_id).where(Grant.ended_at > since)
    looked_at = select(OutboxTask.account_id).where(OutboxTask.state.in_((TaskState.WAITING, TaskState.CLAIMED)))
    query = select(Account.id).where(
        Account.seen_present.is_(True),
        # What is nobody's stands in the register of privileged IDs, and is nobody's to delete.
        or_(Account.person_id.is_not(None), Account.kind == AccountKind.PERSONAL),
        or_(Account.adopted_at.is_(None), Account.adopted_at <= since),
        *(Account.id.not_in(some) for some in (live, recent, looked_at)),
    )
    return list(session.scalars(query.order_by(Account.id)))


def due_lapses(session: Session, *, policy: Policy, at: datetime) -> list[int]:
    """Applications that have waited longer than the profile allows."""
    query = select(Request.id).where(
        Request.state == RequestState.SUBMITTED,
        Request.submitted_at <= at - timedelta(days=policy.applications.lapse_days),
    )
    return list(session.scalars(query.order_by(Request.id)))


def moment_of(day: date, *, now: datetime) -> datetime:
    """The instant at which a run for the day is judged: its first for a day to come, else now."""
    return start_of(day) if day > day_of(now) else now
