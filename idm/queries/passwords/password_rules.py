"""A system's rules for passwords as they were read last, beside what the profile asked for then (D4, E4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idm.models.password_rules import PasswordRulesRead
from idm.passwords.password_rules import Rule, RuleLine, RuleVerdict


@dataclass(frozen=True)
class RulesSection:
    """The rules in force for everybody, or for some IDs that share theirs; `policy` None = they could not be read."""

    title: str
    policy: str | None
    login_names: tuple[str, ...]
    lines: tuple[RuleLine, ...]


@dataclass(frozen=True)
class RulesSheet:
    """One reading. No section: the connection cannot read rules."""

    read_at: datetime
    sections: tuple[RulesSection, ...]


def rules_sheet(session: Session, system_id: int) -> RulesSheet | None:
    """The newest reading of the system's rules; None = they were never read."""
    kept = session.get(PasswordRulesRead, system_id)
    return None if kept is None else RulesSheet(kept.read_at, tuple(map(_section, kept.parts)))


def _section(part: dict[str, Any]) -> RulesSection:
    policy: str | None = part["policy"]
    return RulesSection(part["title"], policy, tuple(part["login_names"]), tuple(map(_line, part["lines"])))


def _line(line: Sequence[str]) -> RuleLine:
    rule, wanted, seen, verdict = line
    return RuleLine(Rule(rule), wanted, seen, RuleVerdict(verdict))
