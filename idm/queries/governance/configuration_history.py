"""Every version of profile, organisation and feeds: who proposed it, who accepted it, and what it changes (A16)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from idm.errors import NotFound
from idm.models.officers import ConfigurationVersion
from idm.models.people import Person
from idm.policy_file import flatten
from idm.vocabulary import ConfigurationKind


class VersionState(StrEnum):
    """How a version stands."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REPLACED = "replaced"
    REFUSED = "refused"


@dataclass(frozen=True)
class VersionRow:
    """One version. Proposer and accepter are None only in the first record."""

    id: int
    kind: ConfigurationKind
    name: str
    version: int
    digest: str
    reason: str
    proposed_at: datetime
    proposed_by_id: int | None
    proposed_by: str | None
    accepted_at: datetime | None
    accepted_by: str | None
    refused_at: datetime | None
    state: VersionState


class Change(StrEnum):
    """What happened to a line."""

    KEPT = "kept"
    ADDED = "added"
    REMOVED = "removed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class ChangedLine:
    """One line of a comparison; where lines without a change were left out, a SKIPPED line without text stands."""

    change: Change
    text: str = ""


@dataclass(frozen=True)
class Comparison:
    """A version beside the one that it replaced, or would replace; `before` None = it is the first."""

    before: VersionRow | None
    lines: tuple[ChangedLine, ...]


@dataclass(frozen=True)
class EffectiveValue:
    """One value of a profile: which file said it, and which clause it serves (empty = the file names none)."""

    key: str
    value: str
    file: str
    clause: str


CONTEXT_LINES = 3
Key = tuple[ConfigurationKind, str]


def version_rows(session: Session) -> list[VersionRow]:
    """Every version, newest first. An installation has few."""
    found = session.execute(_versions()).all()
    current = _in_force([version for version, _, _ in found])
    return [_row(version, proposer, accepter, current) for version, proposer, accepter in found]


def version_row(session: Session, version_id: int) -> VersionRow:
    """One version. Raises NotFound."""
    for row in version_rows(session):
        if row.id == version_id:
            return row
    raise NotFound("この設定の版は見つかりません。")


def comparison(session: Session, version_id: int) -> Comparison:
    """What the version changes against the one in force before it. Raises NotFound."""
    rows = version_rows(session)
    shown = next((row for row in rows if row.id == version_id), None)
    if shown is None:
        raise NotFound("この設定の版は見つかりません。")
    earlier = [row for row in rows if _accepted_before(row, shown)]
    before = max(earlier, key=_acceptance, default=None)
    old = _lines(session, before) if before is not None else []
    return Comparison(before, tuple(changed_lines(old, _lines(session, shown))))


def effective_values(content: str) -> list[EffectiveValue]:
    """Every value of a profile's accepted text with its origin, by key."""
    profile = json.loads(content)
    origins = profile["origins"]
    return [
        EffectiveValue(key, _written(value), *origins[key]) for key, value in sorted(flatten(profile["values"]).items())
    ]


def changed_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[ChangedLine]:
    """The lines that differ, each with what happened to it, and a few lines around them."""
    groups = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT_LINES)
    for group in groups:
        if group[0][1] > 0:
            yield ChangedLine(Change.SKIPPED)
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                yield from (ChangedLine(Change.KEPT, text) for text in old[old_from:old_to])
                continue
            yield from (ChangedLine(Change.REMOVED, text) for text in old[old_from:old_to])
            yield from (ChangedLine(Change.ADDED, text) for text in new[new_from:new_to])


def _versions() -> Select[ConfigurationVersion, str, str]:
    proposer, accepter = aliased(Person), aliased(Person)
    return (
        select(ConfigurationVersion, proposer.name, accepter.name)
        .outerjoin(proposer, ConfigurationVersion.proposed_by_id == proposer.id)
        .outerjoin(accepter, ConfigurationVersion.accepted_by_id == accepter.id)
        .order_by(ConfigurationVersion.id.desc())
    )


def _key(version: ConfigurationVersion | VersionRow) -> Key:
    """What a version replaces: of profile and organisation there is one, of feeds one per name."""
    return version.kind, version.name if version.kind is ConfigurationKind.FEED else ""


def _in_force(versions: list[ConfigurationVersion]) -> dict[Key, int]:
    """What is governed → the id of the version in force."""
    accepted = [version for version in versions if version.accepted_at is not None]
    return {_key(version): version.id for version in sorted(accepted, key=_acceptance)}


def _acceptance(version: ConfigurationVersion | VersionRow) -> tuple[float, int]:
    return version.accepted_at.timestamp() if version.accepted_at else 0.0, version.version


def _accepted_before(row: VersionRow, shown: VersionRow) -> bool:
    if row.id == shown.id or row.accepted_at is None or _key(row) != _key(shown):
        return False
    return shown.accepted_at is None or _acceptance(row) < _acceptance(shown)


def _row(
    version: ConfigurationVersion, proposer: str | None, accepter: str | None, current: dict[Key, int]
) -> VersionRow:
    return VersionRow(
        id=version.id, kind=version.kind, name=version.name, version=version.version, digest=version.digest,
        reason=version.reason, proposed_at=version.proposed_at, proposed_by_id=version.proposed_by_id,
        proposed_by=proposer, accepted_at=version.accepted_at, accepted_by=accepter, refused_at=version.refused_at,
        state=_state(version, current),
    )  # fmt: skip


def _state(version: ConfigurationVersion, current: dict[Key, int]) -> VersionState:
    if version.refused_at is not None:
        return VersionState.REFUSED
    if version.accepted_at is None:
        return VersionState.PROPOSED
    return VersionState.IN_FORCE if current[_key(version)] == version.id else VersionState.REPLACED


def _lines(session: Session, row: VersionRow) -> list[str]:
    """The version as lines that people compare."""
    content = session.get_one(ConfigurationVersion, row.id).content
    if row.kind is not ConfigurationKind.PROFILE:
        return content.splitlines()
    lines = []
    for value in effective_values(content):
        clause = f"  # {value.clause}" if value.clause else ""
        lines += [f"{value.key} = {item}{clause}" for item in value.value.split("\n")]
    return lines


def _written(value: Any) -> str:
    """A value as a profile writes it; a list of tables one table a line."""
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "\n".join(json.dumps(item, ensure_ascii=False) for item in value)
    return json.dumps(value, ensure_ascii=False)
