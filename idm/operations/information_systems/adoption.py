"""The inventory application of a system: what already exists is asked for, line by line, by its manager (control A18).

It goes the way of every application: a written reason, a number, the seats of the route, separation judged for each
line. What cannot be asked for (a consent that is missing, a zone the profile keeps out of) is left out and told. Rights
behind the gate of factors are taken over held back until it opens: how many is told before (`gate_outlook`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, Refusal
from idm.models.requests import Request, RequestLine
from idm.models.systems import InformationSystem
from idm.operations.approval.admissibility import require_admissible
from idm.operations.approval.requests import WantedLine, draft, drop_line, submit
from idm.operations.information_systems.system_scope import require_for_system
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.approval.admission import admission
from idm.queries.information_systems.adoption import HeldRight, misplaced_rights, rights_to_ask_for
from idm.vocabulary import EntitlementKind, LineEffect, RequestAction, Stage
from idm.written_text import written

MISPLACED = {
    True: "特権は日常の利用者ID「{name}」には付けられません。本人の管理用IDを申請してそこに付け、「{name}」からは外して"
    "ください。外すまで、点検結果に残ります。",
    False: "特権でない権限は管理用ID「{name}」には付けられません。日常の利用者IDで申請し、「{name}」からは外して"
    "ください。外すまで、点検結果に残ります。",
}
"""Whether the group is a privileged one → why it is not taken over where it is (control D8), and what to do."""
NOTHING = "引き継ぐ権限がありません。棚卸しを行い、照合待ちのIDの持ち主を決めてから、もう一度行ってください。"


@dataclass(frozen=True)
class LeftOut:
    """One right that could not be asked for, and why."""

    person_name: str
    right_name: str
    reason: str


@dataclass(frozen=True)
class Submitted:
    """The application, and what is not in it."""

    request: Request
    left_out: tuple[LeftOut, ...]


def submit_adoption(
    session: Session, system_id: int, *, reason: str, privileged_until: date | None = None, actor: Actor,
    policy: Policy, now: datetime,
) -> Submitted:  # fmt: skip
    """Afterwards everything that was recognised and never asked for stands in one submitted application.

    `privileged_until` is the first day on which privileged rights, and those to external access, no longer hold (FK
    6-2(3)①, 6-2(4)). Raises NotPermitted,
    NotFound, IllegalTransition while the system is only observed, InvalidInput.
    """
    system = session.get(InformationSystem, system_id)
    if system is None:
        raise NotFound("この情報システムは見つかりません。")
    require_for_system(session, system, Action.SETTLE_FOUND, person_id=actor.person_id or 0, day=day_of(now))
    if system.stage is Stage.OBSERVE:
        raise IllegalTransition(
            f"「{system.name}」は観察の段階です。団体の設定で段階を「引継ぎ中」（adopt）にしてから申請してください。"
        )
    reason = written(reason, field="reason", empty="申請の理由を書いてください。")
    rights = rights_to_ask_for(session, system_id, now=now)
    if not rights:
        raise InvalidInput(NOTHING)
    _require_end(rights, privileged_until)
    request = draft(
        session, action=RequestAction.REGISTER, system_id=system_id, reason=reason, applicant_id=actor.person_id,
        lines=[_line(right, privileged_until, day_of(now)) for right in rights], adopts=True, now=now,
    )  # fmt: skip
    left_out = _leave_out(session, request, actor=actor, policy=policy, now=now)
    if not request.lines:
        raise InvalidInput(
            "申請できる行がありません。" + " ".join(f"{one.person_name}: {one.reason}" for one in left_out)
        )
    submit(session, request, actor=actor, policy=policy, now=now)
    return Submitted(request, (*left_out, *_misplaced(session, system_id, now=now)))


def _misplaced(session: Session, system_id: int, *, now: datetime) -> list[LeftOut]:
    return [
        LeftOut(right.person_name, right.right_name, MISPLACED[right.privileged].format(name=right.login_name))
        for right in misplaced_rights(session, system_id, now=now)
    ]


def _line(right: HeldRight, privileged_until: date | None, day: date) -> WantedLine:
    ends = [end for end in (right.until, privileged_until if right.needs_end else None) if end is not None]
    return WantedLine(right.person_id, right.entitlement_id, LineEffect.GRANT, day, min(ends) if ends else None)


def _require_end(rights: Collection[HeldRight], privileged_until: date | None) -> None:
    if privileged_until is None and any(right.needs_end for right in rights):
        problem = "特権又は外部からの利用の権限が含まれているため、その最終日を入れてください。"
        raise InvalidInput(problem, fields={"privileged_until": problem})


def _leave_out(session: Session, request: Request, *, actor: Actor, policy: Policy, now: datetime) -> list[LeftOut]:
    """Afterwards only what may be asked for is left; without its account nobody is asked a group for."""
    found: list[LeftOut] = []
    for kind in (EntitlementKind.ACCOUNT, EntitlementKind.GROUP):
        session.flush()
        facts = admission(session, {line.subject_id for line in request.lines}, day=day_of(now))
        refused: list[tuple[RequestLine, Refusal]] = []
        for line in [one for one in request.lines if one.entitlement.kind is kind]:
            try:
                require_admissible(line, facts, policy=policy, day=day_of(now))
            except Refusal as refusal:
                refused.append((line, refusal))
        for line, why in refused:
            found.append(LeftOut(line.subject.name, line.entitlement.name, why.message))
            drop_line(session, request, line.id, actor=actor, policy=policy, now=now)
    return found
