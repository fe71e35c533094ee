"""Reads the rules for passwords that a directory enforces: for everybody, and for each privileged ID (D4, E4)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.errors import NotOnTarget, TargetRefused
from idm.models.systems import Account
from idm.operations.passwords.rules_read import RulesPart
from idm.passwords.password_rules import (
    asked_for,
    asked_of_privileged,
    ordinary_lines,
    privileged_lines,
    unreadable_lines,
)
from idm.policy import Policy
from idm.ports import Directory, ExternalId, PasswordPolicy, ReadsPasswordPolicy
from idm.vocabulary import AccountKind

STRONGER_ASKED = (AccountKind.PRIVILEGED, AccountKind.SHARED, AccountKind.SERVICE)


@dataclass(frozen=True)
class StrongId:
    """An ID that is asked for stronger passwords than ordinary ones."""

    external_id: ExternalId
    login_name: str


def strong_ids(session: Session, system_id: int) -> list[StrongId]:
    """The privileged, shared and service IDs in our books that stand in the directory, by name."""
    rows = session.execute(
        select(Account.external_id, Account.login_name)
        .where(
            Account.system_id == system_id, Account.external_id.is_not(None), Account.kind.in_(STRONGER_ASKED)
        )
        .order_by(Account.login_name)
    )  # fmt: skip
    return [StrongId(external_id, login_name) for external_id, login_name in rows if external_id is not None]


def read_rules(directory: Directory, strong: Sequence[StrongId], policy: Policy) -> tuple[RulesPart, ...]:
    """The parts, nothing where the directory knows no rules. Raises TargetUnavailable."""
    if not isinstance(directory, ReadsPasswordPolicy):
        return ()
    return (_ordinary(directory, policy), *_privileged(directory, strong, policy))


def _ordinary(directory: ReadsPasswordPolicy, policy: Policy) -> RulesPart:
    title = "通常の利用者ID"
    try:
        seen = directory.password_policy()
    except TargetRefused:
        return RulesPart("ordinary", title, None, unreadable_lines(asked_for(policy.passwords)))
    return RulesPart("ordinary", title, seen.name, ordinary_lines(policy.passwords, seen))


def _privileged(directory: ReadsPasswordPolicy, strong: Sequence[StrongId], policy: Policy) -> list[RulesPart]:
    """One part for all IDs that share their rules."""
    sharing: dict[PasswordPolicy | None, list[str]] = defaultdict(list)
    for one in strong:
        try:
            sharing[directory.password_policy(one.external_id)].append(one.login_name)
        except NotOnTarget:
            continue  # that it is not there is found elsewhere
        except TargetRefused:
            sharing[None].append(one.login_name)
    return [_part(seen, names, policy) for seen, names in sharing.items()]


def _part(seen: PasswordPolicy | None, names: list[str], policy: Policy) -> RulesPart:
    title = f"特権ID等 {len(names)} 件"
    if seen is None:
        lines = unreadable_lines(asked_of_privileged(policy.privileged))
        return RulesPart("privileged:", title, None, lines, tuple(names))
    lines = privileged_lines(policy.privileged, seen)
    return RulesPart(f"privileged:{seen.name}", title, seen.name, lines, tuple(names))
