"""Who is told of a loss, at once and until it is followed up.

FK 5-4(1)①ウ names the chief officer and the managers of the systems; section manager and security officers answer too.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.authenticators import Authenticator, LossReport
from idm.models.requests import Grant
from idm.models.systems import InformationSystem
from idm.operations.notification.notices import notify
from idm.queries.factors.authenticators import open_systems, units_of_owner
from idm.queries.organisation.officers import holders, humans
from idm.queries.rights.leaving import SectionManagers
from idm.stopping import STOPPED_TITLES, Stopping, stopping
from idm.vocabulary import Role
from idm.wareki import format_wareki


def tell_of_loss(
    session: Session, authenticator: Authenticator, report: LossReport, stopped: Sequence[Grant], *, actor: Actor,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards section manager, security officers, chief officer and the managers of the systems know, and the owner.

    Whoever reported it is not told what they just said.
    """
    day, owner_id = day_of(now), authenticator.person_id
    systems = open_systems(session, authenticator.id)
    rows = humans(session, [owner_id])[owner_id].rows
    managers = SectionManagers.on(session, day)
    told = {*holders(session, Role.SECURITY, None, day), *holders(session, Role.CHIEF, None, day)}
    for unit in units_of_owner(session, owner_id, day):
        told |= managers.of(unit, without=rows)
    for unit_code in _manager_units(session, [system_id for system_id, *_ in systems]):
        told.update(holders(session, Role.SYSTEM, unit_code, day))
    body = (
        f"{authenticator.person.name} さんの「{authenticator.title}」が紛失したと、{actor.label} さんが届け出ました。\n"
        f"{_effect(authenticator, stopped)}\n\n{report.circumstances or '（届出のときの記入はありません。）'}"
    )
    subject = f"【紛失】{authenticator.title}"
    notify(
        session, told - rows - {actor.person_id}, subject=subject, body=body, link=f"/losses/{report.id}", now=now,
        urgent=True,
    )  # fmt: skip
    if actor.person_id not in rows:
        notify(session, [owner_id], subject=subject, body=body, link="/me", now=now, urgent=True)


def by_stopping(stopped: Sequence[Grant]) -> dict[Stopping, list[str]]:
    """The rights in words, by who stops them: not everything that is decided here is done by us."""
    found: dict[Stopping, set[str]] = {one: set() for one in Stopping}
    for grant in stopped:
        system = grant.account.system
        found[stopping(system.stage, system.connector)].add(f"{system.name}：{grant.entitlement.name}")
    return {one: sorted(rights) for one, rights in found.items() if rights}


def remind_officers(session: Session, reports: Sequence[LossReport], *, now: datetime) -> None:
    """Afterwards the security officers have one notice with all of these follow-ups."""
    if not reports:
        return
    lines = "\n".join(
        f"・{report.authenticator.person.name} さん {report.authenticator.title}"
        f"（{format_wareki(day_of(report.reported_at))}届出）"
        for report in reports
    )
    notify(
        session, holders(session, Role.SECURITY, None, day_of(now)), now=now, link="/losses",
        subject=f"【紛失の事後処理】{len(reports)}件が終わっていません",
        body=f"次の紛失の事後処理が、期限を過ぎても終わっていません。確かめて、結果を記録してください。\n{lines}",
    )  # fmt: skip


def _effect(authenticator: Authenticator, stopped: Sequence[Grant]) -> str:
    """What the report did, told apart by who does it."""
    if authenticator.collected_at is not None:
        return "回収済みで、どこでも使えないものです。止まる利用はありません。"
    parts = [
        "\n".join([STOPPED_TITLES[one], *(f"・{right}" for right in rights)])
        for one, rights in by_stopping(stopped).items()
    ]
    return "\n\n".join(parts) or "新しく止まった利用はありません。"


def _manager_units(session: Session, system_ids: Sequence[int]) -> set[str]:
    query = select(InformationSystem.manager_unit_code).where(InformationSystem.id.in_(system_ids))
    return set(session.scalars(query))
