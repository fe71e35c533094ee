"""Exceptions in the demonstration: one that the CISO has permitted, and one that waits for an answer (H1)."""

from datetime import timedelta

from sqlalchemy import select

from idm.calendar_days import day_of
from idm.models.systems import InformationSystem
from idm.operations.exceptions import register
from idm.operations.exceptions.register import WantedException
from idm.queries.governance.configuration import policy_in_force
from idm.unit_of_work import unit_of_work
from idm.vocabulary import ExceptionScope, FindingKind
from jobs.demo.cases import CAST, actor_of, person_with
from jobs.installation import Installation


def ask_for_exceptions(installation: Installation) -> None:
    """Afterwards the register holds an exception for one member of staff, and a wish of the manager of a system."""
    now = installation.clock()
    day = day_of(now)
    with installation.database.reading() as session:
        security, system = actor_of(session, "security", now=now), actor_of(session, "system", now=now)
        ciso, policy = actor_of(session, "ciso", now=now), policy_in_force(session, now=now)
        staff = person_with(session, CAST["colleague"][0]).id
        office = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "office")).one()
    yearly = WantedException(
        clause="6-2(2)③", scope=ExceptionScope.PERSON, what="決算の時期だけ使うIDを残す",
        reason="年に一度の決算でしか使わないため", compensating_control="所属の課長が毎月、利用のないことを確かめる",
        valid_from=day, valid_until=day + timedelta(days=90), finding_kind=FindingKind.DORMANT, person_id=staff,
    )  # fmt: skip
    rules = WantedException(
        clause="5-4(3)③", scope=ExceptionScope.SYSTEM, what="更新までの間、パスワードの長さの設定を変えない",
        reason="機器の更新が来月に予定されているため", compensating_control="利用できる端末を業務用の区画に限る",
        valid_from=day, valid_until=day + timedelta(days=60), finding_kind=FindingKind.PASSWORD_RULES, system_id=office,
    )  # fmt: skip
    for actor, wanted in ((security, yearly), (system, rules)):
        with unit_of_work(
            installation.database, actor=actor, now=now, attempted="registered_exception.ask",
            obj=("person", actor.person_id or 0),
        ) as session:  # fmt: skip
            asked = register.ask(session, wanted, actor=actor, policy=policy, now=now).id
        if actor is security:
            with unit_of_work(
                installation.database, actor=ciso, now=now, attempted="registered_exception.answer",
                obj=("exception", asked),
            ) as session:  # fmt: skip
                register.answer(
                    session, asked, permit=True, note="代替措置を確認した", actor=ciso, policy=policy, now=now
                )
