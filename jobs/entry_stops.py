"""Stops accounts that are nobody's own in their directories, and shows again what they showed when it is over (H5).

Each is addressed by the directory's own id, read, switched and read back; what it showed before is on record before
anything is written. What a directory guards as its own administrator, and our own account, is never written to.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime

from idm.actor import Actor
from idm.directory.own_service_account import Named, is_own
from idm.errors import ConfigurationInvalid, TargetError, TargetRefused
from idm.models.systems import InformationSystem
from idm.operations.stops import entry_stops
from idm.operations.stops.entry_stops import Before, EntryResult, EntryWork
from idm.ports import Directory, ExternalId, FindsByOwnId, KnowsItself, SetEnabled, TargetAccount, Writes
from idm.queries.governance.configuration import policy_in_force
from idm.queries.information_systems.own_service_accounts import own_service_accounts
from idm.vocabulary import Zone
from jobs.information_systems.examination import require_examined
from jobs.installation import Installation

ACTOR = Actor.job("jobs.stops")
BATCH = 250
BY_OTHERS = "このシステムのコネクターは、idm のものでないIDを扱えません。管理者がその場で止めてください。"
GUARDED = "ディレクトリの管理者として保護されたIDのため、idm は変更しません。管理者がその場で止めてください。"
OURS = "idm がディレクトリに接続するためのIDなので、止めません。"
NOT_KEPT = "書き込んだ内容が読み戻しと一致しません。ディレクトリの設定を確かめてください。"

Seen = Mapping[ExternalId, TargetAccount]


def due_systems(installation: Installation) -> list[int]:
    """The systems of the zones served here in which something is to be stopped, or shown again."""
    zones = [Zone(zone) for zone in installation.settings.zones]
    with installation.database.reading() as session:
        return entry_stops.systems_due(session, zones, now=installation.clock())


def run_system(installation: Installation, system_id: int, *, worker: str) -> int:
    """Afterwards every entry of the system that was due was tried once. Returns how many."""
    tried = 0
    while batch := _claim(installation, system_id, worker):
        try:
            results = _carried_out(installation, system_id, batch, worker)
        except (TargetError, ConfigurationInvalid) as failure:
            results = [EntryResult(work, str(failure)) for work in batch]
        now = installation.clock()
        with installation.database.writing() as session:
            policy = policy_in_force(session, now=now)
            entry_stops.finish(session, results, worker=worker, actor=ACTOR, policy=policy, now=now)
        tried += len(batch)
    return tried


def _claim(installation: Installation, system_id: int, worker: str) -> list[EntryWork]:
    now = installation.clock()
    with installation.database.writing() as session:
        claimed = entry_stops.claim(session, system_id, worker=worker, limit=BATCH, now=now)
        policy = policy_in_force(session, now=now)
        entry_stops.begin(session, system_id, claimed, actor=ACTOR, policy=policy, now=now)
        return claimed


def _carried_out(
    installation: Installation, system_id: int, batch: Sequence[EntryWork], worker: str
) -> list[EntryResult]:  # fmt: skip
    with installation.database.reading() as session:
        system = session.get_one(InformationSystem, system_id)
    with closing(installation.open_target(system)) as directory:
        if not isinstance(directory, FindsByOwnId) or not isinstance(directory, Writes):
            raise TargetRefused(BY_OTHERS)
        require_examined(installation, directory, system)
        ours = _own_accounts(installation, directory, system)
        ids = [work.external_id for work in batch]
        seen = directory.find_by_own_id(ids)
        batch = _remembered(installation, batch, seen, worker)
        problems, steps = dict[ExternalId, str](), list[SetEnabled]()
        for work in batch:
            step = _step(work, seen.get(work.external_id))
            refusal = _refusal(seen[work.external_id], ours) if step is not None else None
            if refusal is not None:
                problems[work.external_id] = refusal
            elif step is not None:
                steps.append(step)
        for step, answer in zip(steps, directory.perform(steps) if steps else [], strict=True):
            if isinstance(answer, TargetError):
                problems[step.external_id] = str(answer)
        seen, now = directory.find_by_own_id(ids), installation.clock()
    return [EntryResult(work, problems.get(work.external_id) or _unlike(work, seen, now)) for work in batch]


Ours = Callable[[TargetAccount], bool]
"""Whether the product itself signs in by an account."""


def _own_accounts(installation: Installation, directory: Directory, system: InformationSystem) -> Ours:
    said = directory.own_account_id() if isinstance(directory, KnowsItself) else None
    with installation.database.reading() as session:
        ours = own_service_accounts(session)
    return lambda one: (
        one.external_id == said or is_own(Named(system.connector, one.external_id, one.attributes.login_name), ours)
    )


def _remembered(
    installation: Installation, batch: Sequence[EntryWork], seen: Seen, worker: str
) -> list[EntryWork]:  # fmt: skip
    """The batch, of which it is on record what each showed before anything was written."""
    known: list[EntryWork] = []
    with installation.database.writing() as session:
        for work in batch:
            shown = seen.get(work.external_id)
            before = work.before or (Before(shown.enabled, shown.expires_at) if shown is not None else None)
            if before is not None:
                entry_stops.remember(session, work, before, worker=worker)
            known.append(replace(work, before=before))
    return known


def _step(work: EntryWork, shown: TargetAccount | None) -> SetEnabled | None:
    """What is to be done; nothing about one that is gone, or shows what it should."""
    if shown is None or _as_wanted(work, shown):
        return None
    if work.holds:
        return SetEnabled(work.external_id, enabled=False)
    return SetEnabled(work.external_id, enabled=True, expires_at=work.before.until if work.before else None)


def _as_wanted(work: EntryWork, shown: TargetAccount) -> bool:
    if work.holds:
        return not shown.enabled
    return work.somebodys or work.before is None or not work.before.enabled or shown.enabled


def _refusal(shown: TargetAccount, ours: Ours) -> str | None:
    if ours(shown):
        return OURS
    return GUARDED if shown.protected else None


def _unlike(work: EntryWork, seen: Seen, now: datetime) -> str | None:
    """What is wrong with what was read back; an end that has passed meanwhile lets nobody in again."""
    shown = seen.get(work.external_id)
    past = work.before is not None and work.before.until is not None and work.before.until <= now
    if shown is None or _as_wanted(work, shown) or (past and not work.holds):
        return None
    return NOT_KEPT
