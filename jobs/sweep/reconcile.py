"""Compares directories with what was approved, between two sweeps and as often as wanted (controls A9, D9).

With `changed` only the accounts that a directory says have changed since the last time are looked at, where it can say
so; groups of others, and accounts that were deleted by hand, are seen by the next whole comparison. A whole one judges
nothing that is unchanged since it was found right, by its seal (`jobs.sweep.recognition`), as most nights of the sweep.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from idm.actor import Actor
from idm.errors import ConfigurationInvalid, NotFound, SafetyLimit, TargetError
from idm.models.going_live import SystemProgress
from idm.models.systems import InformationSystem
from idm.operations.factors import factor_watch
from idm.operations.information_systems.inventory import progress_of
from idm.operations.privileged import out_of_band
from idm.operations.sweep.finding_answers import put_right
from idm.operations.sweep.findings import COMPARED, OF_FACTORS, Found, Scope, SweepResult, record_comparison
from idm.policy import Policy
from idm.ports import Directory, ReportsChanges
from idm.queries.governance.configuration import policy_in_force
from idm.queries.information_systems.comparable import accounts_of_system
from idm.vocabulary import FindingKind
from jobs.installation import Installation
from jobs.sweep.comparison import compare
from jobs.sweep.out_of_band import take_out

ACTOR = Actor.job("jobs.sweep.reconcile")
WHOLE = Scope(COMPARED | OF_FACTORS | {FindingKind.CHECK_FAILED}, whole=False)


@dataclass(frozen=True)
class _Changes:
    """Which accounts of ours changed (None = look at all), and up to where that was read."""

    accounts: frozenset[int] | None
    cursor: str | None


def reconcile(
    installation: Installation, *, system_code: str | None = None, changed: bool = False, dry_run: bool = False
) -> list[SweepResult]:
    """Afterwards every system (or the one named) was compared and its findings are on record; nothing was written.

    Raises NotFound for an unknown system.
    """
    with installation.database.reading() as session:
        query = select(InformationSystem).order_by(InformationSystem.code)
        systems = list(session.scalars(query.where(InformationSystem.code == system_code) if system_code else query))
    if system_code and not systems:
        raise NotFound(f"情報システム「{system_code}」がありません。")
    return [_one(installation, system, changed=changed, dry_run=dry_run) for system in systems]


def _one(installation: Installation, system: InformationSystem, *, changed: bool, dry_run: bool) -> SweepResult:
    now = installation.clock()
    with installation.database.reading() as session:
        policy = policy_in_force(session, now=now)
    cursor: str | None = None
    only: frozenset[int] | None = None
    try:
        directory = installation.open_target(system)
        try:
            if changed and isinstance(directory, ReportsChanges):
                changes = _changes(installation, directory, system)
                only, cursor = changes.accounts, changes.cursor
            result = _compared(installation, directory, system, policy, only, now)
        finally:
            directory.close()
    except (TargetError, ConfigurationInvalid, SafetyLimit) as failure:
        key = f"comparison:{system.code}"
        found = Found(FindingKind.CHECK_FAILED, key, system.name, details={"reason": str(failure)})
        result = SweepResult(system.id, system.code, 0, (found,), failure=str(failure))
    return result if dry_run else _kept(installation, system, result, only, cursor, policy)


def _changes(installation: Installation, directory: ReportsChanges, system: InformationSystem) -> _Changes:
    with installation.database.reading() as session:
        progress = session.get(SystemProgress, system.id)
        known = accounts_of_system(session, system.id)
    changes = directory.changes_since(progress.cursor if progress is not None else None)
    touched = {known[one.account_uuid] for one in changes.accounts if one.account_uuid in known}
    return _Changes(None if changes.complete else frozenset(touched), changes.cursor)


def _compared(
    installation: Installation, directory: Directory, system: InformationSystem, policy: Policy,
    only: Collection[int] | None, now: datetime,
) -> SweepResult:  # fmt: skip
    done = compare(installation, directory, system, policy=policy, now=now, only=only, by_seal=True)
    return SweepResult(
        system.id, system.code, done.examined, tuple(done.found), skipped=frozenset(done.skipped),
        compared=done.accounts, settled=done.settled, looked_at=frozenset(done.looked_at),
        shown=done.shown, still_so=frozenset(done.still_so), read_at=now, resolved=done.resolved,
    )  # fmt: skip


def _kept(
    installation: Installation, system: InformationSystem, result: SweepResult, only: frozenset[int] | None,
    cursor: str | None, policy: Policy,
) -> SweepResult:  # fmt: skip
    now = installation.clock()
    scope = WHOLE if only is None else Scope(OF_FACTORS | {FindingKind.DRIFT, FindingKind.MISSING}, only, whole=False)
    with installation.database.writing() as session:
        result = factor_watch.follow(session, result, only=only, actor=ACTOR, policy=policy, now=now)
        record_comparison(session, result, scope, actor=ACTOR, policy=policy, now=now)
        if cursor is not None and result.failure is None:
            progress_of(session, result.system_id).cursor = cursor
        result = put_right(session, result, actor=ACTOR, policy=policy, now=now)
        result, removals = out_of_band.follow(session, result, actor=ACTOR, policy=policy, now=now)
    take_out(installation, system, removals)
    return result
