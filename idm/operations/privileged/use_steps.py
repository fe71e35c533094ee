"""What every step in the life of a use has in common: the rows it holds, what it changes, what is recorded (D6)."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import iso
from idm.errors import IllegalTransition, NotFound, NotPermitted
from idm.models.privileged import PrivilegedUse
from idm.models.systems import Account
from idm.operations.privileged import rotations
from idm.operations.privileged.use_notices import tell_ended, tell_never_begun
from idm.operations.rights.accounts import schedule
from idm.policy import Policy
from idm.privileged_use_state import Lapse, UseEvent, after, lapse_of, window_of
from idm.vocabulary import RotationReason, UseEnd, UseState


def locked_account(session: Session, account_id: int) -> Account:
    """The account as it is now, kept so until the transaction ends: each step begins with it. Raises NotFound.

    Decisions about rights lock the same row first, so that nothing waits for another in a circle.
    """
    query = select(Account).where(Account.id == account_id).with_for_update(key_share=True)
    account = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if account is None:
        raise NotFound("この特権IDは見つかりません。")
    return account


def locked_use(session: Session, use_id: int) -> PrivilegedUse:
    """The use as it is now, after its account, kept so until the transaction ends. Raises NotFound."""
    account_id = session.scalar(select(PrivilegedUse.account_id).where(PrivilegedUse.id == use_id))
    if account_id is None:
        raise NotFound("この利用は見つかりません。")
    locked_account(session, account_id)
    query = select(PrivilegedUse).where(PrivilegedUse.id == use_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def person_of(actor: Actor) -> int:
    """The person who acts. Raises NotPermitted for a job."""
    if actor.person_id is None:
        raise NotPermitted("特権IDの利用の手続は、名前のある人だけができます。")
    return actor.person_id


def open_use(use: PrivilegedUse, until: datetime | None, *, now: datetime) -> None:
    """Afterwards the use is open for what is left of its time, or until what it rests on ends.

    Raises IllegalTransition where nothing is left.
    """
    ends_at = min(end for end in (window_of(use, now=now).until, until) if end is not None)
    if ends_at <= now:
        raise IllegalTransition("利用の根拠となる権限・契約などの期限を過ぎているため、開始できません。")
    use.state = after(use.state, UseEvent.OPEN)
    use.opens_at, use.ends_at = now, ends_at


def end_use(
    session: Session, use: PrivilegedUse, reason: UseEnd, *, note: str | None = None, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards nothing of the use is wanted any more, a worker will see to it, and the work report is due.

    Raises IllegalTransition where it is not open.
    """
    use.state = after(use.state, UseEvent.END)
    use.ended_at, use.end_reason, use.end_note, use.sealed = now, reason, note, None
    rules = policy.privileged
    use.report_due_at = now + timedelta(hours=rules.emergency_report_hours if use.emergency else rules.report_hours)
    if use.public_key is not None:
        # Whether it was shown or not: what was opened for somebody is nobody's afterwards.
        rotations.ask(
            session, [use.account_id], RotationReason.RETURNED, use_id=use.id, actor=actor, policy=policy, now=now
        )
    if use.account.person_id is not None:
        schedule(session, use.account, now=now)
    session.flush()
    record(session, "privileged_use.ended", use, actor=actor, policy=policy, now=now)
    tell_ended(session, use, now=now)


def drop_use(
    session: Session, use: PrivilegedUse, event: UseEvent, note: str | None, *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards a use that has not begun never will: withdrawn or lapsed. Raises IllegalTransition."""
    use.state, use.end_note = after(use.state, event), note
    session.flush()
    record(session, f"privileged_use.{use.state.value}", use, actor=actor, policy=policy, now=now)
    if note is not None:
        tell_never_begun(session, use, now=now)


def why_lapsed(use: PrivilegedUse, *, policy: Policy, now: datetime) -> str | None:
    """Why a use that has not begun is none any more; None = it still may begin."""
    rules = policy.privileged
    lapse = lapse_of(use, asked_hours=rules.asked_hours, at_once_hours=rules.at_once_hours, now=now)
    if lapse is None:
        return None
    if lapse is Lapse.PASSED:
        return "申し出た時間が、開始されないまま過ぎたため、失効しました。"
    hours = rules.asked_hours if lapse is Lapse.UNANSWERED else rules.at_once_hours
    return f"{hours}時間以内に許可がなかったため、失効しました。"


def record(
    session: Session, action: str, use: PrivilegedUse, *, actor: Actor, policy: Policy, now: datetime, **details: object
) -> None:
    """Afterwards the audit says what happened to the use: whose, of which ID, for what, from when to when."""
    audit.record(
        session, action=action, actor=actor, obj=("privileged_use", str(use.id)), now=now, policy_digest=policy.digest,
        payload={
            "account": use.account.login_name, "system": use.system_id, "person": use.person_id,
            "named_by": use.named_by_id, "state": use.state.value, "emergency": use.emergency,
            "purpose": use.purpose, "ticket": use.ticket, "hours": use.hours, "from": iso(use.wanted_from),
            "approver": use.approver_id, "acting_for": use.acting_for_id, "comment": use.decision_comment,
            "attended_by": use.attended_by_id, "deputyship": use.deputyship_id, "opens_at": iso(use.opens_at),
            "ends_at": iso(use.ends_at), "end_reason": use.end_reason.value if use.end_reason else None,
            "note": use.end_note, "rights": sorted(right.grant_id for right in use.rights), **details,
        },
    )  # fmt: skip


WAITING = (UseState.ASKED, UseState.APPROVED)
"""A use that has not begun."""
