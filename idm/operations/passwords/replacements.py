"""Passwords that a worker has to replace by a random one that nobody knows (controls E2, E6).

Two things ask for it: a temporary password that was not changed in time, and one that may have leaked. The account is
wanted locked before (`handed_over_at` is empty), so that the worker locks first and replaces then; doing both again
ends the same. It is settled in the transaction that records what the target showed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.models.privileged import LeakReport
from idm.models.systems import Account, CredentialEvent, Handover
from idm.operations.passwords.handovers import NEVER_HANDED_OVER
from idm.policy import Policy
from idm.queries.passwords.temporary_passwords import unsettled_handovers
from idm.vocabulary import CredentialEventKind


@dataclass(frozen=True)
class Replacement:
    """What one new password nobody knows settles: temporary passwords that are gone by it, and reports."""

    handover_ids: tuple[int, ...]
    report_ids: tuple[int, ...]


def to_replace(session: Session, account_ids: Collection[int]) -> dict[int, Replacement]:
    """Account → what a new password settles, for those whose password has to be replaced.

    Those whose password the vault keeps are rotated there.
    """
    reports: dict[int, list[int]] = {}
    query = (
        select(LeakReport.account_id, LeakReport.id)
        .join(Account, LeakReport.account_id == Account.id)
        .where(
            LeakReport.account_id.in_(account_ids), LeakReport.replaced_at.is_(None),
            Account.kind.not_in(NEVER_HANDED_OVER),
        )
        .order_by(LeakReport.id)
    )  # fmt: skip
    for account_id, report_id in session.execute(query):
        reports.setdefault(account_id, []).append(report_id)
    handovers: dict[int, list[Handover]] = {}
    for handover in unsettled_handovers(session, account_ids):
        handovers.setdefault(handover.account_id, []).append(handover)
    due = {account_id for account_id, some in handovers.items() if any(one.overdue_at for one in some)}
    return {
        account_id: Replacement(
            tuple(one.id for one in handovers.get(account_id, ())), tuple(reports.get(account_id, ()))
        )
        for account_id in sorted(due | reports.keys())
    }


def settle(
    session: Session, account_id: int, replacement: Replacement, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards the temporary passwords and the reports say when the target had the password that nobody knows."""
    for handover_id in replacement.handover_ids:
        handover = session.get_one(Handover, handover_id)
        if handover.changed_at is None:
            handover.replaced_at = handover.replaced_at or now
    for report_id in replacement.report_ids:
        report = session.get_one(LeakReport, report_id)
        report.replaced_at = report.replaced_at or now
    cause = replacement.handover_ids[-1] if replacement.handover_ids else None
    session.add(CredentialEvent(account_id=account_id, kind=CredentialEventKind.REPLACED, at=now, handover_id=cause))
    audit.record(
        session, action="credential.replaced", actor=actor, obj=("account", str(account_id)), now=now,
        policy_digest=policy.digest,
        payload={"handovers": list(replacement.handover_ids), "leak_reports": list(replacement.report_ids)},
    )  # fmt: skip
