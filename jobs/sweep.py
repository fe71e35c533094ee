"""The nightly sweep: asks every directory what is unused or has no owner, and keeps the answer as findings (C1, C3).

The server filters by last use; only identities are streamed to find accounts that are nobody's. A system that cannot be
examined says so as a finding of its own and does not stop the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of, start_of
from idm.database import in_chunks
from idm.dormancy import kind_of, never_used_cutoff, unused_cutoff
from idm.drift import stray_kind
from idm.errors import ConfigurationInvalid, NotFound, SafetyLimit, TargetError
from idm.models.going_live import SystemProgress
from idm.models.systems import Account, InformationSystem
from idm.operations.factors import factor_watch, losses
from idm.operations.finding_answers import put_right
from idm.operations.findings import Found, SweepResult, record_sweep
from idm.operations.going_live import remind
from idm.operations.lifecycle import employed_people
from idm.operations.outbox import retry_refused
from idm.operations.password_rules_read import RulesPart, found_in, keep
from idm.operations.password_warnings import PasswordDue, warn
from idm.operations.privileged import out_of_band
from idm.operations.privileged.holder_counts import count_holders
from idm.policy import DormancyTimes, Policy
from idm.ports import AccountId, Directory, ExternalId, LastUse, ReportsLastUse
from idm.queries.comparable import found_states
from idm.queries.configuration import policy_in_force
from idm.queries.privileged.watched import registered_ids
from idm.vocabulary import FindingKind, FoundState, Stage
from jobs.comparison import Compared, compare
from jobs.installation import Installation
from jobs.our_books import found_in_our_books
from jobs.out_of_band import take_out
from jobs.password_ages import PasswordAges
from jobs.password_rules_reading import StrongId, read_rules, strong_ids
from jobs.privileged_accounts import PrivilegedAccounts, accounts_of_ours

ACTOR = Actor.job("jobs.sweep")
WARNED_AT_ONCE = 500

WORDS: Mapping[FindingKind, Mapping[str, object]] = {
    FindingKind.ORPHAN: {
        "reason": "idm の台帳にないIDです。", "repair": "持ち主を確かめ、申請してもらうか、ディレクトリで止める",
    },
    FindingKind.UNADOPTED: {
        "reason": "引継ぎの期限を過ぎても、引き継がれていません。",
        "repair": "「引継ぎ」の画面で持ち主を決め、申請するか、点検結果として残す",
    },
}  # fmt: skip
"""What is said of accounts that are not ours, and what to do about them."""


@dataclass(frozen=True)
class Owner:
    """Whose an account is, by our books."""

    account_id: int
    login_name: str
    employed: bool


def sweep(
    installation: Installation, *, system_code: str | None = None, as_of: date | None = None, dry_run: bool = False
) -> list[SweepResult]:
    """Afterwards every system (or the one named) was examined and its findings are on record.

    Days are counted back from `as_of`, by default today. With `dry_run` nothing is recorded. Raises NotFound for an
    unknown system.
    """
    with installation.database.reading() as session:
        query = select(InformationSystem).order_by(InformationSystem.code)
        systems = list(session.scalars(query.where(InformationSystem.code == system_code) if system_code else query))
    if not systems:
        named = f"情報システム「{system_code}」がありません。"
        raise NotFound(named if system_code else "情報システムがまだ登録されていません。")
    judged_at = installation.clock() if as_of is None else start_of(as_of)
    if not dry_run:
        _remind_of_losses(installation)
        _count_holders(installation)
    return [_sweep_one(installation, system, judged_at=judged_at, dry_run=dry_run) for system in systems]


def _count_holders(installation: Installation) -> None:
    """How many hold what is kept day by day, whether or not a system can be examined tonight (control D1)."""
    now = installation.clock()
    with installation.database.writing() as session:
        count_holders(session, actor=ACTOR, policy=policy_in_force(session, now=now), now=now)


def _remind_of_losses(installation: Installation) -> None:
    """Whoever has to follow up a loss is reminded, whether or not a system can be examined tonight."""
    now = installation.clock()
    with installation.database.writing() as session:
        losses.remind(session, policy=policy_in_force(session, now=now), now=now)


def _sweep_one(
    installation: Installation, system: InformationSystem, *, judged_at: datetime, dry_run: bool
) -> SweepResult:
    started_at = installation.clock()
    with installation.database.reading() as session:
        policy = policy_in_force(session, now=started_at)
        owners = owners_of(session, system.id, judged_at)
        strays = strays_of(session, system, judged_at)
        looked = Looked.at(session, system, policy, judged_at)
    try:
        directory = installation.open_target(system)
        try:
            looked.ages.read(directory)
            result = examine(
                directory, system, owners, policy.dormancy.times, now=judged_at, strays=strays,
                watch=(looked.accounts.note, looked.ages.note),
            )  # fmt: skip
            looked.accounts.note_guarded(directory)
            looked.rules = read_rules(directory, looked.strong, policy)
            compared = compare(installation, directory, system, policy=policy, now=started_at)
            found = (*result.found, *compared.found, *looked.found(compared, system))
            result = replace(
                result, found=found, skipped=frozenset(compared.skipped),
                compared=compared.accounts, settled=tuple(compared.settled), looked_at=frozenset(compared.looked_at),
                shown=compared.shown, still_so=frozenset(compared.still_so), read_at=started_at,
                resolved=compared.resolved,
            )  # fmt: skip
        finally:
            directory.close()
    except (TargetError, ConfigurationInvalid, SafetyLimit) as failure:
        result = _not_examined(system, str(failure))
    with installation.database.reading() as session:
        books = found_in_our_books(session, system, policy=policy, now=judged_at)
    result = replace(result, found=(*result.found, *books))
    now = installation.clock()
    if dry_run:
        with installation.database.reading() as session:
            return factor_watch.found_in(session, result, policy=policy, now=now)
    with installation.database.writing() as session:
        result = factor_watch.follow(session, result, actor=ACTOR, policy=policy, now=now)
        record_sweep(session, result, started_at=started_at, actor=ACTOR, policy=policy, now=now)
        retry_refused(session, system.id, now=now)
        result = put_right(session, result, actor=ACTOR, policy=policy, now=now)
        result, removals = out_of_band.follow(session, result, actor=ACTOR, policy=policy, now=now)
        looked.keep(session, result, now=now)
        remind(session, session.get_one(InformationSystem, system.id), policy=policy, now=now)
    take_out(installation, system, removals)
    if result.failure is None:
        _warn(installation, looked.ages.dues())
    return result


def _warn(installation: Installation, dues: Sequence[PasswordDue]) -> None:
    """Whoever has an old password knows; told in pieces, so that nobody waits for the database meanwhile."""
    for some in in_chunks(dues, WARNED_AT_ONCE):
        with installation.database.writing() as session:
            warn(session, some, now=installation.clock())


@dataclass
class Looked:
    """What a sweep looks at besides use and ownership: privilege, and passwords."""

    accounts: PrivilegedAccounts
    ages: PasswordAges
    strong: Sequence[StrongId]
    rules: tuple[RulesPart, ...] = ()

    @classmethod
    def at(cls, session: Session, system: InformationSystem, policy: Policy, now: datetime) -> "Looked":
        """What our books say of it."""
        ours = accounts_of_ours(session, system.id)
        registered = registered_ids(session, system.id, now=now)
        return cls(
            PrivilegedAccounts(system.connector, registered, ours), PasswordAges(policy.passwords, now, ours),
            strong_ids(session, system.id),
        )  # fmt: skip

    def found(self, compared: Compared, system: InformationSystem) -> Iterator[Found]:
        """Everything found of it, with what is known of privileged groups."""
        told = {str(one.details["member"]) for one in compared.found if one.kind is FindingKind.OUT_OF_BAND}
        yield from self.accounts.found(told | compared.admitted)
        yield from found_in(self.rules, system.name)
        yield from self.ages.found()

    def keep(self, session: Session, result: SweepResult, *, now: datetime) -> None:
        """Afterwards what was read of rules is on record."""
        if result.failure is None:
            keep(session, result.system_id, self.rules, now=now)


def _not_examined(system: InformationSystem, reason: str) -> SweepResult:
    found = Found(FindingKind.CHECK_FAILED, system.code, system.name, details={"reason": reason})
    return SweepResult(system.id, system.code, 0, (found,), failure=reason)


def owners_of(session: Session, system_id: int, now: datetime) -> dict[UUID, Owner]:
    """Account uuid → owner, for every account of the system that our books know."""
    rows = session.execute(
        select(Account.uuid, Account.id, Account.login_name, Account.person_id).where(Account.system_id == system_id)
    ).all()
    employed = employed_people(session, {person for *_, person in rows if person is not None}, day_of(now))
    return {uuid: Owner(account_id, name, person in employed) for uuid, account_id, name, person in rows}


@dataclass(frozen=True)
class Strays:
    """What is known of accounts that are not ours (control A18)."""

    states: Mapping[ExternalId, tuple[FoundState, bool]] = field(default_factory=dict)
    stage: Stage = Stage.ENFORCE
    inventoried: bool = False
    overdue: bool = False

    def kind_of(self, account: AccountId) -> FindingKind | None:
        """What such an account is found as; None = as nothing."""
        state, adopted = self.states.get(account.external_id, (None, False))
        return stray_kind(
            state, adopted=adopted, stage=self.stage, inventoried=self.inventoried, overdue=self.overdue
        )  # fmt: skip


def strays_of(session: Session, system: InformationSystem, now: datetime) -> Strays:
    """What the inventory of the system says of accounts that are not ours."""
    progress = session.get(SystemProgress, system.id)
    return Strays(
        found_states(session, system.id), system.stage,
        inventoried=progress is not None and progress.inventoried_at is not None,
        overdue=system.adopt_until is not None and day_of(now) > system.adopt_until,
    )  # fmt: skip


def examine(
    directory: Directory, system: InformationSystem, owners: dict[UUID, Owner], times: DormancyTimes, *,
    now: datetime, strays: Strays | None = None, watch: Sequence[Callable[[AccountId], None]] = (),
) -> SweepResult:  # fmt: skip
    """What one directory shows: unused, never used, unknown, left, orphan and unadopted IDs. Raises TargetError.

    Everybody is read once, and shown to whoever watches.
    """
    found = list(_unused(directory, owners, times, now))
    examined = 0
    for account in directory.account_ids():
        examined += 1
        for note in watch:
            note(account)
        found.extend(_ownership(account, owners, strays or Strays()))
    return SweepResult(system.id, system.code, examined, tuple(found))


def _unused(directory: Directory, owners: dict[UUID, Owner], times: DormancyTimes, now: datetime) -> Iterator[Found]:
    if not isinstance(directory, ReportsLastUse):
        return
    for last_use in directory.unused_since(unused_cutoff(times, now)):
        yield _last_use_finding(last_use, owners)
    for last_use in directory.never_used(never_used_cutoff(times, now)):
        yield _last_use_finding(last_use, owners)


def _last_use_finding(last_use: LastUse, owners: dict[UUID, Owner]) -> Found:
    owner = owners.get(last_use.account_uuid) if last_use.account_uuid else None
    return Found(
        kind_of(last_use), last_use.external_id, last_use.login_name, owner.account_id if owner else None,
        {
            "last_used_at": last_use.last_used_at.isoformat() if last_use.last_used_at else None,
            "source": last_use.source.value,
        },
    )  # fmt: skip


def _ownership(account: AccountId, owners: dict[UUID, Owner], strays: Strays) -> Iterator[Found]:
    owner = owners.get(account.account_uuid) if account.account_uuid else None
    if owner is None:
        kind = strays.kind_of(account)
        if kind is not None:
            yield Found(kind, account.external_id, account.login_name, details=dict(WORDS[kind]))
    elif not owner.employed:
        yield Found(FindingKind.LEFT, account.external_id, account.login_name, owner.account_id)
