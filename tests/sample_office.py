"""The sample organisation's officers at their work: papers filed, drafts submitted and decided, batches permitted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.database import Database
from idm.models.people import Employment, Person
from idm.models.requests import Request, RequestLine
from idm.models.safety import RunKind
from idm.operations.approval import consent, decisions, requests
from idm.operations.approval.decisions import Verdict
from idm.operations.hr import planned_batches
from idm.operations.hr.planned_batches import PlannedRun
from idm.policy import Policy
from idm.queries.approval.seats import open_steps, seatings
from idm.queries.governance.configuration import policy_in_force
from idm.queries.hr.planned_batches import digest_of
from idm.request_state import Event, RequestState
from idm.unit_of_work import unit_of_work
from jobs.hr.hr_feed import import_feed
from jobs.installation import Installation

HR, CHIEF, SYSTEM, PENSION, VICE, CISO = "000456", "000412", "000445", "000423", "000407", "000401"


@dataclass
class SampleOffice:
    """What its officers do, at the installation's clock. People are asked for by staff number."""

    installation: Installation

    @property
    def database(self) -> Database:
        """Where everything is kept."""
        return self.installation.database

    @property
    def now(self) -> datetime:
        """The moment it is here."""
        return self.installation.clock()

    def actor(self, staff_number: str) -> Actor:
        """The person acting, who has just given a second factor."""
        with self.database.reading() as session:
            person = session.scalars(
                select(Person).join(Employment, Employment.person_id == Person.id).where(
                    Employment.staff_number == staff_number)
            ).one()  # fmt: skip
            return Actor(person.id, person.name, self.now)

    def consent_of_everybody(self) -> None:
        """HR files the signed papers of everybody who needs one."""
        with self.acting(HR) as (session, actor, policy):
            query = select(Employment.person_id).where(Employment.kind.in_(policy.outside.consent_kinds)).distinct()
            for person_id in session.scalars(query).all():
                consent.record(
                    session, person_id=person_id, given_on=day_of(self.now), document="同意書綴り", actor=actor,
                    policy=policy, now=self.now,
                )  # fmt: skip

    def submit_and_approve_all(self) -> int:
        """Every draft is submitted by HR and decided by whoever is seated; how many applications that were."""
        with self.database.reading() as session:
            drafts = session.scalars(select(Request.id).where(Request.state == RequestState.DRAFT)).all()
        for request_id in drafts:
            with self.acting(HR) as (session, actor, policy):
                request = requests.find(session, request_id, lock=True)
                requests.submit(session, request, actor=actor, policy=policy, now=self.now)
            for who in (CHIEF, SYSTEM, PENSION, VICE, CISO):
                with self.acting(who) as (session, actor, policy):
                    self._approve(session, request_id, actor, policy)
        with self.database.reading() as session:
            states = set(session.scalars(select(Request.state).where(Request.id.in_(drafts))))
        assert states <= {RequestState.APPROVED}
        return len(drafts)

    @contextmanager
    def acting(self, who: str) -> Iterator[tuple[Session, Actor, Policy]]:
        """A unit of work in that person's name, by the rules of the day."""
        actor = self.actor(who)
        with unit_of_work(self.database, actor=actor, now=self.now, attempted="test.act", obj=("test", who)) as session:
            yield session, actor, policy_in_force(session, now=self.now)

    def _approve(self, session: Session, request_id: int, actor: Actor, policy: Policy) -> None:
        request = session.get_one(Request, request_id)
        verdict = Verdict(Event.APPROVE, "確認しました", request.content_hash or "")
        steps = open_steps(session, RequestLine.request_id == request_id)
        seats = seatings(session, steps, day=day_of(self.now))
        mine = {s.step_id: verdict for s in steps if seats[s.step_id].seat_of(actor.person_id or 0) is not None}
        if mine:
            decisions.decide_lines(
                session, request_id=request_id, verdicts=mine, actor=actor, policy=policy, now=self.now
            )

    def permit(self, day: date) -> None:
        """HR plans the run of the day from its rehearsal, the chief permits it."""
        hr, chief = self.actor(HR), self.actor(CHIEF)
        with self.database.writing() as session:
            policy = policy_in_force(session, now=self.now)
            shown = digest_of(planned_batches.listed_for_day(session, day, policy=policy, now=self.now))
            batch = planned_batches.propose_for_day(
                session, day, shown=shown, reason="年度替わり", actor=hr, policy=policy, now=self.now
            )
            planned_batches.permit(session, batch.id, shown=shown, actor=chief, policy=policy, now=self.now)

    def permit_file(self, data: bytes, feed: str) -> None:
        """The same for everybody whom a personnel file would touch today."""
        prepared = import_feed(self.installation, data, feed_name=feed, as_of=None, dry_run=True).prepared
        items = [(one.action, one.staff_number) for one in prepared.touched]
        run = PlannedRun(RunKind.FEED, prepared.plan.as_of, feed, prepared.identity.sha256)
        with self.acting(HR) as (session, actor, policy):
            batch = planned_batches.propose(
                session, run, items, reason="年度替わり", actor=actor, policy=policy, now=self.now
            ).id
        with self.acting(CHIEF) as (session, actor, policy):
            planned_batches.permit(session, batch, shown=digest_of(items), actor=actor, policy=policy, now=self.now)
