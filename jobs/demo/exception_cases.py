"""Exceptions in the demonstration: one that the CISO has permitted, and one that waits for an answer (H1)."""

from datetime import timedelta

from sqlalchemy import select

from idm.calendar_days import day_of
from idm.models.systems import InformationSystem
from idm.operations.exceptions import register
from idm.operations.exceptions.register import WantedException
from idm.vocabulary import ExceptionScope, FindingKind
from jobs.demo.acting import act_as, person_id_of
from jobs.installation import Installation


def ask_for_exceptions(installation: Installation) -> None:
    """Afterwards the register holds an exception for one member of staff, and a wish of the manager of a system."""
    now = installation.clock()
    day = day_of(now)
    staff = person_id_of(installation, "colleague")
    with installation.database.reading() as session:
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
    asked = [
        act_as(installation, who, "registered_exception.ask", ("person", who), register.ask, wanted).id
        for who, wanted in (("security", yearly), ("system", rules))
    ]
    act_as(
        installation, "ciso", "registered_exception.answer", ("exception", asked[0]), register.answer, asked[0],
        permit=True, note="代替措置を確認した",
    )  # fmt: skip
