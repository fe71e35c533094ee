"""Rights that their holder says are not needed any more, and reminders before an end (FK 6-2(2)②, MT 7-2(1)イ(イ); A8).

By the profile giving back is an application, which the officers decide on like any other, or a notice that is taken
note of and acts at once. The account itself takes everything of its system with it, either way.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, end_to_last_day
from idm.ending_rights import renewable_until, step_due
from idm.errors import IllegalTransition, NotFound
from idm.grant_state import EndReason, GrantState
from idm.models.people import Person
from idm.models.requests import Grant
from idm.operations.approval import requests
from idm.operations.approval.requests import WantedLine
from idm.operations.notification.notices import notify
from idm.operations.rights import grants
from idm.policy import Policy
from idm.queries.factors.authenticators import units_of_owner
from idm.queries.outsiders.told_for import told_for
from idm.queries.rights.ending_rights import asked_or_renewed, ending_grants
from idm.queries.rights.leaving import SectionManagers
from idm.vocabulary import EntitlementKind, LineEffect, RequestAction
from idm.wareki import format_wareki
from idm.written_text import written


@dataclass(frozen=True)
class GivenBack:
    """What came of it: the application that waits for the officers, or how many rights ended at once."""

    request_id: int | None
    ended: int


def give_back(
    session: Session, grant_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> GivenBack:
    """Afterwards the right waits to be taken by application, or has ended and the section manager knows.

    For the holder alone. Raises NotFound for anybody else's, IllegalTransition where it has ended, InvalidInput,
    NotPermitted where the profile lets nobody apply for themself.
    """
    grant = session.get(Grant, grant_id, with_for_update=True, populate_existing=True)
    if grant is None or actor.person_id is None or grant.account.person_id != actor.person_id:
        raise NotFound("この権限は見つかりません。")
    if grant.state is GrantState.ENDED:
        raise IllegalTransition("この権限はすでに終わっています。")
    said = written(reason, field="reason", empty="要らなくなった理由を書いてください。")
    if policy.giving_back.way == "application":
        return GivenBack(_apply(session, grant, said, actor=actor, policy=policy, now=now), 0)
    return GivenBack(None, _end_at_once(session, grant, said, actor=actor, policy=policy, now=now))


def _apply(session: Session, grant: Grant, reason: str, *, actor: Actor, policy: Policy, now: datetime) -> int:
    whole = grant.entitlement.kind is EntitlementKind.ACCOUNT and not grant.entitlement.privileged
    line = WantedLine(actor.person_id or 0, grant.entitlement_id, LineEffect.REVOKE, day_of(now))
    drafted = requests.draft(
        session, action=RequestAction.REMOVE if whole else RequestAction.CHANGE, system_id=grant.account.system_id,
        lines=[line], reason=reason, now=now,
    )  # fmt: skip
    return requests.submit(session, drafted, actor=actor, policy=policy, now=now).id


def _end_at_once(session: Session, grant: Grant, reason: str, *, actor: Actor, policy: Policy, now: datetime) -> int:
    taken = grants.end_with_what_hangs(session, grant, EndReason.GIVEN_BACK, actor=actor, policy=policy, now=now)
    rights = {one.entitlement_id for one in taken}
    requests.lapse_lines(session, actor.person_id or 0, rights, actor=actor, policy=policy, now=now)
    audit.record(
        session, action="giving_back.noticed", actor=actor, obj=("grant", str(grant.id)), now=now,
        policy_digest=policy.digest, payload={"reason": reason, "grants": [one.id for one in taken]},
    )  # fmt: skip
    _tell_managers(session, grant, taken, reason, actor=actor, now=now)
    return len(taken)


def _tell_managers(
    session: Session, grant: Grant, taken: Sequence[Grant], reason: str, *, actor: Actor, now: datetime
) -> None:
    person_id, day = grant.account.person_id or 0, day_of(now)
    managers = SectionManagers.on(session, day)
    told: set[int] = set()
    for unit in units_of_owner(session, person_id, day):
        told |= managers.of(unit, without=frozenset({person_id}))
    names = "\n".join(f"・{one.entitlement.name}" for one in taken)
    notify(
        session, told, now=now, link=f"/people/{person_id}",
        subject=f"【権限の返却】{actor.label} さん：{grant.account.system.name}",
        body=f"{actor.label} さんの届出により、不要になった次の権限が終わりました。\n{names}\n理由: {reason}",
    )  # fmt: skip


def remind(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards whoever has a right that ends soon was reminded at the profile's days, once each; returns how many
    people were told. Of what was asked to go on, or was decided to end, nobody is reminded (A8)."""
    day, rules = day_of(now), policy.giving_back
    farthest = max((*rules.remind_before_days, rules.renew_from_days))
    found = ending_grants(session, day, farthest)
    going_on = asked_or_renewed(session, [one.id for one in found])
    due: dict[int, list[Grant]] = defaultdict(list)
    for grant in found:
        step = step_due(grant.valid_until or day, grant.reminded_days, day, rules)
        if step is not None and grant.id not in going_on and grant.account.person_id is not None:
            grant.reminded_days = step
            due[grant.account.person_id].append(grant)
    session.flush()
    told = told_for(session, due, day)
    for person_id, ending in sorted(due.items()):
        _remind_of(session, person_id, told[person_id], ending, day, actor=actor, policy=policy, now=now)
    return len(due)


def _remind_of(
    session: Session, person_id: int, told: Collection[int], ending: Sequence[Grant], day: date, *, actor: Actor,
    policy: Policy, now: datetime,
) -> None:  # fmt: skip
    """`told`: themselves, or who is told for them because they have no mail address."""
    renewable = any((one.valid_until or day) <= renewable_until(day, policy.giving_back) for one in ending)
    how = (
        "続けて使うときは、自分の記録の画面から更新を申請してください。"
        if renewable
        else f"更新は、期限の{policy.giving_back.renew_from_days}日前から申請できます。"
    )
    names = "\n".join(
        f"・{one.account.system.name} {one.entitlement.name}（{_last_day(one, day)}まで）"
        for one in sorted(ending, key=lambda one: (one.valid_until or day, one.id))
    )
    own = person_id in told
    name = session.get_one(Person, person_id).name
    whose = "" if own else f"{name} さんはメールを使わないため、あなたに知らせます。本人に伝えてください。\n"
    notify(
        session, told, now=now, link="/me#rights" if own else f"/people/{person_id}",
        subject=f"【権限の期限】期限の近い権限が{len(ending)}件あります",
        body=f"{whose}次の権限は、期限が来ると使えなくなります。\n{names}\n{how}\n要らないときは、何もしなくてかまいません。",
    )  # fmt: skip
    audit.record(
        session, action="giving_back.reminded", actor=actor, obj=("person", str(person_id)), now=now,
        policy_digest=policy.digest, payload={"grants": [one.id for one in ending], "told": sorted(told)},
    )  # fmt: skip


def _last_day(grant: Grant, day: date) -> str:
    return format_wareki(end_to_last_day(grant.valid_until) or day)
