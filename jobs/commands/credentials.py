"""`idm credentials rotate`: replaces now what the worker would replace next, and says how it went (D4, E2).

A command asks for nothing that a person decides: what is due by the clock, or every kept password of a system.
"""

from collections.abc import Collection

import click
from sqlalchemy import select

from idm.actor import Actor
from idm.errors import NotFound
from idm.models.privileged import Rotation
from idm.models.systems import Account, InformationSystem
from idm.operations.privileged import rotations as asking
from idm.passwords.rotation_rules import OVER
from idm.queries.governance.configuration import policy_in_force
from idm.queries.privileged.kept import kept_accounts
from idm.queries.privileged.rotations import due_by_clock
from idm.vocabulary import ROTATION_REASON_TITLES, ROTATION_STATE_TITLES, RotationReason
from jobs import provision
from jobs.commands.options import dry_run_option, installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.installation import Installation
from jobs.logs import sealing
from jobs.passwords import temporary_passwords
from jobs.privileged import rotations

ACTOR = Actor.job("idm credentials rotate")
WORKER = "idm credentials rotate"
SOME_FAILED = 3


@click.group()
def credentials() -> None:
    """仮パスワードと、預かっているパスワード。"""


@credentials.command()
@click.option("--temporary", is_flag=True, help="期限までに変更されなかった仮パスワードだけを対象にします。")
@click.option("--privileged", is_flag=True, help="預かっているパスワードだけを対象にします。")
@click.option("--all", "everything", is_flag=True, help="預かっているパスワードを、期日に関わらずすべて変更します。")
@click.option("--system", "system_code", help="情報システムの記号。")
@dry_run_option
@json_option
@click.pass_context
def rotate(
    context: click.Context, *, temporary: bool, privileged: bool, everything: bool, system_code: str | None,
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """期限の来たパスワードを、だれも知らない新しいものに替えます。

    終了コード: 0 すべて済んだ、3 済んでいないものがある（処理プログラムがやり直します）。
    """
    found = installation()
    system_id = _system(found, system_code) if system_code else None
    both = temporary == privileged
    report: dict[str, object] = {}
    if both or temporary:
        report["temporary"] = _temporary(found, system_id, dry_run=dry_run)
    left: list[dict[str, object]] = []
    if both or privileged:
        report["privileged"] = _kept(found, system_id, everything=everything, dry_run=dry_run)
        left = [] if dry_run else _left(found, system_id)
        report["left"] = left
    if not dry_run:
        sealing.seal(found, sign=True)
    _say(report, left, as_json=as_json, dry_run=dry_run)
    context.exit(SOME_FAILED if left else 0)


def _system(found: Installation, code: str) -> int:
    with found.database.reading() as session:
        system_id = session.scalar(select(InformationSystem.id).where(InformationSystem.code == code))
    if system_id is None:
        raise NotFound(f"情報システム「{code}」がありません。")
    return system_id


def _temporary(found: Installation, system_id: int | None, *, dry_run: bool) -> int:
    """How many temporary passwords are overdue, as their targets say; those are locked and replaced, but for a dry run.

    One of which nobody can say whether it was changed is not: nobody is locked out for that.
    """
    if dry_run:
        return temporary_passwords.would_find(found, only=system_id).overdue
    overdue = temporary_passwords.run_due(found, only=system_id).overdue
    if system_id is None:
        provision.run_due(found, worker=WORKER)
    else:
        provision.run_system(found, system_id, worker=WORKER)
    return overdue


def _kept(found: Installation, system_id: int | None, *, everything: bool, dry_run: bool) -> int:
    """How many kept passwords are to be replaced; they are tried once, but for a dry run."""
    now = found.clock()
    with found.database.reading() as session:
        policy = policy_in_force(session, now=now)
        due = due_by_clock(session, policy=policy, now=now)
        asked = kept_accounts(session) if everything else due.first | due.by_age
        wanted = _of_system(session.scalars(select(Account).where(Account.id.in_(asked))).all(), system_id)
    if dry_run:
        return len(wanted)
    if everything:
        with found.database.writing() as session:
            asking.ask(session, wanted, RotationReason.BY_HAND, actor=ACTOR, policy=policy, now=now)
    return rotations.run_due(found, worker=WORKER, only=system_id)


def _of_system(accounts: Collection[Account], system_id: int | None) -> list[int]:
    return [account.id for account in accounts if system_id in (None, account.system_id)]


def _left(found: Installation, system_id: int | None) -> list[dict[str, object]]:
    """What was not replaced, and why."""
    query = select(Rotation).where(Rotation.state.not_in(OVER)).order_by(Rotation.id)
    with found.database.reading() as session:
        return [
            {
                "system": rotation.account.system.code, "login_name": rotation.account.login_name,
                "reason": rotation.reason, "state": rotation.state, "error": rotation.last_error,
            }
            for rotation in session.scalars(query)
            if system_id in (None, rotation.system_id)
        ]  # fmt: skip


def _say(report: dict[str, object], left: list[dict[str, object]], *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json({"dry_run": dry_run, **report})
        return
    done = "を替える予定です。何も変えていません。" if dry_run else "を処理しました。"
    if "temporary" in report:
        say(f"期限を過ぎた仮パスワード {report['temporary']} 件{done}")
    if "privileged" in report:
        say(f"預かっているパスワード {report['privileged']} 件{done}")
    print_table(
        ("情報システム", "利用者ID", "理由", "状態", "うまくいかない理由"),
        (
            (one["system"], one["login_name"], ROTATION_REASON_TITLES[RotationReason(str(one["reason"]))],
             ROTATION_STATE_TITLES[one["state"]], one["error"])  # type: ignore[index]
            for one in left
        ),
        title="済んでいないもの",
    )  # fmt: skip
