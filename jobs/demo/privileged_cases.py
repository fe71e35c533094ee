"""Privileged IDs in the demonstration: a holder, a finished use with its report, one that waits, a shared ID (D1-D9).

Every act is an ordinary operation in the name of the person who does it; between them the worker's jobs run.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.going_live import FoundAccount
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement
from idm.operations.privileged import registered_ids, use_decisions, uses, work_reports
from idm.operations.privileged.registered_ids import WantedId
from idm.operations.privileged.uses import WantedUse
from idm.policy import Policy
from idm.queries.governance.configuration import policy_in_force
from idm.request_state import Event
from idm.unit_of_work import unit_of_work
from idm.vocabulary import AccountKind, EntitlementKind, Role
from jobs import provision
from jobs.demo.cases import actor_of, apply_for, decide_step
from jobs.information_systems import inventory
from jobs.installation import Installation
from jobs.privileged import privileged_uses, rotations

HOLDER = "operator"
RIGHTS = ("office/account", "office/administration-account", "office/administration")
SHARED = "kiban-kanshi"
"""The login name of an ID that several people share, in the directory from before the product."""


@dataclass(frozen=True)
class Acting:
    """One act of one of the cast."""

    session: Session
    actor: Actor
    policy: Policy
    now: datetime


def make_eligible(installation: Installation) -> None:
    """Afterwards the holder's privileged right is approved: they may ask for uses, and have nothing by it yet."""
    request = apply_for(installation, "hr", HOLDER, RIGHTS, "基盤の保守を担当するため", days=180)
    for seat, role in ((Role.CHIEF, "chief"), (Role.SYSTEM, "system")):
        decide_step(installation, request, seat, role, Event.APPROVE, "担当業務に必要な範囲であることを確認しました。")


def use(installation: Installation) -> None:
    """Afterwards one use is over, reported and checked, and another waits for a permission."""
    done = _ask(installation, "職員の異動に伴う共有フォルダーの設定を確認する", "変更R8-003")
    _act(
        installation,
        "system",
        "privileged_use.permit",
        done,
        lambda by: use_decisions.permit(
            by.session,
            done,
            comment="変更計画のとおりであることを確認しました。",
            actor=by.actor,
            policy=by.policy,
            now=by.now,
        ),
    )
    run_worker(installation)
    _act(
        installation,
        HOLDER,
        "privileged_use.give_back",
        done,
        lambda by: uses.give_back(by.session, done, actor=by.actor, policy=by.policy, now=by.now),
    )
    run_worker(installation)
    _act(
        installation,
        HOLDER,
        "privileged_use.report",
        done,
        lambda by: work_reports.write(
            by.session,
            done,
            text="総務課フォルダーの権限を確認した。変更はしていない。",
            actor=by.actor,
            policy=by.policy,
            now=by.now,
        ),
    )
    _act(
        installation,
        "system",
        "privileged_use.check_report",
        done,
        lambda by: work_reports.check(by.session, done, actor=by.actor, policy=by.policy, now=by.now),
    )
    _ask(installation, "サーバー証明書の更新", "変更R8-007")


def register_shared(installation: Installation) -> None:
    """Afterwards the shared ID stands in the register, and its password is in the product's keeping."""
    inventory.take(installation, "office")
    with installation.database.reading() as session:
        found_id = session.scalars(select(FoundAccount.id).where(FoundAccount.login_name == SHARED)).one()
        now = installation.clock()
        owner_id = actor_of(session, "system", now=now).person_id or 0
    wanted = WantedId(
        AccountKind.SHARED, "基盤の監視画面（24時間運用の当番が使う）", owner_id, kept=True,
        valid_until=day_of(now) + timedelta(days=365),
    )  # fmt: skip
    with _acting(installation, "security", "registered_id.propose", found_id) as by:
        registered = registered_ids.propose(by.session, found_id, wanted, actor=by.actor, policy=by.policy, now=by.now)
        registered_id = registered.id
    _act(
        installation,
        "chief",
        "registered_id.accept",
        registered_id,
        lambda by: registered_ids.accept(by.session, registered_id, actor=by.actor, policy=by.policy, now=by.now),
    )
    run_worker(installation)


def run_worker(installation: Installation) -> None:
    """One round of what a worker does about privileged IDs."""
    privileged_uses.run_due(installation)
    provision.run_due(installation, worker="idm demo")
    rotations.run_due(installation, worker="idm demo")
    provision.run_due(installation, worker="idm demo")


def _ask(installation: Installation, purpose: str, ticket: str) -> int:
    with installation.database.reading() as session:
        now = installation.clock()
        holder = actor_of(session, HOLDER, now=now).person_id
        query = select(Account.id).where(Account.person_id == holder, Account.kind == AccountKind.PRIVILEGED)
        account_id = session.scalars(query).one()
        groups = select(Grant.id).join(Entitlement, Grant.entitlement_id == Entitlement.id).where(
            Grant.account_id == account_id, Entitlement.kind == EntitlementKind.GROUP
        )  # fmt: skip
        grants = tuple(session.scalars(groups))
    wanted = WantedUse(account_id, purpose, hours=2, wanted_from=now, grant_ids=grants, ticket=ticket)
    with _acting(installation, HOLDER, "privileged_use.ask", account_id) as by:
        return uses.ask(by.session, wanted, actor=by.actor, policy=by.policy, now=by.now).id


def _act(installation: Installation, who: str, attempted: str, of: int, act: Callable[[Acting], object]) -> None:
    with _acting(installation, who, attempted, of) as by:
        act(by)


@contextmanager
def _acting(installation: Installation, who: str, attempted: str, of: int) -> Iterator[Acting]:
    """A unit of work in that person's name."""
    now = installation.clock()
    with installation.database.reading() as session:
        actor = actor_of(session, who, now=now)
    with unit_of_work(
        installation.database, actor=actor, now=now, attempted=attempted, obj=("privileged_use", of)
    ) as session:
        yield Acting(session, actor, policy_in_force(session, now=now), now)
