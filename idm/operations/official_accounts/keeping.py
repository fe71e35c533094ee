"""An official account in use: who answers, who posts, where it is kept, its check (FK 6-1(22)①イ③; control I6)."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.models.official_accounts import OfficialAccount, OfficialAccountCheck, OfficialAccountPoster
from idm.operations.official_accounts.account_notices import caring, record, tell
from idm.operations.official_accounts.applications import TEXTS, tell_responsible
from idm.operations.official_accounts.authority import (
    locked,
    named,
    posts,
    require_can_answer_for,
    require_may_answer,
    require_may_keep,
    require_not_answering_for,
)
from idm.policy import Policy
from idm.queries.outsiders.outside_scope import units_of_person
from idm.queries.privileged.eligibility import is_employed
from idm.registers.official_account_state import POSTING
from idm.vocabulary import OfficialAccountState
from idm.written_text import all_written, written

CUSTODY = ("own_page", "same_elsewhere", "custody", "recovery")
"""What may change without a new application."""


def name_responsible(
    session: Session, official_account_id: int, person_id: int | None, *, actor: Actor, policy: Policy, now: datetime
) -> OfficialAccount:
    """Afterwards somebody else answers for the account; whoever did may know its password, so that is due.

    Raises NotFound, NotPermitted, SeparationOfDuties, InvalidInput, IllegalTransition where it is not in use.
    """
    account = _kept(session, official_account_id)
    require_may_answer(session, account, named(actor), policy=policy, day=day_of(now))
    chosen = require_can_answer_for(session, person_id, day_of(now))
    require_not_answering_for(session, named(actor), chosen)
    if chosen == account.responsible_id:
        said = "この人は、すでに責任者です。"
        raise InvalidInput(said, fields={"responsible": said})
    before, account.responsible_id = account.responsible_id, chosen
    account.password_due_since = account.password_due_since or now
    record(session, "official_account.responsible_named", account, actor=actor, policy=policy, now=now, before=before)
    tell_responsible(session, account, now=now)
    return account


def change_custody(
    session: Session, official_account_id: int, texts: Mapping[str, str], *, two_factors: bool, actor: Actor,
    policy: Policy, now: datetime,
) -> OfficialAccount:  # fmt: skip
    """Afterwards the register says where what opens it is kept now, and whether two factors are asked.

    Raises NotFound, NotPermitted, InvalidInput, IllegalTransition where it is not in use.
    """
    account = _kept(session, official_account_id)
    require_may_keep(session, account, named(actor), day=day_of(now))
    wrong: dict[str, str] = {}
    said = all_written({name: (texts.get(name, ""), TEXTS[name]) for name in CUSTODY}, wrong)
    if wrong:
        raise InvalidInput("内容を直してください。", fields=wrong)
    changed = [name for name in CUSTODY if getattr(account, name) != said[name]]
    account.own_page, account.same_elsewhere = said["own_page"], said["same_elsewhere"]
    account.custody, account.recovery, account.two_factors = said["custody"], said["recovery"], two_factors
    record(session, "official_account.custody_changed", account, actor=actor, policy=policy, now=now, changed=changed,
           two_factors=two_factors)  # fmt: skip
    return account


def name_poster(
    session: Session, official_account_id: int, person_id: int | None, *, actor: Actor, policy: Policy, now: datetime
) -> OfficialAccountPoster:
    """Afterwards the person posts with the account, until they leave or work elsewhere; None = nobody was found.

    Raises NotFound, NotPermitted, InvalidInput, IllegalTransition where it is not in use.
    """
    account, day = _kept(session, official_account_id), day_of(now)
    by = named(actor)
    require_may_keep(session, account, by, day=day)
    units = sorted(units_of_person(session, person_id, day)) if person_id is not None else []
    if person_id is None or not units or not is_employed(session, person_id, day):
        said = "在籍していて所属のある人の職員番号を書いてください。"
        raise InvalidInput(said, fields={"poster": said})
    if posts(session, account, person_id):
        said = "この人は、すでに投稿する人です。"
        raise InvalidInput(said, fields={"poster": said})
    unit = account.unit_code if account.unit_code in units else units[0]
    row = OfficialAccountPoster(
        official_account_id=account.id, person_id=person_id, unit_code=unit, named_by_id=by, since=now
    )
    session.add(row)
    record(session, "official_account.poster_named", account, actor=actor, policy=policy, now=now, person=person_id)
    tell(session, {person_id}, account, "投稿する人の指名", "あなたが公式アカウントで投稿する人になりました。", now=now,
         asks=False)  # fmt: skip
    return row


def end_poster(
    session: Session, poster_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> OfficialAccountPoster:  # fmt: skip
    """Afterwards the person posts no longer, and the password is due to be changed. Raises NotFound, NotPermitted,
    IllegalTransition for somebody who posts no longer."""
    found = session.get(OfficialAccountPoster, poster_id)
    if found is None:
        raise NotFound("投稿する人が見つかりません。")
    account = locked(session, found.official_account_id)
    require_may_keep(session, account, named(actor), day=day_of(now))
    session.refresh(found)
    if found.ended_at is not None:
        raise IllegalTransition("この人は、もう投稿する人ではありません。")
    take_off(session, account, found, "責任者などが外した", actor=actor, policy=policy, now=now)
    return found


def take_off(
    session: Session, account: OfficialAccount, poster: OfficialAccountPoster, reason: str, *, actor: Actor,
    policy: Policy, now: datetime,
) -> None:  # fmt: skip
    """Afterwards the person posts no longer, and of one in use whoever cares for it knows that the password has to
    change."""
    poster.ended_at, poster.end_reason = now, reason
    account.password_due_since = account.password_due_since or now
    record(session, "official_account.poster_ended", account, actor=actor, policy=policy, now=now,
           person=poster.person_id, reason=reason)  # fmt: skip
    if account.state in POSTING:
        tell(session, caring(session, account, day_of(now)), account, "パスワードの変更",
             "投稿する人が外れました。パスワードを知っているかもしれません。パスワードを変更し、変更したことを記録してください。",
             now=now)  # fmt: skip


def password_changed(
    session: Session, official_account_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> OfficialAccount:
    """Afterwards it is on record that the password was changed now. Who posts with it may say so, and who keeps it.

    Raises NotFound, NotPermitted, IllegalTransition where it is not in use.
    """
    account, person_id = _kept(session, official_account_id), named(actor)
    if not posts(session, account, person_id):
        require_may_keep(session, account, person_id, day=day_of(now))
    account.password_due_since, account.password_changed_at, account.password_changed_by_id = None, now, person_id
    record(session, "official_account.password_changed", account, actor=actor, policy=policy, now=now)
    return account


def check(
    session: Session, official_account_id: int, *, comment: str, actor: Actor, policy: Policy, now: datetime
) -> OfficialAccountCheck:
    """Afterwards somebody who looks after the account has put their name to having looked.

    Raises NotFound, NotPermitted, InvalidInput, IllegalTransition where it is not in use.
    """
    account, person_id = locked(session, official_account_id), named(actor)
    require_may_keep(session, account, person_id, day=day_of(now))
    if account.state is not OfficialAccountState.IN_USE:
        raise IllegalTransition("定期確認をするのは、利用中の公式アカウントです。")
    said = written(comment, field="comment", empty="何を確かめたかを書いてください。")
    row = OfficialAccountCheck(official_account_id=account.id, checked_by_id=person_id, checked_at=now, comment=said)
    session.add(row)
    record(session, "official_account.checked", account, actor=actor, policy=policy, now=now)
    return row


def _kept(session: Session, official_account_id: int) -> OfficialAccount:
    account = locked(session, official_account_id)
    if account.state not in POSTING:
        raise IllegalTransition("利用中の公式アカウントだけ、変更できます。")
    return account
