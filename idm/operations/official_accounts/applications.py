"""An official account is applied for, decided on and entered in the register (FK 6-1(22)①③; control I6)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotPermitted
from idm.models.official_accounts import OfficialAccount
from idm.operations.official_accounts.account_notices import holding, move, record, tell
from idm.operations.official_accounts.authority import (
    can_answer_for,
    locked,
    named,
    require_can_answer_for,
    require_may_answer,
    require_may_ask,
    require_not_answering_for,
)
from idm.policy import Policy
from idm.queries.organisation.officers import humans
from idm.queries.organisation.units import unit_on
from idm.registers.official_account_state import IN_THE_REGISTER, WATCHED, AccountEvent, after
from idm.vocabulary import OfficialAccountState
from idm.written_text import all_written, written


@dataclass(frozen=True)
class WantedOfficialAccount:
    """What is applied for. `only_public`: whoever applies confirms that nothing above confidentiality 1 is posted."""

    unit_code: str
    service: str
    handle: str
    address: str
    purpose: str
    own_page: str
    same_elsewhere: str
    custody: str
    two_factors: bool
    recovery: str
    only_public: bool
    responsible_id: int | None


TEXTS: Mapping[str, str] = {
    "service": "サービスの名前を書いてください。", "handle": "アカウントの名前を書いてください。",
    "address": "アカウントのページのアドレスを書いてください。", "purpose": "利用の目的を書いてください。",
    "own_page": "公式のものであることを、自己管理のウェブサイトのどこに載せ、アカウントにどう書くかを書いてください。",
    "same_elsewhere": "大事な知らせを自己管理のウェブサイトのどこに載せるかを書いてください（なければ「なし」）。",
    "custody": "パスワードを、どこで誰が保管するかを書いてください。パスワードそのものは書かないでください。",
    "recovery": "二要素認証の機器と回復用コードを、どこで誰が保管するかを書いてください。",
}  # fmt: skip
"""Field → what is said where nothing is written."""
KNOWN = "この公式アカウントは、すでに台帳にあります。"


def ask(
    session: Session, wanted: WantedOfficialAccount, *, actor: Actor, policy: Policy, now: datetime
) -> OfficialAccount:  # fmt: skip
    """Afterwards the application waits for whoever decides, who have been told; nothing is posted yet.

    Every mistake in it is told at once. Raises InvalidInput, NotPermitted, SeparationOfDuties.
    """
    person_id, day = named(actor), day_of(now)
    require_may_ask(session, person_id, wanted.unit_code, policy=policy, day=day)
    wrong: dict[str, str] = {}
    texts = all_written({name: (getattr(wanted, name), empty) for name, empty in TEXTS.items()}, wrong)
    if not wanted.only_public:
        wrong["only_public"] = "機密性2以上の情報は、ソーシャルメディアで発信できません。確かめてください。"
    if not wanted.two_factors:
        wrong["two_factors"] = "二要素認証を設定してから申請してください。"
    responsible_id = wanted.responsible_id
    try:
        responsible_id = require_can_answer_for(session, responsible_id, day)
    except InvalidInput as mistake:
        wrong |= mistake.fields
    if _known(session, texts["service"], texts["handle"], IN_THE_REGISTER):
        wrong["handle"] = KNOWN
    if unit_on(session, wanted.unit_code, day) is None:
        wrong["unit"] = "いまある所属から選んでください。"
    if wrong:
        raise InvalidInput("申請の内容を直してください。", fields=wrong)
    account = OfficialAccount(
        state=OfficialAccountState.ASKED, since=now, unit_code=wanted.unit_code, two_factors=True,
        responsible_id=responsible_id, asked_by_id=person_id, asked_at=now, **texts,
    )  # fmt: skip
    session.add(account)
    record(session, "official_account.asked", account, actor=actor, policy=policy, now=now)
    deciding = holding(session, policy.official_accounts.decided_by, account, day)
    tell(session, deciding - humans(session, [person_id])[person_id].rows, account, "申請",
         f"{actor.label} さんが公式アカウントを申請しました。承認するかどうかを決めてください。", now=now)  # fmt: skip
    return account


def _known(session: Session, service: str, handle: str, states: Collection[OfficialAccountState]) -> bool:
    query = select(OfficialAccount.id).where(
        OfficialAccount.service == service, OfficialAccount.handle == handle, OfficialAccount.state.in_(states)
    )
    return session.scalars(query).first() is not None


def answer(
    session: Session, official_account_id: int, *, permit: bool, note: str, actor: Actor, policy: Policy, now: datetime
) -> OfficialAccount:
    """Afterwards the account may be used under whoever answers for it, who knows, or it may not.

    Raises NotFound, NotPermitted, SeparationOfDuties, InvalidInput, IllegalTransition.
    """
    account, person_id = locked(session, official_account_id), named(actor)
    after(account.state, AccountEvent.APPROVE)
    require_may_answer(session, account, person_id, policy=policy, day=day_of(now))
    require_not_answering_for(session, person_id, account.responsible_id)
    if permit:
        _require_still_right(session, account, day_of(now))
    said = written(note, field="answer_note", empty="理由（承認するときは、条件があればその条件も）を書いてください。")
    account.answered_by_id, account.answered_at, account.answer_note = person_id, now, said
    move(account, AccountEvent.APPROVE if permit else AccountEvent.REFUSE, now=now)
    record(session, f"official_account.{'approved' if permit else 'refused'}", account, actor=actor, policy=policy,
           now=now, note=said)  # fmt: skip
    verdict = "承認" if permit else "不承認と"
    tell(session, {account.asked_by_id}, account, "申請の結果", f"申請を{verdict}しました。\n・理由・条件: {said}",
         now=now, asks=False)  # fmt: skip
    if permit:
        tell_responsible(session, account, now=now)
    return account


def _require_still_right(session: Session, account: OfficialAccount, day: date) -> None:
    """What held when it was asked for holds still. Raises InvalidInput, IllegalTransition."""
    if not can_answer_for(session, account.responsible_id, day):
        said = "責任者が在籍していないため、承認できません。責任者を替えて、あらためて申請してもらってください。"
        raise InvalidInput(said, fields={"answer": said})
    if _known(session, account.service, account.handle, WATCHED):
        raise IllegalTransition(KNOWN)


def tell_responsible(session: Session, account: OfficialAccount, *, now: datetime) -> None:
    """Afterwards whoever answers for it knows so."""
    body = "あなたが公式アカウントの責任者になりました。投稿する人の登録と、定期確認をお願いします。"
    tell(session, {account.responsible_id}, account, "責任者の指名", body, now=now)


def withdraw(
    session: Session, official_account_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> OfficialAccount:
    """Afterwards whoever asked has taken the application back. Raises NotFound, NotPermitted, IllegalTransition."""
    account, person_id = locked(session, official_account_id), named(actor)
    if not humans(session, [person_id])[person_id].is_one_of(frozenset({account.asked_by_id})):
        raise NotPermitted("申請を取り下げられるのは、申請した人だけです。")
    move(account, AccountEvent.WITHDRAW, now=now)
    record(session, "official_account.withdrawn", account, actor=actor, policy=policy, now=now)
    return account
