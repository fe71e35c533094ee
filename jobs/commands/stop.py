"""`idm stop person|system`: stops somebody or a system while no page can be reached. It can only stop."""

import getpass
import os

import click

from idm.actor import Actor
from idm.operations.stops import from_console
from idm.operations.stops.from_console import Operator
from idm.operations.stops.orders import Why
from idm.queries.governance.configuration import policy_in_force
from idm.unit_of_work import unit_of_work
from jobs.commands.options import installation
from jobs.commands.terminal import say

operator_option = click.option("--operator", required=True, help="止める人の氏名と所属。監査記録に残ります。")
reason_option = click.option("--reason", required=True, help="止める理由。監査記録に残り、責任者に知らせます。")
reference_option = click.option("--reference", default="", help="事案の番号。")
yes_option = click.option("--yes", is_flag=True, help="確かめの問いを出しません。")


@click.group()
def stop() -> None:
    """緊急停止。画面（Web）が使えないときに、ここから止めます。止めることだけができ、解除は画面で二人で行います。"""


@stop.command()
@click.argument("staff_number", metavar="職員番号")
@operator_option
@reason_option
@reference_option
@yes_option
def person(staff_number: str, operator: str, reason: str, reference: str, *, yes: bool) -> None:
    """この人のすべての利用を止めます。あとで、責任者が画面で確認します。"""
    _sure(f"職員番号 {staff_number} の人のすべての利用を止めます。", yes=yes)
    _stop("person", staff_number, operator, Why(reason, reference))


@stop.command()
@click.argument("code", metavar="情報システムのコード")
@operator_option
@reason_option
@reference_option
@yes_option
def system(code: str, operator: str, reason: str, reference: str, *, yes: bool) -> None:
    """この情報システムのすべての利用を止めます。あとで、責任者が画面で確認します。"""
    _sure(f"情報システム {code} のすべての利用を止めます。", yes=yes)
    _stop("system", code, operator, Why(reason, reference))


def _sure(what: str, *, yes: bool) -> None:
    if not yes:
        click.confirm(f"{what}よろしいですか", abort=True, err=True)


def _stop(kind: str, named: str, operator: str, why: Why) -> None:
    found = installation()
    now = found.clock()
    who = Operator(operator, _account())
    act = from_console.stop_person if kind == "person" else from_console.stop_system
    attempted = unit_of_work(
        found.database, actor=Actor(None, who.words), now=now, attempted="stop.order", obj=(kind, named)
    )
    with attempted as session:
        order = act(session, named, why, operator=who, policy=policy_in_force(session, now=now), now=now).id
    say(
        f"停止命令 {order} を出しました。idm の画面では次の操作から止まります。"
        "各情報システムへは idm work が届けます。\n"
        "責任者に知らせました。責任者が画面で確認するまで、点検結果に残ります。"
    )


def _account() -> str:
    """Who runs it, as the machine knows them: by the user of the process, and who became that by sudo."""
    became = os.environ.get("SUDO_USER", "")
    return f"{getpass.getuser()}（sudo: {became}）" if became else getpass.getuser()
