"""The small office with a rule that allows standing approvals, and what tests do with one."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import func, select

from idm.actor import Actor
from idm.models.feeds import FeedRun
from idm.models.officers import Officer
from idm.models.people import Assignment, OrganisationUnit
from idm.models.requests import Request
from idm.models.standing import StandingApproval
from idm.models.systems import InformationSystem
from idm.operations.approval import requests, standing
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.policy import StandingRules
from idm.queries.approval.standing_facts import digest_of
from idm.queries.governance.configuration import version_in_force
from idm.vocabulary import ConfigurationKind, LineEffect, RequestAction, Role
from tests.cast import NOW, TODAY, Cast

JOB = Actor.job("jobs.hr.hr_feed")
RULE = "情報セキュリティ実施手順 第12条第3項"
REASON = "人事異動に伴う通常の権限"
LINES = (("staff", "ledger/account"), ("staff", "ledger/enter"))


def allowing(cast: Cast, rule: str = RULE, lapse_days: int = 30) -> Cast:
    """The same office under a profile that cites this rule."""
    return replace(cast, policy=replace(cast.policy, standing=StandingRules(rule=rule, lapse_days=lapse_days)))


def system_id(cast: Cast, code: str = "ledger") -> int:
    """The row of the system."""
    with cast.database.reading() as session:
        return session.scalars(select(InformationSystem.id).where(InformationSystem.code == code)).one()


def proposed(cast: Cast, who: str = "hr", *, code: str = "ledger", now: datetime = NOW) -> int:
    """The id of a standing approval that `who` has proposed."""
    system = system_id(cast, code)
    with cast.acting(who, "standing.propose", now) as session:
        return standing.propose(session, system, REASON, actor=cast.actor(who), policy=cast.policy, now=now).id


def approve(cast: Cast, who: str, standing_id: int, *, now: datetime = NOW, shown: str | None = None) -> None:
    """`who` approves what the page shows."""
    with cast.acting(who, "standing.approve", now) as session:
        digest = shown or digest_of(standing.find(session, standing_id))
        standing.approve(
            session, standing_id, shown_digest=digest, actor=cast.actor(who), policy=cast.policy, now=now
        )  # fmt: skip


def in_force(cast: Cast, *, now: datetime = NOW) -> int:
    """The id of a standing approval for the ledger that both seats have approved."""
    standing_id = proposed(cast, now=now)
    approve(cast, "chief", standing_id, now=now)
    approve(cast, "system", standing_id, now=now)
    return standing_id


def personnel_draft(
    cast: Cast, *wanted: tuple[str, str], effect: LineEffect = LineEffect.GRANT, valid_until: date | None = None,
    action: RequestAction = RequestAction.REGISTER, from_feed: bool = True,
) -> int:  # fmt: skip
    """The id of a draft with one line per (subject, right), as a personnel file makes it."""
    with cast.database.writing() as session:
        lines = [cast.line(session, who, right, effect, TODAY, valid_until) for who, right in wanted or LINES]
        count = session.scalar(select(func.count()).select_from(FeedRun)) or 0
        run = FeedRun(feed="town", sha256=f"{count:064d}", applied_at=NOW, as_of=TODAY, row_count=1, joiners=1,
                      movers=0, leavers=0, held=0)  # fmt: skip
        session.add(run)
        session.flush()
        return requests.draft(
            session, action=action, system_id=cast.entitlement(session, (wanted or LINES)[0][1]).system_id,
            lines=lines, reason="採用等に伴う利用者登録", now=NOW, feed_run_id=run.id if from_feed else None,
        ).id  # fmt: skip


def use(cast: Cast, *draft_ids: int, now: datetime = NOW) -> list[int]:
    """The ids of those of the drafts that were approved by a standing approval."""
    with cast.database.writing() as session:
        drafts = [session.get_one(Request, draft_id) for draft_id in draft_ids]
        return [made.id for made in standing.use(session, drafts, actor=JOB, policy=cast.policy, now=now)]


def follow(cast: Cast, *, now: datetime = NOW) -> int:
    """What the nightly job does."""
    with cast.database.writing() as session:
        return standing.follow(session, actor=JOB, policy=cast.policy, now=now)


def standing_now(cast: Cast, standing_id: int) -> StandingApproval:
    """The row as it is."""
    with cast.database.reading() as session:
        return session.get_one(StandingApproval, standing_id)


def leave_post(cast: Cast, who: str, day: date) -> None:
    """From that day on the person no longer holds their post."""
    with cast.database.writing() as session:
        cast.employment(session, who).assignments[0].valid_until = day


def move(cast: Cast, who: str, unit: str) -> None:
    """The person's post has always been in that unit."""
    with cast.database.writing() as session:
        found = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == unit)).one()
        session.scalars(
            select(Assignment).where(Assignment.employment_id == cast.employment(session, who).id)
        ).one().unit = found


def become(cast: Cast, who: str, role: Role, unit: str | None = None, *, confirmed: bool = True) -> None:
    """The person holds, or may come to hold, the role."""
    with cast.database.writing() as session:
        session.add(
            Officer(role=role, person_id=cast.people[who], unit_code=unit, valid_from=date(2020, 4, 1),
                    confirmed_at=NOW if confirmed else None,
                    confirmed_by_id=cast.people["ciso"] if confirmed else None)
        )  # fmt: skip


def change_post_rights(cast: Cast, *rules: Mapping[str, object], now: datetime = NOW) -> None:
    """The organisation's rights-by-post rules are these besides its own, accepted by a second person."""
    with cast.acting("security", now=now) as session:
        present = version_in_force(session, ConfigurationKind.ORGANISATION, now=now)
        table = json.loads(present.content)
        table["post_rights"] += rules
        text = ConfigurationText(ConfigurationKind.ORGANISATION, present.name, json.dumps(table))
        made = configuration.propose(session, text, reason="職務の見直し", actor=cast.actor("security"), now=now).id
    with cast.acting("ciso", now=now) as session:
        configuration.accept(session, made, actor=cast.actor("ciso"), now=now)
