"""No more privileged, shared and service IDs have a holder in a system than its register allows (FK 6-2(3)①; D1).

Whoever decides holds the lock of the system (`accounts.lock_names`) while it is counted, so that two decisions at once
cannot both take the last place. For one holder of one application the CISO may permit more (`operations.exceptions`).
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import CapReached
from idm.models.systems import InformationSystem
from idm.policy import Policy
from idm.queries.privileged.caps import cap_of, cap_outlook, excepted_holders
from idm.vocabulary import ACCOUNT_KIND_TITLES, AccountKind


def require_room_for_holders(
    session: Session, request_id: int, system_id: int, person_ids: Collection[int], *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards these people may have rights on privileged IDs of the system by this application.

    What an exception lifts is in the audit. Raises CapReached.
    """
    excepted = excepted_holders(session, request_id, day_of(now))
    outlook = cap_outlook(session, system_id, person_ids, excepted=excepted)
    if outlook.barred:
        raise _reached(session, system_id, AccountKind.PRIVILEGED, outlook.cap.most or 0)
    if outlook.excepted and not outlook.cap.leaves_room_for(len(outlook.excepted)):
        audit.record(
            session, action="cap.exceeded", actor=actor, obj=("request", str(request_id)), now=now,
            policy_digest=policy.digest,
            payload={
                "system": system_id, "most": outlook.cap.most, "holders": outlook.cap.holders,
                "people": list(outlook.excepted), "exceptions": [excepted[person] for person in outlook.excepted],
            },
        )  # fmt: skip


def require_room_for_registered(session: Session, system_id: int, kind: AccountKind) -> None:
    """Afterwards one more registered ID of the kind may be accepted there. Raises CapReached."""
    cap = cap_of(session, system_id, kind)
    if not cap.leaves_room_for(1):
        raise _reached(session, system_id, kind, cap.most or 0)


def _reached(session: Session, system_id: int, kind: AccountKind, most: int) -> CapReached:
    name = session.get_one(InformationSystem, system_id).name
    what = (
        "使われていないものを先に取り消すか、CISOにこの申請の例外措置（D1-CAP）を許可してもらってください。"
        if kind is AccountKind.PRIVILEGED
        else "使われていないものの登録を先に終えるか、団体の設定の上限を改めてください。"
    )
    return CapReached(f"「{name}」の{ACCOUNT_KIND_TITLES[kind]}は、上限（{most}人・件）に達しています。{what}")
