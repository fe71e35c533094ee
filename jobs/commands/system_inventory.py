"""`idm system inventory`: what is in a system before the product takes care of it."""

from dataclasses import asdict

import click

from jobs.commands.options import dry_run_option, installation, json_option
from jobs.commands.terminal import print_json, say
from jobs.information_systems import inventory as job


@click.command()
@click.argument("code")
@click.option("--gone-is-right", is_flag=True, help="前回あったIDが多く消えていても、そのとおり記録します。")
@dry_run_option
@json_option
def inventory(code: str, *, gone_is_right: bool, dry_run: bool, as_json: bool) -> None:
    """情報システムのすべてのIDとグループの所属を読み取り、持ち主を照合します。接続先には何も書き込みません。"""
    done = job.take(installation(), code, dry_run=dry_run, gone_is_right=gone_is_right)
    if as_json:
        print_json({"version": 1, "dry_run": dry_run, **asdict(done)})
    say(
        f"{done.system_code}: {done.examined} 件を読み取りました。引継ぎ済み {done.adopted} 件、"
        f"持ち主を確認 {done.matched} 件、照合待ち {done.undecided} 件、個人のものではない {done.not_personal} 件、"
        f"点検結果として残す {done.left_as_findings} 件。新しく {done.new} 件、消えた {done.gone} 件。"
        + ("（記録していません）" if dry_run else "")
    )
