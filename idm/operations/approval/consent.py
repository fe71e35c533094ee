"""Written consent to keep the security policy, recorded before the first right (FK 5-1(2)②; control A11)."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import InvalidInput, NotFound
from idm.models.outside import Consent
from idm.models.people import Person
from idm.operations.outsiders.outside_authority import person_acting, require_for_units, require_not_oneself
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.outsiders.outside_scope import units_of_person
from idm.written_text import written


def record(
    session: Session, *, person_id: int, given_on: date, document: str, actor: Actor, policy: Policy, now: datetime
) -> Consent:
    """Afterwards it is on record that the person consented on that day, and where the signed paper is filed.

    Raises NotPermitted for one's own and for another unit's, InvalidInput, NotFound.
    """
    day = day_of(now)
    human = person_acting(session, actor, day)
    if session.get(Person, person_id) is None:
        raise NotFound("同意した人が見つかりません。")
    require_not_oneself(human, person_id, "同意書を記録する")
    require_for_units(session, human, Action.RECORD_CONSENT, units_of_person(session, person_id, day), day)
    document = written(document, field="document", empty="同意書の綴り又は文書番号を入れてください。")
    if given_on > day:
        problem = "同意した日は今日以前にしてください。"
        raise InvalidInput(problem, fields={"given_on": problem})
    known = select(Consent.id).where(Consent.person_id == person_id, Consent.given_on == given_on)
    if session.scalar(known) is not None:
        problem = "この日の同意書はすでに記録されています。"
        raise InvalidInput(problem, fields={"given_on": problem})
    consent = Consent(
        person_id=person_id, given_on=given_on, document=document, recorded_by_id=human.person_id, recorded_at=now
    )
    session.add(consent)
    session.flush()
    audit.record(
        session, action="consent.recorded", actor=actor, obj=("person", str(person_id)), now=now,
        policy_digest=policy.digest,
        payload={"consent": consent.id, "given_on": given_on.isoformat(), "document": document},
    )  # fmt: skip
    return consent
