"""Who may do what with an official account: asking, deciding, keeping, posting (FK 6-1(22); control I6)."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.official_accounts import OfficialAccount, OfficialAccountPoster
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.organisation.officers import contracted, humans, never_deciding, roles_of
from idm.queries.organisation.reach import units_reached
from idm.queries.privileged.eligibility import is_employed


def named(actor: Actor) -> int:
    """The person who acts. Raises NotPermitted for a job."""
    if actor.person_id is None:
        raise NotPermitted("公式アカウントの手続は、名前のある人だけが行えます。")
    return actor.person_id


def locked(session: Session, official_account_id: int) -> OfficialAccount:
    """The account, held until the transaction ends. Raises NotFound."""
    account = session.get(OfficialAccount, official_account_id, with_for_update=True, populate_existing=True)
    if account is None:
        raise NotFound("公式アカウントが見つかりません。")
    return account


def require_may_ask(session: Session, person_id: int, unit_code: str, *, policy: Policy, day: date) -> None:
    """Afterwards the person applies for accounts of that section, or of one still to be chosen ("").

    Raises NotPermitted, SeparationOfDuties.
    """
    roles = roles_of(session, person_id, day)
    require(roles, Action.ASK_OFFICIAL_ACCOUNT)
    reached = units_reached(session, person_id, Action.ASK_OFFICIAL_ACCOUNT, day)
    elsewhere = unit_code != "" and reached is not None and unit_code not in reached
    if not roles & frozenset(policy.official_accounts.asked_by) or elsewhere:
        titles = "、".join(policy.title_of(role) for role in policy.official_accounts.asked_by)
        raise NotPermitted(f"この所属の公式アカウントを申請できるのは、その所属の{titles}です。")
    _require_staff(session, person_id, day)


def require_may_answer(
    session: Session, account: OfficialAccount, person_id: int, *, policy: Policy, day: date
) -> None:
    """Afterwards the person decides on accounts, and did not ask for this. Raises NotPermitted, SeparationOfDuties."""
    roles = roles_of(session, person_id, day)
    require(roles, Action.PERMIT_OFFICIAL_ACCOUNT)
    if not roles & frozenset(policy.official_accounts.decided_by):
        titles = "、".join(policy.title_of(role) for role in policy.official_accounts.decided_by)
        raise NotPermitted(f"公式アカウントについて決めるのは、{titles}です。")
    own = humans(session, [person_id])[person_id]
    if own.is_one_of(frozenset({account.asked_by_id})):
        raise SeparationOfDuties("自分の申請について、決めることはできません。（SOD-1）", code="SOD-1")
    _require_staff(session, person_id, day)


def may_keep(session: Session, account: OfficialAccount, person_id: int, *, day: date) -> bool:
    """Whether the person looks after the account: who answers for it, or an office that keeps the register."""
    reached = units_reached(session, person_id, Action.KEEP_OFFICIAL_ACCOUNTS, day)
    if reached is None or account.unit_code in reached:
        return True
    own = humans(session, [person_id])[person_id]
    return own.is_one_of(frozenset({account.responsible_id})) and can_answer_for(session, account.responsible_id, day)


def require_may_keep(session: Session, account: OfficialAccount, person_id: int, *, day: date) -> None:
    """Afterwards the person looks after the account. Raises NotPermitted."""
    if not may_keep(session, account, person_id, day=day):
        raise NotPermitted("この手続は、公式アカウントの責任者、所属の管理者と、台帳を管理する職の人だけが行えます。")


def posts(session: Session, account: OfficialAccount, person_id: int) -> bool:
    """Whether the person is one of those who post with it."""
    rows = humans(session, [person_id])[person_id].rows
    query = select(OfficialAccountPoster.id).where(
        OfficialAccountPoster.official_account_id == account.id, OfficialAccountPoster.person_id.in_(rows),
        OfficialAccountPoster.ended_at.is_(None),
    )  # fmt: skip
    return session.scalars(query).first() is not None


def require_another(session: Session, person_id: int, other_id: int | None) -> None:
    """Afterwards the person is not the human who did what is to be confirmed. Raises SeparationOfDuties."""
    if other_id is not None and humans(session, [person_id])[person_id].is_one_of(frozenset({other_id})):
        raise SeparationOfDuties("自分が行ったことを、自分で確認することはできません。（SOD-1）", code="SOD-1")


def require_not_answering_for(session: Session, person_id: int, responsible_id: int) -> None:
    """Afterwards the person decides about somebody else who is to answer for it. Raises SeparationOfDuties."""
    if humans(session, [person_id])[person_id].is_one_of(frozenset({responsible_id})):
        raise SeparationOfDuties("自分が責任者になることを、自分で決めることはできません。（SOD-1）", code="SOD-1")


def can_answer_for(session: Session, person_id: int, day: date) -> bool:
    """Whether the person works here and is no contractor, under whatever row."""
    rows = humans(session, [person_id])[person_id].rows
    return is_employed(session, person_id, day) and not contracted(session, rows, day)


def require_can_answer_for(session: Session, person_id: int | None, day: date) -> int:
    """The person, who works here and is no contractor. Raises InvalidInput at `responsible`."""
    if person_id is not None and can_answer_for(session, person_id, day):
        return person_id
    said = "責任者には、在籍している職員（委託事業者を除く）の職員番号を書いてください。"
    raise InvalidInput(said, fields={"responsible": said})


def _require_staff(session: Session, person_id: int, day: date) -> None:
    if never_deciding(session, humans(session, [person_id]).values(), day):
        raise SeparationOfDuties(
            "監査人と委託事業者は、公式アカウントの申請と決定ができません。（SOD-6、SOD-7）", code="SOD-6"
        )
