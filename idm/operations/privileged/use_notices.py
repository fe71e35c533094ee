"""Who is told what of the uses of privileged IDs (D6): each message has one link to the use."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from idm.calendar_days import TOKYO, day_of
from idm.errors import NotPermitted
from idm.models.people import Person
from idm.models.privileged import PrivilegedUse
from idm.models.systems import InformationSystem
from idm.operations.notification.notices import notify
from idm.policy import Policy
from idm.privileged_use_state import is_wanted_at_once, window_of
from idm.queries.organisation.officers import holders, humans, never_deciding
from idm.queries.privileged.permitters import concerned, permitters
from idm.vocabulary import USE_END_TITLES, Role

HEADS = (Role.CISO, Role.VICE_CISO, Role.CHIEF, Role.SECURITY)
"""Whoever is told of an emergency use in the place of who is concerned or not there, in this order."""
TOLD_OF_EMERGENCY = 2


def moment(at: datetime) -> str:
    """The instant as people in the office read it."""
    return at.astimezone(TOKYO).strftime("%Y-%m-%d %H:%M")


def named(session: Session, use: PrivilegedUse) -> str:
    """The use in a few words: who, what, where."""
    system = session.get_one(InformationSystem, use.system_id)
    return f"{use.person.name} さん：{system.name}「{use.account.login_name}」"


def ask_to_permit(session: Session, use: PrivilegedUse, *, policy: Policy, now: datetime) -> None:
    """Afterwards everybody who may permit the use knows that it waits."""
    system = session.get_one(InformationSystem, use.system_id)
    seats = permitters(session, system, concerned(use), policy=policy, day=day_of(now))
    body = (
        f"特権IDの利用の申出がありました。内容を確かめて、許可又は却下をしてください。\n{named(session, use)}\n"
        f"時間：{_wanted(use)} {use.hours}時間\n目的：{use.purpose}"
    )
    _tell(session, use, [seat.person_id for seat in seats], "【特権ID】利用の許可の依頼", body, now=now)


def tell_decided(session: Session, use: PrivilegedUse, *, permitted: bool, now: datetime) -> None:
    """Afterwards the user, whoever asked for them, and who is to attend know the decision."""
    word = "許可" if permitted else "却下"
    body = f"特権IDの利用が{word}されました。\n{named(session, use)}\n{use.decision_comment or ''}"
    if permitted:
        window = window_of(use, now=now)
        body += f"\n時間：{moment(window.begins)}から{moment(window.until)}まで"
    people = {*concerned(use), *([use.attended_by_id] if permitted and use.attended_by_id else [])}
    _tell(session, use, people, f"【特権ID】利用の{word}", body, now=now)


def tell_opened(session: Session, use: PrivilegedUse, *, now: datetime) -> None:
    """Afterwards the user knows that it has begun, until when, and that a report is due after it."""
    body = (
        f"特権IDの利用が始まりました。\n{named(session, use)}\n終了：{_end_of(use)}（この時刻に自動で止まります）\n"
        "作業が終わったら返却し、作業報告を書いてください。"
    )
    _tell(session, use, [use.person_id], "【特権ID】利用の開始", body, now=now)


def tell_never_begun(session: Session, use: PrivilegedUse, *, now: datetime) -> None:
    """Afterwards the user and whoever asked for them know that it did not begin, and why."""
    body = f"特権IDの利用の申出が、開始しないまま終わりました。\n{named(session, use)}\n{use.end_note or ''}"
    _tell(session, use, concerned(use), "【特権ID】利用の申出の終了", body, now=now)


def tell_ended(session: Session, use: PrivilegedUse, *, now: datetime) -> None:
    """Afterwards the user knows that it ended, why, and until when the work report is due."""
    reason = USE_END_TITLES[use.end_reason] if use.end_reason else ""
    due = f"\n作業報告の期限：{moment(use.report_due_at)}" if use.report_due_at else ""
    body = f"特権IDの利用が終わりました（{reason}）。\n{named(session, use)}\n{use.end_note or ''}{due}"
    _tell(session, use, [use.person_id], f"【特権ID】利用の終了（{reason}）", body, now=now)


def to_tell_of_emergency(session: Session, system: InformationSystem, user_id: int, *, now: datetime) -> list[int]:
    """The CISO and the manager of the system, or the next heads in their place: two humans at least, none the user.

    Raises NotPermitted where two cannot be told: an emergency use that nobody would know of is none.
    """
    day = day_of(now)
    first = (*holders(session, Role.CISO, None, day), *holders(session, Role.SYSTEM, system.manager_unit_code, day))
    heads = (person for role in HEADS for person in holders(session, role, None, day))
    told = _two_humans(session, [*dict.fromkeys(first)], [*dict.fromkeys(heads)], user_id, now=now)
    if len(told) < TOLD_OF_EMERGENCY:
        raise NotPermitted(
            "緊急利用を知らせるべき責任者（CISO、情報システム管理者など）二人に連絡できないため、始められません。"
            "責任者の在任とメールアドレスを確かめてください。"
        )
    return told


def tell_of_emergency(session: Session, use: PrivilegedUse, people: Iterable[int], *, now: datetime) -> None:
    """Afterwards these people know of an emergency use that began without anybody's permission."""
    body = (
        f"特権IDの緊急利用が、許可を待たずに始まりました。心当たりがないときは、直ちに停止してください。\n"
        f"{named(session, use)}\n終了：{_end_of(use)}\n目的：{use.purpose}"
    )
    _tell(session, use, people, "【緊急】特権IDの緊急利用の開始", body, now=now)


def _two_humans(
    session: Session, first: list[int], heads: list[int], user_id: int, *, now: datetime
) -> list[int]:  # fmt: skip
    """The first ones, and as many of the others as are needed for two different humans who can be reached.

    A mail box that is the user's too, or another's who is told, reaches nobody else (a section's common address).
    """
    known = humans(session, {*first, *heads, user_id})
    taken = known[user_id].rows | never_deciding(session, known.values(), day_of(now))
    boxes = {None, *(_mail_box(session, row) for row in known[user_id].rows)}
    told: list[int] = []
    for number, person in enumerate([*first, *heads]):
        enough = number >= len(first) and len(told) >= TOLD_OF_EMERGENCY
        box = _mail_box(session, person)
        if enough or known[person].is_one_of(taken) or box in boxes:
            continue
        told.append(person)
        taken |= known[person].rows
        boxes.add(box)
    return told


def _mail_box(session: Session, person_id: int) -> str | None:
    """Where mail to the person arrives, however it is written; None = nowhere."""
    return (session.get_one(Person, person_id).mail or "").strip().casefold() or None


def _wanted(use: PrivilegedUse) -> str:
    return "許可されたらすぐ" if is_wanted_at_once(use) else f"{moment(use.wanted_from)}から"


def _end_of(use: PrivilegedUse) -> str:
    return moment(use.ends_at) if use.ends_at is not None else ""


def _tell(
    session: Session, use: PrivilegedUse, people: Iterable[int], subject: str, body: str, *, now: datetime
) -> None:  # fmt: skip
    notify(session, people, subject=subject, body=body, link=f"/privileged-uses/{use.id}", now=now,
           urgent=True)  # fmt: skip
