"""A password may have leaked: nobody comes in with it from the report on (control E6; FK 5-4(3)④, MT 6-4(2)エ).

As with a lost card, stopping never waits: a report asks for no fresh second factor, for no reason, and for no
permission but to be its owner, to manage them, to stand at the desk or to be the security officer. The IDs are wanted
locked, and a worker replaces each password by one that nobody knows; they open again by a hand-over. What the vault
keeps is rotated, and live uses of it end. The owner is signed in here nowhere any more; a password of the product's own
opens nothing until they enrol anew by a link.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import InvalidInput, NotPermitted, SeparationOfDuties
from idm.models.privileged import LeakReport, VaultSecret
from idm.models.sign_in import SignIn
from idm.models.systems import Account, InformationSystem
from idm.operations.notification.notices import notify
from idm.operations.passwords.handovers import NEVER_HANDED_OVER, close_open
from idm.operations.privileged import rotations, uses
from idm.operations.rights.accounts import schedule
from idm.operations.signing_in.web_sessions import end_all_sessions
from idm.passwords.password_hashing import nobodys_hash
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.factors.authenticators import units_of_owner
from idm.queries.organisation.officers import contracted, holders, humans
from idm.queries.organisation.reach import units_reached
from idm.queries.passwords.leaks import Leakable, LeakableId, leakable, open_reports
from idm.queries.rights.leaving import SectionManagers
from idm.queries.signing_in.sign_in_accounts import sign_in_of
from idm.stopping import Stopping
from idm.vocabulary import BY_HAND, Role, RotationReason, SignInWay
from idm.written_text import written


@dataclass(frozen=True)
class Wanted:
    """What may have leaked: the passwords of these IDs (None = of all the person's), and that of the product itself."""

    person_id: int
    account_ids: frozenset[int] | None = None
    own_password: bool = True


@dataclass(frozen=True)
class Reported:
    """What a report did: the IDs it is about, and whether the product's own password opens nothing any more."""

    ids: tuple[LeakableId, ...]
    own_password: bool
    sessions_ended: int


def report(session: Session, wanted: Wanted, *, note: str, actor: Actor, policy: Policy, now: datetime) -> Reported:
    """Afterwards nobody comes in with these passwords as soon as a worker has been there, and nobody is signed in.

    Asked again for the same ID while it is under way, nothing is doubled. Raises NotFound, NotPermitted,
    SeparationOfDuties (SOD-7: a contractor for somebody else), InvalidInput where nothing was chosen.
    """
    require_may_report(session, wanted.person_id, actor=actor, now=now)
    text = written(note, field="note", empty="") if note.strip() else ""
    found = leakable(session, wanted.person_id)
    chosen = _chosen(found, wanted)
    own_password = wanted.own_password and found.own_password
    if not chosen and not own_password:
        problem = "パスワードが漏れたかもしれないIDを、一つ以上選んでください。"
        raise InvalidInput(problem, fields={"account_id": problem})
    accounts = _locked(session, [one.account_id for one in chosen])
    _report_each(session, accounts, wanted.person_id, text, actor=actor, now=now)
    _lock(session, accounts, now=now)
    _rotate(session, accounts, actor=actor, policy=policy, now=now)
    ended = _sign_out(session, wanted.person_id, withhold=own_password, actor=actor, policy=policy, now=now)
    done = Reported(chosen, own_password, ended)
    audit.record(
        session, action="credential.leak_reported", actor=actor, obj=("person", wanted.person_id), now=now,
        policy_digest=policy.digest,
        payload={
            "accounts": [one.account_id for one in chosen], "sign_in_withdrawn": own_password, "sessions_ended": ended,
            "note": text,
        },
    )  # fmt: skip
    _tell(session, found, done, text, actor=actor, now=now)
    return done


def may_report(session: Session, owner_id: int, *, actor: Actor, now: datetime) -> bool:
    """Whether this person is the owner, manages their section, stands at the desk, or is the security officer."""
    try:
        require_may_report(session, owner_id, actor=actor, now=now)
    except (NotPermitted, SeparationOfDuties):
        return False
    return True


def require_may_report(session: Session, owner_id: int, *, actor: Actor, now: datetime) -> None:
    """Afterwards this person may report that the owner's passwords leaked. Raises NotPermitted, SeparationOfDuties."""
    person_id, day = actor.person_id, day_of(now)
    if person_id is None:
        raise NotPermitted("漏えいのおそれの届出は、名前のある人だけができます。")
    human = humans(session, [person_id])[person_id]
    if human.is_one_of(frozenset({owner_id})):
        return
    if contracted(session, human.rows, day):
        raise SeparationOfDuties(
            "委託事業者は、ほかの人のパスワードの漏えいを届け出られません。（SOD-7）", code="SOD-7"
        )
    units = units_reached(session, person_id, Action.REPORT_LEAK, day)
    if units is not None and units.isdisjoint(units_of_owner(session, owner_id, day)):
        raise NotPermitted(
            "漏えいのおそれを届け出られるのは、本人、所属の課長、窓口の担当者、情報セキュリティ責任者です。"
        )


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards reports that something else than the provisioning settles say so; returns how many that were.

    Kept passwords: as soon as the vault has confirmed a newer one. By hand: as soon as a work order set another.
    """
    waiting = session.execute(
        select(LeakReport, Account, InformationSystem.connector, VaultSecret.confirmed_at)
        .join(Account, LeakReport.account_id == Account.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .outerjoin(VaultSecret, VaultSecret.account_id == Account.id)
        .where(LeakReport.replaced_at.is_(None))
    ).all()
    settled = 0
    for one, account, connector, confirmed_at in waiting:
        at = confirmed_at if account.kind in NEVER_HANDED_OVER else None
        if connector == BY_HAND and account.kind not in NEVER_HANDED_OVER:
            at = account.handed_over_at
        if at is None or at < one.reported_at:
            continue
        one.replaced_at = at
        settled += 1
        audit.record(
            session, action="credential.replaced", actor=actor, obj=("account", str(account.id)), now=now,
            policy_digest=policy.digest, payload={"handovers": [], "leak_reports": [one.id]},
        )  # fmt: skip
    return settled


def _chosen(found: Leakable, wanted: Wanted) -> tuple[LeakableId, ...]:
    if wanted.account_ids is None:
        return found.ids
    chosen = tuple(one for one in found.ids if one.account_id in wanted.account_ids)
    if len(chosen) != len(wanted.account_ids):
        problem = "選んだIDの中に、この人のものでないIDがあります。画面を開き直してください。"
        raise InvalidInput(problem, fields={"account_id": problem})
    return chosen


def _locked(session: Session, account_ids: Sequence[int]) -> list[Account]:
    query = select(Account).where(Account.id.in_(account_ids)).order_by(Account.id)
    return list(session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)))


def _report_each(
    session: Session, accounts: Sequence[Account], person_id: int, note: str, *, actor: Actor, now: datetime
) -> None:
    known = open_reports(session, [account.id for account in accounts])
    session.add_all(
        LeakReport(
            account_id=account.id, person_id=person_id, reported_by_id=actor.person_id, reported_at=now, note=note
        )
        for account in accounts if account.id not in known
    )  # fmt: skip
    session.flush()


def _lock(session: Session, accounts: Sequence[Account], *, now: datetime) -> None:
    """Afterwards the IDs that are handed over to people wait for a new hand-over, and a worker looks at them."""
    for account in accounts:
        if account.kind not in NEVER_HANDED_OVER:
            close_open(session, account.id, now)
            account.handed_over_at = None
            schedule(session, account, now=now)


def _rotate(session: Session, accounts: Sequence[Account], *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards nobody uses the privileged ones any more, and the vault is to replace their passwords (D4)."""
    kept = [account.id for account in accounts if account.kind in NEVER_HANDED_OVER]
    if kept:
        uses.end_resting_on(session, account_ids=kept, actor=actor, policy=policy, now=now)
        rotations.ask(session, kept, RotationReason.SUSPECTED, actor=actor, policy=policy, now=now)


def _sign_out(session: Session, person_id: int, *, withhold: bool, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards this human is signed in nowhere, under none of their rows; returns in how many places they were."""
    ended = 0
    for row in sorted(humans(session, [person_id])[person_id].rows):
        sign_in = sign_in_of(session, row)
        if sign_in is None:
            continue
        ended += end_all_sessions(session, person_id=row, actor=actor, policy=policy, now=now)
        if withhold:
            _withhold(session, sign_in, actor=actor, policy=policy, now=now)
    return ended


def _withhold(session: Session, sign_in: SignIn, *, actor: Actor, policy: Policy, now: datetime) -> None:
    if sign_in.way is not SignInWay.PASSWORD:
        return
    sign_in.password_hash = nobodys_hash()
    audit.record(
        session, action="sign_in.password_withdrawn", actor=actor, obj=("person", sign_in.person_id), now=now,
        policy_digest=policy.digest, payload={"name": sign_in.name},
    )  # fmt: skip


# --- who is told -----------------------------------------------------------------------------------------------------

EFFECTS = {
    Stopping.BY_US: "次のIDを止め、パスワードを、だれも知らないものに取り替えます。",
    Stopping.BY_HAND: "次のIDは手作業でパスワードを変えます。指示書を出しました。終わるまで、止まっていません。",
    Stopping.NOT_BY_US: "次のIDは、観察の段階のため idm は止められません。管理者が手で止めてください。",
}
"""What a report does about an ID, by who carries it out."""


def effects(ids: Collection[LeakableId]) -> dict[str, list[str]]:
    """What the report does → the IDs, in words."""
    found: dict[str, list[str]] = {}
    for by in Stopping:
        named = [f"{one.system_name}：{one.login_name}" for one in ids if one.by is by]
        if named:
            found[EFFECTS[by]] = named
    return found


def _tell(session: Session, found: Leakable, done: Reported, note: str, *, actor: Actor, now: datetime) -> None:
    """Afterwards section manager and security officers know, and the owner where somebody else said it."""
    day = day_of(now)
    rows = humans(session, [found.person_id])[found.person_id].rows
    managers = SectionManagers.on(session, day)
    told = {*holders(session, Role.SECURITY, None, day)}
    for unit in units_of_owner(session, found.person_id, day):
        told |= managers.of(unit, without=rows)
    parts = ["\n".join([effect, *(f"・{one}" for one in named)]) for effect, named in effects(done.ids).items()]
    if done.own_password:
        parts.append("このシステム（idm）のパスワードは使えなくしました。サインイン登録の案内が必要です。")
    parts.append(note or "（届出のときの記入はありません。）")
    body = f"{found.name} さんのパスワードが漏れたおそれがあると、{actor.label} さんが届け出ました。\n\n" + "\n\n".join(
        parts
    )
    subject = "【漏えいのおそれ】パスワードの届出がありました"
    notify(session, told - rows - {actor.person_id}, subject=subject, body=body, link="/leaks", now=now,
           urgent=True)  # fmt: skip
    if actor.person_id not in rows:
        notify(session, [found.person_id], subject=subject, body=body, link="/me", now=now, urgent=True)
