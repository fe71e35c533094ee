"""Who is told of a stop, a wish to lift it and its end: at once, in the transaction of the act (FK 10(4), MT 8-5)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.people import Person
from idm.models.stops import AccountStop, EntryStop, StopOrder
from idm.models.systems import Account, InformationSystem
from idm.operations.notification.notices import notify
from idm.policy import Policy
from idm.queries.factors.authenticators import units_of_owner
from idm.queries.organisation.officers import holders, humans
from idm.queries.rights.leaving import SectionManagers
from idm.vocabulary import STOP_CAUSE_TITLES, STOP_KIND_TITLES, Role, Stage, StopCause, StopKind

SHOWN = 50
"""So many IDs a notice names; the order's page names all of them."""


def tell_ordered(
    session: Session, order: StopOrder, accounts: int, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    """Afterwards those whom the profile names know of the order; of a violation's also those it names for that (J5)."""
    body = (
        f"{actor.label} さんが緊急停止を命じました。\n\n"
        f"止めるもの：{subject_of(session, order)}\n原因：{STOP_CAUSE_TITLES[order.cause]}\n"
        f"理由：{order.reason}\n対象の利用者ID：{accounts} 件\n\n"
        "届き具合と、手で止める必要のあるものは、次の画面で確かめてください。"
    )
    if order.operator is not None:
        body += "\n\n画面ではなく、コマンドで止められました。止めた人と理由を確かめ、次の画面で確認してください。"
    _tell(session, order, "【緊急停止】停止命令が出ました", body, actor=actor, policy=policy, now=now)
    _tell_hands(session, order, now=now)


def _tell_hands(session: Session, order: StopOrder, *, now: datetime) -> None:
    """Afterwards the managers of systems in which we write nothing know which of their IDs they have to stop."""
    accounts = (
        select(InformationSystem, Account.login_name)
        .join(Account, Account.system_id == InformationSystem.id)
        .join(AccountStop, AccountStop.account_id == Account.id)
        .where(AccountStop.stop_id == order.id, InformationSystem.stage == Stage.OBSERVE)
    )
    entries = (
        select(InformationSystem, EntryStop.login_name)
        .join(EntryStop, EntryStop.system_id == InformationSystem.id)
        .where(EntryStop.stop_id == order.id, InformationSystem.stage == Stage.OBSERVE)
    )
    named: dict[InformationSystem, list[str]] = defaultdict(list)
    for query in (accounts, entries):
        for system, login_name in session.execute(query.order_by(InformationSystem.id)):
            named[system].append(login_name)
    for system, names in named.items():
        more = f" ほか{len(names) - SHOWN}件" if len(names) > SHOWN else ""
        body = (
            f"「{system.name}」は観察の段階のため、idm は書き込みません。次の利用者IDを、その場で止めてください。\n\n"
            f"{'、'.join(names[:SHOWN])}{more}\n\n止まったことは、idm が次に読み取ったときに届き具合に出ます。"
        )
        notify(
            session, holders(session, Role.SYSTEM, system.manager_unit_code, day_of(now)), body=body, now=now,
            subject="【緊急停止】あなたの手で止めてください", link=f"/stops/{order.id}", urgent=True, asks=True,
        )  # fmt: skip


def tell_lift_asked(session: Session, order: StopOrder, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the same people know that somebody else has to decide on lifting it."""
    body = (
        f"{actor.label} さんが停止命令の解除を求めています。\n\n止めているもの：{subject_of(session, order)}\n"
        f"解除の理由：{order.lift_reason}\n\n別の人が確かめて、次の画面で決めてください。"
    )
    _tell(session, order, "停止命令の解除の確認をお願いします", body, actor=actor, policy=policy, now=now)


def tell_lifted(session: Session, order: StopOrder, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the same people know that it is lifted."""
    body = (
        f"{actor.label} さんの確認により、停止命令が解除されました。\n\n止めていたもの：{subject_of(session, order)}\n"
        f"解除の理由：{order.lift_reason}\n\n停止中に終わった権限は戻りません。"
    )
    _tell(session, order, "停止命令が解除されました", body, actor=actor, policy=policy, now=now)


def tell_undone(
    session: Session, order: StopOrder, system: str, names: Collection[str], *, now: datetime
) -> None:  # fmt: skip
    """Afterwards whoever ordered it knows that somebody enabled in a directory what it stops."""
    body = (
        f"緊急停止で止めた利用者IDが、{system} のディレクトリで有効に戻されていました。idm がもう一度止めています。\n\n"
        f"止めているもの：{subject_of(session, order)}\n利用者ID：{'、'.join(names)}\n\n"
        "誰が有効にしたのかを、ディレクトリの管理者に確かめてください。この後も数分ごとに確かめ、戻されるたびに止めます。"
        "この知らせは一度だけです。以後は次の画面で確かめてください。"
    )
    notify(
        session, _ordering(session, order, now=now), subject="【緊急停止】止めたIDが有効に戻されていました", body=body,
        link=f"/stops/{order.id}", now=now, urgent=True,
    )  # fmt: skip


def _ordering(session: Session, order: StopOrder, *, now: datetime) -> Collection[int]:
    """Who ordered it; of an operator's order who confirmed it, and until somebody has, those who could."""
    by = order.ordered_by_id or order.confirmed_by_id
    return [by] if by is not None else holders(session, Role.SECURITY, None, day_of(now))


def subject_of(session: Session, order: StopOrder) -> str:
    """What the order stops, in words."""
    kind = STOP_KIND_TITLES[order.kind]
    if order.person_id is not None:
        return f"{kind}（{session.get_one(Person, order.person_id).name} さん）"
    if order.system_id is not None:
        return f"{kind}（{session.get_one(InformationSystem, order.system_id).name}）"
    return kind


def section_managers(session: Session, person_id: int, *, now: datetime) -> frozenset[int]:
    """Who manages the sections in which this person works; never themselves."""
    day = day_of(now)
    rows, managers = humans(session, [person_id])[person_id].rows, SectionManagers.on(session, day)
    units = units_of_owner(session, person_id, day)
    return frozenset().union(*(managers.of(unit, without=rows) for unit in units))


def people_told(
    session: Session, person_id: int | None, roles: Collection[Role], *, now: datetime
) -> frozenset[int]:  # fmt: skip
    """Who holds these roles today; the section manager is the person's own. Never the person themselves."""
    day, told = day_of(now), set[int]()
    for role in roles:
        if role is Role.SECTION:
            told |= section_managers(session, person_id, now=now) if person_id is not None else set()
        else:
            told |= {*holders(session, role, None, day)}
    return frozenset(told) - (humans(session, [person_id])[person_id].rows if person_id is not None else frozenset())


def _tell(
    session: Session, order: StopOrder, subject: str, body: str, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    roles = {*policy.stops.told}
    if order.cause is StopCause.VIOLATION:
        roles |= {*policy.stops.violation_told}
    if order.kind is StopKind.SYSTEM and order.system_id is not None:
        unit = session.get_one(InformationSystem, order.system_id).manager_unit_code
        managers = frozenset(holders(session, Role.SYSTEM, unit, day_of(now)))
    else:
        managers = frozenset()
    told = people_told(session, order.person_id, roles, now=now) | managers
    notify(session, told - {actor.person_id}, subject=subject, body=body, link=f"/stops/{order.id}", now=now,
           urgent=True)  # fmt: skip
