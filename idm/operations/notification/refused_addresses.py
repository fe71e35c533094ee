"""Addresses that refuse mail for good: whoever looks after notices is told of each once, until it takes mail again."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from idm.calendar_days import day_of
from idm.models.work import MailMessage, MailState
from idm.operations.notification.notices import notify
from idm.queries.organisation.officers import holders
from idm.vocabulary import Role

TOLD = (Role.SECURITY, Role.CHIEF)
SUBJECT = "【通知】メールの届かない宛先があります"
PAGE = "/notices/all?state=refused"


def tell(session: Session, *, now: datetime) -> int:
    """Afterwards the officers know of every address that refuses mail, by one notice for all that came to light since.

    Returns of how many people it is. Nobody is told of their own: it would not reach them.
    """
    untold = session.scalars(
        select(MailMessage)
        .where(MailMessage.state == MailState.REFUSED, MailMessage.refusal_told_at.is_(None))
        .order_by(MailMessage.id)
        .with_for_update(skip_locked=True)
    ).all()
    if not untold:
        return 0
    fresh = {message.person_id for message in untold if not _known(session, message)}
    for message in untold:
        message.refusal_told_at = now
    if fresh:
        officers = {one for role in TOLD for one in holders(session, role, None, day_of(now))}
        notify(
            session, officers - fresh, subject=SUBJECT, link=PAGE, now=now, urgent=True,
            body=f"{len(fresh)}人のメールアドレスが、メールサーバーに拒否されました。同じ通知をもう一度送ることはありません。"
                 "次のページで宛先を確かめ、人事データのアドレスを直してください。用件は別の方法で伝えてください。",
        )  # fmt: skip
    return len(fresh)


def _known(session: Session, message: MailMessage) -> bool:
    """Whether the officers were told of this very address, and it has taken no mail since."""
    told, taken = aliased(MailMessage), aliased(MailMessage)
    since = exists().where(
        taken.recipient == message.recipient, taken.state == MailState.SENT, taken.sent_at > told.refusal_told_at
    )
    query = select(told.id).where(
        told.recipient == message.recipient, told.state == MailState.REFUSED, told.refusal_told_at.is_not(None), ~since
    )
    return session.scalar(query.limit(1)) is not None
