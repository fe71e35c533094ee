"""What a leaver gives back, from the known end to the last thing settled (FK 5-1(1)⑧, MT 6-1(1)キ; control A15).

Settled by the section manager, HR or the desk that hands things out, never by the one who leaves. What is settled stays
so: a correction is a new note.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.models.leaving import LeavingChecklist, ReturnItem, ReturnState
from idm.models.people import Employment
from idm.operations.factors import losses
from idm.operations.notification.notices import notify
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.factors.authenticators import held_things
from idm.queries.organisation.officers import contracted, holders, humans, roles_of
from idm.queries.rights.leaving import Leaver, SectionManagers, leavers, settled_units, units_of_employments
from idm.vocabulary import Role
from idm.wareki import format_wareki
from idm.written_text import written

STATE_TITLES = {
    ReturnState.OPEN: "未確認",
    ReturnState.RETURNED: "返却済み",
    ReturnState.LOST: "紛失",
    ReturnState.NOT_HELD: "貸与なし",
}


@dataclass(frozen=True)
class Followed:
    """How many checklists were made, withdrawn, and reminded of."""

    made: int
    withdrawn: int
    reminded: int


def follow(session: Session, *, policy: Policy, actor: Actor, now: datetime) -> Followed:
    """Afterwards whoever leaves soon, or has left, has a checklist; whoever stays after all has none that is open.

    Those who answer for what is missing have been reminded. Running it twice on one day does nothing the second time.
    """
    day = day_of(now)
    leaving = leavers(session, day)
    known = {one.employment_id: one for one in session.scalars(_open_first().with_for_update())}
    soon = day + timedelta(days=policy.leaving.remind_before_days)
    withdrawn = [c for c in known.values() if c.withdrawn_at is None and c.employment_id not in leaving]
    for checklist in withdrawn:
        checklist.withdrawn_at = now
        _record(session, "leaving.withdrawn", checklist, actor=actor, policy=policy, now=now)
    made = []
    for leaver in leaving.values():
        checklist_known = known.get(leaver.employment_id)
        if checklist_known is not None and checklist_known.withdrawn_at is None:
            checklist_known.due_on = leaver.due_on
        elif leaver.due_on <= soon and policy.leaving.return_items:
            made.append(_make(session, leaver, checklist_known, policy=policy, now=now))
    _add_authenticators(session, [*known.values(), *made], leaving)
    session.flush()
    for checklist in made:
        _record(session, "leaving.began", checklist, actor=actor, policy=policy, now=now)
    _tell_leavers(session, [leaving[c.employment_id] for c in made], policy=policy, now=now)
    reminded = _remind(session, [*known.values(), *made], leaving, policy=policy, now=now)
    return Followed(len(made), len(withdrawn), reminded)


def _open_first() -> Select[LeavingChecklist]:
    return select(LeavingChecklist).options(selectinload(LeavingChecklist.items)).order_by(LeavingChecklist.id)


def _make(
    session: Session, leaver: Leaver, before: LeavingChecklist | None, *, policy: Policy, now: datetime
) -> LeavingChecklist:
    """A new checklist; for somebody whose leaving was called off before, the same one from the beginning."""
    checklist = before or LeavingChecklist(employment_id=leaver.employment_id, due_on=leaver.due_on, made_at=now)
    session.add(checklist)
    checklist.due_on, checklist.made_at = leaver.due_on, now
    checklist.closed_at = checklist.withdrawn_at = checklist.reminded_at = None
    for item in checklist.items:
        item.state, item.settled_at, item.settled_by_id = ReturnState.OPEN, None, None
    there = {item.title for item in checklist.items}
    for title in policy.leaving.return_items:
        if title not in there:
            item = ReturnItem(person_id=leaver.person_id, title=title, state=ReturnState.OPEN, note="")
            checklist.items.append(item)
    return checklist


def _add_authenticators(
    session: Session, checklists: Iterable[LeavingChecklist], leaving: dict[int, Leaver]
) -> None:  # fmt: skip
    """Afterwards every checklist that is not done has the cards and tokens that the leaver still has."""
    waiting = {
        leaving[one.employment_id].person_id: one
        for one in checklists if one.withdrawn_at is None and one.closed_at is None
    }  # fmt: skip
    for thing in held_things(session, waiting):
        checklist = waiting[thing.person_id]
        if thing.title not in {item.title for item in checklist.items}:
            item = ReturnItem(person_id=thing.person_id, title=thing.title, state=ReturnState.OPEN, note="")
            checklist.items.append(item)


def _tell_leavers(session: Session, gone: Iterable[Leaver], *, policy: Policy, now: datetime) -> None:
    """Whoever leaves knows what to give back; for the dead the section manager alone is asked (`_remind`)."""
    titles = "\n".join(f"・{title}" for title in policy.leaving.return_items)
    for leaver in gone:
        if not leaver.dead:
            notify(
                session, [leaver.person_id], now=now, link="/me", subject="【返却のお願い】退職・離任に伴う返却物",
                body=f"{format_wareki(leaver.due_on)}までに、お持ちのものを所属の課長に返してください。\n{titles}",
            )  # fmt: skip


def _remind(
    session: Session, known: Iterable[LeavingChecklist], leaving: dict[int, Leaver], *, policy: Policy, now: datetime
) -> int:
    """Once before the last day, and from the day after it every so many days until nothing is missing."""
    day = day_of(now)
    due = [c for c in known if c.closed_at is None and c.withdrawn_at is None and _is_due(c, day, policy)]
    units = units_of_employments(session, [c.employment_id for c in due])
    everybody, managers = holders(session, Role.HR, None, day), SectionManagers.on(session, day)
    people = humans(session, {leaving[checklist.employment_id].person_id for checklist in due})
    told: dict[int, list[LeavingChecklist]] = defaultdict(list)
    for checklist in due:
        themselves = people[leaving[checklist.employment_id].person_id].rows
        unit, _ = units.get(checklist.employment_id, ("", ""))
        for person_id in {*managers.of(unit, without=themselves), *everybody} - themselves:
            told[person_id].append(checklist)
        checklist.reminded_at = now
    for person_id, checklists in sorted(told.items()):
        lines = "\n".join(f"・{_line(checklist, day)}" for checklist in checklists)
        notify(
            session, [person_id], now=now, link="/leaving", subject=f"【返却物の確認】{len(checklists)}名分",
            body=f"次の人の返却物が、まだすべては確かめられていません。返却を受けて、記録してください。\n{lines}",
        )  # fmt: skip
    return len(due)


def _is_due(checklist: LeavingChecklist, day: date, policy: Policy) -> bool:
    if checklist.reminded_at is None:
        return True
    last = day_of(checklist.reminded_at)
    every = timedelta(days=policy.leaving.remind_every_days)
    return day > checklist.due_on and (last <= checklist.due_on or day >= last + every)


def _line(checklist: LeavingChecklist, day: date) -> str:
    missing = sum(item.state is ReturnState.OPEN for item in checklist.items)
    late = "（期限を過ぎています）" if day > checklist.due_on else ""
    name = checklist.employment.person.name
    return f"{name} さん 最後の日 {format_wareki(checklist.due_on)}{late} 未確認 {missing} 点"


def settle(
    session: Session, item_id: int, state: ReturnState, note: str, *, actor: Actor, policy: Policy, now: datetime
) -> ReturnItem:
    """Afterwards the thing is returned, lost or was never lent; with the last one the checklist is closed.

    A card or token that is lost is stopped as if its loss had been reported (`idm.operations.factors.losses`).
    Raises NotPermitted for the leaver and for other units, InvalidInput for a loss without a note, IllegalTransition.
    """
    item, checklist = _for_settling(session, item_id, actor=actor, now=now)
    if item.state is not ReturnState.OPEN:
        raise IllegalTransition("この返却物はすでに記録されています。訂正は、注記を書き足してください。")
    if state is ReturnState.OPEN:
        problem = "返却済み・紛失・貸与なしのどれかを選んでください。"
        raise InvalidInput(problem, fields={"state": problem})
    if state is ReturnState.LOST or note.strip():
        item.note = _with_note(item.note, written(
            note, field="note", empty="紛失のときは、いつどのように失われたかを書いてください。"
        ), None)  # fmt: skip
    _settled(session, item, checklist, state, actor=actor, policy=policy, now=now)
    if state is ReturnState.LOST:
        _tell_of_loss(session, item, checklist, now=now)
        losses.lost_at_leaving(
            session, item.person_id, item.title, item.note, actor=actor, policy=policy, now=now
        )  # fmt: skip
    return item


def _settled(
    session: Session, item: ReturnItem, checklist: LeavingChecklist, state: ReturnState, *, actor: Actor,
    policy: Policy, now: datetime,
) -> None:  # fmt: skip
    """Afterwards the thing is settled by whoever acts; with the last one the checklist is closed."""
    item.state, item.settled_at, item.settled_by_id = state, now, actor.person_id
    details = {"item": item.title, "state": state.value, "note": item.note}
    _record(session, "leaving.settled", checklist, actor=actor, policy=policy, now=now, **details)
    if all(one.state is not ReturnState.OPEN for one in checklist.items):
        checklist.closed_at = now
        _record(session, "leaving.closed", checklist, actor=actor, policy=policy, now=now)


def correct(
    session: Session, item_id: int, note: str, *, actor: Actor, policy: Policy, now: datetime
) -> ReturnItem:  # fmt: skip
    """Afterwards a settled thing carries one more note; its state and everything written before stay as they were.

    Raises NotPermitted, InvalidInput, IllegalTransition for what is not settled yet.
    """
    item, checklist = _for_settling(session, item_id, actor=actor, now=now)
    if item.state is ReturnState.OPEN:
        raise IllegalTransition("まだ記録されていない返却物です。注記ではなく、返却の結果を記録してください。")
    text = written(note, field="note", empty="注記を書いてください。")
    item.note = _with_note(item.note, text, f"{format_wareki(day_of(now))} {actor.label}")
    details = {"item": item.title, "state": item.state.value, "note": text}
    _record(session, "leaving.corrected", checklist, actor=actor, policy=policy, now=now, **details)
    return item


def given_back(
    session: Session, person_id: int, title: str, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    """Afterwards the person's checklists say that the thing of this name is returned: whoever acts has taken it."""
    query = (
        select(ReturnItem, LeavingChecklist)
        .join(LeavingChecklist, ReturnItem.checklist_id == LeavingChecklist.id)
        .where(
            ReturnItem.person_id == person_id, ReturnItem.title == title, ReturnItem.state == ReturnState.OPEN,
            LeavingChecklist.withdrawn_at.is_(None),
        )
        .order_by(ReturnItem.id)
        .with_for_update()
    )  # fmt: skip
    for item, checklist in session.execute(query).all():
        _settled(session, item, checklist, ReturnState.RETURNED, actor=actor, policy=policy, now=now)


def _with_note(before: str, text: str, signed: str | None) -> str:
    return "\n".join(part for part in (before, f"〔{signed}〕{text}" if signed else text) if part)


def _for_settling(
    session: Session, item_id: int, *, actor: Actor, now: datetime
) -> tuple[ReturnItem, LeavingChecklist]:  # fmt: skip
    """The thing and its checklist as they are now, for somebody who may settle it."""
    item = session.get(ReturnItem, item_id)
    if item is None:
        raise NotFound("返却物が見つかりません。")
    checklist = session.scalars(
        _open_first().where(LeavingChecklist.id == item.checklist_id).with_for_update().execution_options(
            populate_existing=True
        )
    ).one()  # fmt: skip
    person_id, day = actor.person_id or 0, day_of(now)
    require(roles_of(session, person_id, day), Action.SETTLE_LEAVING)
    human = humans(session, [person_id])[person_id]
    if human.is_one_of(frozenset({item.person_id})):
        raise NotPermitted("自分の返却物を自分で確認することはできません。所属の課長又は人事担当者に頼んでください。")
    if contracted(session, human.rows, day):
        raise NotPermitted("委託事業者は、返却物の確認をすることができません。")
    units = settled_units(session, person_id, day)
    unit, _ = units_of_employments(session, [checklist.employment_id]).get(checklist.employment_id, ("", ""))
    if units is not None and unit not in units:
        raise NotPermitted("ほかの課の人の返却物は確認できません。その課の課長又は人事担当者に頼んでください。")
    if checklist.withdrawn_at is not None:
        raise IllegalTransition("退職が取りやめになったため、この確認表は取り下げられています。")
    return item, checklist


def _tell_of_loss(session: Session, item: ReturnItem, checklist: LeavingChecklist, *, now: datetime) -> None:
    """Something lost may be an incident: the officer for information security decides that."""
    notify(
        session, holders(session, Role.SECURITY, None, day_of(now)), now=now, link=f"/leaving/{checklist.id}",
        subject=f"【紛失の記録】{item.title}",
        body=f"{checklist.employment.person.name} さんの「{item.title}」が紛失と記録されました。\n{item.note}",
    )  # fmt: skip


def _record(
    session: Session, action: str, checklist: LeavingChecklist, *, actor: Actor, policy: Policy, now: datetime,
    **details: str,
) -> None:  # fmt: skip
    employment = session.get_one(Employment, checklist.employment_id)
    audit.record(
        session, action=action, actor=actor, obj=("leaving", str(checklist.id)), now=now, policy_digest=policy.digest,
        payload={
            "person": employment.person_id, "staff_number": employment.staff_number,
            "due_on": checklist.due_on.isoformat(), **details,
        },
    )  # fmt: skip
