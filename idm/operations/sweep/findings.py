"""What the sweep found, kept as facts: one row from the night it was first seen until the night it was gone (C1)."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.models.systems import Entitlement, InformationSystem
from idm.models.work import Finding, SweepRun
from idm.operations.information_systems.settled import SettledAccounts, keep_settled
from idm.operations.sweep.finding_history import note
from idm.oversight.finding_state import due_on
from idm.policy import Policy
from idm.ports import ExternalId, TargetAccount
from idm.vocabulary import FindingEventKind, FindingKind
from idm.working_days import working_days


@dataclass(frozen=True)
class Found:
    """One fact as one sweep saw it. `subject_key` is the target's immutable id."""

    kind: FindingKind
    subject_key: str
    label: str
    account_id: int | None = None
    details: dict[str, object] = field(default_factory=dict)
    person_id: int | None = None
    """Whom it is about, where it is about somebody and no account of theirs."""


@dataclass(frozen=True)
class SweepResult:
    """One sweep of one system. `failure` says why it could not be examined; then nothing was resolved.

    `compared`: how many accounts of ours should be there; `skipped`: those not compared, a worker is writing them;
    `held_back`: why nothing was put right. `settled`: accounts that are exactly as approved; `looked_at`: those that
    were compared and are not.
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
    settled: SettledAccounts = field(default_factory=SettledAccounts)
    looked_at: frozenset[int] = frozenset()
    shown: Mapping[int, TargetAccount] = field(default_factory=dict)
    still_so: frozenset[int] = frozenset()
    read_at: datetime | None = None
    done: int = 0
    """How many steps were taken: warnings, stops, deletions, removals."""
    use_read: frozenset[int] = frozenset()
    """Accounts with an open case of disuse that were not found unused, and whose last use was read all the same."""
    unlooked: frozenset[FindingKind] = frozenset()
    """Kinds of which nothing was seen because they could not be looked at: known ones of them are not gone."""
    clock_apart: float | None = None
    """Seconds by which the directory's clock was ahead of ours; None = it does not tell."""
    resolved: Mapping[int, ExternalId] = field(default_factory=dict)
    """Right → the group that was found for it by its name, for the first time."""


ANSWERABLE = frozenset({FindingKind.DRIFT, FindingKind.MISSING, FindingKind.EXTRA_MEMBER})
"""What somebody may answer for until a day. For privilege nobody answers: it is put into the register, or ended."""
COMPARED = ANSWERABLE | {FindingKind.OUT_OF_BAND}
"""What comes of comparing what was approved with what a directory shows."""
OF_FACTORS = frozenset({FindingKind.FACTOR_MISSING, FindingKind.FACTOR_UNSHOWN})
FROM_OUR_BOOKS = OF_FACTORS | {
    FindingKind.WORK_OVERDUE, FindingKind.ROTATION_OVERDUE, FindingKind.REPORT_OVERDUE,
    FindingKind.TEMPORARY_OVERDUE, FindingKind.OWNER_GONE, FindingKind.SHARED_USER_LEFT, FindingKind.STOP_NOT_REACHED,
    FindingKind.CHANGE_DUE,
}  # fmt: skip
"""What is known even where the directory could not be examined."""


@dataclass(frozen=True)
class Scope:
    """What an examination looked at: these kinds, and of accounts only these (None = all).

    `whole`: everything a night looks at. Only another night says that what kept one from examining is over.
    """

    kinds: frozenset[FindingKind] = frozenset(FindingKind)
    accounts: frozenset[int] | None = None
    whole: bool = True


@dataclass(frozen=True)
class Laid:
    """How many facts were seen, how many of them were new, and how many known ones were gone."""

    found: int
    new: int
    resolved: int


def record_sweep(
    session: Session, result: SweepResult, *, started_at: datetime, actor: Actor, policy: Policy, now: datetime,
    night_id: int | None = None,
) -> SweepRun:  # fmt: skip
    """Afterwards the open findings of the system are exactly what this sweep saw.

    A system that could not be examined keeps its findings and gets one that says so: not seen is not the same as gone.
    """
    laid = _lay_over(session, result, Scope(), policy=policy, now=now)
    keep_settled(session, result.settled, looked_at=result.looked_at)
    run = SweepRun(
        system_id=result.system_id, started_at=started_at, finished_at=now, examined=result.examined,
        found=laid.found, new=laid.new, resolved=laid.resolved, failure=result.failure,
        done=result.done, night_id=night_id, clock_apart=result.clock_apart,
    )  # fmt: skip
    session.add(run)
    session.flush()
    _record(session, "sweep.recorded", result, laid, actor=actor, policy=policy, now=now)
    return run


def record_comparison(
    session: Session, result: SweepResult, scope: Scope, *, actor: Actor, policy: Policy, now: datetime
) -> Laid:
    """Afterwards the open findings within the scope are exactly what this comparison saw; others are as they were."""
    laid = _lay_over(session, result, scope, policy=policy, now=now)
    keep_settled(session, result.settled, looked_at=result.looked_at)
    session.flush()
    _record(session, "reconciliation.recorded", result, laid, actor=actor, policy=policy, now=now)
    return laid


def _keep_groups(session: Session, resolved: Mapping[int, ExternalId]) -> None:
    for entitlement_id, external_id in resolved.items():
        session.get_one(Entitlement, entitlement_id).external_id = external_id


def _lay_over(session: Session, result: SweepResult, scope: Scope, *, policy: Policy, now: datetime) -> Laid:
    _keep_groups(session, result.resolved)
    return _settle(
        session, result.system_id, result.found, lambda one: _examined(one, result, scope), policy=policy, now=now
    )  # fmt: skip


def record_everywhere(
    session: Session, kinds: Collection[FindingKind], found: Iterable[Found], *, actor: Actor, policy: Policy,
    now: datetime,
) -> Laid:  # fmt: skip
    """Afterwards the open findings of no system are, of these kinds, exactly what was found.

    What is about the product itself, or about a person everywhere, is of no system (controls G4, G5). Known ones of
    other kinds are as they were: nobody looked.
    """
    laid = _settle(session, None, found, lambda one: one.kind in kinds, policy=policy, now=now)
    audit.record(
        session, action="finding.recorded", actor=actor, obj=("finding", "everywhere"), now=now,
        policy_digest=policy.digest,
        payload={
            "kinds": sorted(kind.value for kind in kinds), "found": laid.found, "new": laid.new,
            "resolved": laid.resolved,
        },
    )  # fmt: skip
    return laid


def _settle(
    session: Session, system_id: int | None, found: Iterable[Found], looked_for: Callable[["_Known"], bool], *,
    policy: Policy, now: datetime,
) -> Laid:  # fmt: skip
    """Afterwards the books have what was found; what was looked for and not found is repaired. In bulk: a first night
    finds a hundred thousand facts at once."""
    _alone_with(session, system_id)
    known = _known(session, system_id)
    seen = {(one.kind, one.subject_key): one for one in found}
    new = [one for key, one in seen.items() if key not in known]
    again = [(known[key], one) for key, one in seen.items() if key in known]
    gone = [one.id for key, one in known.items() if key not in seen and looked_for(one)]
    _seen_again(session, again, now=now)
    _gone(session, gone, now=now)
    _add(session, system_id, new, policy=policy, now=now)
    return Laid(len(seen), len(new), len(gone))


def _alone_with(session: Session, system_id: int | None) -> None:
    """Afterwards nobody else lays findings of this system until this transaction ends: a night and a comparison that
    find the same fact would both write it down as new."""
    if system_id is not None:
        one = select(InformationSystem.id).where(InformationSystem.id == system_id)
        session.execute(one.with_for_update(key_share=True))


class _Known(NamedTuple):
    """An open finding of the books."""

    id: int
    kind: FindingKind
    subject_key: str
    account_id: int | None
    person_id: int | None
    label: str
    details: dict[str, object]
    fingerprint: str | None

    def shows(self, found: Found, print_: str) -> bool:
        """Whether the books say of it what was found now."""
        return (self.account_id, self.person_id, self.label, self.details, self.fingerprint) == (
            found.account_id, found.person_id, found.label, found.details, print_,
        )  # fmt: skip


def _known(session: Session, system_id: int | None) -> dict[tuple[FindingKind, str], _Known]:
    session.flush()
    rows = session.execute(
        select(
            Finding.id, Finding.kind, Finding.subject_key, Finding.account_id, Finding.person_id, Finding.label,
            Finding.details, Finding.fingerprint,
        ).where(Finding.system_id == system_id, Finding.resolved_at.is_(None))
    )  # fmt: skip
    return {(row.kind, row.subject_key): _Known(*row) for row in rows}


def _seen_again(session: Session, again: Sequence[tuple[_Known, Found]], *, now: datetime) -> None:
    for some in in_chunks(known.id for known, _ in again):
        session.execute(update(Finding).where(Finding.id.in_(some)).values(last_seen_at=now))
    seen = [(known, one, fingerprint(one)) for known, one in again]
    changed = [
        {
            "id": known.id, "account_id": one.account_id, "person_id": one.person_id, "label": one.label,
            "details": one.details, "fingerprint": print_,
        }
        for known, one, print_ in seen
        if not known.shows(one, print_)
    ]  # fmt: skip
    for some_rows in in_chunks(changed):
        session.execute(update(Finding), some_rows)
    other = [known.id for known, _, print_ in seen if known.fingerprint != print_]
    for some in in_chunks(other):  # it is another thing to know now
        session.execute(update(Finding).where(Finding.id.in_(some)).values(told_at=None))
    note(session, FindingEventKind.CHANGED, other, person_id=None, now=now)


def _gone(session: Session, gone: Sequence[int], *, now: datetime) -> None:
    for some in in_chunks(gone):
        session.execute(update(Finding).where(Finding.id.in_(some)).values(resolved_at=now))
    note(session, FindingEventKind.REPAIRED, gone, person_id=None, now=now)


def _add(session: Session, system_id: int | None, new: Sequence[Found], *, policy: Policy, now: datetime) -> None:
    due = {kind: last_day(kind, policy=policy, now=now) for kind in {one.kind for one in new}}
    for some in in_chunks(new):
        before = _repaired_before(session, system_id, some)
        rows = [_row(system_id, one, before.get((one.kind, one.subject_key)), due[one.kind], now) for one in some]
        added = session.scalars(insert(Finding).returning(Finding.id), rows).all()
        note(session, FindingEventKind.FOUND, added, person_id=None, now=now)


def _repaired_before(
    session: Session, system_id: int | None, new: Sequence[Found]
) -> dict[tuple[FindingKind, str], int]:
    """What is found again though it was repaired → the finding it was then, the newest."""
    rows = session.execute(
        select(Finding.kind, Finding.subject_key, func.max(Finding.id))
        .where(
            Finding.system_id == system_id, Finding.subject_key.in_({one.subject_key for one in new}),
            Finding.resolved_at.is_not(None),
        )
        .group_by(Finding.kind, Finding.subject_key)
    )  # fmt: skip
    return {(kind, key): earlier for kind, key, earlier in rows}


TELLING: Mapping[FindingKind, str] = {FindingKind.CHECK_FAILED: "reason", FindingKind.NOT_CHECKED: "reason"}
"""Kind → which of the details says what exactly was found; of the others the "differences"."""


def fingerprint(found: Found) -> str:
    """What exactly was found, whatever it is worded like."""
    said = [found.kind.value, found.subject_key, found.details.get(TELLING.get(found.kind, "differences"))]
    return sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def open_findings(
    session: Session, system_id: int, kinds: Collection[FindingKind] = frozenset(FindingKind)
) -> Iterable[Finding]:
    """The findings of the system that are not resolved, of these kinds."""
    return session.scalars(
        select(Finding).where(
            Finding.system_id == system_id, Finding.resolved_at.is_(None), Finding.kind.in_(kinds)
        )
    )  # fmt: skip


def _examined(finding: _Known, result: SweepResult, scope: Scope) -> bool:
    """Whether a finding that was not seen is gone: not looked at is not the same as gone."""
    if finding.kind not in scope.kinds or finding.kind in result.unlooked:
        return False
    if scope.accounts is not None and finding.account_id not in scope.accounts:
        return False
    if finding.kind in COMPARED and finding.account_id in result.skipped:
        return False
    if finding.kind is FindingKind.CHECK_FAILED and finding.subject_key == result.system_code and not scope.whole:
        return False
    return result.failure is None or finding.kind in FROM_OUR_BOOKS


def last_day(kind: FindingKind, *, policy: Policy, now: datetime) -> date:
    """The last day for an answer to such a finding that is open from now on."""
    return due_on(kind, day_of(now), policy.findings, working_days(policy.calendar).on_or_after)


def _row(
    system_id: int | None, found: Found, again_of: int | None, due: date, now: datetime
) -> dict[str, object]:  # fmt: skip
    return {
        "kind": found.kind, "system_id": system_id, "account_id": found.account_id, "person_id": found.person_id,
        "subject_key": found.subject_key, "label": found.label, "details": found.details,
        "fingerprint": fingerprint(found), "first_seen_at": now, "last_seen_at": now, "again_of_id": again_of,
        "due_on": due, "escalated_level": 0,
    }  # fmt: skip


def _record(
    session: Session, action: str, result: SweepResult, laid: Laid, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("system", str(result.system_id)), now=now,
        policy_digest=policy.digest,
        payload={
            "examined": result.examined, "found": laid.found, "new": laid.new, "resolved": laid.resolved,
            "done": result.done, "failure": result.failure,
        },
    )  # fmt: skip
