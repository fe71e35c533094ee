"""`idm hr import` applies one personnel file and shows what it does; `idm hr inbox` applies what a folder holds."""

import signal
import threading
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import click

from idm.calendar_days import end_to_last_day
from idm.career import PostFacts
from idm.personnel_event import ABSENCE_TITLES, LEAVING_TITLES
from idm.personnel_plan import Changed, Joiner, PersonnelPlan
from idm.personnel_told import Held
from jobs import feed_inbox, sealing
from jobs.commands.options import as_of_option, dry_run_option, installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.feed_folders import printable
from jobs.feed_report import TITLES, Fate, as_data, counts_line
from jobs.hr_feed import FeedResult, import_feed
from jobs.installation import Installation


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
        _show(result.prepared.plan)
    _tell(result, dry_run=dry_run)
    if result.applied is not None:
        sealing.seal(found, sign=True)


def _show(plan: PersonnelPlan) -> None:
    names = {unit.code: unit.name for unit in plan.units}
    print_table(("職員番号", "氏名", "職", "採用日"), (_joiner(j, names) for j in plan.joiners), title="採用等")
    print_table(("職員番号", "氏名", "なくなる職", "加わる職"), (_mover(c, names) for c in plan.movers), title="異動")
    print_table(("職員番号", "氏名", "区分", "期間"), (_absent(c) for c in plan.absent), title="休職・復職等")
    print_table(("職員番号", "氏名", "最後の日", "事由"), (_leaver(c) for c in plan.leavers), title="退職等")
    print_table(
        ("職員番号", "氏名"), ((c.before.staff_number, c.now.name) for c in plan.corrections), title="記載の変更"
    )
    print_table(
        ("行", "職員番号", "氏名", "理由"), (_held(h) for h in plan.held), title="保留（人が確かめるまで動きません）"
    )


def _joiner(joiner: Joiner, names: Mapping[str, str]) -> tuple[object, ...]:
    career = joiner.career
    return career.staff_number, career.name, _posts((p.facts for p in career.posts), names), career.valid_from


def _mover(change: Changed, names: Mapping[str, str]) -> tuple[object, ...]:
    return change.before.staff_number, change.now.name, _posts(change.removed, names), _posts(change.added, names)


def _posts(posts: Iterable[PostFacts], names: Mapping[str, str]) -> str:
    return "、".join(f"{names.get(post.unit_code, post.unit_code)} {post.post}" for post in sorted(posts))


def _absent(change: Changed) -> tuple[object, ...]:
    spans = sorted(change.absences, key=lambda absence: absence.valid_from)
    titles = "、".join(ABSENCE_TITLES[absence.kind] for absence in spans)
    days = "、".join(f"{a.valid_from}～{end_to_last_day(a.valid_until) or ''}" for a in spans)
    return change.before.staff_number, change.now.name, titles, days


def _leaver(change: Changed) -> tuple[object, ...]:
    career = change.career
    if career is None:
        return change.before.staff_number, change.before.name, "", "採用の取消し"
    reason = LEAVING_TITLES[career.leaving] if career.leaving else ""
    return career.staff_number, career.name, end_to_last_day(career.valid_until), reason


def _held(held: Held) -> tuple[object, ...]:
    return held.row_number, held.staff_number, held.name, held.reason


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
        if lines := result.applied.mynumber_lines:
            say(f"マイナンバー利用事務系の権限 {lines} 件は、二要素認証の確認ができるまで起案しません。")


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
