"""Rights that are to go on after their end: applied for, many at once where somebody answers for many (A8).

Nothing is prolonged without a decision: a line begins on the day on which its right ends, and is decided like
any other. One application is to one system, so there is one of each system that was chosen from.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import InvalidInput, NotPermitted
from idm.models.requests import Grant
from idm.operations.approval import requests
from idm.operations.approval.requests import WantedLine
from idm.policy import Policy
from idm.publication import Reader
from idm.queries.approval.choices import scope_of
from idm.queries.organisation.officers import roles_of
from idm.queries.rights.ending_rights import EndingRight, renewable_rights
from idm.vocabulary import LineEffect, RequestAction


def renew(
    session: Session, grant_ids: Collection[int], *, valid_until: date, reason: str, reader: Reader, actor: Actor,
    policy: Policy, now: datetime,
) -> list[int]:  # fmt: skip
    """Afterwards the rights are applied for from their end until, and not on, the day; returns the applications.

    Raises InvalidInput for what cannot be renewed by this person now and for an end that is no later, NotPermitted.
    """
    if actor.person_id is None:
        raise NotPermitted("申請は、名前のある人だけができます。")
    scope = scope_of(
        session, actor.person_id, roles_of(session, actor.person_id, day_of(now)), policy=policy, day=day_of(now)
    )
    # Two who ask at once for the same: the second waits, and finds that it was asked for.
    session.execute(select(Grant.id).where(Grant.id.in_(grant_ids)).order_by(Grant.id).with_for_update(key_share=True))
    found = renewable_rights(session, scope, policy=policy, reader=reader, grant_ids=grant_ids)
    _require_renewable(found, set(grant_ids), valid_until)
    by_system: dict[int, list[EndingRight]] = defaultdict(list)
    for right in found:
        by_system[right.system_id].append(right)
    return [
        _apply(session, system_id, rights, valid_until, reason, actor=actor, policy=policy, now=now)
        for system_id, rights in by_system.items()
    ]


def _require_renewable(found: Collection[EndingRight], wanted: set[int], valid_until: date) -> None:
    if not wanted:
        raise InvalidInput("更新する権限を選んでください。", fields={"grant_id": "一つ以上選んでください"})
    if {right.grant_id for right in found} != wanted:
        problem = "選んだ権限の中に、いま更新を申請できないものがあります。画面を開き直してください。"
        raise InvalidInput(problem, fields={"grant_id": problem})
    if any(valid_until <= right.valid_until for right in found):
        problem = "新しい期限は、選んだ権限のいまの期限より後にしてください。"
        raise InvalidInput(problem, fields={"last_day": problem})


def _apply(
    session: Session, system_id: int, rights: Collection[EndingRight], valid_until: date, reason: str, *,
    actor: Actor, policy: Policy, now: datetime,
) -> int:  # fmt: skip
    lines = [
        WantedLine(right.person_id, right.entitlement_id, LineEffect.GRANT, right.valid_until, valid_until)
        for right in rights
    ]
    drafted = requests.draft(
        session, action=RequestAction.CHANGE, system_id=system_id, lines=lines, reason=reason, now=now
    )
    return requests.submit(session, drafted, actor=actor, policy=policy, now=now).id
