"""Drafts the applications that follow from a personnel file; a named HR officer submits them (FK 6-2(1)①).

One application per system and kind of event, one decidable line per person and right. Lines about officers of the
route, contractors and privileged rights become applications of their own, so that their separation is judged apart.
Rights in My Number systems are not drafted while their factor gate does not exist: they are counted and told.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.employment_kind import EmploymentKind
from idm.grant_state import GrantState
from idm.models.feeds import FeedRun
from idm.models.officers import Officer
from idm.models.people import Employment
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.operations.personnel_days import Affected, affected
from idm.operations.requests import WantedLine, draft
from idm.organisation import Organisation
from idm.personnel_plan import PersonnelPlan
from idm.policy import Policy
from idm.post_rights import RightName, rights_by_post, rights_under_rules
from idm.queries.configuration import organisation_in_force
from idm.queries.roll import posts_on
from idm.request_state import LineState
from idm.vocabulary import LineEffect, RequestAction, Role, Zone
from idm.wareki import format_wareki

REASONS = {
    RequestAction.REGISTER: "採用等に伴う利用者登録",
    RequestAction.CHANGE: "人事異動に伴う利用者登録の変更",
    RequestAction.REMOVE: "退職等に伴う利用者登録の抹消",
}


@dataclass(frozen=True)
class Drafted:
    """The applications that wait for the HR officer, and how many My Number lines could not be drafted."""

    requests: tuple[Request, ...]
    mynumber_lines: int


@dataclass(frozen=True)
class _Line:
    action: RequestAction
    entitlement: Entitlement
    wanted: WantedLine
    alone: bool


def draft_for(
    session: Session, personnel: PersonnelPlan, joined: list[Employment], *, run: FeedRun, policy: Policy, now: datetime
) -> Drafted:
    """Afterwards every right that a post gives or no longer gives to the people of the plan stands in a draft."""
    people = affected(session, personnel, joined)
    lines = list(_lines(session, people, policy, now))
    gated = [line for line in lines if _behind_gate(line)]
    batches: dict[tuple[int, RequestAction, int | None], list[WantedLine]] = defaultdict(list)
    for line in lines:
        if not _behind_gate(line):
            own = line.wanted.subject_id if line.alone else None
            batches[line.entitlement.system_id, line.action, own].append(line.wanted)
    requests = [
        draft(
            session,
            action=action,
            system_id=system_id,
            lines=wanted,
            feed_run_id=run.id,
            now=now,
            reason=f"{REASONS[action]}（人事データ {format_wareki(run.as_of)} 第{run.id}回）",
        )
        for (system_id, action, _), wanted in batches.items()
    ]
    return Drafted(tuple(requests), len(gated))


def _behind_gate(line: _Line) -> bool:
    return line.entitlement.system.zone is Zone.MYNUMBER and line.wanted.effect is LineEffect.GRANT


def _lines(session: Session, people: list[Affected], policy: Policy, now: datetime) -> Iterator[_Line]:
    organisation = organisation_in_force(session, now=now)
    rights = _entitlements(session)
    held, asked = _held(session, people), _asked(session, people)
    apart = _people_apart(session, people, policy)
    by_day: dict[date, list[Affected]] = defaultdict(list)
    for person in people:
        by_day[person.day].append(person)
    for day, group in by_day.items():
        posts = posts_on(session, [person.person_id for person in group], day, organisation)
        for person in group:
            wanted = rights_by_post(posts.get(person.person_id, []), organisation.post_rights)
            has = held.get(person.person_id, set())
            for right, effect in _differences(wanted, has, organisation, leaving=person.leaving):
                entitlement = rights[right]
                if (person.person_id, entitlement.id, effect) in asked:
                    continue
                line = WantedLine(person.person_id, entitlement.id, effect, day, person.until(effect))
                yield _Line(person.action, entitlement, line, person.person_id in apart or entitlement.privileged)


def _differences(
    wanted: frozenset[RightName], has: set[RightName], organisation: Organisation, *, leaving: bool
) -> list[tuple[RightName, LineEffect]]:
    """What to give and what to take; a right that no rule speaks of was asked for by hand and stays until leaving."""
    by_rule = rights_under_rules(organisation.post_rights)
    surplus = has - wanted if leaving else (has - wanted) & by_rule
    given = sorted(wanted - has)
    return [(right, LineEffect.GRANT) for right in given] + [(right, LineEffect.REVOKE) for right in sorted(surplus)]


def _entitlements(session: Session) -> dict[RightName, Entitlement]:
    rows = session.execute(select(InformationSystem.code, Entitlement).join(Entitlement.system))
    return {RightName(system, entitlement.code): entitlement for system, entitlement in rows}


def _held(session: Session, people: list[Affected]) -> dict[int, set[RightName]]:
    rows = session.execute(
        select(Account.person_id, InformationSystem.code, Entitlement.code)
        .join(Grant, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(Account.person_id.in_([p.person_id for p in people]), Grant.state != GrantState.ENDED)
    )
    held: dict[int, set[RightName]] = defaultdict(set)
    for person_id, system, right in rows:
        held[person_id or 0].add(RightName(system, right))
    return held


def _asked(session: Session, people: list[Affected]) -> set[tuple[int, int, LineEffect]]:
    """Lines, drafted or submitted, that nobody has decided yet."""
    rows = session.execute(
        select(RequestLine.subject_id, RequestLine.entitlement_id, RequestLine.effect).where(
            RequestLine.subject_id.in_([p.person_id for p in people]), RequestLine.state == LineState.PENDING
        )
    )
    return set(rows.all())


def _people_apart(session: Session, people: list[Affected], policy: Policy) -> set[int]:
    """Officers who may sit on the route, confirmed or not, and contractors."""
    ids = [person.person_id for person in people]
    seats = {*policy.applications.route, Role.VICE_CISO, Role.CISO}
    officers = session.scalars(select(Officer.person_id).where(Officer.person_id.in_(ids), Officer.role.in_(seats)))
    contractors = session.scalars(
        select(Employment.person_id).where(Employment.person_id.in_(ids), Employment.kind == EmploymentKind.CONTRACTOR)
    )
    return {*officers, *contractors}
