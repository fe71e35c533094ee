"""Carries out what falls due by the calendar, once a day or as often as it is asked: some people per transaction.

Killed between two transactions, or within one, it ends in the same place when it is run again.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.safety import RunKind
from idm.operations.approval import standing
from idm.operations.exceptions import daily
from idm.operations.external_services import service_ends
from idm.operations.governance import officers
from idm.operations.hr import safety
from idm.operations.official_accounts import daily as official_accounts
from idm.operations.outsiders import sponsorship
from idm.operations.outsiders.sponsorship import SponsorshipChanges
from idm.operations.own_devices import daily as own_devices
from idm.operations.privileged import holder_changes, privilege_deputies, registered_owners
from idm.operations.reviews import following, opening
from idm.operations.rights import giving_back, grants, leaving, lifecycle, moved_accounts
from idm.operations.rights.leaving import Followed
from idm.operations.rights.lifecycle import LifecycleResult, Run
from idm.operations.signing_in import lapsed_sign_ins
from idm.personnel.due_changes import DUE_TITLES
from idm.personnel.safety_limits import Excess
from idm.policy import Policy
from idm.queries.governance.configuration import policy_in_force
from idm.queries.rights.due import DueRight, due_deletions, moment_of
from idm.queries.rights.rehearsal import Rehearsal, rehearsal
from idm.unit_of_work import unit_of_work
from jobs.installation import Installation

LOG = logging.getLogger("idm.lifecycle")
ACTOR = Actor.job("jobs.lifecycle")
PEOPLE_AT_ONCE = 200
"""How many people one transaction touches: others wait no longer than that takes."""

Progress = Callable[[str, int, int], None]
"""Told after every transaction: which stage, and how many of how many (person and stage) are done."""


@dataclass(frozen=True)
class Rehearsed:
    """What a run for a day would do, and what the limits would say. `batch_id` = it would run under that batch."""

    rehearsal: Rehearsal
    excesses: tuple[Excess, ...]
    batch_id: int | None


@dataclass(frozen=True, kw_only=True)
class RunResult(LifecycleResult):
    """What a run did, under which permitted batch, and what followed from it.

    `sponsors` = sponsorships replaced or ended; then the checklists of leavers that were made and reminded of.
    """

    day: date
    batch_id: int | None
    sponsors: int
    checklists: int
    reminders: int


def rehearse(installation: Installation, *, as_of: date | None = None) -> Rehearsed:
    """What the run for the day would do and which limits it would pass, without doing anything."""
    now = installation.clock()
    day = as_of or day_of(now)
    with installation.database.reading() as session:
        policy = policy_in_force(session, now=now)
        found = rehearsal(session, day, policy=policy, now=now)
        at = moment_of(day, now=now)
        assessment = safety.assess(
            session, found.touched, kind=RunKind.LIFECYCLE, policy=policy, now=at,
            day=safety.day_to_run_under(session, day, now=at),
        )  # fmt: skip
        return Rehearsed(found, assessment.excesses, assessment.batch.id if assessment.batch is not None else None)


def run(
    installation: Installation, *, as_of: date | None = None, progress: Progress | None = None,
    people_at_once: int = PEOPLE_AT_ONCE,
) -> RunResult:  # fmt: skip
    """Afterwards everything due by now, or by the day named, is decided and waits in the outbox.

    Raises SafetyLimit before anything is given or taken, InvalidInput for a day still to come.
    """
    now = installation.clock()
    stages = _Stages(installation, now, as_of or day_of(now))
    stages.posts()
    planned, policy = stages.plan()
    done = stages.rights(planned, policy, people_at_once, progress)
    deletions = stages.deletions(policy, people_at_once)
    result = stages.finish(planned, policy, done, deletions)
    stages.offices(policy)
    stages.sign_ins(policy)
    stages.exceptions(policy)
    stages.external_services(policy)
    stages.official_accounts(policy)
    stages.own_devices(policy)
    stages.endings(policy)
    answering, followed = stages.sponsorships(policy), stages.leaving(policy)
    stages.reviews(policy)
    return RunResult(
        **asdict(result), day=planned.day, batch_id=planned.batch.id if planned.batch is not None else None,
        sponsors=answering.replaced + answering.ended, checklists=followed.made, reminders=followed.reminded,
    )  # fmt: skip


@dataclass(frozen=True)
class _Stages:
    """The stages of one run: every transaction is a unit of work in the job's name."""

    installation: Installation
    now: datetime
    day: date

    def _act(self) -> AbstractContextManager[Session]:
        return unit_of_work(
            self.installation.database, actor=ACTOR, now=self.now, attempted="lifecycle.run",
            obj=("lifecycle", self.day.isoformat()),
        )  # fmt: skip

    def posts(self) -> None:
        """Privileged rights rest on posts told meanwhile, also where the limits then refuse the run (control D7)."""
        with self._act() as session:
            policy = policy_in_force(session, now=self.now)
            grants.rest_on_known_posts(session, actor=ACTOR, policy=policy, now=self.now)

    def plan(self) -> tuple[Run, Policy]:
        """The run as the limits let it pass."""
        with self._act() as session:
            policy = policy_in_force(session, now=self.now)
            return lifecycle.begin_run(session, self.day, policy=policy, now=self.now), policy

    def rights(self, planned: Run, policy: Policy, people_at_once: int, progress: Progress | None) -> list[DueRight]:
        """Rights end, rest, return and begin: so many people in each transaction."""
        done: list[DueRight] = []
        told, total = 0, sum(len(planned.holders(stage)) for stage in lifecycle.STAGES)
        for stage, holders in planned.chunks(people_at_once):
            with self._act() as session:
                done += lifecycle.carry_out(
                    session, planned, stage, holders, actor=ACTOR, policy=policy, now=self.now
                )  # fmt: skip
            told += len(holders)
            if progress is not None:
                progress(DUE_TITLES[stage], told, total)
        return done

    def deletions(self, policy: Policy, accounts_at_once: int) -> int:
        """Accounts that have been stopped for long enough go."""
        with self.installation.database.reading() as session:
            gone = due_deletions(session, policy=policy, at=self.now)
        scheduled = 0
        for at in range(0, len(gone), accounts_at_once):
            with self._act() as session:
                part = gone[at : at + accounts_at_once]
                scheduled += lifecycle.schedule_deletions(session, part, policy=policy, now=self.now)
        return scheduled

    def finish(self, planned: Run, policy: Policy, done: list[DueRight], deletions: int) -> LifecycleResult:
        """Applications that waited too long lapse, and the audit says what the run did."""
        with self._act() as session:
            lapsed = lifecycle.lapse(session, actor=ACTOR, policy=policy, now=self.now)
            result = lifecycle.result_of(done, deletions=deletions, lapsed=lapsed)
            lifecycle.record_run(session, planned, result, actor=ACTOR, policy=policy, now=self.now)
        return result

    def offices(self, policy: Policy) -> None:
        """Posts published today seat officers, standing approvals follow theirs, directories show the new unit; whoever
        may use a registered ID no longer knows no password of it, and none is without an owner unnoticed (A13, D4, D7).
        """
        with self._act() as session:
            officers.follow_posts(session, actor=ACTOR, policy=policy, now=self.now)
            standing.follow(session, actor=ACTOR, policy=policy, now=self.now)
            moved_accounts.refresh(session, now=self.now)
            privilege_deputies.end_what_stands_no_more(session, actor=ACTOR, policy=policy, now=self.now)
            # Registrations before their users, as whoever decides about one: neither waits for the other in a ring.
            registered_owners.follow(session, actor=ACTOR, policy=policy, now=self.now)
            holder_changes.follow_offices(session, actor=ACTOR, policy=policy, now=self.now)

    def sign_ins(self, policy: Policy) -> None:
        """Whoever left long ago has no sign-in that a return would wake up."""
        with self._act() as session:
            lapsed_sign_ins.end_of_leavers(session, actor=ACTOR, policy=policy, now=self.now)

    def sponsorships(self, policy: Policy) -> SponsorshipChanges:
        """People outside HR have somebody here who answers for them (control A12)."""
        with self._act() as session:
            return sponsorship.follow(session, actor=ACTOR, policy=policy, now=self.now)

    def exceptions(self, policy: Policy) -> None:
        """Exceptions of the register expire by themselves; who has to act on one has been told (FK 8)."""
        with self._act() as session:
            daily.follow(session, actor=ACTOR, policy=policy, now=self.now)

    def external_services(self, policy: Policy) -> None:
        """Services whose last day is over let nobody in any more; what nobody looks after is a finding (FK 11-2)."""
        with self._act() as session:
            service_ends.follow(session, actor=ACTOR, policy=policy, now=self.now)

    def official_accounts(self, policy: Policy) -> None:
        """Who left or works elsewhere speaks for the body no longer; what nobody looks after is a finding (I6)."""
        with self._act() as session:
            official_accounts.follow(session, actor=ACTOR, policy=policy, now=self.now)

    def own_devices(self, policy: Policy) -> None:
        """Devices of people's own are used no longer than was permitted, and not forgotten before they are cleared."""
        with self._act() as session:
            own_devices.follow(session, actor=ACTOR, policy=policy, now=self.now)

    def endings(self, policy: Policy) -> None:
        """Whoever has a right that ends soon was reminded in time (control A8)."""
        with self._act() as session:
            giving_back.remind(session, actor=ACTOR, policy=policy, now=self.now)

    def leaving(self, policy: Policy) -> Followed:
        """Whoever leaves has a checklist; whoever answers for it is reminded."""
        with self._act() as session:
            return leaving.follow(session, policy=policy, actor=ACTOR, now=self.now)

    def reviews(self, policy: Policy) -> None:
        """Access reviews are opened when the profile says so, brought to mind, and brought to their end (A10).

        Each by itself: one that fails is told in the end, and holds up no other.
        """
        with self.installation.database.reading() as session:
            running = following.open_campaigns(session)
        steps: list[Callable[[Session], object]] = [
            partial(opening.open_when_due, actor=ACTOR, policy=policy, now=self.now),
            *(partial(following.follow, campaign_id=one, actor=ACTOR, policy=policy, now=self.now) for one in running),
            partial(following.remind, policy=policy, now=self.now),
        ]
        failures = [failure for step in steps if (failure := self._failure_of(step)) is not None]
        if failures:
            raise failures[0]

    def _failure_of(self, step: Callable[[Session], object]) -> Exception | None:
        try:
            with self._act() as session:
                step(session)
        except Exception as failure:
            LOG.exception("reviews")
            return failure
        return None
