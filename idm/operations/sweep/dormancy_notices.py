"""Who is told of unused IDs: holders of their own, section managers how many of their people's (control C1).

Whom no mail reaches is told by the manager of the section, who is told instead. Nothing is stopped of which nobody
could be told (`idm.oversight.dormancy`).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from idm.models.dormancy import DormancyCase
from idm.models.systems import Account, InformationSystem
from idm.operations.notification.notices import notify
from idm.operations.stops.stop_notices import section_managers
from idm.oversight.dormancy import Step
from idm.queries.notification.notices import reached_by_mail
from idm.wareki import format_wareki

WORDS: Mapping[Step, str] = {Step.WARN: "まもなく停止", Step.DISABLE: "停止", Step.DELETE: "削除"}
UNUSED = "使われていない利用者IDがあります"
STOPPED = "使われていない利用者IDを停止しました"


def tell(
    session: Session, system: InformationSystem, taken: Sequence[tuple[Account, Step]],
    cases: Mapping[int, DormancyCase], *, now: datetime,
) -> None:  # fmt: skip
    """Afterwards whom each step of a night concerns is told; one notice a manager, however many IDs there are."""
    counted: dict[int, Counter[Step]] = defaultdict(Counter)
    for account, step in taken:
        if step not in WORDS or account.person_id is None:
            continue
        for manager in section_managers(session, account.person_id, now=now):
            counted[manager][step] += 1
        if step is Step.WARN:
            case = cases[account.id]
            case.told_id = warn(session, system, account, case.disable_on, now=now)
        elif step is Step.DISABLE:
            _tell_stopped(session, system, account, now=now)
    for manager, steps in sorted(counted.items()):
        lines = "\n".join(f"・{WORDS[step]}　{number} 件" for step, number in sorted(steps.items()))
        notify(
            session, [manager], subject=UNUSED, link="/people",
            body=f"「{system.name}」で、あなたの課の職員の使われていない利用者IDは次のとおりです。\n{lines}", now=now,
        )  # fmt: skip


def warn(
    session: Session, system: InformationSystem, account: Account, disable_on: date, *, now: datetime
) -> int | None:
    """Afterwards the holder knows on which day the ID is stopped, or the manager of the section is to tell them.

    Returns who was told; None = no mail reaches any of them.
    """
    holder = account.person_id or 0
    said = (
        f"「{system.name}」の利用者ID（{account.login_name}）が長く使われていません。"
        f"{format_wareki(disable_on)}に停止します。"
    )
    if reached_by_mail(session, [holder]):
        body = said + "必要な場合は、その前に一度サインインしてください。不要な場合は、返却の手続をしてください。"
        notify(session, [holder], subject=UNUSED, body=body, link="/me", now=now)
        return holder
    managers = reached_by_mail(session, section_managers(session, holder, now=now))
    body = said + "使う職員にはメールが届かないため、あなたから停止する日を伝えてください。"
    notify(session, managers, subject=UNUSED, body=body, link=f"/people/{holder}", now=now, asks=True)
    return min(managers, default=None)


def _tell_stopped(session: Session, system: InformationSystem, account: Account, *, now: datetime) -> None:
    body = (
        f"「{system.name}」の利用者ID（{account.login_name}）は、長く使われていないため停止しました。"
        "必要な場合は、情報システム管理者に申し出てください。"
    )
    notify(session, [account.person_id or 0], subject=STOPPED, body=body, link="/me", now=now)
