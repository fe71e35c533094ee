"""Reads an organisation file and checks that what it names exists within it."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from idm.errors import ConfigurationInvalid, InvalidInput
from idm.factors.verification_rules import verification_mistakes
from idm.names.account_names import PLACEHOLDER, PLACEHOLDERS, is_well_formed, placeholders, spell
from idm.names.latin_names import LatinName, NameSource
from idm.names.romaji import romaji
from idm.organisation import LoginNames, Organisation, Right, SignInProvider, System
from idm.personnel.post_succession import succession_mistakes
from idm.toml_values import parse_toml, read_values
from idm.vocabulary import BY_HAND, AccountKind, EntitlementKind, Zone

SECRET_WORDS = ("password", "passwd", "secret", "token", "private_key", "api_key")
"""Parts of a setting's name by which it would be a secret: those stand in files of the secrets folder."""
A_PLACE = "_dn"
"""How the name of a setting ends that says where something is (`password_policy_dn`): no secret, whatever it is of."""
AUTHORITY = re.compile(r"https://[^\s/?#@]+(/[^\s?#]*)?")
ENTRA_TENANT = re.compile(r"https://[^\s/?#@]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The id, not a name: the issuer of the ID tokens has it, and a name could come to mean another tenant."""
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
    return json.dumps(table, ensure_ascii=False, sort_keys=True, indent=1, default=str)


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
    yield from succession_mistakes(organisation.successors)
    yield from _login_name_mistakes(organisation.login_names)
    yield from _sign_in_mistakes(organisation)
    yield from _provider_mistakes(organisation.sign_in_provider)
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
    elif right.external_access:
        yield (
            f"{where}: 「{named}」は外部からの利用の権限（external_access）です。職からは起案しません。"
            "一件ずつ理由と期間を付けて申請してください"
        )
    elif right.by_name_only:
        yield (
            f"{where}: 「{named}」は制限された権限（by_name_only）です。"
            "職からは起案しません。人を名指しして申請してください"
        )


def _system_mistakes(system: System) -> Iterator[str]:
    where = f"systems.{system.code}"
    yield from _account_right_mistakes(where, system)
    yield from _repeated(f"{where}.rights", (right.code for right in system.rights))
    # Two rights that stand for one group could not be given and taken one without the other.
    yield from _repeated(f"{where}.rights: グループ", (right.group for right in system.rights if right.group))
    for right in system.rights:
        yield from _kind_mistakes(f"{where}.{right.code}", right)
    if AccountKind.PERSONAL in system.most_holders:
        yield f"{where}.most_holders.personal: 日常の利用者IDの数に上限は置けません。行を消してください"
    if system.zone is Zone.MYNUMBER and system.overlap_days:
        yield f"{where}.overlap_days: マイナンバー利用事務系では猶予期間を置けません。0 にするか、行を消してください"
    yield from _listing_mistakes(where, system)
    yield from verification_mistakes(where, system)
    for key, limit in LIMITS.items():
        value = getattr(system, key)
        if value is not None:
            yield from _plain_name_mistakes(f"{where}.{key}", value, limit)
    for key in system.settings:
        if any(word in key.lower() for word in SECRET_WORDS) and not key.endswith(A_PLACE):
            yield f"{where}.settings.{key}: 秘密は書けません。credential にファイル名を書いてください"


def _kind_mistakes(where: str, right: Right) -> Iterator[str]:
    if right.kind is EntitlementKind.SHARED_ID:
        yield f"{where}: 共用IDの利用の権限は書けません。共用IDを登録簿に載せると作られます"
    if right.kind is EntitlementKind.GROUP and not right.group:
        yield f"{where}: グループ名（group）がありません"
    if right.kind is EntitlementKind.ACCOUNT and right.group:
        yield f"{where}: 利用者IDの権限にグループ名（group）は書けません"


def _account_right_mistakes(where: str, system: System) -> Iterator[str]:
    """Nobody's daily ID carries a privileged right: those are given to another ID of the same person (control D8)."""
    accounts = [right for right in system.rights if right.kind is EntitlementKind.ACCOUNT]
    groups = [right for right in system.rights if right.kind is EntitlementKind.GROUP and right.privileged]
    privileged = [right for right in accounts if right.privileged]
    if len(accounts) - len(privileged) != 1:
        yield f'{where}: 利用者IDの権限（kind = "account"）をちょうど1つ書いてください'
    if groups and not privileged:
        yield (
            f"{where}: 特権の権限「{groups[0].code}」がありますが、それを付ける管理用IDの権限"
            '（kind = "account", privileged = true）がありません。1つ書いてください'
        )
    if len(privileged) > 1:
        yield f'{where}: 管理用IDの権限（kind = "account", privileged = true）は1つだけ書いてください'


def _plain_name_mistakes(where: str, value: str, limit: int) -> Iterator[str]:
    if not (len(value) <= limit and PLAIN_NAME.fullmatch(value)):
        yield f"{where}: 半角の英数字と「.」「_」「-」で、{limit}文字までにしてください"


def _provider_mistakes(provider: SignInProvider | None) -> Iterator[str]:
    """Its secret stands in a file of the secrets folder, never here."""
    if provider is None:
        return
    if not AUTHORITY.fullmatch(provider.authority):
        yield "sign_in_provider.authority: https:// で始まる URL を書いてください（「?」「#」は使えません）"
    elif provider.entra and not ENTRA_TENANT.fullmatch(provider.authority):
        yield "sign_in_provider.authority: Entra ID では https://login.microsoftonline.com/テナントID と書いてください"
    elif "/" not in provider.authority.removeprefix("https://").rstrip("/"):
        yield "sign_in_provider.authority: ホスト名のあとにパスのある発行者（issuer）だけを使えます"
    yield from _plain_name_mistakes("sign_in_provider.credential", provider.credential, LIMITS["credential"])


def _sign_in_mistakes(organisation: Organisation) -> Iterator[str]:
    if organisation.sign_in_system is None:
        return
    named = [system for system in organisation.systems if system.code == organisation.sign_in_system]
    if not named:
        yield f"sign_in_system: 情報システム「{organisation.sign_in_system}」がありません"
    elif named[0].zone is Zone.MYNUMBER:
        yield (
            f"sign_in_system: 「{organisation.sign_in_system}」はマイナンバー利用事務系です。"
            "この画面からは通信できないため、ほかの系のシステムにしてください"
        )
    elif named[0].connector == BY_HAND:
        yield f"sign_in_system: 「{organisation.sign_in_system}」は手作業のシステムのため、サインインには使えません"


def _listing_mistakes(where: str, system: System) -> Iterator[str]:
    shape = system.listing
    if shape is None:
        return
    if system.connector != BY_HAND:
        yield f'{where}.listing: 一覧を取り込めるのは、手作業のシステム（connector = "{BY_HAND}"）だけです'
    if (shape.enabled is None) != (not shape.disabled):
        yield f"{where}.listing: enabled（列の見出し）と disabled（無効を表す語）は、両方書くか、両方書かないでください"
    named = (shape.login_name, shape.display_name, shape.employee_number, shape.enabled, shape.last_used, shape.groups)
    yield from _repeated(f"{where}.listing", (heading for heading in named if heading is not None))


def _login_name_mistakes(names: LoginNames) -> Iterator[str]:
    if not names.patterns:
        yield "login_names.patterns: 1つ以上書いてください"
    yield from _repeated("login_names.patterns", names.patterns)
    for number, pattern in enumerate(names.patterns):
        if reason := _wrong_with_pattern(pattern):
            yield f"login_names.patterns.{number}: 「{pattern}」{reason}"
    for number, word in enumerate(names.reserved):
        if not is_well_formed(word):
            yield f"login_names.reserved.{number}: 「{word}」は半角の英小文字と数字で書いてください"
    for reading, letters in names.exceptions.items():
        if not re.fullmatch("[a-z]+", letters):
            yield f"login_names.exceptions.{reading}: 「{letters}」は半角の英小文字だけで書いてください"
        if not _is_reading(reading):
            yield f"login_names.exceptions.{reading}: 左側は姓又は名のフリガナで書いてください"


def _wrong_with_pattern(pattern: str) -> str | None:
    """What is wrong with it, tried out on a name; None where every name gives a usable one."""
    known = "、".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
    named = placeholders(pattern)
    if not named <= PLACEHOLDERS:
        return f"に使えない項目があります。使えるのは {known} です"
    if not named & {"family", "given"}:
        return "には {family} か {given} を入れてください"
    if pattern.count("{") != len(PLACEHOLDER.findall(pattern)) or pattern.count("{") != pattern.count("}"):
        return "の波かっこ { } の対が合っていません"
    tried = spell(pattern, LatinName("sato", "hanako", NameSource.READING))
    return None if is_well_formed(tried) else f"からは使えない利用者ID「{tried}」ができます"


def _is_reading(text: str) -> bool:
    try:
        return not text.isascii() and bool(romaji(text))
    except InvalidInput:
        return False
