"""What a day does about official accounts: who posts no longer, and what nobody looks after (control I6)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.official_accounts import OfficialAccount, OfficialAccountCheck, OfficialAccountPoster
from idm.models.work import Finding
from idm.operations.official_accounts.authority import can_answer_for
from idm.operations.official_accounts.keeping import take_off
from idm.operations.sweep.findings import Found, record_everywhere
from idm.policy import Policy
from idm.queries.official_accounts.take_overs import accounts_with_open_take_over
from idm.queries.outsiders.outside_scope import units_of_person
from idm.queries.privileged.eligibility import is_employed
from idm.registers.official_account_state import WATCHED, OfficialAccountFacts, check_due, faults
from idm.vocabulary import FindingKind

KINDS = (FindingKind.OFFICIAL_ACCOUNT_UNCARED, FindingKind.OFFICIAL_ACCOUNT_TAKEN_OVER)


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards nobody posts who has left or works elsewhere, and what is not looked after is a finding.

    Returns how many people post no longer. Running it again on the same day does nothing more.
    """
    accounts = session.scalars(
        select(OfficialAccount).where(OfficialAccount.state.in_(WATCHED)).order_by(OfficialAccount.id).with_for_update()
    ).all()
    gone = sum(_posters_gone(session, account, actor=actor, policy=policy, now=now) for account in accounts)
    _find(session, accounts, actor=actor, policy=policy, now=now)
    return gone


def _posters_gone(session: Session, account: OfficialAccount, *, actor: Actor, policy: Policy, now: datetime) -> int:
    day, gone = day_of(now), 0
    query = select(OfficialAccountPoster).where(
        OfficialAccountPoster.official_account_id == account.id, OfficialAccountPoster.ended_at.is_(None)
    )
    for poster in session.scalars(query.order_by(OfficialAccountPoster.id)).all():
        if not is_employed(session, poster.person_id, day):
            reason = "離職"
        elif poster.unit_code not in units_of_person(session, poster.person_id, day):
            reason = "異動"
        else:
            continue
        take_off(session, account, poster, reason, actor=actor, policy=policy, now=now)
        gone += 1
    return gone


def _find(
    session: Session, accounts: Sequence[OfficialAccount], *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    day, checked, found = day_of(now), _last_checks(session), []
    rules, stolen = policy.official_accounts, accounts_with_open_take_over(session)
    for account in accounts:
        since = checked.get(account.id) or account.answered_at or account.asked_at
        facts = OfficialAccountFacts(
            account.state, day_of(account.since), check_due(day_of(since), rules),
            can_answer_for(session, account.responsible_id, day), account.two_factors,
            account.password_due_since is not None,
        )  # fmt: skip
        wrong = faults(facts, day, rules)
        if wrong:
            label = f"{account.service} {account.handle}：{''.join(wrong)}"
            details: dict[str, object] = {"official_account": account.id, "faults": list(wrong)}
            found.append(Found(FindingKind.OFFICIAL_ACCOUNT_UNCARED, str(account.id), label, details=details))
        if account.id in stolen:
            label = f"{account.service} {account.handle}：乗っ取りへの対応が終わっていません。"
            kind = FindingKind.OFFICIAL_ACCOUNT_TAKEN_OVER
            found.append(Found(kind, str(account.id), label, details={"official_account": account.id}))
    known = select(func.count()).where(Finding.kind.in_(KINDS), Finding.resolved_at.is_(None))
    if found or session.scalar(known):
        record_everywhere(session, KINDS, found, actor=actor, policy=policy, now=now)


def _last_checks(session: Session) -> dict[int, datetime]:
    query = select(OfficialAccountCheck.official_account_id, func.max(OfficialAccountCheck.checked_at))
    return dict(row for row in session.execute(query.group_by(OfficialAccountCheck.official_account_id)))
