"""`idm profile check|show|diff`: validates a profile, prints effective values with their origin, compares two."""

from pathlib import Path

import click

from idm.policy_file import EffectiveProfile, flatten, load_profile, shipped_profile
from jobs.commands.options import json_option
from jobs.commands.terminal import print_json, print_table, say


@click.group()
def profile() -> None:
    """対策基準のプロファイル。"""


def _load(name: str) -> EffectiveProfile:
    """A shipped profile by name, or a file by its path."""
    path = Path(name)
    if path.suffix != ".toml":
        return load_profile(name)
    own = path.stem

    def read(wanted: str) -> str:
        return path.read_text(encoding="utf-8") if wanted == own else shipped_profile(wanted)

    return load_profile(own, read)


@profile.command()
@click.argument("name")
def check(name: str) -> None:
    """プロファイルを確かめ、誤りをすべて表示します。NAME は名前又は .toml ファイルです。"""
    say(f"誤りはありません。sha256 {_load(name).policy.digest}")


@profile.command()
@click.argument("name")
@json_option
def show(name: str, *, as_json: bool) -> None:
    """有効な値を、どのファイルのどの条項によるかとともに表示します。"""
    found = _load(name)
    values = flatten(found.values)
    if as_json:
        origins = {key: {"file": o.file, "clause": o.clause} for key, o in found.origins.items()}
        print_json({"version": 1, "name": found.name, "values": values, "origins": origins})
        return
    rows = ((key, value, found.origins[key].file, found.origins[key].clause) for key, value in sorted(values.items()))
    print_table(("項目", "値", "ファイル", "条項"), rows, title=found.policy.title)


@profile.command()
@click.argument("first")
@click.argument("second")
def diff(first: str, second: str) -> None:
    """二つのプロファイルの違う値だけを表示します。"""
    one, two = flatten(_load(first).values), flatten(_load(second).values)
    rows = [
        (key, one.get(key), two.get(key)) for key in sorted(one.keys() | two.keys()) if one.get(key) != two.get(key)
    ]
    print_table(("項目", first, second), rows)
    say(f"違う値: {len(rows)} 件")
