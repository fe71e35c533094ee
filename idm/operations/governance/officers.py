"""Officers follow from posts; nobody becomes one by a file alone (FK 1-2, MT 2; control A16).

A tenure written from a personnel file counts only when the signed first record names it, or when a second person
confirmed it. Losing the post ends it at once, with no confirmation needed (`idm.queries.organisation.officers`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.officers import ConfigurationVersion, Deputy, Officer
from idm.models.people import Assignment, Employment, Person
from idm.models.periods import not_over_on
from idm.models.systems import InformationSystem
from idm.operations.notification.notices import notify
from idm.organisation import Organisation
from idm.permissions import Action, require
from idm.policy import Policy, SeatRule
from idm.publication import Reader
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.organisation.officers import auditing, contracted, holders, humans, roles_of
from idm.queries.organisation.publication import public
from idm.step_up import require_fresh_factor
from idm.vocabulary import ConfigurationKind, Role


@dataclass(frozen=True)
class Tenure:
    """A role that an assignment gives, by the seat rules of the profile."""

    role: Role
    unit_code: str | None


def follow_posts(session: Session, *, policy: Policy, actor: Actor, now: datetime) -> list[Officer]:
    """Afterwards every current or coming assignment to a seat's post has its tenure. Returns the new ones.

    Those that the first record does not name wait for confirmation, and the heads are told.
    """
    organisation = organisation_in_force(session, now=now)
    managed = set(session.scalars(select(InformationSystem.manager_unit_code)))
    known = {(o.role, o.assignment_id) for o in session.scalars(select(Officer))}
    new = []
    for assignment in _assignments_from(session, {rule.post for rule in policy.seats}, day_of(now)):
        for tenure in tenures_of(policy, assignment, managed):
            if (tenure.role, assignment.id) not in known:
                new.append(_begin(session, assignment, tenure, organisation, now))
    session.flush()
    for officer in new:
        _record(session, "officer.followed", officer, actor=actor, policy=policy, now=now)
    _ask_confirmation(session, [o for o in new if o.first_record_id is None], policy=policy, now=now)
    return new


def _assignments_from(session: Session, posts: set[str], day: date) -> list[Assignment]:
    """Assignments to these posts that hold or are to come; an unpublished one (内示) is nobody's business yet."""
    return list(
        session.scalars(
            select(Assignment)
            .where(
                Assignment.post.in_(posts),
                not_over_on(Assignment, day),
                public(Assignment, Reader(day)),
            )
            .order_by(Assignment.id)
        )
    )


def tenures_of(policy: Policy, assignment: Assignment, managed_units: set[str]) -> Iterator[Tenure]:
    """The roles that the profile's seat rules give the holder of this post in this unit."""
    for rule in policy.seats:
        if rule.post == assignment.post and _unit_fits(rule, assignment, managed_units):
            yield Tenure(rule.role, None if rule.per == "organisation" else assignment.unit.code)


def _unit_fits(rule: SeatRule, assignment: Assignment, managed_units: set[str]) -> bool:
    if rule.per == "system":
        return assignment.unit.code in managed_units
    return rule.unit is None or rule.unit in (assignment.unit.name, assignment.unit.code)


def _begin(
    session: Session, assignment: Assignment, tenure: Tenure, organisation: Organisation, now: datetime
) -> Officer:
    first_record = _first_record(session, assignment.employment, tenure.role, organisation)
    officer = Officer(
        role=tenure.role, person_id=assignment.employment.person_id, unit_code=tenure.unit_code,
        assignment_id=assignment.id, valid_from=assignment.valid_from, valid_until=None,
        first_record_id=first_record, confirmed_at=now if first_record else None,
    )  # fmt: skip
    session.add(officer)
    session.flush()
    return officer


def _first_record(session: Session, employment: Employment, role: Role, organisation: Organisation) -> int | None:
    """The first record, where it names this person in this role and has not been used for it before."""
    named = any(f.role is role and f.staff_number == employment.staff_number for f in organisation.first_officers)
    if not named:
        return None
    first = session.scalar(
        select(ConfigurationVersion).where(
            ConfigurationVersion.kind == ConfigurationKind.ORGANISATION, ConfigurationVersion.version == 1
        )
    )
    used = session.scalar(
        select(Officer.id)
        .join(Assignment, Officer.assignment_id == Assignment.id)
        .where(
            Officer.role == role,
            Officer.person_id == employment.person_id,
            Officer.first_record_id.is_not(None),
            Assignment.valid_until.is_not(None),
        )
        .limit(1)
    )
    return first.id if first is not None and used is None else None


def _ask_confirmation(session: Session, waiting: list[Officer], *, policy: Policy, now: datetime) -> None:
    if not waiting:
        return
    heads = {
        person
        for role in (Role.CISO, Role.VICE_CISO, Role.CHIEF, Role.SECURITY)
        for person in holders(session, role, None, day_of(now))
    }
    names = "\n".join(f"・{policy.title_of(o.role)}: {o.person.name}" for o in waiting)
    notify(
        session, heads, now=now, link="/officers", subject="【就任の確認依頼】責任者の異動",
        body=f"人事データにより、次の責任者の就任が見込まれます。本人以外の確認があるまで決裁はできません。\n{names}",
    )  # fmt: skip


def confirm(session: Session, officer_id: int, *, actor: Actor, policy: Policy, now: datetime) -> Officer:
    """Afterwards the tenure counts. Raises SeparationOfDuties for one's own or a contractor's, NotPermitted,
    IllegalTransition, FreshFactorNeeded."""
    person_id = actor.person_id or 0
    require(roles_of(session, person_id, day_of(now)), Action.CONFIRM_OFFICER)
    officer = session.get(Officer, officer_id, with_for_update=True, populate_existing=True)
    if officer is None:
        raise NotFound("就任の記録が見つかりません。")
    if humans(session, [person_id])[person_id].is_one_of(frozenset({officer.person_id})):
        raise SeparationOfDuties("自分の就任を自分で確認することはできません。（SOD-2）", code="SOD-2")
    _require_no_contractor(session, officer, day_of(now))
    if officer.confirmed_at is not None:
        raise IllegalTransition("この就任はすでに確認されています。")
    require_fresh_factor(actor, policy=policy, now=now)
    officer.confirmed_at, officer.confirmed_by_id = now, person_id
    _record(session, "officer.confirmed", officer, actor=actor, policy=policy, now=now)
    return officer


def _require_no_contractor(session: Session, officer: Officer, day: date) -> None:
    """A contractor holds no role (`organisation.officers.tenures_on`): nothing is to be confirmed (FK 6-2(3)④)."""
    rows = humans(session, [officer.person_id])[officer.person_id].rows
    if contracted(session, rows, max(day, officer.valid_from)):
        raise SeparationOfDuties("委託事業者を責任者にすることはできません。（SOD-7）", code="SOD-7")


def name_deputy(
    session: Session, *, role: Role, deputy_id: int, valid_from: date, valid_until: date, actor: Actor, policy: Policy,
    now: datetime,
) -> Deputy:  # fmt: skip
    """Afterwards the actor has named a deputy for a role of theirs; it counts once the CISO accepts.

    Raises NotPermitted, SeparationOfDuties for oneself, a contractor or an auditor, InvalidInput, FreshFactorNeeded.
    """
    person_id = actor.person_id or 0
    roles = roles_of(session, person_id, day_of(now))
    require(roles, Action.NAME_DEPUTY)
    if role not in roles:
        raise NotPermitted("自分の職についてだけ、代決者を指名できます。")
    if humans(session, [person_id])[person_id].is_one_of(frozenset({deputy_id})):
        raise SeparationOfDuties("自分を自分の代決者にすることはできません。（SOD-3）", code="SOD-3")
    _require_may_deputise(session, deputy_id, day_of(now))
    if valid_until <= max(valid_from, day_of(now)):
        raise InvalidInput(
            "期間の終わりが始まりより前か、すでに過ぎています。", fields={"valid_until": "期間を直してください"}
        )
    require_fresh_factor(actor, policy=policy, now=now)
    deputy = Deputy(
        principal_id=person_id,
        role=role,
        deputy_id=deputy_id,
        valid_from=valid_from,
        valid_until=valid_until,
        named_at=now,
    )
    session.add(deputy)
    session.flush()
    _record_deputy(session, "deputy.named", deputy, actor=actor, policy=policy, now=now)
    return deputy


def _require_may_deputise(session: Session, person_id: int, day: date) -> None:
    """Whoever could never decide is not named (SOD-6, SOD-7; FK 6-2(3)④), nor anyone who is not employed."""
    person = session.get(Person, person_id)
    if person is None or not person.employed_on(day):
        raise InvalidInput("在職していない人を代決者にすることはできません。", fields={"deputy": "選び直してください"})
    rows = humans(session, [person_id])[person_id].rows
    if contracted(session, rows, day):
        raise SeparationOfDuties("委託事業者を代決者にすることはできません。（SOD-7）", code="SOD-7")
    if auditing(session, rows, day):
        raise SeparationOfDuties("監査を行う者を代決者にすることはできません。（SOD-6）", code="SOD-6")


def accept_deputy(session: Session, deputy_id: int, *, actor: Actor, policy: Policy, now: datetime) -> Deputy:
    """Afterwards the deputy counts for the period named. Raises NotPermitted for anyone but the CISO,
    SeparationOfDuties, FreshFactorNeeded."""
    person_id = actor.person_id or 0
    require(roles_of(session, person_id, day_of(now)), Action.ACCEPT_DEPUTY)
    deputy = session.get(Deputy, deputy_id, with_for_update=True, populate_existing=True)
    if deputy is None:
        raise NotFound("代決者の指名が見つかりません。")
    if humans(session, [person_id])[person_id].is_one_of(frozenset({deputy.deputy_id, deputy.principal_id})):
        raise SeparationOfDuties("自分が関わる代決者の指名を自分で承認することはできません。（SOD-1）", code="SOD-1")
    if deputy.accepted_at is not None:
        raise IllegalTransition("この代決者はすでに承認されています。")
    require_fresh_factor(actor, policy=policy, now=now)
    deputy.accepted_at, deputy.accepted_by_id = now, person_id
    _record_deputy(session, "deputy.accepted", deputy, actor=actor, policy=policy, now=now)
    return deputy


def _record(session: Session, action: str, officer: Officer, *, actor: Actor, policy: Policy, now: datetime) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("officer", str(officer.id)), now=now, policy_digest=policy.digest,
        payload={
            "role": officer.role.value, "person": officer.person_id, "unit": officer.unit_code,
            "assignment": officer.assignment_id, "first_record": officer.first_record_id,
        },
    )  # fmt: skip


def _record_deputy(
    session: Session, action: str, deputy: Deputy, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("deputy", str(deputy.id)), now=now, policy_digest=policy.digest,
        payload={
            "role": deputy.role.value, "principal": deputy.principal_id, "deputy": deputy.deputy_id,
            "from": deputy.valid_from.isoformat(), "until": deputy.valid_until.isoformat(),
        },
    )  # fmt: skip
