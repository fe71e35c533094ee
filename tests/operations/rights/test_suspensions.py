"""Access held back and given again: reasons are a set, and only the last one closed gives access back."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.directory.wanted_account import wanted_account
from idm.errors import IllegalTransition
from idm.grant_state import EndReason, GrantState, SuspensionReason
from idm.models.audit import AuditRecord
from idm.models.requests import Grant, GrantSuspension
from idm.models.systems import Account
from idm.operations.rights import grants
from idm.operations.rights.suspensions import come_into_force, resume, suspend
from idm.queries.rights.account_facts import account_facts
from tests.cast import NOW, TODAY, Cast

JOB = Actor.job("tests.suspensions")
MAY = date(2026, 5, 1)
LEAVE, LOST_CARD = SuspensionReason.LEAVE, SuspensionReason.LOST_CARD


def give(cast: Cast, *, valid_from: date = TODAY) -> None:
    """青木 has the account of the ledger, handed over."""
    cast.approve(cast.file("hr", ("staff", "ledger/account"), valid_from=valid_from))
    with cast.database.writing() as session:
        session.scalars(select(Account)).one().handed_over_at = NOW


def grant_of(session: Session) -> Grant:
    return session.scalars(select(Grant)).one()


def act(cast: Cast, what: str, reason: SuspensionReason, now: datetime = NOW) -> bool:
    """Suspends or resumes 青木's one right."""
    with cast.database.writing() as session:
        operation = suspend if what == "suspend" else resume
        return operation(session, grant_of(session), reason, actor=JOB, policy=cast.policy, now=now)


def state(cast: Cast) -> GrantState:
    with cast.database.reading() as session:
        return grant_of(session).state


def enabled(cast: Cast, now: datetime = NOW) -> bool:
    """Whether the directory should let the person in."""
    with cast.database.reading() as session:
        account = session.scalars(select(Account)).one()
        facts = account_facts(session, [account.id], now=now)[account.id]
        return wanted_account(facts, now=now, delete_after_days=90).enabled


def generation(cast: Cast) -> int:
    with cast.database.reading() as session:
        return session.scalars(select(Account.generation)).one()


def test_a_suspended_right_shuts_the_account_and_leaves_a_task_and_a_record(office: Cast) -> None:
    give(office)
    before = generation(office)
    assert enabled(office)
    assert act(office, "suspend", LEAVE)
    assert (state(office), enabled(office), generation(office)) == (GrantState.SUSPENDED, False, before + 1)
    with office.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "grant.suspended")).one()
        assert '"reason":"leave"' in (record.payload or "")


def test_the_same_reason_twice_is_one_reason(office: Cast) -> None:
    give(office)
    act(office, "suspend", LEAVE)
    before = generation(office)
    assert not act(office, "suspend", LEAVE)
    assert generation(office) == before
    with office.database.reading() as session:
        assert len(session.scalars(select(GrantSuspension)).all()) == 1


def test_with_two_reasons_only_the_last_one_closed_gives_access_back(office: Cast) -> None:
    give(office)
    act(office, "suspend", LEAVE)
    act(office, "suspend", LOST_CARD)
    assert act(office, "resume", LEAVE)
    assert state(office) is GrantState.SUSPENDED
    assert act(office, "resume", LOST_CARD)
    assert (state(office), enabled(office)) == (GrantState.IN_FORCE, True)


def test_a_reason_that_is_not_open_resumes_nothing(cast: Cast) -> None:
    give(cast)
    act(cast, "suspend", LEAVE)
    assert not act(cast, "resume", LOST_CARD)
    assert state(cast) is GrantState.SUSPENDED


def test_a_planned_right_comes_into_force_suspended_while_the_reason_holds(cast: Cast) -> None:
    give(cast, valid_from=MAY)
    before = generation(cast)
    assert act(cast, "suspend", LEAVE)
    assert (state(cast), generation(cast)) == (GrantState.PLANNED, before)
    with cast.database.writing() as session:
        come_into_force(session, grant_of(session), actor=JOB, policy=cast.policy, now=start_of(MAY))
    assert (state(cast), enabled(cast, start_of(MAY))) == (GrantState.SUSPENDED, False)
    act(cast, "resume", LEAVE, start_of(MAY))
    assert (state(cast), enabled(cast, start_of(MAY))) == (GrantState.IN_FORCE, True)


def test_a_planned_right_whose_reason_is_over_comes_into_force_open(cast: Cast) -> None:
    give(cast, valid_from=MAY)
    act(cast, "suspend", LEAVE)
    act(cast, "resume", LEAVE, NOW + timedelta(days=1))
    with cast.database.writing() as session:
        come_into_force(session, grant_of(session), actor=JOB, policy=cast.policy, now=start_of(MAY))
    assert state(cast) is GrantState.IN_FORCE


@pytest.mark.parametrize("what", ["suspend", "resume"])
def test_what_has_ended_is_neither_suspended_nor_resumed(cast: Cast, what: str) -> None:
    give(cast)
    with cast.database.writing() as session:
        grants.end(session, grant_of(session), EndReason.LEFT, actor=JOB, policy=cast.policy, now=NOW)
    with pytest.raises(IllegalTransition):
        act(cast, what, LEAVE)


@given(acts=st.lists(st.tuples(st.sampled_from(["suspend", "resume"]), st.sampled_from(list(SuspensionReason)))))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_a_right_is_in_force_exactly_when_no_reason_is_open(
    cast: Cast, acts: list[tuple[str, SuspensionReason]]
) -> None:
    if not generation_known(cast):
        give(cast)
    for reason in SuspensionReason:
        act(cast, "resume", reason)
    reasons: set[SuspensionReason] = set()
    for what, reason in acts:
        act(cast, what, reason)
        reasons = reasons | {reason} if what == "suspend" else reasons - {reason}
        assert (state(cast) is GrantState.SUSPENDED) == bool(reasons)


def generation_known(cast: Cast) -> bool:
    with cast.database.reading() as session:
        return session.scalars(select(Account.id)).first() is not None
