"""On what somebody's use of a privileged ID rests, and until when: their own rights, their office, a contract (D3, D6).

Somebody's own privileged ID is used by its holder, while the right to the ID and every right that is to be activated
are in force and held back by nothing. A registered ID (built-in, shared, a service's) is used by the chief officer, by
the manager of its system, or by an accepted deputy for privilege there; a shared one also by whoever has an approved
right to it (A13); by a contractor only whom the manager named, while that office is held and the member of staff who
attends is one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from idm.calendar_days import day_of, start_of
from idm.directory.wanted_account import employed_until
from idm.errors import InvalidInput, NotPermitted, Refusal, SeparationOfDuties
from idm.grant_state import GrantState
from idm.models.outside import Contract
from idm.models.people import Employment
from idm.models.periods import holding_on
from idm.models.privileged import PrivilegeDeputy, PrivilegedUse, RegisteredId
from idm.models.requests import Grant
from idm.models.systems import Account, InformationSystem
from idm.permissions import Action
from idm.queries.organisation.lost_posts import judged_posts
from idm.queries.organisation.officers import contracted, holders, humans
from idm.queries.organisation.reach import reaches_system
from idm.queries.privileged.deputies import systems_deputised
from idm.queries.privileged.shared_ids import usable_by_right
from idm.queries.stops.holding import person_is_stopped
from idm.vocabulary import AccountKind, EntitlementKind, Role


@dataclass(frozen=True)
class Basis:
    """What a use rests on: it never outlasts `until` (None = no known end)."""

    until: datetime | None
    deputyship_id: int | None = None


def basis(
    session: Session, account: Account, person_id: int, grant_ids: Collection[int] = (), *, named: bool = False,
    now: datetime,
) -> Basis:  # fmt: skip
    """What the person's use of the ID, with these rights, would rest on at `now`; `named`: a manager named them for it.

    Raises NotPermitted, InvalidInput for rights that cannot be activated.
    """
    if person_is_stopped(session, person_id):
        raise NotPermitted("緊急停止中の人は、特権IDを利用できません。")
    day = day_of(now)
    ends = [_employed_until(session, person_id, day)]
    deputyship_id = None
    if account.person_id is not None:
        ends += _own_ends(session, account, person_id, grant_ids, now=now)
    else:
        registered = live_registration(session, account.id, day)
        if registered is None or grant_ids:
            raise NotPermitted("このIDは、登録簿で利用できる状態ではありません。登録の状況を確かめてください。")
        ends.append(registered.valid_until)
        if not named:
            deputyship_id, by_right_until = _standing(session, account, person_id, now=now)
            ends.append(by_right_until)
    if deputyship_id is not None:
        ends.append(session.get_one(PrivilegeDeputy, deputyship_id).valid_until)
    known = [end for end in ends if end is not None]
    return Basis(start_of(min(known)) if known else None, deputyship_id)


def basis_of_use(session: Session, use: PrivilegedUse, *, now: datetime) -> Basis | None:
    """What an asked or running use rests on now; None = nothing any more."""
    grants = [right.grant_id for right in use.rights]
    named = use.named_by_id is not None
    try:
        if use.attended_by_id is not None:
            require_attendant(session, use.attended_by_id, use.person_id, now=now)
        # Whoever is stopped attends nothing and answers for nobody (H5).
        if any(person_is_stopped(session, one) for one in (use.attended_by_id, use.named_by_id) if one is not None):
            return None
        if use.named_by_id is not None:
            _require_office(session, use.named_by_id, use.account.system, day_of(now))
        return basis(session, use.account, use.person_id, grants, named=named, now=now)
    except Refusal:
        return None


def require_attendant(session: Session, attendant_id: int, user_id: int, *, now: datetime) -> None:
    """Afterwards this is a member of staff who is another human. Raises SeparationOfDuties, InvalidInput."""
    day = day_of(now)
    if humans(session, [attendant_id])[attendant_id].is_one_of(frozenset({user_id})):
        raise SeparationOfDuties("自分の利用に自分で立ち会うことはできません。（SOD-2）", code="SOD-2")
    if is_contractor(session, attendant_id, day):
        raise SeparationOfDuties("委託事業者は立会いができません。職員を選んでください。（SOD-7）", code="SOD-7")
    if not is_employed(session, attendant_id, day):
        problem = "立ち会う人は、在職している職員から選んでください。"
        raise InvalidInput(problem, fields={"attended_by": problem})


def activated(session: Session, account_id: int, day: date) -> Sequence[Grant]:
    """The rights of the account that are in force on the day and held back by nothing, with what they are."""
    query = select(Grant).where(
        Grant.account_id == account_id, Grant.state == GrantState.IN_FORCE, holding_on(Grant, day)
    )
    return session.scalars(query.options(joinedload(Grant.entitlement)).order_by(Grant.id)).all()


def live_registration(session: Session, account_id: int, day: date) -> RegisteredId | None:
    """The accepted registration of an ID that is nobody's own, while it lasts."""
    return session.scalars(
        select(RegisteredId).where(
            RegisteredId.account_id == account_id, RegisteredId.accepted_at.is_not(None),
            RegisteredId.ended_at.is_(None),
            RegisteredId.valid_until.is_(None) | (RegisteredId.valid_until > day),
        )
    ).one_or_none()  # fmt: skip


def is_contractor(session: Session, person_id: int, day: date) -> bool:
    """Whether the human, under any row of theirs, works under a contract on the day."""
    return bool(contracted(session, humans(session, [person_id])[person_id].rows, day))


def is_employed(session: Session, person_id: int, day: date) -> bool:
    """Whether somebody is employed, or works under a contract that runs, on the day."""
    return _employment(session, person_id, day)[0]


def _employed_until(session: Session, person_id: int, day: date) -> date | None:
    employed, until = _employment(session, person_id, day)
    if not employed:
        raise NotPermitted("在職していない（契約期間にない）人は、特権IDを利用できません。")
    return until


def _employment(session: Session, person_id: int, day: date) -> tuple[bool, date | None]:
    rows = session.execute(
        select(Employment.valid_from, Employment.valid_until, Contract.valid_until)
        .outerjoin(Contract, Employment.contract_id == Contract.id)
        .where(Employment.person_id == person_id)
    )
    # Under a contract somebody works for no longer than it runs, whatever their own period says.
    periods = [(begins, min((end for end in ends if end is not None), default=None)) for begins, *ends in rows]
    return employed_until(periods, day)


def _own_ends(
    session: Session, account: Account, person_id: int, grant_ids: Collection[int], *, now: datetime
) -> list[date | None]:
    day = day_of(now)
    if account.person_id != person_id or account.kind is not AccountKind.PRIVILEGED:
        raise NotPermitted("利用できるのは、自分の特権ID又は登録された特権IDだけです。")
    # A post that is lost counts at once, also before the run of the day has ended the right (KT 第66, control D7).
    lost = judged_posts(session, day, [person_id], now=now).lost
    grants = [grant for grant in activated(session, account.id, day) if grant.id not in lost]
    itself = [grant for grant in grants if grant.entitlement.kind is EntitlementKind.ACCOUNT]
    if not itself:
        raise NotPermitted("この特権IDの権限は、今は有効ではありません（期限切れ、停止中など）。")
    groups = {grant.id: grant for grant in grants if grant.entitlement.kind is EntitlementKind.GROUP}
    if not groups.keys() >= set(grant_ids):
        problem = "有効でない権限が選ばれています。画面を開き直し、選び直してください。"
        raise InvalidInput(problem, fields={"grants": problem})
    return [grant.valid_until for grant in (itself[0], *(groups[one] for one in grant_ids))]


def _require_office(session: Session, named_by_id: int, system: InformationSystem, day: date) -> None:
    """Whoever named the contractor answers for the system, or somebody in that office does. Raises NotPermitted."""
    if reaches_system(session, named_by_id, Action.USE_REGISTERED_ID, system, day):
        return
    if not holders(session, Role.SYSTEM, system.manager_unit_code, day):
        raise NotPermitted(f"「{system.name}」の情報システム管理者がいないため、委託事業者は利用できません。")


def _standing(session: Session, account: Account, person_id: int, *, now: datetime) -> tuple[int | None, date | None]:
    """By which deputyship, or until when by right, the person uses it; neither = by office. Raises NotPermitted."""
    day = day_of(now)
    if is_contractor(session, person_id, day):
        raise NotPermitted("委託事業者は、情報システム管理者に申し出てもらい、職員の立会いのもとでだけ利用できます。")
    if reaches_system(session, person_id, Action.USE_REGISTERED_ID, account.system, day):
        return None, None
    right = usable_by_right(session, person_id, now=now).get(account.id)
    if right is not None:
        return None, right.valid_until
    deputyship = systems_deputised(session, person_id, day).get(account.system_id)
    if deputyship is None:
        raise NotPermitted(
            f"「{account.system.name}」の登録された特権IDを利用できるのは、統括情報セキュリティ責任者、"
            "その情報システム管理者、承認された特権の代行者、申請により利用者となった職員（共用ID）だけです。"
        )
    return deputyship, None
