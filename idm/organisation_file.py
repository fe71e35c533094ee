"""Reads an organisation file and checks that what it names exists within it."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from idm.errors import ConfigurationInvalid
from idm.organisation import Organisation, System
from idm.toml_values import parse_toml, read_values
from idm.vocabulary import EntitlementKind


def load_organisation(text: str, file: str) -> Organisation:
    """The organisation a TOML text describes. Raises ConfigurationInvalid with every mistake."""
    return _checked(parse_toml(text, file), file)


def effective_text(text: str, file: str) -> str:
    """The canonical text of an organisation file: what two people propose and accept. Raises ConfigurationInvalid."""
    table = parse_toml(text, file)
    _checked(table, file)
    return json.dumps(table, ensure_ascii=False, sort_keys=True, indent=1)


def organisation_from_text(text: str) -> Organisation:
    """The organisation an accepted text holds."""
    return _checked(json.loads(text), "organisation")


def _checked(table: dict[str, Any], file: str) -> Organisation:
    organisation = read_values(Organisation, table, file)
    mistakes = tuple(f"{file}: {mistake}" for mistake in _mistakes(organisation))
    if mistakes:
        raise ConfigurationInvalid(f"{file} に誤りが {len(mistakes)} 件あります。", mistakes=mistakes)
    return organisation


def _mistakes(organisation: Organisation) -> Iterator[str]:
    rights = {system.code: {right.code for right in system.rights} for system in organisation.systems}
    for code, times in Counter(system.code for system in organisation.systems).items():
        if times > 1:
            yield f"systems: 「{code}」が {times} 回あります"
    for system in organisation.systems:
        yield from _system_mistakes(system)
    for number, rule in enumerate(organisation.post_rights):
        for right in rule.rights:
            if right not in rights.get(rule.system, set()):
                yield f"post_rights.{number}: 権限「{rule.system}/{right}」がありません"
    for number, conflict in enumerate(organisation.conflicts):
        for named in (conflict.first, conflict.second):
            system_code, _, right = named.partition("/")
            if right not in rights.get(system_code, set()):
                yield f"conflicts.{number}: 権限「{named}」がありません"


def _system_mistakes(system: System) -> Iterator[str]:
    where = f"systems.{system.code}"
    accounts = [right.code for right in system.rights if right.kind is EntitlementKind.ACCOUNT]
    if len(accounts) != 1:
        yield f'{where}: 利用者IDの権限（kind = "account"）をちょうど1つ書いてください'
    for right in system.rights:
        if right.kind is EntitlementKind.GROUP and not right.group:
            yield f"{where}.{right.code}: グループ名（group）がありません"
    for secret in ("password", "secret", "bind_password"):
        if secret in system.settings:
            yield f"{where}.settings.{secret}: 秘密は書けません。credential にファイル名を書いてください"
