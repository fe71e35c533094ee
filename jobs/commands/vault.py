"""`idm vault status|rotate-key|forget-lost-key`: the keys of kept passwords. No command shows a password."""

import click

from idm.queries.governance.configuration import policy_in_force
from idm.queries.privileged.vault_status import STANDING_TITLES, KeptRow, Standing, kept_rows, vault_keys
from jobs.commands.options import dry_run_option, installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.logs import sealing
from jobs.vault import key_rotation

SHOWN = 16
"""Characters of a fingerprint that are shown; enough to tell keys apart."""


@click.group()
def vault() -> None:
    """預かっているパスワードと、その封をする鍵。"""


@vault.command()
@json_option
def status(*, as_json: bool) -> None:
    """鍵と、預かっているパスワードの様子を表示します。パスワードは表示しません。"""
    found = installation()
    now = found.clock()
    with found.database.reading() as session:
        days = policy_in_force(session, now=now).privileged.rotation_days
        keys, rows = vault_keys(session), kept_rows(session, rotation_days=days, now=now)
    if as_json:
        print_json({
            "keys": [
                {"fingerprint": key.fingerprint, "created_at": key.created_at, "retired_at": key.retired_at,
                 "secrets": key.secrets}
                for key in keys
            ],
            "kept": [_as_json(row) for row in rows],
        })  # fmt: skip
        return
    print_table(
        ("鍵（指紋）", "使い始め", "退役", "封をした数"),
        ((key.fingerprint[:SHOWN], key.created_at, key.retired_at, key.secrets) for key in keys),
    )
    counted = {standing: sum(row.standing is standing for row in rows) for standing in Standing}
    said = [f"{STANDING_TITLES[standing]} {count}" for standing, count in counted.items() if count]
    say("、".join(said) or "預かりはありません。")


def _as_json(row: KeptRow) -> dict[str, object]:
    keys = ("account_id", "system_name", "login_name", "kind", "standing", "confirmed_at", "verified_how",
            "known_since", "due_at")  # fmt: skip
    on_its_way = row.on_its_way
    return {
        **{key: getattr(row, key) for key in keys},
        "rotation": None
        if on_its_way is None
        else {
            "reason": on_its_way.reason, "state": on_its_way.state, "asked_at": on_its_way.asked_at,
            "attempts": on_its_way.attempts, "error": on_its_way.error,
        },
    }  # fmt: skip


@vault.command("rotate-key")
@dry_run_option
def rotate_key(*, dry_run: bool) -> None:
    """金庫の鍵を新しくし、預かっているパスワードの封を一件ずつ新しい鍵でし直します。

    途中で止まっても、もう一度実行すると続きから行います。パスワードそのものは変わりません。
    """
    found = installation()
    if dry_run:
        say(f"{key_rotation.would_reseal(found)} 件の封をし直します。何も変えていません。")
        return
    done = key_rotation.replace_key(found)
    sealing.seal(found, sign=True)
    begun = "前回の続きから行い、" if done.resumed else ""
    say(f"{begun}{done.resealed} 件の封をし直しました。いまの鍵: {done.fingerprint[:SHOWN]}")
    for fingerprint in done.retired:
        say(f"退役した鍵: {fingerprint[:SHOWN]}（古いデータベースの控えを残す間だけ、鍵の控えも残してください）")


@vault.command("forget-lost-key")
@click.argument("fingerprint")
def forget_lost_key(fingerprint: str) -> None:
    """失われた鍵で封をした値をあきらめ、そのIDのパスワードをすべて新しく設定し直します。

    指紋は idm vault status に表示される16文字以上です。手元にある鍵には使えません。
    """
    found = installation()
    lost = key_rotation.forget_lost_key(found, fingerprint)
    sealing.seal(found, sign=True)
    say(f"{lost} 件をあきらめました。処理プログラム（idm work）が、新しいパスワードを順に設定します。")
