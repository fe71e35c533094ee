"""`idm system list|test`: the register of systems, and whether each can be reached as it should."""

import click
from sqlalchemy import select

from idm.errors import ConfigurationInvalid, NotFound, TargetError
from idm.models.systems import InformationSystem
from idm.ports import Directory, ReadsPasswordState, ReportsLastUse, Writes
from idm.vocabulary import ZONE_TITLES, EntitlementKind
from jobs.commands.options import installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.installation import Installation

ABILITIES: dict[str, type] = {"書込み": Writes, "仮パスワードの確認": ReadsPasswordState, "最終利用日": ReportsLastUse}


@click.group()
def system() -> None:
    """情報システムとそのディレクトリ。"""


@system.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """情報システムの一覧を表示します。"""
    with installation().database.reading() as session:
        systems = session.scalars(select(InformationSystem).order_by(InformationSystem.code)).all()
    if as_json:
        keys = ("code", "name", "zone", "confidentiality", "integrity", "availability", "connector")
        print_json([{key: getattr(found, key) for key in keys} for found in systems])
        return
    print_table(
        ("コード", "名称", "系", "機密性", "完全性", "可用性", "接続"),
        (
            (s.code, s.name, ZONE_TITLES[s.zone], s.confidentiality, s.integrity, s.availability, s.connector)
            for s in systems
        ),
    )


@system.command()
@click.argument("code")
@click.pass_context
def test(context: click.Context, code: str) -> None:
    """情報システムのディレクトリに接続し、できることと、足りないものを表示します。"""
    found = installation()
    with found.database.reading() as session:
        target = session.scalar(select(InformationSystem).where(InformationSystem.code == code))
        if target is None:
            raise NotFound(f"情報システム「{code}」がありません。")
        groups = [e.target_name for e in target.entitlements if e.kind is EntitlementKind.GROUP and e.target_name]
    if not _tested(found, target, groups):
        context.exit(1)


def _tested(found: Installation, target: InformationSystem, groups: list[str]) -> bool:
    try:
        directory = found.open_target(target)
    except ConfigurationInvalid as mistake:
        say(f"× 設定: {mistake.message} {' '.join(mistake.mistakes)}")
        return False
    try:
        say("○ 接続（証明書を確かめました）")
        for title, ability in ABILITIES.items():
            say(f"{'○' if isinstance(directory, ability) else '－'} {title}")
        missing = [name for name in groups if not _group_found(directory, name)]
        return not missing
    finally:
        directory.close()


def _group_found(directory: Directory, name: str) -> bool:
    try:
        directory.group(name)
    except TargetError as failure:
        say(f"× グループ {name}: {failure}")
        return False
    say(f"○ グループ {name}")
    return True
