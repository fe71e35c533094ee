"""Privileged IDs in the demonstration: a holder, a finished use with its report, one that waits, a shared ID (D1-D9).

Every act is an ordinary operation in the name of the person who does it; between them the worker's jobs run.
"""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select

from idm.calendar_days import day_of
from idm.models.going_live import FoundAccount
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement
from idm.operations.privileged import registered_ids, use_decisions, uses, work_reports
from idm.operations.privileged.registered_ids import WantedId
from idm.operations.privileged.uses import WantedUse
from idm.vocabulary import AccountKind, EntitlementKind
from jobs import provision
from jobs.demo.acting import act_as, person_id_of
from jobs.demo.cases import granted
from jobs.information_systems import inventory
from jobs.installation import Installation
from jobs.privileged import privileged_uses, rotations

HOLDER = "operator"
RIGHTS = ("office/account", "office/administration-account", "office/administration")
SHARED = "kiban-kanshi"
"""The login name of an ID that several people share, in the directory from before the product."""


SHARED_USERS = ("operator", "002013")
"""Who is on the list of the shared ID (A13)."""


def make_eligible(installation: Installation) -> None:
    """Afterwards the holder's privileged right is approved: they may ask for uses, and have nothing by it yet."""
    granted(installation, HOLDER, RIGHTS, "基盤の保守を担当するため", days=180)


def use(installation: Installation) -> None:
    """Afterwards one use is over, reported and checked, and another waits for a permission."""
    done = _ask(installation, "職員の異動に伴う共有フォルダーの設定を確認する", "変更R8-003")
    for who, attempted, operation, said in _LIFE_OF_A_USE:
        act_as(installation, who, f"privileged_use.{attempted}", ("privileged_use", done), operation, done, **said)
        run_worker(installation)
    _ask(installation, "サーバー証明書の更新", "変更R8-007")


_LIFE_OF_A_USE: tuple[tuple[str, str, Callable[..., object], dict[str, str]], ...] = (
    ("system", "permit", use_decisions.permit, {"comment": "変更計画のとおりであることを確認しました。"}),
    (HOLDER, "give_back", uses.give_back, {}),
    (HOLDER, "report", work_reports.write, {"text": "総務課フォルダーの権限を確認した。変更はしていない。"}),
    ("system", "check_report", work_reports.check, {}),
)
"""Who does what about a use, in turn; after each the worker does its part."""


def register_shared(installation: Installation) -> None:
    """Afterwards the shared ID stands in the register with its users, and its password is in the product's keeping."""
    inventory.take(installation, "office")
    with installation.database.reading() as session:
        found_id = session.scalars(select(FoundAccount.id).where(FoundAccount.login_name == SHARED)).one()
    wanted = WantedId(
        AccountKind.SHARED, "基盤の監視画面（24時間運用の当番が使う）", person_id_of(installation, "system"), kept=True,
        valid_until=day_of(installation.clock()) + timedelta(days=365),
    )  # fmt: skip
    registered_id = act_as(
        installation, "security", "registered_id.propose", ("found_account", found_id), registered_ids.propose,
        found_id, wanted,
    ).id  # fmt: skip
    account_id = act_as(
        installation, "chief", "registered_id.accept", ("registered_id", registered_id), registered_ids.accept,
        registered_id,
    ).account_id  # fmt: skip
    for who in SHARED_USERS:
        granted(installation, who, (f"office/shared:{account_id}",), "24時間運用の当番のため", days=180)
    run_worker(installation)


def run_worker(installation: Installation) -> None:
    """One round of what a worker does about privileged IDs."""
    privileged_uses.run_due(installation)
    provision.run_due(installation, worker="idm demo")
    rotations.run_due(installation, worker="idm demo")
    provision.run_due(installation, worker="idm demo")


def _ask(installation: Installation, purpose: str, ticket: str) -> int:
    holder = person_id_of(installation, HOLDER)
    with installation.database.reading() as session:
        query = select(Account.id).where(Account.person_id == holder, Account.kind == AccountKind.PRIVILEGED)
        account_id = session.scalars(query).one()
        groups = select(Grant.id).join(Entitlement, Grant.entitlement_id == Entitlement.id).where(
            Grant.account_id == account_id, Entitlement.kind == EntitlementKind.GROUP
        )  # fmt: skip
        grants = tuple(session.scalars(groups))
    wanted = WantedUse(
        account_id, purpose, hours=2, wanted_from=installation.clock(), grant_ids=grants, ticket=ticket
    )  # fmt: skip
    return act_as(installation, HOLDER, "privileged_use.ask", ("account", account_id), uses.ask, wanted).id
