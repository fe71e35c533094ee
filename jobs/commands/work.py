"""`idm work`: the worker, until it is told to stop."""

import signal
import threading

import click

from jobs import worker
from jobs.commands.options import installation
from jobs.commands.terminal import say
from jobs.sweep import nights


@click.command()
@click.option("--once", is_flag=True, help="待っているものを一度だけ処理して終わります。")
def work(*, once: bool) -> None:
    """承認された内容をディレクトリに反映し、通知を送り、監査記録を連鎖させます。"""
    found = installation()
    if once:
        rounds = worker.Rounds()
        worker.one_round(found, rounds, worker="idm work --once")
        nights.run_due(found)
        say(f"一巡しました。失敗 {rounds.failures} 件")
        raise SystemExit(0 if rounds.failures == 0 else 3)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    say("処理を始めました。止めるには Ctrl-C を押してください。")
    worker.work(found, stop)
