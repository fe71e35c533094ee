"""An official account is given up, and another person confirms that nobody can post with it any more (control I6)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.official_accounts import OfficialAccount, OfficialAccountPoster
from idm.operations.official_accounts.account_notices import caring, confirming, move, posters, record, tell
from idm.operations.official_accounts.authority import locked, named, require_another, require_may_keep
from idm.policy import Policy
from idm.queries.official_accounts.take_overs import open_take_over
from idm.registers.official_account_state import AccountEvent
from idm.written_text import written


def give_up(
    session: Session, official_account_id: int, *, how: str, actor: Actor, policy: Policy, now: datetime
) -> OfficialAccount:
    """Afterwards the account is used no longer; another person has been asked to confirm how it ended.

    Also one that was taken over and cannot be had back. Raises NotFound, NotPermitted, InvalidInput, IllegalTransition.
    """
    account, person_id, day = locked(session, official_account_id), named(actor), day_of(now)
    require_may_keep(session, account, person_id, day=day)
    said = written(how, field="ended_how", empty="どのように終えたか（削除、提供者による停止など）を書いてください。")
    move(account, AccountEvent.GIVE_UP, now=now)
    account.ended_how, account.ended_by_id = said, person_id
    record(session, "official_account.given_up", account, actor=actor, policy=policy, now=now, how=said)
    tell(session, confirming(session, account, person_id, day), account, "利用の終了の確認",
         f"公式アカウントの利用を終えました。確認してください。\n・方法: {said}", now=now)  # fmt: skip
    tell(session, posters(session, account) - {person_id}, account, "利用の終了", "公式アカウントの利用を終えました。",
         now=now, asks=False)  # fmt: skip
    return account


def confirm(
    session: Session, official_account_id: int, *, gone: bool, note: str, actor: Actor, policy: Policy, now: datetime
) -> OfficialAccount:
    """Afterwards the entry is closed, nobody posts any more and a take-over of it is over too, or (not `gone`) it is as
    it was before.

    Raises NotFound, NotPermitted, SeparationOfDuties for who gave it up, InvalidInput, IllegalTransition.
    """
    account, person_id = locked(session, official_account_id), named(actor)
    require_may_keep(session, account, person_id, day=day_of(now))
    require_another(session, person_id, account.ended_by_id)
    said = written(note, field="closing_note", empty="何を見て確かめたか（差し戻すときはその理由）を書いてください。")
    if not gone:
        _send_back(session, account, said, actor=actor, policy=policy, now=now)
        return account
    _end_take_over(session, account, person_id, now=now)
    move(account, AccountEvent.CLOSE, now=now)
    account.closed_by_id, account.closing_note = person_id, said
    for poster in session.scalars(
        select(OfficialAccountPoster).where(
            OfficialAccountPoster.official_account_id == account.id, OfficialAccountPoster.ended_at.is_(None)
        )
    ):
        poster.ended_at, poster.end_reason = now, "公式アカウントの終了"
    record(session, "official_account.closed", account, actor=actor, policy=policy, now=now, note=said)
    return account


def _end_take_over(session: Session, account: OfficialAccount, person_id: int, *, now: datetime) -> None:
    """What one person did to the account and another confirmed is the end of its take-over as well."""
    open_one = open_take_over(session, account.id)
    if open_one is not None:
        open_one.settled_by_id, open_one.settled_at = account.ended_by_id, account.since
        open_one.settled_note = f"アカウントの利用を終えた：{account.ended_how}"
        open_one.confirmed_by_id, open_one.confirmed_at = person_id, now


def _send_back(
    session: Session, account: OfficialAccount, said: str, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """One that was taken over is taken over still."""
    move(account, AccountEvent.SEND_BACK, now=now)
    if open_take_over(session, account.id) is not None:
        move(account, AccountEvent.TAKE_OVER, now=now)
    told = caring(session, account, day_of(now)) | {account.ended_by_id or account.responsible_id}
    account.ended_how = account.ended_by_id = None
    record(session, "official_account.sent_back", account, actor=actor, policy=policy, now=now, note=said)
    tell(session, told, account, "利用の終了の差戻し",
         f"利用の終了を確認できませんでした。\n・理由: {said}", now=now)  # fmt: skip
