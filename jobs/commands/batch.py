"""`idm batch list`: the batches that were planned. Permitting one is done by a person, in the web interface."""

from dataclasses import asdict

import click

from idm.queries.hr.planned_batches import KIND_TITLES, STATE_TITLES, planned_batches
from jobs.commands.options import installation, json_option
from jobs.commands.terminal import print_json, print_table, say


@click.group()
def batch() -> None:
    """一括処理の計画。許可は、画面で、計画した人とは別の人がします。"""


@batch.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """計画された一括処理を、新しいものから表示します。"""
    with installation().database.reading() as session:
        found = planned_batches(session)
    if as_json:
        print_json({"version": 1, "batches": [asdict(one) for one in found]})
        return
    print_table(
        ("番号", "処理", "日", "状態", "人数", "実施済み", "計画した人", "許可した人", "理由"),
        (
            (one.batch_id, KIND_TITLES[one.kind], one.day, STATE_TITLES[one.state], one.people, one.used,
             one.proposed_by, one.answered_by, one.reason)
            for one in found
        ),
    )  # fmt: skip
    if not found:
        say("計画された一括処理はありません。")
