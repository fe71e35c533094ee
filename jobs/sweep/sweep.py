"""The nightly sweep: asks every directory what is unused or has no owner, and keeps the answer as findings (C1, C3).

Systems are examined side by side. One that cannot be examined, fails or hangs says so as a finding of its own and does
not stop the others. A night that is broken off is resumed where it stopped.
"""

import gc
import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Protocol
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.database import in_chunks
from idm.errors import ConfigurationInvalid, NotFound, SafetyLimit, TargetError
from idm.models.systems import InformationSystem
from idm.operations.factors import factor_watch, losses
from idm.operations.information_systems.going_live import remind
from idm.operations.outbox import retry_refused
from idm.operations.passwords.rules_read import RulesPart, found_in, keep
from idm.operations.passwords.warnings_before_due import PasswordDue, warn
from idm.operations.privileged import out_of_band
from idm.operations.privileged.holder_counts import count_holders
from idm.operations.sweep import dormancy_cases, nights, sign_offs
from idm.operations.sweep.finding_answers import put_right
from idm.operations.sweep.findings import Found, SweepResult, record_sweep
from idm.oversight.sweep_checks import SweepCheck, unlooked_kinds
from idm.policy import Policy
from idm.ports import Directory
from idm.queries.factors.second_factor_demand import second_factor_demand
from idm.queries.governance.configuration import policy_in_force
from idm.queries.privileged.watched import registered_ids
from idm.queries.sweep.unused_ids import accounts_with_case
from idm.vocabulary import AccountKind, FindingKind
from jobs.information_systems.check_attempts import CheckAttempts
from jobs.installation import Installation
from jobs.sweep.clocks import clock_found, clocks_apart
from jobs.sweep.comparison import Compared, compare, reads_everybody
from jobs.sweep.directory_reading import Owner, Ownership, examine, owners_of, unused, use_read
from jobs.sweep.kept_night import kept_night
from jobs.sweep.our_books import found_in_our_books
from jobs.sweep.out_of_band import take_out
from jobs.sweep.password_ages import PasswordAges
from jobs.sweep.password_rules_reading import StrongId, read_rules, strong_ids
from jobs.sweep.privileged_accounts import PrivilegedAccounts, accounts_of_ours
from jobs.sweep.second_factors import SecondFactors
from jobs.sweep.side_by_side import Attempt, SideBySide

ACTOR = Actor.job("jobs.sweep.sweep")
LOG = logging.getLogger("idm.sweep")
WARNED_AT_ONCE = 500
PATIENTLY = (50_000, 20, 100)
"""How many objects more there are before Python looks for garbage: rows come by the hundred thousand and are none."""


class Progress(Protocol):
    """Who is told how far a sweep has come; from several threads."""

    def began(self, systems: int, answered: int) -> None:
        """So many systems are examined; so many have an answer of this night already."""

    def reads(self, system_code: str, accounts: int) -> None:
        """A system is being examined: so many accounts of it have been read."""

    def ended(self, result: SweepResult) -> None:
        """A system has been examined, or could not be."""


class Silent:
    """Tells nobody."""

    def began(self, systems: int, answered: int) -> None:
        """Nothing."""

    def reads(self, system_code: str, accounts: int) -> None:
        """Nothing."""

    def ended(self, result: SweepResult) -> None:
        """Nothing."""


def sweep(
    installation: Installation, *, system_code: str | None = None, as_of: date | None = None, dry_run: bool = False,
    progress: Progress | None = None, budget: timedelta | None = None,
) -> list[SweepResult]:  # fmt: skip
    """Afterwards every system (or the one named) was examined and its findings are on record.

    Systems that a broken-off night has examined already are left out. Days are counted back from `as_of`, by default
    today; of such a day, as with `dry_run`, nothing is recorded. `budget`: how long one system may take, by default
    what the profile says. Raises NotFound for an unknown system, IllegalTransition while somebody else has the night.
    """
    gc.set_threshold(*PATIENTLY)
    systems, now = _systems(installation, system_code), installation.clock()
    dry_run = dry_run or as_of is not None
    with installation.database.reading() as session:
        policy = policy_in_force(session, now=now)
    sweeping = _Sweeping(
        installation, judged_at=now if as_of is None else start_of(as_of), dry_run=dry_run,
        progress=progress or Silent(),
    )  # fmt: skip
    side_by_side = SideBySide(
        sweeping.examine, sweeping.failed, at_once=policy.sweep.at_once,
        budget=budget or timedelta(hours=policy.sweep.hold_back_hours),
    )  # fmt: skip
    if dry_run:
        return side_by_side.run(systems)
    _remind_of_losses(installation)
    _count_holders(installation)
    if system_code is not None:
        return side_by_side.run(systems)
    return _night(installation, systems, sweeping, side_by_side, policy)


def _night(
    installation: Installation, systems: Sequence[InformationSystem], sweeping: "_Sweeping",
    side_by_side: SideBySide[InformationSystem, SweepResult], policy: Policy,
) -> list[SweepResult]:  # fmt: skip
    holder = uuid4().hex
    with installation.database.writing() as session:
        night = nights.begin(
            session, systems=len(systems), holder=holder, actor=ACTOR, policy=policy, now=installation.clock()
        )
    sweeping.night_id = night.id
    left = [system for system in systems if system.id not in night.answered]
    sweeping.progress.began(len(left), len(systems) - len(left))
    with kept_night(installation, night.id, holder):
        results = side_by_side.run(left)
    failed = [result.system_code for result in results if result.failure is not None]
    with installation.database.writing() as session:
        nights.end(session, night.id, failed=failed, actor=ACTOR, policy=policy, now=installation.clock())
        sign_offs.remind(session, actor=ACTOR, policy=policy, now=installation.clock())
    return results


def _systems(installation: Installation, code: str | None) -> list[InformationSystem]:
    with installation.database.reading() as session:
        query = select(InformationSystem).order_by(InformationSystem.code)
        systems = list(session.scalars(query.where(InformationSystem.code == code) if code else query))
    if not systems:
        raise NotFound(f"情報システム「{code}」がありません。" if code else "情報システムがまだ登録されていません。")
    return systems


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


@dataclass
class _Sweeping:
    """One run of the sweep: what every system of it shares."""

    installation: Installation
    judged_at: datetime
    dry_run: bool
    progress: Progress
    night_id: int | None = None
    writing: Lock = field(default_factory=Lock)
    """One system writes at a time: those that wait in line do not fight for the database."""

    def examine(self, system: InformationSystem, attempt: Attempt) -> SweepResult:
        """Afterwards the system was examined and what follows is done. Raises TooLate when that took too long."""
        started_at = self.installation.clock()
        with self.installation.database.reading() as session:
            policy = policy_in_force(session, now=started_at)
        result, looked = self._look(system, policy, started_at)
        with self.installation.database.reading() as session:
            books = found_in_our_books(session, system, policy=policy, now=self.judged_at)
        result = replace(result, found=(*result.found, *books))
        if self.dry_run:
            result = self._rehearsed(result, policy)
        else:
            with attempt.writing(), self.writing:
                result, removals = self._record(system, result, looked, policy, started_at)
            take_out(self.installation, system, removals)
            self._warn(looked.ages.dues() if result.failure is None else (), attempt)
        self.progress.ended(result)
        return result

    def failed(self, system: InformationSystem, error: Exception | None) -> SweepResult:
        """Afterwards it is on record that the system was not examined, because its time was over or of this error."""
        if error is None:
            reason = "決められた時間のうちに点検が終わらなかったため、打ち切りました。"
        else:
            LOG.error("%s: the sweep of this system failed", system.code, exc_info=error)
            kind = type(error).__name__
            reason = f"点検の途中で、想定していない誤り（{kind}）が起きました。管理者がログを確かめてください。"
        result = _not_examined(system, reason)
        if not self.dry_run:
            now = self.installation.clock()
            with self.writing, self.installation.database.writing() as session:
                policy = policy_in_force(session, now=now)
                record_sweep(
                    session, result, started_at=now, actor=ACTOR, policy=policy, now=now, night_id=self.night_id
                )  # fmt: skip
        self.progress.ended(result)
        return result

    def _look(
        self, system: InformationSystem, policy: Policy, started_at: datetime
    ) -> tuple[SweepResult, "Looked"]:  # fmt: skip
        with self.installation.database.reading() as session:
            looked = Looked.at(session, system, policy, self.judged_at)
        try:
            directory = self.installation.open_target(system)
            try:
                return self._read(directory, system, looked, policy, started_at), looked
            finally:
                directory.close()
        except (TargetError, ConfigurationInvalid, SafetyLimit) as failure:
            return _not_examined(system, str(failure)), looked

    def _read(
        self, directory: Directory, system: InformationSystem, looked: "Looked", policy: Policy, started_at: datetime
    ) -> SweepResult:
        checks = CheckAttempts(directory)
        checks.note_missing(policy)
        apart = clocks_apart(directory, self.installation.clock)
        checks.make(SweepCheck.CHANGE_DATES, looked.ages.read, None)
        checks.make(SweepCheck.SECOND_FACTORS, looked.factors.read, None)
        unused_ids: Sequence[Found] = checks.make(
            SweepCheck.LAST_USE,
            lambda one: unused(
                one, partial(self._owners, system), policy.dormancy.in_system(system.unused_times), now=self.judged_at
            ), (),
        )  # fmt: skip
        read_again: frozenset[int] = checks.make(
            SweepCheck.LAST_USE,
            lambda one: use_read(
                one, partial(self._owners, system), self._no_longer_found(system, unused_ids), now=started_at
            ), frozenset(),
        )  # fmt: skip
        ownership = Ownership(
            self.installation, system, self.judged_at, (looked.accounts, looked.ages, looked.factors),
            looked.ages.old.keys() | looked.factors.without.keys(),
            partial(self.progress.reads, system.code),
        )  # fmt: skip
        if not reads_everybody(directory, system):
            examine(directory, ownership)
        compared = compare(
            self.installation, directory, system, policy=policy, now=started_at,
            by_seal=self._trusts_seals(system, started_at), audience=ownership,
        )  # fmt: skip
        checks.make(SweepCheck.GUARDED, looked.accounts.note_guarded, None)
        looked.rules = read_rules(directory, looked.strong, policy)
        with self.installation.database.reading() as session:
            looked.look_up(session, system.id)
        found = (
            *unused_ids, *ownership.found, *compared.found, *looked.found(compared, system), *checks.found(system),
            *clock_found(apart, system, policy.log_check),
        )  # fmt: skip
        return SweepResult(
            system.id, system.code, ownership.examined, found, unlooked=unlooked_kinds(checks.not_possible),
            clock_apart=apart, skipped=frozenset(compared.skipped),
            compared=compared.accounts, settled=compared.settled, looked_at=frozenset(compared.looked_at),
            shown=compared.shown, still_so=frozenset(compared.still_so), read_at=started_at,
            resolved=compared.resolved, use_read=read_again,
        )  # fmt: skip

    def _no_longer_found(self, system: InformationSystem, unused_ids: Sequence[Found]) -> Collection[int]:
        """The accounts with an open case of disuse that were not found unused tonight."""
        with self.installation.database.reading() as session:
            return accounts_with_case(session, system.id) - {one.account_id for one in unused_ids}

    def _owners(self, system: InformationSystem, account_uuids: Collection[UUID]) -> dict[UUID, Owner]:
        with self.installation.database.reading() as session:
            return owners_of(session, system.id, account_uuids, self.judged_at)

    def _trusts_seals(self, system: InformationSystem, now: datetime) -> bool:
        """Nights may; whoever asks about one system by hand has it read as it is."""
        if self.night_id is None:
            return False
        with self.installation.database.reading() as session:
            return nights.trusts_seals(session, system.id, now=now)

    def _rehearsed(self, result: SweepResult, policy: Policy) -> SweepResult:
        with self.installation.database.reading() as session:
            return factor_watch.found_in(session, result, policy=policy, now=self.installation.clock())

    def _record(
        self, system: InformationSystem, result: SweepResult, looked: "Looked", policy: Policy, started_at: datetime
    ) -> tuple[SweepResult, Sequence[out_of_band.Removal]]:
        now = self.installation.clock()
        with self.installation.database.writing() as session:
            result = factor_watch.follow(session, result, actor=ACTOR, policy=policy, now=now)
            run = record_sweep(
                session, result, started_at=started_at, actor=ACTOR, policy=policy, now=now, night_id=self.night_id
            )  # fmt: skip
            retry_refused(session, system.id, now=now)
            result = put_right(session, result, actor=ACTOR, policy=policy, now=now)
            result = dormancy_cases.follow(session, result, actor=ACTOR, policy=policy, now=now)
            result, removals = out_of_band.follow(session, result, actor=ACTOR, policy=policy, now=now)
            looked.keep(session, result, now=now)
            remind(session, session.get_one(InformationSystem, system.id), policy=policy, now=now)
            run.done = result.done + nights.repairs_asked(session, system.id, now=now)
        return result, removals

    def _warn(self, dues: Sequence[PasswordDue], attempt: Attempt) -> None:
        """Whoever has an old password knows; told in pieces, so that nobody waits for the database meanwhile."""
        for some in in_chunks(dues, WARNED_AT_ONCE):
            with attempt.writing(), self.writing, self.installation.database.writing() as session:
                warn(session, some, now=self.installation.clock())


@dataclass
class Looked:
    """What a sweep looks at besides use and ownership: privilege, passwords, and second factors."""

    accounts: PrivilegedAccounts
    ages: PasswordAges
    factors: SecondFactors
    strong: Sequence[StrongId]
    ours: dict[UUID, tuple[int, AccountKind]]
    """What is known of the accounts that stand out, or have an old password, once they were read."""
    rules: tuple[RulesPart, ...] = ()

    @classmethod
    def at(cls, session: Session, system: InformationSystem, policy: Policy, now: datetime) -> "Looked":
        """What our books say of it."""
        ours: dict[UUID, tuple[int, AccountKind]] = {}
        registered = registered_ids(session, system.id, now=now)
        return cls(
            PrivilegedAccounts(system.connector, registered, ours), PasswordAges(policy.passwords, now, ours),
            SecondFactors(second_factor_demand(session, system.id, now=now)), strong_ids(session, system.id), ours,
        )  # fmt: skip

    def look_up(self, session: Session, system_id: int) -> None:
        """Afterwards it is known which of those that were read are ours."""
        read = [one.account_uuid for one in self.accounts.standing_out.values()]
        read += [one.account_uuid for one in self.ages.old.values()]
        uuids = {one for one in read if one is not None}
        self.ours.update(accounts_of_ours(session, system_id, uuids))

    def found(self, compared: Compared, system: InformationSystem) -> Iterator[Found]:
        """Everything found of it, with what is known of privileged groups."""
        told = {str(one.details["member"]) for one in compared.found if one.kind is FindingKind.OUT_OF_BAND}
        yield from self.accounts.found(told | compared.admitted)
        yield from found_in(self.rules, system.name)
        yield from self.ages.found()
        yield from self.factors.found()

    def keep(self, session: Session, result: SweepResult, *, now: datetime) -> None:
        """Afterwards what was read of rules is on record."""
        if result.failure is None:
            keep(session, result.system_id, self.rules, now=now)


def _not_examined(system: InformationSystem, reason: str) -> SweepResult:
    found = Found(FindingKind.CHECK_FAILED, system.code, system.name, details={"reason": reason})
    return SweepResult(system.id, system.code, 0, (found,), failure=reason)
