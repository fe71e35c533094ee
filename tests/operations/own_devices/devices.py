"""A telephone of somebody's own, as the cast applies for it, permits it and ends it."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from idm.actor import Actor
from idm.models.own_devices import OwnDevice
from idm.models.work import MailMessage
from idm.operations.own_devices import applications, daily, endings, losses
from idm.operations.own_devices.applications import WantedDevice
from tests.cast import NOW, TODAY, Cast

JOB = Actor.job("jobs.lifecycle")
DAY = timedelta(days=1)
END = TODAY + 100 * DAY
PERMITTING = ("ciso", "security")
"""香椎 manages 総務課."""


def wanted(cast: Cast, **changed: object) -> WantedDevice:
    plain = WantedDevice(
        unit_code="0100", contact="092-000-0000", contract_holder="青木　一郎", maker="那珂川電子", model="N-1",
        os="Android", os_version="16", purpose="災害時の参集の連絡", information="参集の連絡網", confidentiality=2,
        place="自宅", line="携帯電話会社の回線", connects_inside=False, begins_on=TODAY, ends_on=END,
        answers=dict.fromkeys(cast.policy.own_devices.questions, "している"),
    )  # fmt: skip
    return replace(plain, **changed)  # type: ignore[arg-type]


def ask(cast: Cast, who: str = "staff", now: datetime = NOW, **changed: object) -> int:
    with cast.acting(who, "own_device.ask", now) as session:
        return applications.ask(
            session, wanted(cast, **changed), actor=cast.actor(who), policy=cast.policy, now=now
        ).id  # fmt: skip


def answer(cast: Cast, device_id: int, who: str, *, permit: bool = True, now: datetime = NOW) -> None:
    with cast.acting(who, "own_device.answer", now) as session:
        applications.answer(
            session, device_id, permit=permit, note="確認した", actor=cast.actor(who), policy=cast.policy, now=now
        )


def permitted(
    cast: Cast, who: str = "staff", now: datetime = NOW, permitting: tuple[str, ...] = PERMITTING, **changed: object
) -> int:
    device_id = ask(cast, who, now, **changed)
    for office in permitting:
        answer(cast, device_id, office, now=now)
    return device_id


def ended(cast: Cast, who: str = "staff") -> int:
    device_id = permitted(cast)
    with cast.acting(who, "own_device.end") as session:
        endings.end(session, device_id, actor=cast.actor(who), policy=cast.policy, now=NOW)
    return device_id


def report(cast: Cast, device_id: int, who: str = "staff", how: str = "アプリを消した") -> None:
    with cast.acting(who, "own_device.report_cleared") as session:
        endings.report_cleared(session, device_id, how=how, actor=cast.actor(who), policy=cast.policy, now=NOW)


def confirm(cast: Cast, device_id: int, who: str, *, gone: bool = True, note: str = "端末を見た") -> None:
    with cast.acting(who, "own_device.confirm") as session:
        endings.confirm(session, device_id, note=note, gone=gone, actor=cast.actor(who), policy=cast.policy, now=NOW)


def lose(cast: Cast, device_id: int, who: str = "staff", what: str = "電車に忘れた。連絡網") -> None:
    with cast.acting(who, "own_device.report_lost") as session:
        losses.report_lost(session, device_id, what=what, actor=cast.actor(who), policy=cast.policy, now=NOW)


def nightfall(cast: Cast, now: datetime = NOW) -> int:
    """The day's run; how many uses it ended."""
    with cast.database.writing() as session:
        return daily.follow(session, actor=JOB, policy=cast.policy, now=now)


def device(cast: Cast, device_id: int) -> OwnDevice:
    with cast.database.reading() as session:
        return session.get_one(OwnDevice, device_id)


def told(cast: Cast, subject: str) -> set[int]:
    """Who had a notice with this in its subject."""
    with cast.database.reading() as session:
        return set(session.scalars(select(MailMessage.person_id).where(MailMessage.subject.contains(subject))))
