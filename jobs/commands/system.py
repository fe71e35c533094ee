"""`idm system list|test`: the register of systems, and whether each can be reached and is what it should be."""

from typing import Any

import click
from sqlalchemy import select

from connectors.registry import broken_packages
from idm.actor import Actor
from idm.errors import NotFound
from idm.models.system_tests import SystemTest
from idm.models.systems import InformationSystem
from idm.ports import CheckVerdict
from idm.vocabulary import BY_HAND, STAGE_TITLES, ZONE_TITLES
from jobs.commands.options import installation, json_option
from jobs.commands.system_inventory import inventory
from jobs.commands.terminal import print_json, print_table, say
from jobs.information_systems import examination

ACTOR = Actor.job("idm system test")
EXIT_CODES = {CheckVerdict.FINE: 0, CheckVerdict.WARNING: 3, CheckVerdict.FAILED: 1}
TEMPORARY = 75
MARKS = {CheckVerdict.FINE: "○", CheckVerdict.WARNING: "△", CheckVerdict.FAILED: "×"}
SUMS = {
    CheckVerdict.FINE: "問題はありません。",
    CheckVerdict.WARNING: "△ の点を確かめてください。",
    CheckVerdict.FAILED: "× の点を直してから、もう一度点検してください。",
}


@click.group()
def system() -> None:
    """情報システムとそのディレクトリ。"""


system.add_command(inventory)


@system.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """情報システムの一覧を表示します。"""
    with installation().database.reading() as session:
        systems = session.scalars(select(InformationSystem).order_by(InformationSystem.code)).all()
    _say_what_is_broken()
    if as_json:
        keys = ("code", "name", "zone", "stage", "confidentiality", "integrity", "availability", "connector",
                "service_account", "for_sign_in")  # fmt: skip
        print_json([{key: getattr(found, key) for key in keys} for found in systems])
        return
    print_table(
        ("コード", "名称", "系", "段階", "機密性", "完全性", "可用性", "接続", "接続アカウント"),
        (
            (s.code, s.name, ZONE_TITLES[s.zone], STAGE_TITLES[s.stage], s.confidentiality, s.integrity,
             s.availability, s.connector, s.service_account)
            for s in systems
        ),
    )  # fmt: skip


@system.command()
@click.argument("code")
@json_option
@click.pass_context
def test(context: click.Context, code: str, *, as_json: bool) -> None:
    """情報システムの接続を点検します。接続先のデータは何も変えません。

    終了コード: 0 問題なし、3 注意あり、1 直すべき点あり、75 接続先が応答しない。結果は記録に残ります。
    """
    found = installation()
    with found.database.reading() as session:
        target = session.scalar(select(InformationSystem).where(InformationSystem.code == code))
    if target is None:
        raise NotFound(f"情報システム「{code}」がありません。")
    _say_what_is_broken()
    if target.connector == BY_HAND:
        say("手作業のシステムには接続がないため、点検するものはありません。")
        return
    done = examination.examine(found, target, actor=ACTOR)
    if as_json:
        print_json({"system": code, **_as_json(done)})
    else:
        _print(done)
    context.exit(exit_code(done))


def exit_code(done: SystemTest) -> int:
    """0 fine, 3 something to look at, 1 something to put right, 75 the target did not answer."""
    settings_wrong = any(check["subject"] == "設定" for check in done.checks)
    return EXIT_CODES[done.verdict] if done.reached or settings_wrong else TEMPORARY


def _as_json(done: SystemTest) -> dict[str, Any]:
    keys = ("at", "verdict", "reached", "stops_writing", "checks")
    return {key: getattr(done, key) for key in keys}


def _print(done: SystemTest) -> None:
    print_table(
        ("", "項目", "わかったこと", "どうするか"),
        (
            (MARKS[CheckVerdict(str(check["verdict"]))], check["subject"], check["found"], check["remedy"])
            for check in done.checks
        ),
    )
    say(SUMS[done.verdict])
    if done.stops_writing is not None:
        say(done.stops_writing)


def _say_what_is_broken() -> None:
    for sentence in broken_packages():
        say(sentence)
