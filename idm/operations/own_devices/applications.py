"""Somebody applies to use a device of their own, and the offices of the profile answer (MC 5.1, FK 5-1(1)④ア; I4)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotPermitted
from idm.models.own_devices import OwnDevice, OwnDevicePermit
from idm.models.people import Person
from idm.operations.own_devices.authority import (
    is_holder,
    locked,
    locked_with_renewed,
    named,
    require_may_ask,
    require_may_permit,
)
from idm.operations.own_devices.device_notices import move, record, tell
from idm.policy import OwnDeviceRules, Policy
from idm.queries.outsiders.outside_scope import units_of_person
from idm.queries.own_devices.permitting import permits_given, permitters
from idm.queries.own_devices.why_over import why_over
from idm.registers.own_device_state import (
    DeviceEvent,
    after,
    next_permit,
    require_first_day,
    require_level,
    require_period,
)
from idm.vocabulary import OwnDeviceEnd, OwnDeviceState
from idm.written_text import all_written, written


@dataclass(frozen=True)
class WantedDevice:
    """What is applied for; None = it was left open. `ends_on`: the first day on which it is no longer used.

    `unit_code`: of the section whose manager permits it. `replaces_id`: the entry about the same device that this one
    renews or changes.
    """

    unit_code: str
    contact: str
    contract_holder: str
    maker: str
    model: str
    os: str
    os_version: str
    purpose: str
    information: str
    confidentiality: int | None
    place: str
    line: str
    connects_inside: bool | None
    begins_on: date | None
    ends_on: date | None
    answers: Mapping[str, str] = field(default_factory=dict)
    replaces_id: int | None = None


TEXTS: Mapping[str, str] = {
    "contact": "利用中に連絡のつく電話番号などを書いてください。",
    "contract_holder": "通信契約の名義を書いてください。契約がなければ「なし」と書いてください。",
    "maker": "製造企業名を書いてください。", "model": "機種名を書いてください。", "os": "OSの種類を書いてください。",
    "os_version": "OSのバージョンを書いてください。", "purpose": "利用の目的（業務）を書いてください。",
    "information": "取り扱う情報の概要を書いてください。", "place": "主に利用する場所を書いてください。",
    "line": "主に利用する通信回線サービスを書いてください。",
}  # fmt: skip
"""Field → what is said where nothing is written."""
UNANSWERED = "どのようにするかを書いてください。"
OPEN: Mapping[str, tuple[str, str]] = {
    "confidentiality": ("confidentiality", "選んでください。"),
    "connects_inside": ("connects_inside", "選んでください。"),
    "first_day": ("begins_on", "日付を書いてください。"), "last_day": ("ends_on", "日付を書いてください。"),
}  # fmt: skip
"""Field of the form → what it fills, and what is said where it was left open."""
SAME_DEVICE = ("maker", "model")


def ask(session: Session, wanted: WantedDevice, *, actor: Actor, policy: Policy, now: datetime) -> OwnDevice:
    """Afterwards the application waits for the first office, which has been told; the device may not be used yet.

    Every mistake in it is told at once. Raises InvalidInput, NotPermitted, NotFound, IllegalTransition.
    """
    person_id, day = named(actor), day_of(now)
    require_may_ask(session, person_id, day=day)
    before = _renewed(session, wanted, person_id)
    texts, answers = _valid(session, wanted, before, person_id, policy=policy, day=day)
    device = OwnDevice(
        state=OwnDeviceState.ASKED, since=now, holder_id=person_id, unit_code=wanted.unit_code, answers=answers,
        confidentiality=wanted.confidentiality, connects_inside=wanted.connects_inside, begins_on=wanted.begins_on,
        ends_on=wanted.ends_on, replaces_id=wanted.replaces_id, asked_at=now, **texts,
    )  # fmt: skip
    session.add(device)
    record(session, "own_device.asked", device, actor=actor, policy=policy, now=now)
    _ask_next(session, device, policy=policy, now=now)
    return device


def _ask_next(session: Session, device: OwnDevice, *, policy: Policy, now: datetime) -> None:
    holder = session.get_one(Person, device.holder_id).name
    tell(session, permitters(session, device, policy=policy, day=day_of(now)), device, "利用の申請",
         f"{holder} さんの端末の利用について、許可するかどうかを決めてください。", now=now)  # fmt: skip


def _renewed(session: Session, wanted: WantedDevice, person_id: int) -> OwnDevice | None:
    """What is renewed. Raises NotFound, NotPermitted for somebody else's, IllegalTransition for what has ended."""
    if wanted.replaces_id is None:
        return None
    before = locked(session, wanted.replaces_id)
    if not is_holder(session, before, person_id):
        raise NotPermitted("更新を申請できるのは、その端末を使う本人だけです。")
    after(before.state, DeviceEvent.REPLACE)
    waiting = select(OwnDevice.id).where(OwnDevice.replaces_id == before.id, OwnDevice.state == OwnDeviceState.ASKED)
    if session.scalar(waiting) is not None:
        raise IllegalTransition("この端末の更新は、すでに申請されています。")
    return before


def _valid(
    session: Session, wanted: WantedDevice, before: OwnDevice | None, person_id: int, *, policy: Policy, day: date
) -> tuple[dict[str, str], dict[str, str]]:
    """The texts and the answers, trimmed. Raises InvalidInput with every field that is wrong."""
    rules, wrong = policy.own_devices, dict[str, str]()
    texts = all_written({name: (getattr(wanted, name), empty) for name, empty in TEXTS.items()}, wrong)
    asked = {f"check_{code}": (wanted.answers.get(code, ""), UNANSWERED) for code in rules.questions}
    answers = {field.removeprefix("check_"): said for field, said in all_written(asked, wrong).items()}
    wrong |= {name: said for name, (field, said) in OPEN.items() if getattr(wanted, field) is None}
    for judge in _judges(wanted, before, day, rules):
        try:
            judge()
        except InvalidInput as mistake:
            wrong |= mistake.fields
    if wanted.unit_code not in units_of_person(session, person_id, day):
        wrong["unit"] = "いまの所属から選んでください。"
    if before is not None:
        wrong |= {
            name: "更新では端末を替えられません。別の端末は、新しく申請してください。"
            for name in SAME_DEVICE if texts[name] and texts[name] != getattr(before, name)
        }  # fmt: skip
    if wrong:
        raise InvalidInput("申請の内容を直してください。", fields=wrong)
    return texts, answers


def _judges(
    wanted: WantedDevice, before: OwnDevice | None, day: date, rules: OwnDeviceRules
) -> Iterator[Callable[[], None]]:
    """What the rules ask of what was not left open."""
    if wanted.begins_on is not None:
        renewed = (before.state, before.ends_on) if before is not None else None
        yield partial(require_first_day, wanted.begins_on, day, renewed)
    if wanted.begins_on is not None and wanted.ends_on is not None:
        yield partial(require_period, wanted.begins_on, wanted.ends_on, day, rules)
    if wanted.confidentiality is not None:
        yield partial(require_level, wanted.confidentiality, rules)


def answer(
    session: Session, device_id: int, *, permit: bool, note: str, actor: Actor, policy: Policy, now: datetime
) -> OwnDevice:
    """Afterwards the next office has been asked; after the last one the device may be used, or after a no it may not.

    What it renews is replaced in the same moment. Raises NotFound, NotPermitted, SeparationOfDuties, InvalidInput,
    IllegalTransition.
    """
    person_id, day = named(actor), day_of(now)
    device, before = locked_with_renewed(session, device_id)
    after(device.state, DeviceEvent.PERMIT)
    require_may_permit(session, device, person_id, policy=policy, day=day)
    said = written(note, field="answer_note", empty="理由（許可するときは、条件があればその条件も）を書いてください。")
    position = permits_given(session, device.id)
    role = next_permit(position, policy.own_devices)
    if permit:
        _require_still_wanted(session, device, day)
    session.add(
        OwnDevicePermit(
            device_id=device.id, holder_id=device.holder_id, position=position, role=role, given=permit,
            by_id=person_id, at=now, note=said,
        )
    )  # fmt: skip
    session.flush()
    record(session, f"own_device.{'permit_given' if permit else 'refused'}", device, actor=actor, policy=policy,
           now=now, position=position, note=said)  # fmt: skip
    if not permit:
        move(device, DeviceEvent.REFUSE, now=now)
        _tell_holder(session, device, f"利用は許可されませんでした。\n・理由: {said}", now=now)
    elif next_permit(position + 1, policy.own_devices) is None:
        _permit(session, device, before, said, actor=actor, policy=policy, now=now)
    else:
        _ask_next(session, device, policy=policy, now=now)
    return device


TOO_LATE: Mapping[OwnDeviceEnd, str] = {
    OwnDeviceEnd.PERIOD_OVER: "申請された期間は終わっているため、許可できません。",
    OwnDeviceEnd.LEFT: "申請した人が離職しているため、許可できません。",
    OwnDeviceEnd.MOVED: "申請した人が別の所属に移ったため、許可できません。あらためて申請してもらってください。",
}


def _require_still_wanted(session: Session, device: OwnDevice, day: date) -> None:
    why = why_over(session, device, day)
    if why is not None:
        raise IllegalTransition(TOO_LATE[why])


def _permit(
    session: Session, device: OwnDevice, before: OwnDevice | None, said: str, *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    if before is not None:
        move(before, DeviceEvent.REPLACE, now=now)
        record(session, "own_device.replaced", before, actor=actor, policy=policy, now=now, by=device.id)
        # What it replaces permits nothing any more: the days that were left of it are this one's.
        device.begins_on = min(device.begins_on, day_of(now))
    move(device, DeviceEvent.PERMIT, now=now)
    record(session, "own_device.permitted", device, actor=actor, policy=policy, now=now)
    _tell_holder(session, device, f"利用が許可されました。\n・理由・条件: {said}", now=now)


def _tell_holder(session: Session, device: OwnDevice, body: str, *, now: datetime) -> None:
    tell(session, {device.holder_id}, device, "申請の結果", body, now=now, asks=False)


def withdraw(session: Session, device_id: int, *, actor: Actor, policy: Policy, now: datetime) -> OwnDevice:
    """Afterwards the holder has taken the application back. Raises NotFound, NotPermitted, IllegalTransition."""
    device = locked(session, device_id)
    if not is_holder(session, device, named(actor)):
        raise NotPermitted("申請を取り下げられるのは、申請した人だけです。")
    move(device, DeviceEvent.WITHDRAW, now=now)
    record(session, "own_device.withdrawn", device, actor=actor, policy=policy, now=now)
    return device
