"""Reads an organisation file and checks that what it names exists within it."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from idm.errors import ConfigurationInvalid
from idm.organisation import Organisation, Right, System
from idm.toml_values import parse_toml, read_values
from idm.vocabulary import EntitlementKind

SECRET_WORDS = ("password", "passwd", "secret", "token", "private_key", "api_key")
"""Parts of a setting's name by which it would be a secret: those stand in files of the secrets folder."""
PLAIN_NAME = re.compile("[0-9A-Za-z][0-9A-Za-z._-]*")
LIMITS = {"manager_unit": 32, "connector": 32, "credential": 64}
"""The most characters of what is a code or a file's name, never a path."""


def load_organisation(text: str, file: str) -> Organisation:
    """The organisation a TOML text describes. Raises ConfigurationInvalid with every mistake."""
    return _checked(parse_toml(text, file), file)


def effective_text(text: str, file: str) -> str:
    """The canonical text of an organisation file: what two people propose and accept. Raises ConfigurationInvalid."""
    table = parse_toml(text, file)
    _checked(table, file)
    return json.dumps(table, ensure_ascii=False, sort_keys=True, indent=1)


def organisation_from_text(text: str) -> Organisation:
    """The organisation a canonical text holds. Raises ConfigurationInvalid."""
    try:
        table = json.loads(text)
    except ValueError:
        raise ConfigurationInvalid("団体設定の文面として読めません。", mistakes=("文面が壊れています",)) from None
    return _checked(table, "organisation")


def _checked(table: dict[str, Any], file: str) -> Organisation:
    organisation = read_values(Organisation, table, file)
    mistakes = tuple(f"{file}: {mistake}" for mistake in _mistakes(organisation))
    if mistakes:
        raise ConfigurationInvalid(f"{file} に誤りが {len(mistakes)} 件あります。", mistakes=mistakes)
    return organisation


def _mistakes(organisation: Organisation) -> Iterator[str]:
    rights = {f"{system.code}/{right.code}": right for system in organisation.systems for right in system.rights}
    yield from _repeated("systems", (system.code for system in organisation.systems))
    yield from _repeated("units", (unit.code for unit in organisation.units))
    for system in organisation.systems:
        yield from _system_mistakes(system)
    for number, rule in enumerate(organisation.post_rights):
        for code in rule.rights:
            yield from _post_right_mistakes(f"post_rights.{number}", f"{rule.system}/{code}", rights)
    for number, conflict in enumerate(organisation.conflicts):
        if conflict.first == conflict.second:
            yield f"conflicts.{number}: 同じ権限が二度書かれています"
        for named in (conflict.first, conflict.second):
            if named not in rights:
                yield f"conflicts.{number}: 権限「{named}」がありません"


def _repeated(where: str, names: Iterable[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{where}: 「{name}」が {times} 回あります"


def _post_right_mistakes(where: str, named: str, rights: Mapping[str, Right]) -> Iterator[str]:
    right = rights.get(named)
    if right is None:
        yield f"{where}: 権限「{named}」がありません"
    elif right.privileged:
        yield f"{where}: 「{named}」は特権です。特権は職からは起案しません。一件ずつ期間を付けて申請してください"


def _system_mistakes(system: System) -> Iterator[str]:
    where = f"systems.{system.code}"
    accounts = [right.code for right in system.rights if right.kind is EntitlementKind.ACCOUNT]
    if len(accounts) != 1:
        yield f'{where}: 利用者IDの権限（kind = "account"）をちょうど1つ書いてください'
    yield from _repeated(f"{where}.rights", (right.code for right in system.rights))
    # Two rights that stand for one group could not be given and taken one without the other.
    yield from _repeated(f"{where}.rights: グループ", (right.group for right in system.rights if right.group))
    for right in system.rights:
        if right.kind is EntitlementKind.GROUP and not right.group:
            yield f"{where}.{right.code}: グループ名（group）がありません"
        if right.kind is EntitlementKind.ACCOUNT and right.group:
            yield f"{where}.{right.code}: 利用者IDの権限にグループ名（group）は書けません"
    for key, limit in LIMITS.items():
        value = getattr(system, key)
        if value is not None and not (len(value) <= limit and PLAIN_NAME.fullmatch(value)):
            yield f"{where}.{key}: 半角の英数字と「.」「_」「-」で、{limit}文字までにしてください"
    for key in system.settings:
        if any(word in key.lower() for word in SECRET_WORDS):
            yield f"{where}.settings.{key}: 秘密は書けません。credential にファイル名を書いてください"
