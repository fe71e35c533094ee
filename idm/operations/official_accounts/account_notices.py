"""What an act on an official account leaves behind: its new state, an audit record, and notices (control I6)."""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.models.official_accounts import OfficialAccount, OfficialAccountPoster
from idm.operations.notification.notices import notify
from idm.operations.official_accounts.authority import can_answer_for
from idm.policy import Policy
from idm.queries.organisation.officers import holders, humans
from idm.queries.rights.leaving import SectionManagers
from idm.registers.official_account_state import AccountEvent, after
from idm.vocabulary import Role

PAGE = "/official-accounts"


def move(account: OfficialAccount, event: AccountEvent, *, now: datetime) -> None:
    """Afterwards the account is in the state that follows, since now. Raises IllegalTransition."""
    account.state, account.since = after(account.state, event), now


def record(
    session: Session, action: str, account: OfficialAccount, *, actor: Actor, policy: Policy, now: datetime,
    **more: object,
) -> None:  # fmt: skip
    """Afterwards the audit says what happened to the account."""
    session.flush()
    audit.record(
        session, action=action, actor=actor, obj=("official_account", str(account.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "service": account.service, "handle": account.handle, "unit": account.unit_code,
            "state": account.state.value, "responsible": account.responsible_id, **more,
        },
    )  # fmt: skip


def tell(
    session: Session, people: Iterable[int], account: OfficialAccount, subject: str, body: str, *, now: datetime,
    asks: bool = True, urgent: bool = False,
) -> None:  # fmt: skip
    """Afterwards each of the people has a notice with a link to the account. `urgent`: it waits for no digest."""
    notify(
        session, people, now=now, link=f"{PAGE}/{account.id}", asks=asks, urgent=urgent,
        subject=f"【公式アカウント】{subject}：{account.service} {account.handle}",
        body=f"{body}\n・アカウント: {account.service} {account.handle}\n・目的: {account.purpose}",
    )  # fmt: skip


def posters(session: Session, account: OfficialAccount) -> frozenset[int]:
    """Who posts with it now."""
    query = select(OfficialAccountPoster.person_id).where(
        OfficialAccountPoster.official_account_id == account.id, OfficialAccountPoster.ended_at.is_(None)
    )
    return frozenset(session.scalars(query))


def caring(session: Session, account: OfficialAccount, day: date) -> frozenset[int]:
    """Who answers for it; where nobody can any more, the manager of its section and the security officers."""
    if can_answer_for(session, account.responsible_id, day):
        return frozenset({account.responsible_id})
    return holding(session, (Role.SECTION, Role.SECURITY), account, day)


def confirming(session: Session, account: OfficialAccount, person_id: int, day: date) -> frozenset[int]:
    """Who can confirm what this person did: the offices that keep the register, and the section's manager."""
    others = holding(session, (Role.SECTION, Role.SECURITY, Role.CHIEF), account, day)
    return others - humans(session, [person_id])[person_id].rows


def holding(session: Session, roles: Iterable[Role], account: OfficialAccount, day: date) -> frozenset[int]:
    """Who holds these offices; the section manager is the account's own section's."""
    found = set[int]()
    for role in roles:
        if role is Role.SECTION:
            found |= SectionManagers.on(session, day).of(account.unit_code, without=frozenset())
        else:
            found |= {*holders(session, role, None, day)}
    return frozenset(found)
