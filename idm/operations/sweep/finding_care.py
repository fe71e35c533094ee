"""Whose a finding is, until when, and what was done so far (FK 7-2(1)): who is named, the last day, notes."""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import InvalidInput, SeparationOfDuties
from idm.models.people import Person
from idm.models.work import Finding
from idm.operations.notification.notices import notify
from idm.operations.sweep.findings import last_day
from idm.operations.sweep.one_finding import happened, holder_of, locked, require_possible, require_reach
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.organisation.officers import humans
from idm.queries.sweep.finding_owners import Offices
from idm.vocabulary import FINDING_TITLES, FindingEventKind, FindingKind
from idm.wareki import format_wareki
from idm.written_text import written

TOO_LONG = "見つかってから長くたっているため、期限はもう動かせません。CISOにリスクの受容を求めてください。"
GIVEN = "【点検結果】担当になりました"


def assign(
    session: Session, finding_id: int, *, to: int | None, actor: Actor, policy: Policy, now: datetime
) -> Finding:
    """Afterwards the finding is this person's, who knows; None = whoever holds the office of its kind.

    Raises NotFound, NotPermitted, IllegalTransition, InvalidInput for somebody who could do nothing about it.
    """
    finding, day = locked(session, finding_id), day_of(now)
    require_reach(session, finding, Action.CARE_FOR_FINDING, person_id=actor.person_id or 0, day=day)
    require_possible(session, finding, FindingEventKind.ASSIGNED, day=day)
    if to is not None and to not in Offices.on(session, day).may_be_given(finding.system_id):
        problem = "担当者にできるのは、この点検結果を扱える責任者だけです。"
        raise InvalidInput(problem, fields={"owner": problem})
    holder = holder_of(session, finding)
    if to is not None and holder is not None and humans(session, [to])[to].is_one_of(frozenset({holder})):
        problem = "この点検結果の本人を、担当者にすることはできません。"
        raise InvalidInput(problem, fields={"owner": problem})
    finding.owner_id = to
    name = session.get_one(Person, to).name if to is not None else "この種類の担当の職"
    said: dict[str, object] = {"owner": to}
    happened(
        session, finding, FindingEventKind.ASSIGNED, said, actor=actor, policy=policy, now=now, words=name
    )  # fmt: skip
    if to is not None and to != actor.person_id:
        due = f"期限は{format_wareki(finding.due_on)}です。" if finding.due_on is not None else ""
        body = f"点検結果「{FINDING_TITLES[finding.kind]}」の担当になりました。{due}内容を確かめ、対応してください。"
        notify(session, [to], subject=GIVEN, body=body, link=f"/findings/{finding.id}", now=now, asks=True)
    return finding


def move_due(
    session: Session, finding_id: int, *, due: date, reason: str, actor: Actor, policy: Policy, now: datetime
) -> Finding:
    """Afterwards `due` is the last day for an answer, and who is told of its passing begins anew.

    Nobody moves the day of what is their own to do. Raises NotFound, NotPermitted, SeparationOfDuties,
    IllegalTransition for what is not open, InvalidInput for a day that is too late or gone.
    """
    finding, day, person_id = locked(session, finding_id), day_of(now), actor.person_id or 0
    require_reach(session, finding, Action.CARE_FOR_FINDING, person_id=person_id, day=day)
    require_possible(session, finding, FindingEventKind.DUE_MOVED, day=day)
    offices = Offices.on(session, day)
    # Neither who was named nor whose it would be: to give it away for a moment is no way round.
    theirs = offices.of(finding.kind, finding.system_id) | offices.of(finding.kind, finding.system_id, finding.owner_id)
    if humans(session, [person_id])[person_id].is_one_of(theirs):
        raise SeparationOfDuties("自分が担当する点検結果の期限は、自分では動かせません。ほかの責任者に頼んでください。")
    latest = latest_day(finding.kind, finding.first_seen_at, policy=policy, now=now)
    if not day < due <= latest:
        problem = f"期限は明日から{format_wareki(latest)}までにしてください。" if day < latest else TOO_LONG
        raise InvalidInput(problem, fields={"due": problem})
    why = written(reason, field="due_reason", empty="期限を動かす理由を書いてください。")
    said: dict[str, object] = {
        "from": finding.due_on.isoformat() if finding.due_on is not None else None, "until": due.isoformat(),
        "reason": why,
    }  # fmt: skip
    finding.due_on, finding.escalated_level, finding.escalated_at = due, 0, None
    words = f"{format_wareki(due)}まで：{why}"
    happened(session, finding, FindingEventKind.DUE_MOVED, said, actor=actor, policy=policy, now=now, words=words)
    return finding


def latest_day(kind: FindingKind, first_seen_at: datetime, *, policy: Policy, now: datetime) -> date:
    """To which day its last day may be moved: as for a new finding of the kind, and never further from its first day
    than a risk may be accepted for; what has to wait longer is the CISO's to accept."""
    longest = day_of(first_seen_at) + timedelta(days=policy.findings.accept_longest_days)
    return min(last_day(kind, policy=policy, now=now), longest)


def add_note(session: Session, finding_id: int, *, text: str, actor: Actor, policy: Policy, now: datetime) -> Finding:
    """Afterwards the note is in the finding's history. Raises NotFound, NotPermitted, InvalidInput."""
    finding, day = locked(session, finding_id), day_of(now)
    require_reach(session, finding, Action.CARE_FOR_FINDING, person_id=actor.person_id or 0, day=day)
    require_possible(session, finding, FindingEventKind.NOTED, day=day)
    words = written(text, field="note", empty="経過を書いてください。")
    happened(
        session, finding, FindingEventKind.NOTED, {"text": words}, actor=actor, policy=policy, now=now, words=words
    )  # fmt: skip
    return finding
