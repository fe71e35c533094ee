"""Deputies for privilege (代行者, FK 6-2(3)②③, MT 7-2(1)ウ(ウ)(エ); control D2): named, accepted, told of, timed.

Whoever is one uses the registered IDs of one system in the place of the chief officer or of the system's manager. They
decide nothing by it: that is another designation and another register (代決, `idm.operations.governance.officers`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, end_to_last_day
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.privileged import PrivilegeDeputy
from idm.models.systems import InformationSystem
from idm.operations.notification.notices import notify
from idm.operations.privileged import holder_changes
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.organisation.departments import departments
from idm.queries.organisation.officers import auditing, contracted, holders, humans, roles_of, tenures_on, units_of_role
from idm.queries.privileged.deputies import standing_on
from idm.step_up import require_fresh_factor
from idm.vocabulary import Role
from idm.wareki import format_wareki
from idm.written_text import written

PRINCIPALS = (Role.CHIEF, Role.SYSTEM)
"""The offices in whose place privilege is exercised."""
PAGE = "/privilege-deputies"


@dataclass(frozen=True)
class WantedDeputy:
    """Who is to exercise privilege in whose place, for which system, from when until (and not on) when, and why."""

    role: Role
    principal_id: int
    system_id: int
    deputy_id: int
    valid_from: date
    valid_until: date
    reason: str


def name(
    session: Session, wanted: WantedDeputy, *, actor: Actor, policy: Policy, now: datetime
) -> PrivilegeDeputy:  # fmt: skip
    """Afterwards the deputy waits for the CISO, who has been told. Nothing may be used by it yet.

    For those whom the profile names; a system's manager for their own systems only. Raises NotPermitted, NotFound,
    SeparationOfDuties for oneself, the principal, a contractor or an auditor, InvalidInput, FreshFactorNeeded.
    """
    person_id, day = actor.person_id or 0, day_of(now)
    system = session.get(InformationSystem, wanted.system_id)
    if system is None:
        raise NotFound("情報システムが見つかりません。")
    _require_may_name(session, system, person_id, policy=policy, day=day)
    reason = written(wanted.reason, field="reason", empty="代行者が必要な理由を書いてください。")
    _require_principal(session, wanted, system, day)
    _require_period(wanted, policy, day)
    _require_may_deputise(session, wanted, person_id, day)
    require_fresh_factor(actor, policy=policy, now=now)
    deputy = PrivilegeDeputy(
        principal_id=wanted.principal_id, role=wanted.role, system_id=system.id, deputy_id=wanted.deputy_id,
        reason=reason, valid_from=wanted.valid_from, valid_until=wanted.valid_until, named_by_id=person_id,
        named_at=now,
    )  # fmt: skip
    session.add(deputy)
    session.flush()
    _record(session, "privilege_deputy.named", deputy, actor=actor, policy=policy, now=now)
    _tell(session, holders(session, Role.CISO, None, day), deputy, "承認を待っています", policy=policy, now=now)
    return deputy


def accept(
    session: Session, deputyship_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> PrivilegeDeputy:  # fmt: skip
    """Afterwards the deputy counts for the period, and the officers of the profile's list have been told, at once.

    Raises NotPermitted for anyone but the CISO, SeparationOfDuties for one of the parties, NotFound, IllegalTransition
    where it has been accepted, is over or can stand no more, FreshFactorNeeded.
    """
    person_id, day = actor.person_id or 0, day_of(now)
    require(roles_of(session, person_id, day), Action.ACCEPT_PRIVILEGE_DEPUTY)
    deputy = _locked(session, deputyship_id)
    parties = frozenset({deputy.deputy_id, deputy.principal_id, deputy.named_by_id})
    if humans(session, [person_id])[person_id].is_one_of(parties):
        raise SeparationOfDuties("自分が関わる代行者の指名を自分で承認することはできません。（SOD-1）", code="SOD-1")
    if deputy.accepted_at is not None or deputy.ended_at is not None:
        raise IllegalTransition("この代行者の指名は、すでに承認されたか、終わっています。")
    _require_still_stands(session, deputy, day)
    require_fresh_factor(actor, policy=policy, now=now)
    deputy.accepted_by_id, deputy.accepted_at = person_id, now
    session.flush()
    _record(session, "privilege_deputy.accepted", deputy, actor=actor, policy=policy, now=now)
    told = {deputy.deputy_id, deputy.principal_id, deputy.named_by_id, *_listed(session, deputy, policy, day)}
    _tell(session, told, deputy, "承認されました", policy=policy, now=now)
    holder_changes.follow_offices(session, actor=actor, policy=policy, now=now)
    return deputy


def end(
    session: Session, deputyship_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> PrivilegeDeputy:  # fmt: skip
    """Afterwards it is over before its time: uses that rested on it end, and the passwords of those IDs are replaced.

    For whoever named it, the principal, and the CISO; taking away asks for no second factor. Raises NotPermitted,
    NotFound, IllegalTransition.
    """
    person_id, day = actor.person_id or 0, day_of(now)
    deputy = _locked(session, deputyship_id)
    own = person_id in {deputy.named_by_id, deputy.principal_id}
    if not own and Role.CISO not in roles_of(session, person_id, day):
        raise NotPermitted("代行を終わらせることができるのは、指名した人、本人（代行される人）、CISOです。")
    if contracted(session, humans(session, [person_id])[person_id].rows, day):
        raise SeparationOfDuties("委託事業者は、代行を終わらせることができません。（SOD-7）", code="SOD-7")
    if deputy.ended_at is not None:
        raise IllegalTransition("この代行はすでに終わっています。")
    _end(session, deputy, person_id, actor=actor, policy=policy, now=now)
    holder_changes.follow_offices(session, actor=actor, policy=policy, now=now)
    return deputy


def end_what_stands_no_more(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards no deputyship is open that does not stand any more (`standing_on`), whatever took it. How many.

    None of them has counted since (`idm.queries.privileged.deputies`); the register says so from now on.
    """
    standing = select(standing_on(day_of(now)).with_only_columns(PrivilegeDeputy.id).order_by(None).subquery().c.id)
    over = session.scalars(
        select(PrivilegeDeputy)
        .where(PrivilegeDeputy.ended_at.is_(None), PrivilegeDeputy.id.not_in(standing))
        .order_by(PrivilegeDeputy.id)
        .with_for_update()
    ).all()
    for deputy in over:
        _end(session, deputy, None, actor=actor, policy=policy, now=now)
    return len(over)


def _end(
    session: Session, deputy: PrivilegeDeputy, person_id: int | None, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    deputy.ended_at, deputy.ended_by_id = now, person_id
    session.flush()
    _record(session, "privilege_deputy.ended", deputy, actor=actor, policy=policy, now=now)
    told = {deputy.deputy_id, deputy.principal_id, deputy.named_by_id, *_listed(session, deputy, policy, day_of(now))}
    _tell(session, told, deputy, "終わりました", policy=policy, now=now)


def _require_may_name(
    session: Session, system: InformationSystem, person_id: int, *, policy: Policy, day: date
) -> None:
    roles = roles_of(session, person_id, day)
    require(roles, Action.NAME_PRIVILEGE_DEPUTY)
    naming = roles & set(policy.privileged.deputy_named_by)
    if naming - {Role.SYSTEM}:
        return
    if Role.SYSTEM in naming and system.manager_unit_code in units_of_role(session, person_id, Role.SYSTEM, day):
        return
    titles = "、".join(policy.title_of(role) for role in policy.privileged.deputy_named_by)
    raise NotPermitted(
        f"「{system.name}」の代行者を指名できるのは、{titles}だけです（情報システム管理者は所管の情報システムだけ）。"
    )


def _require_principal(session: Session, wanted: WantedDeputy, system: InformationSystem, day: date) -> None:
    if wanted.role not in PRINCIPALS:
        problem = "代行される職は、統括情報セキュリティ責任者又は情報システム管理者です。"
        raise InvalidInput(problem, fields={"role": problem})
    unit = system.manager_unit_code if wanted.role is Role.SYSTEM else None
    if wanted.principal_id not in holders(session, wanted.role, unit, day):
        problem = "代行される人は、今その職（この情報システムの管理者又は統括責任者）に就いている人にしてください。"
        raise InvalidInput(problem, fields={"principal": problem})


def _require_period(wanted: WantedDeputy, policy: Policy, day: date) -> None:
    longest = policy.privileged.deputy_longest_days
    if wanted.valid_until <= max(wanted.valid_from, day) or wanted.valid_from < day:
        problem = "期間は今日以後とし、終わる日を始まる日以後にしてください。"
        raise InvalidInput(problem, fields={"valid_from": problem})
    if wanted.valid_until - wanted.valid_from > timedelta(days=longest):
        problem = f"代行の期間は、一度に{longest}日までです。続けて必要なときは、終わる前に指名し直してください。"
        raise InvalidInput(problem, fields={"valid_until": problem})


def _require_may_deputise(session: Session, wanted: WantedDeputy, namer_id: int, day: date) -> None:
    """Never oneself nor the principal, under any row; nobody who left, no contractor, no auditor (SOD-5 to SOD-7)."""
    deputy = session.get(Person, wanted.deputy_id)
    if deputy is None or not deputy.employed_on(day):
        problem = "在職していない人を代行者にすることはできません。"
        raise InvalidInput(problem, fields={"deputy": problem})
    human = humans(session, [wanted.deputy_id])[wanted.deputy_id]
    if human.is_one_of(frozenset({namer_id})):
        raise SeparationOfDuties("自分を代行者にすることはできません。（SOD-3）", code="SOD-3")
    if human.is_one_of(frozenset({wanted.principal_id})):
        raise SeparationOfDuties("代行される本人を、その代行者にすることはできません。（SOD-3）", code="SOD-3")
    days = {day, wanted.valid_from}
    if any(contracted(session, human.rows, one) for one in days):
        raise SeparationOfDuties("委託事業者を代行者にすることはできません。（SOD-7）", code="SOD-7")
    if any(auditing(session, human.rows, one) for one in days):
        raise SeparationOfDuties("監査を行う者を代行者にすることはできません。（SOD-6）", code="SOD-6")


def _require_still_stands(session: Session, deputy: PrivilegeDeputy, day: date) -> None:
    if session.scalars(standing_on(day).where(PrivilegeDeputy.id == deputy.id)).one_or_none() is None:
        raise IllegalTransition(
            "期間が過ぎたか、代行される人が職を離れたか、代行者が代行できない人になったため、承認できません。"
            "必要なときは、指名し直してもらってください。"
        )


def _locked(session: Session, deputyship_id: int) -> PrivilegeDeputy:
    deputy = session.get(PrivilegeDeputy, deputyship_id, with_for_update=True, populate_existing=True)
    if deputy is None:
        raise NotFound("特権の代行者の指名が見つかりません。")
    return deputy


def _listed(session: Session, deputy: PrivilegeDeputy, policy: Policy, day: date) -> set[int]:
    """The officers whom the profile has told (FK 6-2(3)③): of the deputy's section and of the system, and the heads."""
    section = departments(session, [deputy.deputy_id], day).get(deputy.deputy_id)
    unit_of = {
        Role.SECTION: section.unit_code if section is not None else "",
        Role.SYSTEM: deputy.system.manager_unit_code,
    }
    told: set[int] = set()
    for role, unit, person in session.execute(
        tenures_on(day).with_only_columns(Officer.role, Officer.unit_code, Officer.person_id)
    ):
        if role in policy.privileged.deputy_notified and unit_of.get(role, unit) == unit:
            told.add(person)
    return told


def _tell(
    session: Session, people: set[int] | list[int], deputy: PrivilegeDeputy, what: str, *, policy: Policy, now: datetime
) -> None:
    last = end_to_last_day(deputy.valid_until) or deputy.valid_until
    subject = f"【特権の代行者】{deputy.system.name}：{what}"
    body = (
        f"特権の代行者の指名が{what}。\n"
        f"・情報システム: {deputy.system.name}\n・代行者: {deputy.deputy.name}\n"
        f"・代行される人: {deputy.principal.name}（{policy.title_of(deputy.role)}）\n"
        f"・期間: {format_wareki(deputy.valid_from)}から{format_wareki(last)}まで\n・理由: {deputy.reason}\n"
        "登録された特権IDの利用についての代行であり、決裁を代わりに行う代決者の指名とは別のものです。"
    )
    # The register is the officers' page: the deputy begins on the first page, where the IDs they may use are.
    own = set(people) & {deputy.deputy_id}
    notify(session, set(people) - own, now=now, link=PAGE, subject=subject, body=body, urgent=True)
    notify(session, own, now=now, link="/", subject=subject, body=body, urgent=True)


def _record(
    session: Session, action: str, deputy: PrivilegeDeputy, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("privilege_deputy", str(deputy.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "role": deputy.role.value, "principal": deputy.principal_id, "system": deputy.system_id,
            "deputy": deputy.deputy_id, "from": deputy.valid_from.isoformat(), "until": deputy.valid_until.isoformat(),
            "named_by": deputy.named_by_id, "accepted_by": deputy.accepted_by_id,
        },
    )  # fmt: skip
