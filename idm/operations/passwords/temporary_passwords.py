"""A temporary password is changed in time, or nobody comes in with it any more (control E2; FK 6-2(9)②).

What counts is what the target itself says, never our books alone. Where it says that the hours passed without a change,
the account is locked until it is handed over anew, and a worker replaces the password by one that nobody knows; those
who answer for it are told at once. Where it cannot say whether it was changed, nobody is locked out: it is found for a
person to look at.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import TOKYO, day_of
from idm.models.systems import Account, CredentialEvent, Handover
from idm.operations.notification.notices import notify
from idm.operations.passwords.handovers import close_open
from idm.operations.rights.accounts import schedule
from idm.policy import Policy
from idm.ports import PasswordState
from idm.queries.factors.authenticators import units_of_owner
from idm.queries.organisation.officers import humans
from idm.queries.rights.leaving import SectionManagers
from idm.vocabulary import CredentialEventKind
from idm.wareki import format_wareki


class Change(StrEnum):
    """What a target's answer says of a temporary password: another one was set, none was, or it cannot be told."""

    MADE = "made"
    NOT_MADE = "not_made"
    UNPROVEN = "unproven"


def change_shown(state: PasswordState, *, set_time: datetime | None) -> Change:
    """Whether the target says that another password was set since: asked for no more, and at a later time.

    A demand that vanished while the password stayed as we had set it is no change. One that vanished at a target that
    tells no time (389 as delivered) may be the owner's change or somebody's hand: that is proof of neither. A target
    that tells no time of a password to be changed (Active Directory) dates a demand that an administrator took away
    like a change, and is believed.
    """
    if state.must_change:
        return Change.NOT_MADE
    if state.changed_at is None:
        return Change.UNPROVEN
    return Change.MADE if set_time is None or state.changed_at > set_time else Change.NOT_MADE


def changed(session: Session, handover_id: int, *, at: datetime, actor: Actor, policy: Policy, now: datetime) -> bool:
    """Afterwards it is recorded that the temporary password was changed `at` that time, as the target says.

    Returns whether that was news; not of one whose end is known already.
    """
    handover = _open(session, handover_id)
    if handover is None:
        return False
    handover.changed_at = at
    session.add(
        CredentialEvent(
            account_id=handover.account_id, kind=CredentialEventKind.CHANGED, at=at, handover_id=handover.id
        )
    )
    _record(session, "handover.changed", handover, actor=actor, policy=policy, now=now, at=at.isoformat())
    return True


def overdue(session: Session, handover_id: int, *, actor: Actor, policy: Policy, now: datetime) -> bool:
    """Afterwards the account is wanted locked until it is handed over anew, and its password is to be replaced.

    To be called when the target has said that it was not changed, asked at `now`: after `change_by`. Officer and
    section manager are told. Returns whether that was news.
    """
    handover = _open(session, handover_id)
    if handover is None or handover.change_by is None or handover.change_by > now:
        return False
    close_open(session, handover.account_id, now)
    handover.overdue_at = now
    handover.account.handed_over_at = None
    schedule(session, handover.account, now=now)
    session.flush()
    _tell(session, handover, now=now)
    _record(session, "handover.overdue", handover, actor=actor, policy=policy, now=now)
    return True


def _open(session: Session, handover_id: int) -> Handover | None:
    """The hand-over, locked with its account, while its end is not known."""
    account = select(Account.id).join(Handover, Handover.account_id == Account.id).where(Handover.id == handover_id)
    session.execute(account.with_for_update(key_share=True, of=Account))
    handover = session.get_one(Handover, handover_id, populate_existing=True)
    ended = (handover.changed_at, handover.replaced_at, handover.overdue_at)
    return handover if all(end is None for end in ended) else None


def _tell(session: Session, handover: Handover, *, now: datetime) -> None:
    day, subject = day_of(now), handover.subject_id
    rows = humans(session, [subject])[subject].rows
    managers = SectionManagers.on(session, day)
    told = {handover.officer_id}
    for unit in units_of_owner(session, subject, day):
        told |= managers.of(unit, without=rows)
    account = handover.account
    body = (
        f"「{account.system.name}」の利用者ID {account.login_name} の仮パスワードは、期限の"
        f"{_moment(handover.change_by or now)}までに変更されませんでした。\n"
        "このIDを止め、パスワードを、だれも知らないものに取り替えます。\n"
        "使うには、本人が窓口で、新しい仮パスワードの交付を受ける必要があります。"
    )
    notify(
        session, told - rows, subject="【仮パスワード】期限までに変更されなかったため、IDを止めました", body=body,
        link="/handovers/overdue", now=now, urgent=True,
    )  # fmt: skip


def _moment(at: datetime) -> str:
    local = at.astimezone(TOKYO)
    return f"{format_wareki(local.date())}{local.hour}時{local.minute:02}分"


def _record(
    session: Session, action: str, handover: Handover, *, actor: Actor, policy: Policy, now: datetime, **more: str
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("handover", str(handover.id)), now=now, policy_digest=policy.digest,
        payload={
            "account": handover.account_id, "subject": handover.subject_id,
            "change_by": handover.change_by.isoformat() if handover.change_by else None, **more,
        },
    )  # fmt: skip
