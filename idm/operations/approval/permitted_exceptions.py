"""Exceptions (例外措置) permitted by the CISO for one application (FK 1-2(7)①, 8(1)).

To the separation of duties: the beneficiary decides a second step. To the cap of privileged IDs (D1-CAP): the
beneficiary, a subject of the application, becomes a holder above it.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, SeparationOfDuties
from idm.models.people import Person
from idm.models.requests import PolicyException, Request
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.organisation.officers import humans, roles_of
from idm.queries.privileged.caps import CAP_RULE
from idm.request_state import RequestState
from idm.separation_of_duties import EXCEPTABLE
from idm.step_up import require_fresh_factor
from idm.vocabulary import LineEffect
from idm.written_text import written

PERMITTABLE = EXCEPTABLE | {CAP_RULE}
LONGEST_DAYS = 92
"""No exception outlasts a quarter of a year: what lasts is no exception."""


def permit(
    session: Session, request: Request, *, rule: str, beneficiary_id: int, reason: str, days: int, actor: Actor,
    policy: Policy, now: datetime,
) -> PolicyException:  # fmt: skip
    """Afterwards the rule does not stand in the beneficiary's way in this one application, for that many days.

    Raises NotPermitted for anyone but the CISO, SeparationOfDuties when the CISO is the beneficiary, the applicant or a
    subject, IllegalTransition when nothing is to be decided, InvalidInput for a rule that has no exception, an unknown
    person, or a number of days outside 1 to LONGEST_DAYS, FreshFactorNeeded.
    """
    person_id = actor.person_id or 0
    require(roles_of(session, person_id, day_of(now)), Action.PERMIT_EXCEPTION)
    if rule not in PERMITTABLE:
        raise InvalidInput(f"{rule} には例外がありません。")
    reason = written(reason, field="reason", empty="例外を許可する理由を書いてください。")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(f"期間は1日から{LONGEST_DAYS}日までです。", fields={"days": "期間を直してください"})
    if session.get(Person, beneficiary_id) is None:
        raise InvalidInput("例外を認める相手が見つかりません。", fields={"beneficiary": "選び直してください"})
    if rule == CAP_RULE and beneficiary_id not in _would_be_holders(request):
        raise InvalidInput(
            "上限を超えて認められるのは、この申請で特権を申請されている人だけです。",
            fields={"beneficiary": "選び直してください"},
        )
    if request.state is not RequestState.SUBMITTED:
        raise IllegalTransition("審査中の申請でないため、例外を許可できません。")
    interested = frozenset({beneficiary_id, request.applicant_id or 0, *(line.subject_id for line in request.lines)})
    if humans(session, [person_id])[person_id].is_one_of(interested):
        raise SeparationOfDuties("自分が関わる申請の例外を許可することはできません。（SOD-1）", code="SOD-1")
    require_fresh_factor(actor, policy=policy, now=now)
    exception = PolicyException(
        request_id=request.id, rule=rule, beneficiary_id=beneficiary_id, reason=reason,
        permitted_by_id=person_id, permitted_at=now, valid_until=day_of(now) + timedelta(days=days),
    )  # fmt: skip
    session.add(exception)
    session.flush()
    audit.record(
        session, action="exception.permitted", actor=actor, obj=("request", str(request.id)), now=now,
        policy_digest=policy.digest, payload={"rule": rule, "beneficiary": beneficiary_id, "reason": reason},
    )  # fmt: skip
    return exception


def _would_be_holders(request: Request) -> set[int]:
    return {
        line.subject_id for line in request.lines if line.entitlement.privileged and line.effect is LineEffect.GRANT
    }


def excepted_rules(session: Session, request_id: int, *, person_id: int, day: date) -> dict[str, int]:
    """Rule → exception id, for the exceptions that hold for this person on this application on the day."""
    rows = session.execute(
        select(PolicyException.rule, PolicyException.id).where(
            PolicyException.request_id == request_id,
            PolicyException.beneficiary_id == person_id,
            PolicyException.valid_until > day,
        )
    )
    return dict(rows.all())
