"""Two who do something about one use at the same instant, on SQLite and PostgreSQL: one effect, nothing that hangs."""

from collections import Counter
from contextlib import suppress
from functools import partial
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import func, select

from idm.keys.sealing import new_handover_key
from idm.models.audit import AuditRecord
from idm.models.privileged import PrivilegedUse, VaultKey
from idm.models.systems import Account
from idm.operations.privileged import rotations, uses
from idm.operations.privileged.rotations import NewValue
from idm.privileged_use_state import LIVE
from idm.vocabulary import RotationReason, UseEnd, UseState, VerifiedHow
from tests.cast import Cast
from tests.operations.approval.test_decision_races import at_once
from tests.use_office import JOB, Uses

ROUNDS = 6


@pytest.fixture
def at_work(office: Cast) -> Uses:
    """青木 has a privileged ID of their own, and the system a registered one."""
    found = Uses(office)
    found.give("staff")
    return found


def recorded(office: Uses, use_id: int) -> Counter[str]:
    """How often the record says what of the use, refusals left out."""
    with office.cast.database.reading() as session:
        about = AuditRecord.object_kind == "privileged_use", AuditRecord.object_id == str(use_id)
        actions = session.scalars(select(AuditRecord.action).where(*about, AuditRecord.code.is_(None)))
        return Counter(action.partition(".")[2] for action in actions)


def test_of_two_permits_one_counts(at_work: Uses) -> None:
    for _ in range(ROUNDS):
        use_id = at_work.ask()
        done = at_once(partial(at_work.permit, use_id, "chief"), partial(at_work.permit, use_id, "security"))
        assert sorted(done) == ["DECIDED-MEANWHILE", "done"]
        assert recorded(at_work, use_id)["permitted"] == 1
        at_work.act("withdraw", use_id, "staff")


def test_a_use_that_is_withdrawn_while_it_is_permitted_never_opens(at_work: Uses) -> None:
    for _ in range(ROUNDS):
        use_id = at_work.ask()
        done = at_once(partial(at_work.permit, use_id), partial(at_work.act, "withdraw", use_id, "staff"))
        assert done[1] == "done", "an approved use is withdrawn as well"
        assert done[0] in ("done", "STATE")
        assert at_work.state(use_id) is UseState.WITHDRAWN
        at_work.carry_on()
        assert at_work.use(use_id).opens_at is None


def test_two_uses_of_one_id_are_not_both_permitted(at_work: Uses) -> None:
    account_id = at_work.register()
    for _ in range(ROUNDS):
        asked = [at_work.ask(who, account_id=account_id) for who in ("system", "chief")]
        done = at_once(*(partial(at_work.permit, use_id, "security") for use_id in asked))
        assert sorted(done) == ["STATE", "done"]
        for use_id, who in zip(asked, ("system", "chief"), strict=True):
            at_work.act("withdraw", use_id, who)


def test_two_emergencies_of_one_id_do_not_both_begin(at_work: Uses) -> None:
    for number in range(ROUNDS):
        account_id = at_work.register(f"root{number}")
        begin = partial(at_work.ask, account_id=account_id, emergency=True)
        done = at_once(partial(begin, "system"), partial(begin, "chief"))
        assert sorted(done) == ["STATE", "done"]
    with at_work.cast.database.reading() as session:
        live = select(func.count()).select_from(PrivilegedUse).where(PrivilegedUse.state.in_(LIVE))
        assert session.scalar(live) == ROUNDS


def test_a_use_that_is_given_back_at_its_last_second_ends_once(at_work: Uses) -> None:
    for _ in range(ROUNDS):
        use_id = at_work.opened(hours=1)
        ends_at = at_work.use(use_id).ends_at
        assert ends_at is not None
        at_work.now = ends_at
        done = at_once(partial(at_work.carry_on), partial(at_work.act, "give_back", use_id, "staff"))
        assert done[0] == "done"
        assert done[1] in ("done", "STATE")
        use = at_work.use(use_id)
        assert (use.state, recorded(at_work, use_id)["ended"]) == (UseState.ENDING, 1)
        assert use.end_reason is (UseEnd.RETURNED if done[1] == "done" else UseEnd.TIME_UP)
        at_work.worker()
        at_work.act("write", use_id, "staff", text="済みました")


def test_a_use_that_is_given_back_while_its_new_password_is_confirmed_hangs_on_nothing(
    at_work: Uses, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = at_work.register("root")
    use_id = at_work.ask("system", account_id=account_id, grant_ids=(), public_key=new_handover_key()[1])
    at_work.permit(use_id)
    at_work.carry_on()
    rotation_id, value = on_its_way(at_work, account_id)
    both = Barrier(2, timeout=2)
    asking = rotations.ask

    def ask(*values: Any, **named: Any) -> int:
        meet(both)
        return asking(*values, **named)

    def confirm() -> None:
        cast = at_work.cast
        with cast.database.writing() as session:
            [rotation] = rotations.mine(session, [rotation_id], worker="w1").values()
            meet(both)
            rotations.confirm(
                session, rotation, value, VerifiedHow.SIGN_IN, actor=JOB, policy=cast.policy, now=at_work.now
            )
            uses.follow(session, [account_id], actor=JOB, policy=cast.policy, now=at_work.now)

    monkeypatch.setattr(rotations, "ask", ask)
    assert at_once(partial(at_work.act, "give_back", use_id, "system"), confirm) == ["done", "done"]


def on_its_way(at_work: Uses, account_id: int) -> tuple[int, NewValue]:
    """A worker has sealed a new password of the ID; which rotation that is, and the value."""
    cast, now = at_work.cast, at_work.now
    with cast.database.writing() as session:
        rotations.ask(session, [account_id], RotationReason.SUSPECTED, actor=JOB, policy=cast.policy, now=now)
        key = VaultKey(fingerprint="f" * 64, created_at=now)
        session.add(key)
        session.flush()
        system_id = session.get_one(Account, account_id).system_id
        [rotation] = rotations.claim(session, system_id, worker="w1", limit=5, actor=JOB, policy=cast.policy, now=now)
        value = NewValue(b"sealed", key.id)
        rotations.put_on_its_way(session, rotation, value, changed_before=None, now=now)
        return rotation.id, value


def meet(both: Barrier) -> None:
    """Waits for the other, where the database lets them come this far at the same time."""
    with suppress(BrokenBarrierError):
        both.wait()
