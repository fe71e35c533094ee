"""An official account is taken over: told at once, step by step back, open until another confirms (FK 6-1(22)④; I6)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.models.official_accounts import OfficialAccount, TakeOver, TakeOverStep
from idm.operations.official_accounts.account_notices import confirming, holding, move, posters, record, tell
from idm.operations.official_accounts.authority import locked, named, posts, require_another, require_may_keep
from idm.permissions import Action, may
from idm.policy import Policy
from idm.queries.official_accounts.take_overs import open_take_over
from idm.queries.organisation.officers import roles_of
from idm.registers.official_account_state import AccountEvent
from idm.vocabulary import OfficialAccountState
from idm.written_text import written


def report(
    session: Session, official_account_id: int, *, what: str, actor: Actor, policy: Policy, now: datetime
) -> TakeOver:
    """Afterwards everybody whom the profile names, who posts and who answers for it knows in the same moment, and the
    password is due.

    Whoever posts, looks after it or sees the register says so. Raises NotFound, NotPermitted, InvalidInput,
    IllegalTransition.
    """
    account, person_id, day = locked(session, official_account_id), named(actor), day_of(now)
    if not posts(session, account, person_id) and not may(
        roles_of(session, person_id, day), Action.SEE_OFFICIAL_ACCOUNTS
    ):
        require_may_keep(session, account, person_id, day=day)
    said = written(
        what, field="what", empty="何が起きたか（身に覚えのない投稿、サインインできないなど）を書いてください。"
    )
    move(account, AccountEvent.TAKE_OVER, now=now)
    account.password_due_since = account.password_due_since or now
    row = TakeOver(official_account_id=account.id, what=said, reported_by_id=person_id, reported_at=now)
    session.add(row)
    record(session, "official_account.taken_over", account, actor=actor, policy=policy, now=now, what=said)
    told = holding(session, policy.official_accounts.told_of_take_over, account, day)
    tell(session, told | posters(session, account) | {account.responsible_id}, account, "乗っ取り",
         "公式アカウントが乗っ取られた、又はそのおそれがあると届けられました。画面の手順に従って対応してください。"
         f"\n・状況: {said}", now=now, urgent=True)  # fmt: skip
    return row


def step_done(
    session: Session, official_account_id: int, code: str, *, note: str, actor: Actor, policy: Policy, now: datetime
) -> TakeOverStep:
    """Afterwards it is on record what was done about one step, or why it does not apply.

    Raises NotFound, NotPermitted, InvalidInput, IllegalTransition for a step that is done.
    """
    account, person_id = locked(session, official_account_id), named(actor)
    if not posts(session, account, person_id):
        require_may_keep(session, account, person_id, day=day_of(now))
    open_one = _open(session, account)
    if code not in policy.official_accounts.questions:
        raise NotFound("この手順はありません。")
    if code in _done(session, open_one):
        raise IllegalTransition("この手順は、すでに記録されています。")
    said = written(note, field=f"note_{code}", empty="行ったこと（当てはまらないときは、その理由）を書いてください。")
    row = TakeOverStep(take_over_id=open_one.id, code=code, note=said, done_by_id=person_id, done_at=now)
    session.add(row)
    record(session, "official_account.step_done", account, actor=actor, policy=policy, now=now, step=code, note=said)
    return row


def settle(
    session: Session, official_account_id: int, *, note: str, actor: Actor, policy: Policy, now: datetime
) -> TakeOver:
    """Afterwards somebody who looks after it says that it is its own again; another person has been asked to confirm.

    Raises NotFound, NotPermitted, InvalidInput while a step or the password is open, IllegalTransition.
    """
    account, person_id, day = locked(session, official_account_id), named(actor), day_of(now)
    require_may_keep(session, account, person_id, day=day)
    open_one = _open(session, account)
    done = _done(session, open_one)
    left = [title for code, title in policy.official_accounts.questions.items() if code not in done]
    if account.password_due_since is not None:
        left.append("パスワードを変更したことの記録")
    if left:
        said = f"まだ記録されていない手順があります：{'、'.join(left)}"
        raise InvalidInput(said, fields={"settled_note": said})
    said = written(note, field="settled_note", empty="取り戻したことを、どのように確かめたかを書いてください。")
    open_one.settled_note, open_one.settled_by_id, open_one.settled_at = said, person_id, now
    record(session, "official_account.settled", account, actor=actor, policy=policy, now=now, note=said)
    tell(session, confirming(session, account, person_id, day), account, "乗っ取りへの対応の確認",
         "対応が終わったと記録されました。別の人が確認してください。", now=now)  # fmt: skip
    return open_one


def confirm(session: Session, official_account_id: int, *, actor: Actor, policy: Policy, now: datetime) -> TakeOver:
    """Afterwards another person has confirmed it, and the account is in use again.

    Raises NotFound, NotPermitted, SeparationOfDuties, IllegalTransition before somebody said so.
    """
    account, person_id = locked(session, official_account_id), named(actor)
    require_may_keep(session, account, person_id, day=day_of(now))
    open_one = _open(session, account)
    if open_one.settled_at is None:
        raise IllegalTransition("まだ、対応が終わったと記録されていません。")
    require_another(session, person_id, open_one.settled_by_id)
    move(account, AccountEvent.RECOVER, now=now)
    open_one.confirmed_by_id, open_one.confirmed_at = person_id, now
    record(session, "official_account.recovered", account, actor=actor, policy=policy, now=now)
    return open_one


def _open(session: Session, account: OfficialAccount) -> TakeOver:
    found = open_take_over(session, account.id) if account.state is OfficialAccountState.TAKEN_OVER else None
    if found is None:
        raise IllegalTransition("乗っ取りへの対応中の公式アカウントではありません。")
    return found


def _done(session: Session, take_over: TakeOver) -> frozenset[str]:
    query = select(TakeOverStep.code).where(TakeOverStep.take_over_id == take_over.id)
    return frozenset(session.scalars(query))
