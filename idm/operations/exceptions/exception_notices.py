"""What an exception of the register leaves behind: an audit record of every act, and notices (FK 8)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, end_to_last_day, iso
from idm.models.exceptions import RegisteredException
from idm.operations.notification.notices import notify
from idm.policy import Policy
from idm.queries.approval.bench import Bench
from idm.queries.exceptions.answering import answering, subjects_of
from idm.queries.organisation.officers import holders
from idm.vocabulary import Role
from idm.wareki import format_wareki

PAGE = "/exceptions"


def record(
    session: Session, action: str, exception: RegisteredException, *, actor: Actor, policy: Policy, now: datetime,
    **more: object,
) -> None:  # fmt: skip
    """Afterwards the audit says what happened to the exception."""
    kind = exception.finding_kind
    audit.record(
        session, action=action, actor=actor, obj=("exception", str(exception.id)), now=now, policy_digest=policy.digest,
        payload={
            "clause": exception.clause, "kind": kind.value if kind is not None else None,
            "scope": exception.scope.value, "system": exception.system_id, "account": exception.account_id,
            "person": exception.person_id, "unit": exception.unit_code, "from": exception.valid_from.isoformat(),
            "until": exception.valid_until.isoformat(), "state": exception.state.value,
            "acted_at": iso(exception.acted_at), "renews": exception.renews_id, **more,
        },
    )  # fmt: skip


def tell_ciso(session: Session, exception: RegisteredException, subject: str, body: str, *, now: datetime) -> None:
    """Afterwards the CISO, or who answers it in their place, has a notice with a link to the exception."""
    told = answering(session, exception, Bench.on(session, day_of(now)))
    tell(session, frozenset(told) or holders(session, Role.CISO, None, day_of(now)), exception, subject, body, now=now)


def tell_subjects(
    session: Session, exception: RegisteredException, subject: str, said: str, *, now: datetime
) -> None:  # fmt: skip
    """Afterwards those whom it is about by name know what becomes of it; they see no register, so no page of it."""
    notify(
        session, subjects_of(session, exception), now=now, link="/me",
        subject=f"【例外措置】あなたについての例外措置が{subject}：第{exception.id}号",
        body=f"{said}対象だった利用者IDは、対策基準のとおりに扱われます。"
             "使い続ける必要があるときは、所属の課長に相談してください。",
    )  # fmt: skip


def tell(
    session: Session, people: Iterable[int], exception: RegisteredException, subject: str, body: str, *, now: datetime
) -> None:
    """Afterwards each of the people has a notice with a link to the exception."""
    last = end_to_last_day(exception.valid_until) or exception.valid_until
    notify(
        session, people, now=now, link=f"{PAGE}/{exception.id}", urgent=exception.acted_at is not None,
        subject=f"【例外措置】{subject}：第{exception.id}号",
        body=f"{body}\n・内容: {exception.what}\n・条項: {exception.clause}\n"
             f"・期間: {format_wareki(exception.valid_from)}から{format_wareki(last)}まで",
    )  # fmt: skip
