"""Reads a policy profile: inheritance, origins, and the canonical text that is proposed, accepted and run.

A profile may say `extends = "other"`: another organisation's profile whose single values it overrides (MD 6(1)). Each
effective value remembers the file it came from and the clause it serves. What runs is not the file but the accepted
text (control A16): `effective_text` makes it, `profile_from_text` reads it back.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import resources
from typing import Any, TypeVar

from idm.errors import ConfigurationInvalid
from idm.passwords import password_rules
from idm.policy import Origin, Policy
from idm.toml_values import parse_toml, read_values
from idm.vocabulary import Role, SafetyAction

Known = TypeVar("Known")
ReadProfile = Callable[[str], str]
"""From a profile's name to its TOML text. Raises ConfigurationInvalid when there is none."""

MAX_INHERITANCE = 5


@dataclass(frozen=True)
class EffectiveProfile:
    """A profile with inheritance resolved."""

    name: str
    policy: Policy
    values: dict[str, Any]
    origins: dict[str, Origin]


def shipped_profile(name: str) -> str:
    """The text of a profile that comes with the product."""
    file = resources.files("idm") / "profiles" / f"{name}.toml"
    if not name.replace("-", "").isalnum() or not file.is_file():
        raise ConfigurationInvalid(f"プロファイル「{name}」がありません。", mistakes=(f"{name}.toml: 見つかりません",))
    return file.read_text(encoding="utf-8")


def load_profile(name: str, read: ReadProfile = shipped_profile) -> EffectiveProfile:
    """The effective profile of that name. Raises ConfigurationInvalid with every mistake."""
    mistakes: list[str] = []
    values, origins = _resolve(name, read, (), mistakes)
    return _effective(name, values, origins, mistakes)


def effective_text(profile: EffectiveProfile) -> str:
    """The canonical text of an effective profile: what two people propose and accept."""
    origins = {key: [origin.file, origin.clause] for key, origin in profile.origins.items()}
    content = {"name": profile.name, "values": profile.values, "origins": origins}
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1)


def profile_from_text(text: str) -> EffectiveProfile:
    """The effective profile a canonical text holds. Raises ConfigurationInvalid."""
    try:
        content = json.loads(text)
        name, values = str(content["name"]), dict(content["values"])
        origins = {key: Origin(file=file, clause=clause) for key, (file, clause) in content["origins"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigurationInvalid("プロファイルの文面として読めません。", mistakes=("文面が壊れています",)) from None
    return _effective(name, values, origins, [])


def _effective(name: str, values: dict[str, Any], origins: dict[str, Origin], mistakes: list[str]) -> EffectiveProfile:
    def file_of(key: str) -> str:
        origin = _nearest(key, origins)
        return origin.file if origin is not None else f"{name}.toml"

    try:
        policy = read_values(Policy, values, f"{name}.toml", file_of=file_of)
    except ConfigurationInvalid as refusal:
        raise _invalid(name, [*mistakes, *refusal.mistakes]) from None
    mistakes = [*mistakes, *(f"{file_of(key)}: {key}: {reason}" for key, reason in _mistakes(policy, values))]
    if mistakes:
        raise _invalid(name, mistakes)
    digest = sha256(json.dumps(values, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    return EffectiveProfile(name, replace(policy, digest=digest), values, origins)


def _invalid(name: str, mistakes: list[str]) -> ConfigurationInvalid:
    return ConfigurationInvalid(f"{name}.toml に誤りが {len(mistakes)} 件あります。", mistakes=tuple(mistakes))


def _mistakes(policy: Policy, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What no single value shows: key and reason."""
    if "digest" in values:
        yield "digest", "知らない項目です（自動で計算されます）"
    for role in Role:
        if role not in policy.roles:
            yield f"roles.{role.value}", "この役割の名称がありません"
    for action in SafetyAction:
        if action not in policy.safety:
            yield f"safety.{action.value}", "この動作の上限がありません"
    if not policy.applications.route:
        yield "applications.route", "決裁する役割を1つ以上書いてください"
    seats = {(seat.role, seat.per) for seat in policy.seats}
    for role in dict.fromkeys(policy.applications.route):
        if role is Role.AUDITOR:
            yield "applications.route", f"「{role.value}」は監査を行うため、決裁することはできません"
        elif not {(role, "organisation"), (role, "system")} & seats:
            yield (
                "applications.route",
                f"「{role.value}」の職（seats）が、団体又は情報システムに一つと定められていません",
            )
    yield from password_rules.mistakes_in(policy.passwords, policy.privileged)


def _resolve(
    name: str, read: ReadProfile, seen: tuple[str, ...], mistakes: list[str]
) -> tuple[dict[str, Any], dict[str, Origin]]:
    """Values and origins with inheritance resolved; what is wrong with the files is added to `mistakes`."""
    file = f"{name}.toml"
    if name in seen or len(seen) >= MAX_INHERITANCE:
        chain = " → ".join((*seen, name))
        raise ConfigurationInvalid("プロファイルの継承が循環しています。", mistakes=(f"{file}: extends: {chain}",))
    table = parse_toml(read(name), file)
    parent, clauses = table.pop("extends", None), _clauses(table.pop("clauses", {}), file, mistakes)
    if parent is not None and not isinstance(parent, str):
        mistakes.append(f"{file}: extends: 継承するプロファイルの名前を文字列で書いてください")
        parent = None
    values, origins = _resolve(parent, read, (*seen, name), mistakes) if parent is not None else ({}, {})
    for key, value in flatten(table).items():
        inherited = _nearest(key, origins)
        origins[key] = Origin(file=file, clause=_nearest(key, clauses) or (inherited.clause if inherited else ""))
        if not _put(values, key, value):
            mistakes.append(f"{file}: {key}: 継承元では表ではなく値です")
    mistakes += [f"{file}: clauses.{key}: その項目がありません" for key in clauses if not _names_a_value(key, origins)]
    return values, origins


def _clauses(clauses: Any, file: str, mistakes: list[str]) -> dict[str, str]:
    if not isinstance(clauses, Mapping):
        mistakes.append(f"{file}: clauses: 表（[ ]）で書いてください")
        return {}
    cited = {key: clause for key, clause in clauses.items() if isinstance(clause, str) and clause}
    mistakes += [f"{file}: clauses.{key}: 条項を文字列で書いてください" for key in clauses if key not in cited]
    return cited


def _nearest(key: str, known: Mapping[str, Known]) -> Known | None:
    """What is known of the key itself, or of the nearest table above it."""
    while key and key not in known:
        key = key.rpartition(".")[0]
    return known.get(key)


def _names_a_value(key: str, origins: Mapping[str, Origin]) -> bool:
    return any(known == key or known.startswith(f"{key}.") for known in origins)


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key → value; lists are values, tables are not."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _put(values: dict[str, Any], key: str, value: Any) -> bool:
    """Writes the value at its place; False when something above it is no table."""
    *tables, last = key.split(".")
    for table in tables:
        values = values.setdefault(table, {})
        if not isinstance(values, dict):
            return False
    values[last] = value
    return True
