"""The outbox: claimed by one worker, ended with what was read back, and never undoing a newer decision."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from idm.actor import Actor
from idm.models.audit import AuditRecord
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.operations import outbox
from idm.operations.outbox import FIRST_WAIT_SECONDS, LEASE, LONGEST_WAIT_SECONDS, Carried, wait_before
from idm.operations.rights.accounts import schedule
from idm.operations.stops import orders
from idm.ports import Attributes, TargetAccount
from idm.vocabulary import AccountKind, Zone
from tests.cast import NOW, Cast

WORKER = Actor.job("tests.worker")
ATTRIBUTES = Attributes("u100009", "青木　一郎", "青木", "一郎", "100009", None, None)
SEEN = TargetAccount("entry-1", None, ATTRIBUTES, True, None, frozenset({"g-2", "g-1"}))


@pytest.fixture
def waiting(office: Cast) -> Cast:
    """One task waits: 青木's account."""
    office.approve(office.file("hr", ("staff", "ledger/account")))
    return office


def claim(cast: Cast, worker: str = "w1", *, now: datetime = NOW, limit: int = 10) -> list[tuple[int, int]]:
    """(task, generation) of what the worker now has."""
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
        claimed = outbox.claim(session, system, worker=worker, limit=limit, now=now)
        return [(task.id, task.generation) for task in claimed]


def finish(cast: Cast, *carried: Carried, worker: str = "w1", now: datetime = NOW) -> None:
    with cast.database.writing() as session:
        outbox.finish(session, carried, worker=worker, actor=WORKER, policy=cast.policy, now=now)


def decide_again(cast: Cast, times: int = 1) -> None:
    """The account is a generation older."""
    with cast.database.writing() as session:
        for _ in range(times):
            schedule(session, session.scalars(select(Account)).one(), now=NOW)


def tasks(cast: Cast) -> list[OutboxTask]:
    with cast.database.reading() as session:
        return list(session.scalars(select(OutboxTask).order_by(OutboxTask.id)))


def due_systems(cast: Cast, *zones: Zone, now: datetime = NOW) -> int:
    with cast.database.reading() as session:
        return len(outbox.systems_with_due_tasks(session, zones, now=now))


def test_only_systems_of_the_zones_served_have_due_tasks(waiting: Cast) -> None:
    assert due_systems(waiting, Zone.LGWAN, Zone.INTERNET) == 1
    assert due_systems(waiting, Zone.MYNUMBER, Zone.INTERNET) == 0
    assert due_systems(waiting, Zone.LGWAN, now=NOW - timedelta(seconds=1)) == 0


def test_a_claimed_task_is_nobody_elses_until_its_lease_runs_out(waiting: Cast) -> None:
    first = claim(waiting)
    assert len(first) == 1
    assert claim(waiting, "w2") == []
    assert claim(waiting, "w2", now=NOW + LEASE - timedelta(seconds=1)) == []
    assert claim(waiting, "w2", now=NOW + LEASE) == first


def test_what_was_read_back_is_kept_and_the_task_is_done(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    finish(waiting, Carried(task_id, SEEN, ("CreateAccount", "SetEnabled")))
    (task,) = tasks(waiting)
    assert (task.state, task.finished_at, task.last_error) == (TaskState.DONE, NOW, None)
    with waiting.database.reading() as session:
        account = session.scalars(select(Account)).one()
        assert (account.seen_at, account.seen_present, account.seen_enabled) == (NOW, True, True)
        assert (account.external_id, account.seen_groups) == ("entry-1", ["g-1", "g-2"])
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "provision.done")).one()
    assert '"steps":["CreateAccount","SetEnabled"]' in (record.payload or "")


def test_an_account_that_is_gone_keeps_its_id_on_the_target_but_not_its_hand_over(waiting: Cast) -> None:
    with waiting.database.writing() as session:
        account = session.scalars(select(Account)).one()
        account.external_id, account.handed_over_at = "entry-1", NOW
    ((task_id, _),) = claim(waiting)
    finish(waiting, Carried(task_id, None))
    with waiting.database.reading() as session:
        account = session.scalars(select(Account)).one()
        assert (account.seen_present, account.seen_enabled, account.handed_over_at) == (False, None, None)
        assert account.external_id == "entry-1"


def test_a_target_that_cannot_answer_is_asked_again_later(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    finish(waiting, Carried(task_id, unavailable="接続できません"))
    (task,) = tasks(waiting)
    assert (task.state, task.last_error, task.claimed_until) == (TaskState.WAITING, "接続できません", None)
    assert task.due_at == NOW + timedelta(seconds=2 * FIRST_WAIT_SECONDS)
    with waiting.database.reading() as session:
        assert session.scalars(select(Account)).one().seen_at is None
    assert claim(waiting, now=task.due_at - timedelta(seconds=1)) == []
    assert len(claim(waiting, now=task.due_at)) == 1


def test_a_target_that_refuses_waits_for_a_person(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    finish(waiting, Carried(task_id, refused="権限がありません"))
    assert tasks(waiting)[0].state is TaskState.REFUSED
    assert claim(waiting, now=NOW + timedelta(days=9)) == []
    with waiting.database.writing() as session:
        assert outbox.retry_refused(session, tasks(waiting)[0].system_id, now=NOW) == 1
    assert len(claim(waiting)) == 1


def test_a_refusal_that_a_newer_decision_overtook_is_not_tried_again(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    finish(waiting, Carried(task_id, refused="権限がありません"))
    decide_again(waiting)
    with waiting.database.writing() as session:
        assert outbox.retry_refused(session, tasks(waiting)[0].system_id, now=NOW) == 0


def test_an_overtaken_task_is_closed_and_only_the_newest_is_carried_out(waiting: Cast) -> None:
    decide_again(waiting, 3)
    assert [generation for _, generation in claim(waiting)] == [4]
    assert [task.state for task in tasks(waiting)] == [TaskState.SUPERSEDED] * 3 + [TaskState.CLAIMED]


def test_a_batch_of_overtaken_tasks_does_not_hide_what_is_due_behind_it(waiting: Cast) -> None:
    decide_again(waiting, 5)
    assert [generation for _, generation in claim(waiting, limit=2)] == [6]


def test_a_decision_made_during_the_work_is_not_lost(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    decide_again(waiting)
    finish(waiting, Carried(task_id, SEEN))
    assert [task.state for task in tasks(waiting)] == [TaskState.SUPERSEDED, TaskState.WAITING]
    assert [generation for _, generation in claim(waiting)] == [2]


def test_a_worker_that_lost_its_lease_changes_nothing(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    claim(waiting, "w2", now=NOW + LEASE)
    finish(waiting, Carried(task_id, SEEN), now=NOW + LEASE)
    assert (tasks(waiting)[0].state, tasks(waiting)[0].claimed_by) == (TaskState.CLAIMED, "w2")
    with waiting.database.reading() as session:
        assert session.scalars(select(Account)).one().seen_at is None


def test_an_account_that_one_worker_has_is_nobody_elses_whatever_is_decided(waiting: Cast) -> None:
    claim(waiting)
    decide_again(waiting)
    assert claim(waiting, "w2", now=NOW + LEASE - timedelta(seconds=1)) == []
    assert due_systems(waiting, Zone.LGWAN, now=NOW + LEASE - timedelta(seconds=1)) == 0
    assert [generation for _, generation in claim(waiting, "w2", now=NOW + LEASE)] == [2]


def renew(cast: Cast, *task_ids: int, worker: str = "w1", now: datetime) -> int:
    with cast.database.writing() as session:
        return outbox.renew(session, task_ids, worker=worker, now=now)


def test_what_its_worker_renews_stays_its_own_for_another_lease(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    half = NOW + LEASE / 2
    assert renew(waiting, task_id, now=half) == 1
    assert claim(waiting, "w2", now=half + LEASE - timedelta(seconds=1)) == []
    assert len(claim(waiting, "w2", now=half + LEASE)) == 1


def test_a_lease_that_ran_out_is_not_brought_back(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    decide_again(waiting)
    assert renew(waiting, task_id, now=NOW + LEASE) == 0
    claim(waiting, "w2", now=NOW + LEASE)
    assert renew(waiting, task_id, now=NOW + LEASE + timedelta(seconds=1)) == 0


def test_a_stop_does_not_wait_for_the_batch_that_was_begun_before_it(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    decide_again(waiting)
    assert renew(waiting, task_id, now=NOW) == 1  # a newer decision that stops nobody waits for its turn
    with waiting.database.writing() as session:
        orders.stop_person(
            session,
            waiting.people["staff"],
            orders.Why("端末の紛失"),
            actor=waiting.actor("chief"),
            policy=waiting.policy,
            now=NOW,
        )
    assert claim(waiting, "w2") == []
    assert renew(waiting, task_id, now=NOW) == 0
    ((stop, _),) = claim(waiting, "w2")
    assert stop != task_id
    finish(waiting, Carried(task_id, SEEN, ("SetEnabled",)))  # the first comes back late, and may have enabled it
    assert [task.state for task in tasks(waiting)][-1] is TaskState.WAITING  # so it is looked at once more


def test_nobody_renews_the_claim_of_another(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    assert renew(waiting, task_id, worker="w2", now=NOW) == 0


def test_whoever_wrote_after_somebody_else_had_looked_is_looked_after(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    decide_again(waiting)
    ((newer, _),) = claim(waiting, "w2", now=NOW + LEASE)
    finish(waiting, Carried(newer, SEEN), worker="w2", now=NOW + LEASE)
    finish(waiting, Carried(task_id, SEEN, steps=("SetEnabled",)), now=NOW + LEASE)
    assert [generation for _, generation in claim(waiting, now=NOW + LEASE)] == [3]


def test_what_is_finished_is_not_finished_again(waiting: Cast) -> None:
    ((task_id, _),) = claim(waiting)
    finish(waiting, Carried(task_id, SEEN))
    finish(waiting, Carried(task_id, refused="遅れて届いた答え"), now=NOW + timedelta(minutes=1))
    assert tasks(waiting)[0].state is TaskState.DONE


def test_two_workers_at_once_never_have_one_task(office: Cast) -> None:
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        for who in ("staff", "other", "desk", "hr", "chief", "system"):
            account = Account(
                uuid=uuid4(), system_id=system.id, person_id=office.people[who], kind=AccountKind.PERSONAL,
                login_name=who, created_at=NOW, generation=0,
            )  # fmt: skip
            session.add(account)
            session.flush()
            schedule(session, account, now=NOW)
    gate = Barrier(3)

    def work(worker: str) -> list[tuple[int, int]]:
        gate.wait()
        return claim(office, worker, limit=2)

    with ThreadPoolExecutor(3) as threads:
        claimed = [task for found in threads.map(work, ("w1", "w2", "w3")) for task, _ in found]
    assert len(claimed) == len(set(claimed))
    assert len(claimed) + len(claim(office, "w4")) == 6


@given(st.integers(0, 10_000), st.none() | st.floats(0, 10_000, allow_nan=False))
def test_waits_double_up_to_half_an_hour_and_are_never_shorter_than_asked(
    attempts: int, retry_after: float | None
) -> None:
    wait = wait_before(attempts, retry_after).total_seconds()
    assert wait >= min(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
    assert wait >= (retry_after or 0) - 1e-6
    assert wait <= max(LONGEST_WAIT_SECONDS, retry_after or 0) + 1e-6
    assert wait_before(attempts + 1, retry_after) >= wait_before(attempts, retry_after)
