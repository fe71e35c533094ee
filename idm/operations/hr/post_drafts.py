"""Drafts the applications that follow from a personnel file; a named HR officer submits them (FK 6-2(1)①).

One application per system and kind of event, one decidable line per person and right. Lines about officers of the
route, contractors and privileged rights become applications of their own, so that their separation is judged apart;
people whose consent is not on record yet (FK 5-1(2)②) stand together, so that nobody else waits for their papers.
Rights of My Number systems are drafted like others, unless the profile keeps out of that zone (MD 6(3)ア): what they
wait for is judged when they would take effect. What was drafted before for the same people, and nobody has submitted,
gives way to what is true now.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import Period, day_of
from idm.database import in_chunks
from idm.directory.wanted_account import employed_until
from idm.employment_kind import EmploymentKind
from idm.grant_state import GrantState
from idm.models.feeds import FeedRun
from idm.models.outside import Consent, ServiceBlock
from idm.models.people import Assignment, Employment
from idm.models.periods import not_over_on
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement, EntitlementConflict, InformationSystem
from idm.operations.approval.requests import WantedLine, draft
from idm.personnel.plan import PersonnelPlan
from idm.personnel.post_rights import RightName, rights_under_rules
from idm.personnel.right_periods import Difference, Holding, Overlap, differences, right_periods
from idm.policy import Policy
from idm.queries.approval.standing_facts import people_apart
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.hr.roll import employment_periods, post_spells
from idm.request_state import LineState, RequestState
from idm.vocabulary import LineEffect, RequestAction, Service, Zone
from idm.wareki import format_wareki

REASONS = {
    RequestAction.REGISTER: "採用・異動等に伴う利用者登録",
    RequestAction.CHANGE: "人事異動に伴う利用者登録の変更",
    RequestAction.REMOVE: "退職等に伴う利用者登録の抹消",
}


@dataclass(frozen=True)
class _Line:
    action: RequestAction
    entitlement: Entitlement
    wanted: WantedLine
    alone: bool
    awaits_consent: bool
    published_on: date | None


def draft_for(
    session: Session, personnel: PersonnelPlan, people: Collection[int], *, run: FeedRun, policy: Policy, now: datetime
) -> tuple[Request, ...]:
    """Afterwards every right that a post gives or no longer gives to these people stands in one of these drafts."""
    lines: list[_Line] = []
    for some in in_chunks(sorted(people)):
        _withdraw_drafts(session, some)
        lines.extend(_lines(session, personnel, some, policy, now))
    batches: dict[tuple[int, RequestAction, date | None, bool, int | None], list[WantedLine]] = defaultdict(list)
    for line in lines:
        if not _forbidden(line, policy):
            own = line.wanted.subject_id if line.alone else None
            apart = (line.published_on, line.awaits_consent, own)
            batches[line.entitlement.system_id, line.action, *apart].append(line.wanted)
    return tuple(
        draft(
            session,
            action=action,
            system_id=system_id,
            lines=wanted,
            feed_run_id=run.id,
            published_on=published_on,
            now=now,
            reason=f"{REASONS[action]}（人事データ {format_wareki(run.as_of)} 第{run.id}回）",
        )
        for (system_id, action, published_on, _, _), wanted in batches.items()
    )


def _forbidden(line: _Line, policy: Policy) -> bool:
    """Whether the profile lets nobody even ask for it (control B4)."""
    in_zone = line.entitlement.system.zone is Zone.MYNUMBER
    return policy.zones.mynumber_forbidden and in_zone and line.wanted.effect is LineEffect.GRANT


def _withdraw_drafts(session: Session, people: Collection[int]) -> None:
    """Afterwards no draft of an older file speaks of these people: it spoke of posts as they were told then."""
    query = (
        select(RequestLine)
        .join(Request, RequestLine.request_id == Request.id)
        .where(
            Request.state == RequestState.DRAFT, Request.feed_run_id.is_not(None), RequestLine.subject_id.in_(people)
        )
    )
    for line in session.scalars(query).all():
        request = line.request
        request.lines.remove(line)
        session.delete(line)
        if not request.lines:
            session.delete(request)
    session.flush()


def _lines(
    session: Session, personnel: PersonnelPlan, people: Collection[int], policy: Policy, now: datetime
) -> Iterator[_Line]:
    organisation = organisation_in_force(session, now=now)
    entitlements = _entitlements(session)
    facts = _Facts.of(session, personnel, people, policy)
    overlap = _overlap(session, entitlements, policy)
    by_rule = rights_under_rules(organisation.post_rights)
    spells = post_spells(session, people, organisation)
    published = _published(session, people, day_of(now))
    for person_id in people:
        periods = right_periods(spells.get(person_id, ()), organisation.post_rights)
        holding = facts.holding(person_id)
        for difference in differences(periods, holding, by_rule, overlap=overlap, as_of=personnel.as_of):
            entitlement = entitlements[difference.right]
            if (person_id, entitlement.id, difference.effect) in facts.asked:
                continue
            if difference.effect is LineEffect.GRANT and (person_id, entitlement.service) in facts.not_needed:
                continue
            line = WantedLine(
                person_id, entitlement.id, difference.effect, difference.valid_from, difference.valid_until
            )
            alone = person_id in facts.apart or entitlement.privileged
            waits = person_id in facts.without_consent and difference.effect is LineEffect.GRANT
            action = facts.action(person_id, difference)
            yield _Line(action, entitlement, line, alone, waits, published.get(person_id))


@dataclass(frozen=True)
class _Facts:
    """What decides about the people of a plan, read in bulk."""

    held: Mapping[int, Mapping[RightName, date | None]]
    employments: Mapping[int, list[Period]]
    leaving: Mapping[int, date]
    changes_on: Mapping[int, date]
    contractors: frozenset[int]
    apart: frozenset[int]
    asked: frozenset[tuple[int, int, LineEffect]]
    without_consent: frozenset[int]
    not_needed: frozenset[tuple[int, Service | None]]
    as_of: date

    @classmethod
    def of(cls, session: Session, personnel: PersonnelPlan, people: Collection[int], policy: Policy) -> "_Facts":
        """With everything the comparison looks at."""
        employments = employment_periods(session, people)
        contractors = _contractors(session, people)
        apart = {person_id for person_id, kinds in people_apart(session, people, policy).items() if kinds}
        return cls(
            held=_held(session, people),
            employments=employments,
            leaving=_leaving(personnel, employments),
            changes_on=_changes_on(personnel),
            contractors=contractors,
            apart=frozenset(apart),
            asked=_asked(session, people),
            without_consent=_without_consent(session, people, policy, personnel.as_of),
            not_needed=_not_needed(session, people),
            as_of=personnel.as_of,
        )

    def holding(self, person_id: int) -> Holding:
        """The person's side of the comparison."""
        periods = self.employments.get(person_id, [])
        first = min((begins for begins, ends in periods if ends is None or ends > self.as_of), default=self.as_of)
        _, until = employed_until(periods, max(first, self.as_of))
        fixed_end = until if person_id in self.contractors else None
        changes_on = self.changes_on.get(person_id, self.as_of)
        return Holding(self.held.get(person_id, {}), until, changes_on, self.leaving.get(person_id), fixed_end)

    def action(self, person_id: int, difference: Difference) -> RequestAction:
        """The form's title: 登録 of whoever has nothing in that system, 抹消 of what a leaver held, 変更 otherwise."""
        if difference.effect is LineEffect.REVOKE:
            return RequestAction.REMOVE if person_id in self.leaving else RequestAction.CHANGE
        known = {right.system for right in self.held.get(person_id, ())}
        return RequestAction.CHANGE if difference.right.system in known else RequestAction.REGISTER


def _leaving(personnel: PersonnelPlan, employments: Mapping[int, list[Period]]) -> dict[int, date]:
    """Person → the day from which nothing holds any more, where this file says so. A successor employment goes on."""
    found = {}
    for change in personnel.leavers:
        person_id, ends = change.known.person_id, change.now.valid_until
        if change.career is None:
            ends = personnel.as_of
        if ends is not None and not employed_until(employments.get(person_id, []), ends)[0]:
            found[person_id] = ends
    return found


def _changes_on(personnel: PersonnelPlan) -> dict[int, date]:
    """Person → the first day on which the file changes something of theirs."""
    found: dict[int, date] = {}
    for change in personnel.changes:
        day = change.first_day or personnel.as_of
        found[change.known.person_id] = min(day, found.get(change.known.person_id, day))
    return found


def _overlap(session: Session, entitlements: Mapping[RightName, Entitlement], policy: Policy) -> Overlap:
    """猶予期間 per system; none where a right must not be held beside another, and none in the My Number zone."""
    names = {entitlement.id: right for right, entitlement in entitlements.items()}
    conflicts: dict[RightName, set[RightName]] = defaultdict(set)
    for pair in session.scalars(select(EntitlementConflict)):
        conflicts[names[pair.first_id]].add(names[pair.second_id])
        conflicts[names[pair.second_id]].add(names[pair.first_id])

    def days(right: RightName) -> int:
        system = entitlements[right].system
        if system.zone is Zone.MYNUMBER:
            return 0
        return policy.personnel.overlap_days if system.overlap_days is None else system.overlap_days

    return Overlap(days, {right: frozenset(others) for right, others in conflicts.items()})


def _entitlements(session: Session) -> dict[RightName, Entitlement]:
    rows = session.execute(select(InformationSystem.code, Entitlement).join(Entitlement.system))
    return {RightName(system, entitlement.code): entitlement for system, entitlement in rows}


def _held(session: Session, people: Collection[int]) -> dict[int, dict[RightName, date | None]]:
    rows = session.execute(
        select(Account.person_id, InformationSystem.code, Entitlement.code, Grant.valid_until)
        .join(Grant, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(Account.person_id.in_(people), Grant.state != GrantState.ENDED)
    )
    held: dict[int, dict[RightName, date | None]] = defaultdict(dict)
    for person_id, system, right, until in rows:
        held[person_id or 0][RightName(system, right)] = until
    return held


def _asked(session: Session, people: Collection[int]) -> frozenset[tuple[int, int, LineEffect]]:
    """Lines that nobody has decided yet, of applications that somebody made."""
    rows = session.execute(
        select(RequestLine.subject_id, RequestLine.entitlement_id, RequestLine.effect).where(
            RequestLine.subject_id.in_(people), RequestLine.state == LineState.PENDING
        )
    )
    return frozenset(rows.all())


def _without_consent(session: Session, people: Collection[int], policy: Policy, day: date) -> frozenset[int]:
    """Those whose kind of employment asks for a consent that is not on record."""
    query = (
        select(Employment.person_id)
        .outerjoin(Consent, Consent.person_id == Employment.person_id)
        .where(
            Employment.person_id.in_(people),
            Employment.kind.in_(policy.outside.consent_kinds),
            not_over_on(Employment, day),
            Consent.id.is_(None),
        )
    )
    return frozenset(session.scalars(query))


def _not_needed(session: Session, people: Collection[int]) -> frozenset[tuple[int, Service | None]]:
    """(person, service) reported as not needed for their work: such a right is not proposed (FK 5-1(2)③)."""
    query = select(ServiceBlock.person_id, ServiceBlock.service).where(
        ServiceBlock.person_id.in_(people), ServiceBlock.lifted_at.is_(None)
    )
    return frozenset((person_id, service) for person_id, service in session.execute(query))


def _contractors(session: Session, people: Collection[int]) -> frozenset[int]:
    query = select(Employment.person_id).where(
        Employment.person_id.in_(people), Employment.kind == EmploymentKind.CONTRACTOR
    )
    return frozenset(session.scalars(query))


def _published(session: Session, people: Collection[int], day: date) -> dict[int, date]:
    """Person → the day on which the last of their unpublished appointments (内示) is published."""
    found: dict[int, date] = {}
    for published in (Employment.published_on, Assignment.published_on):
        query = select(Employment.person_id, published).where(Employment.person_id.in_(people), published > day)
        if published is Assignment.published_on:
            query = query.join(Assignment, Assignment.employment_id == Employment.id)
        for person_id, on in session.execute(query):
            if on is not None:
                found[person_id] = max(on, found.get(person_id, on))
    return found
