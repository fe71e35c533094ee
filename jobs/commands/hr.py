"""`idm hr import` applies one personnel file and shows what it does; `idm hr inbox` applies what a folder holds."""

import signal
import threading
from datetime import date
from pathlib import Path

import click

from idm.personnel.plan_tables import plan_tables
from jobs.commands.hr_tokens import tokens
from jobs.commands.options import as_of_option, dry_run_option, installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.hr import feed_inbox
from jobs.hr.feed_folders import printable
from jobs.hr.feed_report import TITLES, Fate, as_data, counts_line
from jobs.hr.hr_feed import FeedResult, import_feed
from jobs.installation import Installation
from jobs.logs import sealing


@click.group()
def hr() -> None:
    """人事データ。"""


@hr.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--feed", "feed_name", required=True, help="承認済みの人事データ形式の名前。")
@as_of_option
@dry_run_option
@json_option
def import_(file: Path, feed_name: str, as_of: date | None, *, dry_run: bool, as_json: bool) -> None:
    """人事データを読み、採用・異動・休職・退職と保留の行を表示して取り込みます。

    権限は付与しません。職に応じた権限は下書きになり、人事担当者が画面で提出します。
    """
    found = installation()
    result = import_feed(found, file.read_bytes(), feed_name=feed_name, as_of=as_of, dry_run=dry_run)
    if as_json:
        print_json(as_data(result, dry_run=dry_run))
    else:
        for table in plan_tables(result.prepared.plan):
            print_table(table.headings, table.rows, title=table.title)
    _tell(result, dry_run=dry_run)
    if result.applied is not None:
        sealing.seal(found, sign=True)


hr.add_command(tokens)


def _tell(result: FeedResult, *, dry_run: bool) -> None:
    prepared = result.prepared
    plan = prepared.plan
    say(counts_line(plan))
    for warning in prepared.feed.warnings:
        say(f"注意: {warning}")
    for excess in prepared.assessment.excesses:
        say(f"上限: {excess.sentence}")
    if prepared.repeated is not None:
        say("このファイルはすでに取り込まれています。何も変えていません。")
    elif dry_run:
        say("表示しただけです。何も変えていません。")
    elif result.applied is not None:
        say(
            f"取り込みました（第{result.applied.run.id}回）。申請の下書き {len(result.applied.drafts)} 件を作りました。"
        )
        if result.applied.officers_waiting:
            say(f"責任者の就任 {result.applied.officers_waiting} 件が、本人以外の確認を待っています。")


@hr.command("inbox")
@click.option("--once", is_flag=True, help="一度だけ見て終わります（指定しなくても同じです。タイマー用）。")
@click.option("--watch", is_flag=True, help="止められるまで、決まった間隔で見続けます。")
@json_option
def inbox(*, once: bool, watch: bool, as_json: bool) -> None:
    """受付フォルダに届いた人事データを取り込みます。

    終了コードは、0 完了、3 受け付けられないファイルあり、5 安全のための上限で止めたファイルあり。
    """
    if once and watch:
        raise click.UsageError("--once と --watch は同時に指定できません。")
    found = installation()
    if not watch:
        raise SystemExit(_one_look(found, as_json=as_json))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    say(f"{found.settings.inbox.folder} を見ています。止めるには Ctrl-C を押してください。")
    while not stop.is_set():
        _one_look(found, as_json=as_json)
        stop.wait(found.settings.inbox.poll_seconds)


def _one_look(found: Installation, *, as_json: bool) -> int:
    """The exit code of one look at the drop folder, whose outcomes are told."""
    looked = feed_inbox.collect(found)
    for outcome in looked.outcomes:
        say(f"{outcome.feed}/{printable(outcome.name)}: {TITLES[outcome.fate]} {outcome.message}".rstrip())
    if looked.busy:
        say("ほかの処理が受付フォルダを見ています。何もしていません。")
    if as_json:
        print_json(feed_inbox.as_data(looked))
    if any(outcome.fate in (Fate.APPLIED, Fate.REJECTED, Fate.STOPPED) for outcome in looked.outcomes):
        sealing.seal(found, sign=True)
    return looked.exit_code
