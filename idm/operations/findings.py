"""What the sweep found, kept as facts: one row from the night it was first seen until the night it was gone (C1)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.models.systems import Entitlement
from idm.models.work import Finding, SweepRun
from idm.operations.settled import Settled, keep_settled
from idm.policy import Policy
from idm.ports import ExternalId, TargetAccount
from idm.vocabulary import FindingKind


@dataclass(frozen=True)
class Found:
    """One fact as one sweep saw it. `subject_key` is the target's immutable id."""

    kind: FindingKind
    subject_key: str
    label: str
    account_id: int | None = None
    details: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class SweepResult:
    """One sweep of one system. `failure` says why it could not be examined; then nothing was resolved.

    `compared`: how many accounts of ours should be there; `skipped`: those not compared, a worker is writing them;
    `held_back`: why nothing was put right. `settled`: of the accounts `looked_at`, those that are exactly as approved.
    `shown`: accounts with a right behind the gate as they were read at `read_at` (None = nothing was read); `still_so`:
    those that the directory vouched for, being as they were when they were read last.
    """

    system_id: int
    system_code: str
    examined: int
    found: tuple[Found, ...]
    failure: str | None = None
    skipped: frozenset[int] = frozenset()
    compared: int = 0
    held_back: str | None = None
    settled: tuple[Settled, ...] = ()
    looked_at: frozenset[int] = frozenset()
    shown: Mapping[int, TargetAccount] = field(default_factory=dict)
    still_so: frozenset[int] = frozenset()
    read_at: datetime | None = None
    resolved: Mapping[int, ExternalId] = field(default_factory=dict)
    """Right → the group that was found for it by its name, for the first time."""


ANSWERABLE = frozenset({FindingKind.DRIFT, FindingKind.MISSING, FindingKind.EXTRA_MEMBER})
"""What somebody may answer for until a day. For privilege nobody answers: it is put into the register, or ended."""
COMPARED = ANSWERABLE | {FindingKind.OUT_OF_BAND}
"""What comes of comparing what was approved with what a directory shows."""
OF_FACTORS = frozenset({FindingKind.FACTOR_MISSING, FindingKind.FACTOR_UNSHOWN})
FROM_OUR_BOOKS = OF_FACTORS | {
    FindingKind.CHECK_FAILED, FindingKind.WORK_OVERDUE, FindingKind.ROTATION_OVERDUE, FindingKind.REPORT_OVERDUE,
    FindingKind.TEMPORARY_OVERDUE,
}  # fmt: skip
"""What is known even where the directory could not be examined."""


@dataclass(frozen=True)
class Scope:
    """What an examination looked at: these kinds, and of accounts only these (None = all)."""

    kinds: frozenset[FindingKind] = frozenset(FindingKind)
    accounts: frozenset[int] | None = None


@dataclass(frozen=True)
class Laid:
    """How many facts were seen, how many of them were new, and how many known ones were gone."""

    found: int
    new: int
    resolved: int


def record_sweep(
    session: Session, result: SweepResult, *, started_at: datetime, actor: Actor, policy: Policy, now: datetime
) -> SweepRun:
    """Afterwards the open findings of the system are exactly what this sweep saw.

    A system that could not be examined keeps its findings and gets one that says so: not seen is not the same as gone.
    """
    laid = _lay_over(session, result, Scope(), now=now)
    keep_settled(session, result.settled, looked_at=result.looked_at)
    run = SweepRun(
        system_id=result.system_id, started_at=started_at, finished_at=now, examined=result.examined,
        found=laid.found, new=laid.new, resolved=laid.resolved, failure=result.failure,
    )  # fmt: skip
    session.add(run)
    session.flush()
    _record(session, "sweep.recorded", result, laid, actor=actor, policy=policy, now=now)
    return run


def record_comparison(
    session: Session, result: SweepResult, scope: Scope, *, actor: Actor, policy: Policy, now: datetime
) -> Laid:
    """Afterwards the open findings within the scope are exactly what this comparison saw; others are as they were."""
    laid = _lay_over(session, result, scope, now=now)
    keep_settled(session, result.settled, looked_at=result.looked_at)
    session.flush()
    _record(session, "reconciliation.recorded", result, laid, actor=actor, policy=policy, now=now)
    return laid


def _keep_groups(session: Session, resolved: Mapping[int, ExternalId]) -> None:
    for entitlement_id, external_id in resolved.items():
        session.get_one(Entitlement, entitlement_id).external_id = external_id


def _lay_over(session: Session, result: SweepResult, scope: Scope, *, now: datetime) -> Laid:
    _keep_groups(session, result.resolved)
    known = {(f.kind, f.subject_key): f for f in open_findings(session, result.system_id)}
    seen = {(found.kind, found.subject_key): found for found in result.found}
    new = [found for key, found in seen.items() if key not in known]
    gone = [f for key, f in known.items() if key not in seen and _examined(f, result, scope)]
    for key, found in seen.items():
        if key in known:
            known[key].last_seen_at, known[key].label, known[key].details = now, found.label, found.details
            known[key].fingerprint = fingerprint(found)
    for finding in gone:
        finding.resolved_at = now
    session.add_all(_finding(result.system_id, found, now) for found in new)
    return Laid(len(seen), len(new), len(gone))


def fingerprint(found: Found) -> str:
    """What exactly was found, whatever it is worded like."""
    said = [found.kind.value, found.subject_key, found.details.get("differences")]
    return sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def open_findings(session: Session, system_id: int) -> Iterable[Finding]:
    """The findings of the system that are not resolved."""
    return session.scalars(select(Finding).where(Finding.system_id == system_id, Finding.resolved_at.is_(None)))


def _examined(finding: Finding, result: SweepResult, scope: Scope) -> bool:
    """Whether a finding that was not seen is gone: not looked at is not the same as gone."""
    if finding.kind not in scope.kinds:
        return False
    if scope.accounts is not None and finding.account_id not in scope.accounts:
        return False
    if finding.kind in COMPARED and finding.account_id in result.skipped:
        return False
    return result.failure is None or finding.kind in FROM_OUR_BOOKS


def _finding(system_id: int, found: Found, now: datetime) -> Finding:
    return Finding(
        kind=found.kind, system_id=system_id, account_id=found.account_id, subject_key=found.subject_key,
        label=found.label, details=found.details, fingerprint=fingerprint(found), first_seen_at=now, last_seen_at=now,
    )  # fmt: skip


def _record(
    session: Session, action: str, result: SweepResult, laid: Laid, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("system", str(result.system_id)), now=now,
        policy_digest=policy.digest,
        payload={
            "examined": result.examined, "found": laid.found, "new": laid.new, "resolved": laid.resolved,
            "failure": result.failure,
        },
    )  # fmt: skip
