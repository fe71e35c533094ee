"""What was read of a directory's rules for passwords: kept for people to see, and found where they differ (D4, E4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idm.models.password_rules import PasswordRulesRead
from idm.operations.sweep.findings import Found
from idm.passwords.password_rules import RuleLine, in_words, wrong_lines
from idm.vocabulary import FindingKind

SHOWN = 10


@dataclass(frozen=True)
class RulesPart:
    """The rules in force for everybody, or for some privileged IDs that share theirs, beside the profile's.

    `policy` is the directory's name of them; None = they could not be read.
    """

    key: str
    title: str
    policy: str | None
    lines: tuple[RuleLine, ...]
    login_names: tuple[str, ...] = ()


def keep(session: Session, system_id: int, parts: Sequence[RulesPart], *, now: datetime) -> None:
    """Afterwards this is the newest reading of the system's rules."""
    kept = session.get(PasswordRulesRead, system_id) or PasswordRulesRead(system_id=system_id)
    kept.read_at, kept.parts = now, [_as_data(part) for part in parts]
    session.add(kept)


def found_in(parts: Sequence[RulesPart], system_name: str) -> Iterator[Found]:
    """One finding for each part that is weaker, does something else, or could not be read."""
    for part in parts:
        wrong = wrong_lines(part.lines)
        label = "、".join(part.login_names[:SHOWN]) or system_name
        if part.policy is None:
            reason, repair = f"{part.title}：パスワードの規則を読み取れません。", "接続アカウントに、規則の読取りを許す"
            yield _found(part.key, label, reason, repair, [["unreadable", ""]])
        elif wrong:
            what, repair = in_words(wrong)
            differences = [[line.rule.value, line.seen] for line in wrong]
            yield _found(part.key, label, f"{part.title}（{part.policy}）：{what}", repair, differences)


def _found(key: str, label: str, reason: str, repair: str, differences: list[list[str]]) -> Found:
    details: dict[str, object] = {"reason": reason, "repair": repair, "differences": differences}
    return Found(FindingKind.PASSWORD_RULES, key, label, None, details)


def _as_data(part: RulesPart) -> dict[str, object]:
    lines = [[line.rule.value, line.wanted, line.seen, line.verdict.value] for line in part.lines]
    return {"title": part.title, "policy": part.policy, "login_names": list(part.login_names), "lines": lines}
