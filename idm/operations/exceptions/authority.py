"""Who may ask for an exception of the register and end it: the profile's roles, each for what is theirs (FK 8(1))."""

from datetime import date

from sqlalchemy.orm import Session

from idm.errors import NotPermitted
from idm.models.exceptions import RegisteredException
from idm.models.systems import Account, InformationSystem
from idm.permissions import Action, everywhere, require
from idm.policy import Policy
from idm.queries.exceptions.answering import subjects_of
from idm.queries.factors.authenticators import units_of_owner
from idm.queries.organisation.officers import holders, roles_of
from idm.queries.organisation.reach import systems_reached, units_reached
from idm.queries.rights.leaving import SectionManagers
from idm.vocabulary import ExceptionScope, Role


def require_may_ask(
    session: Session, exception: RegisteredException, person_id: int, *, policy: Policy, day: date
) -> None:
    """Afterwards the person holds a role by which the profile lets them ask for this. Raises NotPermitted."""
    roles = roles_of(session, person_id, day)
    require(roles, Action.ASK_EXCEPTION)
    asking = roles & frozenset(policy.exceptions.asked_by)
    if not asking or not _reaches(session, exception, person_id, Action.ASK_EXCEPTION, asking, day):
        titles = "、".join(policy.title_of(role) for role in policy.exceptions.asked_by)
        raise NotPermitted(f"例外措置を申請できるのは、{titles}だけです（所属の職員、所管の情報システムについて）。")


def require_may_end(session: Session, exception: RegisteredException, person_id: int, *, day: date) -> None:
    """Afterwards the person is the CISO, or answers for what it is about. Raises NotPermitted."""
    roles = roles_of(session, person_id, day)
    require(roles, Action.END_EXCEPTION)
    if everywhere(roles, Action.END_EXCEPTION):
        return
    if exception.scope is ExceptionScope.ORGANISATION and person_id != exception.asked_by_id:
        raise NotPermitted("組織全体についての例外措置を終えられるのは、申請した人とCISO等だけです。")
    if not _reaches(session, exception, person_id, Action.END_EXCEPTION, roles, day):
        raise NotPermitted("例外措置を終えられるのは、対象を所管する課長・情報システム管理者とCISOです。")


def _reaches(
    session: Session, exception: RegisteredException, person_id: int, action: Action, roles: frozenset[Role], day: date
) -> bool:
    if exception.scope is ExceptionScope.ORGANISATION:
        return True
    system_id = _system_of(session, exception)
    if Role.SYSTEM in roles and system_id in systems_reached(session, person_id, action, day):
        return True
    if Role.SECTION not in roles:
        return False
    reached = units_reached(session, person_id, action, day)
    return reached is None or not reached.isdisjoint(_units_of(session, exception, day))


def _system_of(session: Session, exception: RegisteredException) -> int | None:
    if exception.account_id is not None:
        return session.get_one(Account, exception.account_id).system_id
    return exception.system_id


def _units_of(session: Session, exception: RegisteredException, day: date) -> frozenset[str]:
    if exception.unit_code is not None:
        return frozenset({exception.unit_code})
    units: set[str] = set()
    for person_id in subjects_of(session, exception):
        units |= units_of_owner(session, person_id, day)
    return frozenset(units)


def answering_for(session: Session, exception: RegisteredException, *, policy: Policy, day: date) -> frozenset[int]:
    """Whoever answers for it today: those who asked, as long as they still might; else who has their office now, by
    the units and the system that it is about, and the security officer."""
    people = set(_managers(session, exception, day))
    try:
        require_may_ask(session, exception, exception.asked_by_id, policy=policy, day=day)
    except NotPermitted:
        people.update(holders(session, Role.SECURITY, None, day))
        managers = SectionManagers.on(session, day)
        for unit in _units_of(session, exception, day):
            people |= managers.of(unit, without=subjects_of(session, exception))
    else:
        people.add(exception.asked_by_id)
    return frozenset(people)


def _managers(session: Session, exception: RegisteredException, day: date) -> list[int]:
    system_id = _system_of(session, exception)
    if system_id is None:
        return []
    unit = session.get_one(InformationSystem, system_id).manager_unit_code
    return holders(session, Role.SYSTEM, unit, day)
