"""Reads a policy profile: inheritance, origins, and the canonical text that is proposed, accepted and run.

A profile may say `extends = "other"`: another organisation's profile whose single values it overrides (MD 6(1)). Each
effective value remembers the file it came from and the clause it serves. What runs is not the file but the accepted
text (control A16): `effective_text` makes it, `policy_from_text` reads it back.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import resources
from typing import Any

from idm.errors import ConfigurationInvalid
from idm.policy import Origin, Policy
from idm.toml_values import parse_toml, read_values

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
    values, origins = _resolve(name, read, ())
    return _effective(name, values, origins)


def effective_text(profile: EffectiveProfile) -> str:
    """The canonical text of an effective profile: what two people propose and accept."""
    origins = {key: [origin.file, origin.clause] for key, origin in profile.origins.items()}
    content = {"name": profile.name, "values": profile.values, "origins": origins}
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1)


def profile_from_text(text: str) -> EffectiveProfile:
    """The effective profile an accepted text holds."""
    content = json.loads(text)
    origins = {key: Origin(file=file, clause=clause) for key, (file, clause) in content["origins"].items()}
    return _effective(content["name"], content["values"], origins)


def _effective(name: str, values: dict[str, Any], origins: dict[str, Origin]) -> EffectiveProfile:
    policy = read_values(Policy, values, f"{name}.toml")
    digest = sha256(json.dumps(values, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    return EffectiveProfile(name, replace(policy, digest=digest), values, origins)


def _resolve(name: str, read: ReadProfile, seen: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Origin]]:
    if name in seen or len(seen) >= MAX_INHERITANCE:
        chain = " → ".join((*seen, name))
        raise ConfigurationInvalid("プロファイルの継承が循環しています。", mistakes=(f"{name}.toml: extends: {chain}",))
    table = parse_toml(read(name), f"{name}.toml")
    clauses = table.pop("clauses", {})
    parent = table.pop("extends", None)
    values, origins = _resolve(parent, read, (*seen, name)) if parent else ({}, {})
    for key, value in flatten(table).items():
        origins[key] = Origin(file=f"{name}.toml", clause=_clause(key, clauses) or _inherited(key, origins))
        _put(values, key, value)
    return values, origins


def _clause(key: str, clauses: Mapping[str, str]) -> str:
    """The clause named for the key itself, or for the nearest table above it."""
    while key and key not in clauses:
        key = key.rpartition(".")[0]
    return clauses.get(key, "")


def _inherited(key: str, origins: Mapping[str, Origin]) -> str:
    return origins[key].clause if key in origins else ""


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key → value; lists are values, tables are not."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    *tables, last = key.split(".")
    for table in tables:
        values = values.setdefault(table, {})
    values[last] = value
