"""Who may do what with an external service: asking, permitting, keeping (FK 11-2(4), MT 9(2)ウ; controls I2 and I3)."""

from datetime import date

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import NotFound, NotPermitted, SeparationOfDuties
from idm.models.external_services import ExternalService
from idm.permissions import Action, may, require
from idm.policy import Policy
from idm.queries.organisation.officers import humans, never_deciding, roles_of


def named(actor: Actor) -> int:
    """The person who acts. Raises NotPermitted for a job."""
    if actor.person_id is None:
        raise NotPermitted("外部サービスの手続は、名前のある人だけが行えます。")
    return actor.person_id


def locked(session: Session, service_id: int) -> ExternalService:
    """The service, held until the transaction ends. Raises NotFound."""
    service = session.get(ExternalService, service_id, with_for_update=True, populate_existing=True)
    if service is None:
        raise NotFound("外部サービスが見つかりません。")
    return service


def require_may_ask(session: Session, person_id: int, *, policy: Policy, day: date) -> None:
    """Afterwards the person holds an office that applies for services. Raises NotPermitted, SeparationOfDuties."""
    roles = roles_of(session, person_id, day)
    require(roles, Action.ASK_EXTERNAL_SERVICE)
    if not roles & frozenset(policy.external_services.asked_by):
        titles = "、".join(policy.title_of(role) for role in policy.external_services.asked_by)
        raise NotPermitted(f"外部サービスの利用を申請できるのは、{titles}です。")
    _require_staff(session, person_id, day)


def require_may_answer(
    session: Session, service: ExternalService, person_id: int, *, policy: Policy, day: date
) -> None:
    """Afterwards the person decides on applications, and this is none of their own.

    Raises NotPermitted, SeparationOfDuties.
    """
    roles = roles_of(session, person_id, day)
    require(roles, Action.PERMIT_EXTERNAL_SERVICE)
    if not roles & frozenset(policy.external_services.decided_by):
        titles = "、".join(policy.title_of(role) for role in policy.external_services.decided_by)
        raise NotPermitted(f"外部サービスの利用の可否を決めるのは、{titles}です。")
    if humans(session, [person_id])[person_id].is_one_of(frozenset({service.asked_by_id})):
        raise SeparationOfDuties("自分の申請について、利用の可否を決めることはできません。（SOD-1）", code="SOD-1")
    _require_staff(session, person_id, day)


def may_keep(session: Session, service: ExternalService, person_id: int, *, day: date) -> bool:
    """Whether the person looks after the service: its administrator, or an office that keeps the register."""
    if may(roles_of(session, person_id, day), Action.KEEP_EXTERNAL_SERVICES):
        return True
    own = humans(session, [person_id])[person_id]
    return service.administrator_id is not None and own.is_one_of(frozenset({service.administrator_id}))


def require_may_keep(session: Session, service: ExternalService, person_id: int, *, day: date) -> None:
    """Afterwards the person looks after the service. Raises NotPermitted."""
    if not may_keep(session, service, person_id, day=day):
        raise NotPermitted("この手続は、外部サービス管理者と、台帳を管理する職の人だけが行えます。")


def _require_staff(session: Session, person_id: int, day: date) -> None:
    if never_deciding(session, humans(session, [person_id]).values(), day):
        raise SeparationOfDuties(
            "監査人と委託事業者は、外部サービスの申請と決定ができません。（SOD-6、SOD-7）", code="SOD-6"
        )
