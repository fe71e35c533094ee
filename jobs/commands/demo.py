"""`idm demo`: a sample organisation on a real local OpenLDAP, with its worker and web interface, in one folder."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click

from idm.errors import NotFound
from idm.factors.one_time_codes import code_at, secret_from_text, step_of
from jobs.child_processes import die_with_parent, stop, wait_port
from jobs.commands.terminal import print_table, say
from jobs.demo import prepare as demonstration
from jobs.demo.cases import Player, players
from jobs.demo.prepare import Demo
from jobs.installation import utc_now

FOLDER = Path(".demo")
PLAYERS = "sign-ins.json"


@click.group(invoke_without_command=True)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=FOLDER, help="デモを置くフォルダー。"
)
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="画面のポート（はじめは 8600、使われていれば空いているもの）。"
)
@click.option("--prepare-only", is_flag=True, help="準備だけして、画面は始めません。")
@click.pass_context
def demo(context: click.Context, folder: Path, *, port: int | None, prepare_only: bool) -> None:
    """見本の団体（約300人）と本物の OpenLDAP で、すべてを動かして見せます。止めるには Ctrl-C を押してください。"""
    context.obj = {**(context.obj or {}), "folder": folder}
    if context.invoked_subcommand is not None:
        return
    say("準備しています。最初は1分ほどかかります。")
    prepared = demonstration.prepare(folder, port=port)
    try:
        if not prepare_only:
            _serve(prepared)
    finally:
        prepared.directory.stop()
        say("すべて止めました。もう一度始めると続きから動きます。")


@demo.command()
@click.argument("role")
@click.pass_obj
def code(found: dict[str, Path], role: str) -> None:
    """ROLE（chief、system など）の、いまの確認コードを表示します。デモの中だけで使えます。"""
    for player in _players(found["folder"]):
        if role in (player.role, player.name) and player.code_secret is not None:
            click.echo(code_at(secret_from_text(player.code_secret), step_of(utc_now())))
            return
    raise NotFound(f"「{role}」という役はないか、確認コードを使いません。")


def _players(folder: Path) -> list[Player]:
    file = folder / PLAYERS
    if not file.exists():
        raise NotFound("デモがまだ準備されていません。先に make run を実行してください。")
    return players(file)


def _serve(prepared: Demo) -> None:
    """Runs worker and web interface until Ctrl-C; if either ends by itself, everything ends."""
    environment = {**os.environ, "IDM_SETTINGS": str(prepared.folder / "settings.toml"), "PYTHONUNBUFFERED": "1"}
    log = prepared.folder / "idm.log"
    stopping = _stop_on_signal()
    with log.open("ab") as output:
        started = [
            subprocess.Popen(  # noqa: S603
                die_with_parent([sys.executable, "-m", "jobs", verb]), env=environment, stdout=output, stderr=output
            )
            for verb in ("work", "serve")
        ]
        try:
            wait_port(started[1], prepared.installation.settings.port, log=log)
            _introduce(prepared)
            while not stopping and all(process.poll() is None for process in started):
                time.sleep(0.2)
        finally:
            for process in started:
                stop(process)


def _stop_on_signal() -> list[int]:
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: received.append(got))
    return received


def _introduce(prepared: Demo) -> None:
    cast = _players(prepared.folder)
    base = prepared.installation.settings.base_url
    say(f"\n画面: {base}\n\nサインインできる人（パスワードは共通: {cast[0].password}）")
    command = _own_name()
    rows = ((p.title, p.name, f"{command} demo code {p.role}" if p.code_secret else "不要") for p in cast)
    print_table(("役", "利用者名", "確認コードの出し方（別の端末で）"), rows)
    say(TOUR.format(settings=prepared.folder / "settings.toml"))


def _own_name() -> str:
    """How this command is called from here, for copying into another terminal."""
    if shutil.which("idm"):
        return "idm"
    called = Path(sys.argv[0]).absolute()
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)


TOUR = """
たとえば、次の順に見てください（export IDM_SETTINGS={settings} とすると、idm の各コマンドを手で動かせます）。
 1. hr でサインインし、人事データからできた下書きを提出する（申請者は人事担当者）
 2. chief と system が、それぞれの画面で決裁する（同じ人、申請者本人、対象者本人は決裁できません）
 3. 承認されると、OpenLDAP に利用者IDができる（交付まで無効のまま）
 4. handover が仮パスワードを一度だけ表示して交付する
 5. idm hr import idm/samples/aoba-next.csv --feed aoba で次の人事データを取り込む（退職者の利用者IDが止まります）
 6. security の「点検」で、夜間の点検が見つけたもの、使われず停止・予告されたID、確認の署名待ち、記録の点検を見る
 7. 「停止・届出・例外」で違反による停止と解除された停止を、「記録・設定」の通知の送信状況で拒否された宛先を見る
 8. ciso で、受容したリスク（点検結果の「リスク受容中」）と、許可を待つ例外措置を見る
 9. idm sweep run で、いまの点検を行う
10. idm audit verify で、監査記録が書き換えられていないことを確かめる
"""
