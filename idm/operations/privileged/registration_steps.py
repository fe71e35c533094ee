"""What every step in the life of a registered ID has in common: the row it holds, who may, who is told (D1, A13)."""

from datetime import date, datetime
from typing import Never

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, iso
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.people import Employment, Person
from idm.models.periods import holding_on
from idm.models.privileged import RegisteredId
from idm.models.systems import InformationSystem
from idm.operations.notification.notices import notify
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.organisation.lost_posts import post_to_rest_on
from idm.queries.organisation.officers import contracted, holders, humans, roles_of
from idm.step_up import require_fresh_factor
from idm.vocabulary import ACCOUNT_KIND_TITLES, Role


def person_of(actor: Actor) -> int:
    """The person who acts. Raises NotPermitted for a job."""
    if actor.person_id is None:
        raise NotPermitted("特権ID等の登録は、名前のある人だけが行えます。")
    return actor.person_id


def registration_on_record(session: Session, registered_id: int) -> RegisteredId:
    """The registration as it is now, ended or not, ours until the transaction ends. Raises NotFound."""
    registered = session.get(RegisteredId, registered_id, with_for_update=True, populate_existing=True)
    if registered is None:
        raise NotFound("登録が見つかりません。")
    return registered


def open_registration(session: Session, registered_id: int) -> RegisteredId:
    """The registration as it is now, ours until the transaction ends. Raises NotFound, IllegalTransition once ended."""
    registered = registration_on_record(session, registered_id)
    if registered.ended_at is not None:
        raise IllegalTransition("この登録は、すでに終わっています。")
    return registered


def accepted_registration(session: Session, registered_id: int) -> RegisteredId:
    """The same, of one that stands in the register. Raises IllegalTransition where nobody has accepted it."""
    registered = open_registration(session, registered_id)
    if registered.accepted_at is None:
        raise IllegalTransition("このIDはまだ登録されていません。")
    return registered


def require_accepter(
    session: Session, *, proposed_by: int, owner: int, actor: Actor, policy: Policy, now: datetime
) -> int:
    """Two people, and neither of them judges of what they answer for, or will. Returns who accepts.

    Raises NotPermitted, SeparationOfDuties, FreshFactorNeeded.
    """
    person_id = person_of(actor)
    require(roles_of(session, person_id, day_of(now)), Action.ACCEPT_REGISTERED_ID)
    human = humans(session, [person_id])[person_id]
    if human.is_one_of(frozenset({proposed_by})):
        raise SeparationOfDuties(
            "自分が申し出たIDの登録や変更を、自分で承認することはできません。（SOD-1）", code="SOD-1"
        )
    if human.is_one_of(frozenset({owner})):
        raise SeparationOfDuties(
            "自分が管理責任者となるIDの登録や変更を、自分で承認することはできません。（SOD-2）", code="SOD-2"
        )
    require_fresh_factor(actor, policy=policy, now=now)
    return person_id


def require_owner(session: Session, owner_id: int, day: date) -> None:
    """Afterwards this is a member of staff who can answer for an ID. Raises InvalidInput."""
    employed = select(Employment.id).where(Employment.person_id == owner_id, holding_on(Employment, day))
    if session.get(Person, owner_id) is None or session.scalar(employed.limit(1)) is None:
        refuse_field("owner", "管理責任者には、在職している職員を選んでください。")
    if contracted(session, humans(session, [owner_id])[owner_id].rows, day):
        refuse_field("owner", "委託事業者を管理責任者にすることはできません。職員を選んでください。")


def take_charge(session: Session, registered: RegisteredId, owner_id: int, day: date) -> None:
    """Afterwards this person answers for the ID, for the unit of the post they have on the day."""
    post = post_to_rest_on(session, owner_id, registered.system.manager_unit_code, day)
    registered.owner_id, registered.owner_gone_at = owner_id, None
    registered.owner_unit = post.unit_code if post is not None else None
    session.flush()
    session.refresh(registered, ["owner"])


def refuse_field(field: str, problem: str) -> Never:
    """Raises InvalidInput at that field."""
    raise InvalidInput(problem, fields={field: problem})


def in_charge(session: Session, registered: RegisteredId, day: date) -> set[int]:
    """Whoever has to see to the ID on the day, beside its owner: its system's manager, else the heads of security."""
    managers = holders(session, Role.SYSTEM, registered.system.manager_unit_code, day)
    heads = (one for role in (Role.CHIEF, Role.SECURITY) for one in holders(session, role, None, day))
    return set(managers) or set(heads)


def tell(
    session: Session, people: set[int], registered: RegisteredId, what: str, *, more: str = "", now: datetime
) -> None:
    """Afterwards these people know what happened to the ID, or will; `more`: what they are to do."""
    system = session.get_one(InformationSystem, registered.system_id)
    named = f"「{system.name}」の{ACCOUNT_KIND_TITLES[registered.kind]}「{registered.found.login_name}」"
    notify(
        session, people, now=now, link=f"/privileged/registered/{registered.id}",
        subject=f"【特権ID等の登録】{system.name}「{registered.found.login_name}」：{what}",
        body=f"{named}について、{what}。{more}",
    )  # fmt: skip


def record(
    session: Session, action: str, registered: RegisteredId, *, actor: Actor, policy: Policy, now: datetime,
    **details: object,
) -> None:  # fmt: skip
    """Afterwards the audit says what happened to the registration, and how it stands since."""
    audit.record(
        session, action=action, actor=actor, obj=("registered_id", str(registered.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "system": registered.system_id, "login_name": registered.found.login_name,
            "external_id": registered.found.external_id, "account": registered.account_id,
            "kind": registered.kind.value, "purpose": registered.purpose, "owner": registered.owner_id,
            "kept": registered.kept, "valid_until": iso(registered.valid_until), "end_reason": registered.end_reason,
            **details,
        },
    )  # fmt: skip
