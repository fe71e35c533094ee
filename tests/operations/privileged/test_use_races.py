"""Two who do something about one use at the same instant, on SQLite and PostgreSQL: one effect, nothing that hangs."""

from collections import Counter
from functools import partial

import pytest
from sqlalchemy import func, select

from idm.models.audit import AuditRecord
from idm.models.privileged import PrivilegedUse
from idm.privileged_use_state import LIVE
from idm.vocabulary import UseEnd, UseState
from tests.cast import Cast
from tests.operations.test_decision_races import at_once
from tests.use_office import Uses

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
