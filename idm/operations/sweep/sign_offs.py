"""The result of the sweeps is checked, and whoever checked it puts their name to it (FK 6-2(2)③; control C2)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import (
    DecidedMeanwhile,
    IllegalTransition,
    InvalidInput,
    NotFound,
    NotPermitted,
    NotSeated,
    SeparationOfDuties,
)
from idm.models.nights import SweepSignOff, SweepSignOffReminder
from idm.models.systems import InformationSystem
from idm.operations.notification.notices import notify
from idm.policy import Policy
from idm.queries.approval.bench import Bench
from idm.queries.organisation.officers import holders, humans
from idm.queries.sweep.sign_offs import SignOffSheet, seated_for, sign_off_sheet, sign_off_sheets, signatures
from idm.vocabulary import Role

LONGEST_COMMENT = 1_000
JOB = 0
"""Nobody asks to sign: the sheets are read for the reminders."""


def sign(
    session: Session, system_id: int, *, seat: Role, shown_hash: str, comment: str, actor: Actor, policy: Policy,
    now: datetime,
) -> SweepSignOff:  # fmt: skip
    """Afterwards this person's name stands under the system's results for the seat, with what they were shown.

    Raises NotPermitted, NotFound, IllegalTransition, SeparationOfDuties for a second seat, NotSeated, InvalidInput, and
    DecidedMeanwhile where the results are others than those shown.
    """
    if actor.person_id is None:
        raise NotPermitted("点検結果を確認できるのは、名前のある人だけです。")
    system = session.get(InformationSystem, system_id, with_for_update=True)
    if system is None:
        raise NotFound("情報システムが見つかりません。")
    bench = Bench.on(session, day_of(now))
    sheet = sign_off_sheet(session, system, policy.sweep, person_id=actor.person_id, bench=bench)
    night_id = _open_night(sheet, seat)
    signed = signatures(session, system_id, night_id)
    _require_first_seat(session, signed, actor.person_id)
    own = next((one for one in seated_for(system, seat, signed, bench) if one.person_id == actor.person_id), None)
    if own is None:
        raise NotSeated("この確認欄に署名する職にありません。")
    if shown_hash != sheet.shown_hash:
        raise DecidedMeanwhile(
            "画面を開いた後に、点検の結果が増えました。画面を開き直して、今の内容を確かめてください。"
        )
    if len(comment) > LONGEST_COMMENT:
        problem = f"{LONGEST_COMMENT}文字以内で書いてください。"
        raise InvalidInput(problem, fields={"comment": problem})
    row = SweepSignOff(
        system_id=system_id, night_id=night_id, seat=seat, signed_by_id=actor.person_id, acting_for_id=own.acting_for,
        signed_at=now, shown_hash=shown_hash, comment=comment.strip() or None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, action="sweep.signed_off", actor=actor, obj=("system", str(system_id)), now=now,
        policy_digest=policy.digest,
        payload={
            "night": str(sheet.night), "seat": seat.value, "rung": own.rung.value, "acting_for": own.acting_for,
            "shown": shown_hash, "comment": row.comment,
        },
    )  # fmt: skip
    return row


def _open_night(sheet: SignOffSheet, seat: Role) -> int:
    row = next((one for one in sheet.seats if one.seat is seat), None)
    if sheet.night_id is None or row is None:
        raise IllegalTransition("確認する点検の結果が、まだありません。")
    if row.signed_at is not None:
        raise IllegalTransition("この確認欄は、すでに署名されています。")
    return sheet.night_id


def _require_first_seat(session: Session, signed: Iterable[SweepSignOff], person_id: int) -> None:
    human = humans(session, [person_id])[person_id]
    others = frozenset(one for row in signed for one in (row.signed_by_id, row.acting_for_id) if one is not None)
    if human.is_one_of(others):
        raise SeparationOfDuties("一人が署名できる確認欄は一つだけです（代決を含む）。", code="SOD-4")


def remind(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards the seats know which results wait for their names, and the chief which have waited too long: once.

    One mail a person. Returns how many systems somebody was told of.
    """
    day = day_of(now)
    waiting = [one for one in sign_off_sheets(session, policy.sweep, day=day, person_id=JOB) if not one.complete]
    asked = [one for one in waiting if one.asked_on is not None and one.asked_on <= day]
    late = [one for one in waiting if one.is_overdue(day)]
    told = _told(session)
    asked = [one for one in asked if (one.system_id, one.due_on, False) not in told]
    late = [one for one in late if (one.system_id, one.due_on, True) not in told]
    _ask(session, asked, now=now)
    _tell_chief(session, late, now=now)
    for overdue, sheets in ((False, asked), (True, late)):
        for sheet in sheets:
            session.add(
                SweepSignOffReminder(system_id=sheet.system_id, due_on=sheet.due_on, overdue=overdue, told_at=now)
            )
    if late:
        audit.record(
            session, action="sweep.sign_off_overdue", actor=actor, obj=("sweep", day.isoformat()), now=now,
            policy_digest=policy.digest, payload={"systems": [sheet.system_id for sheet in late]},
        )  # fmt: skip
    session.flush()
    return len({sheet.system_id for sheet in (*asked, *late)})


def _told(session: Session) -> set[tuple[int, object, bool]]:
    columns = (SweepSignOffReminder.system_id, SweepSignOffReminder.due_on, SweepSignOffReminder.overdue)
    return {(system, due, overdue) for system, due, overdue in session.execute(select(*columns))}


def _ask(session: Session, sheets: Iterable[SignOffSheet], *, now: datetime) -> None:
    bench = Bench.on(session, day_of(now))
    whose: dict[int, list[str]] = defaultdict(list)
    for sheet in sheets:
        system = session.get_one(InformationSystem, sheet.system_id)
        signed = signatures(session, sheet.system_id, sheet.night_id or 0)
        unsigned = [row.seat for row in sheet.seats if row.signed_at is None]
        for person_id in {one.person_id for seat in unsigned for one in seated_for(system, seat, signed, bench)}:
            whose[person_id].append(sheet.system_name)
    for person_id, names in whose.items():
        _send(session, {person_id}, names, "点検の結果を確かめて、確認の署名をお願いします。", now=now)


def _tell_chief(session: Session, sheets: list[SignOffSheet], *, now: datetime) -> None:
    if sheets:
        chiefs = set(holders(session, Role.CHIEF, None, day_of(now)))
        names = [sheet.system_name for sheet in sheets]
        _send(session, chiefs, names, "点検の結果が、期限までに確認されていません。", now=now)


def _send(session: Session, people: set[int], names: list[str], what: str, *, now: datetime) -> None:
    listed = "\n".join(f"・{name}" for name in sorted(names))
    notify(
        session, people, subject=f"【点検の確認】{len(names)} システム", body=f"{what}\n\n{listed}",
        link="/findings/sign-offs", now=now, asks=True,
    )  # fmt: skip
