"""Who is stopped uses no privileged ID, of their own or of nobody's, and knows no kept password any more (H5, D4)."""

import pytest
from sqlalchemy import select

from idm.errors import NotPermitted
from idm.models.stops import EntryStop
from idm.operations.stops import orders
from idm.operations.stops.orders import Why
from idm.vocabulary import RotationReason, UseState
from tests.cast import Cast
from tests.operations.privileged.test_known_passwords import changes, was_shown
from tests.use_office import Uses

WHY = Why("不審な操作")


@pytest.fixture
def office(sqlite_office: Cast) -> Uses:
    """青木 has a privileged ID of their own, and one that is nobody's is registered."""
    found = Uses(sqlite_office)
    found.give("staff")
    return found


def stop(office: Uses, who: str = "staff", *, names: str = "") -> None:
    cast = office.cast
    with cast.acting("chief", "stop.order", office.now) as session:
        chief, now = cast.actor("chief"), office.now
        if names:
            orders.stop_accounts(session, names, WHY, actor=chief, policy=cast.policy, now=now)
        else:
            orders.stop_person(session, cast.people[who], WHY, actor=chief, policy=cast.policy, now=now)


def test_an_open_use_ends_and_a_waiting_one_is_withdrawn(office: Uses) -> None:
    running = office.opened("staff")
    stop(office)
    assert office.state(running) is UseState.ENDING
    office.worker()
    assert office.use(running).closed_at is not None, "the directory showed it disabled"


def test_who_is_stopped_begins_no_use(office: Uses) -> None:
    waiting = office.ask("staff")
    stop(office)
    assert office.state(waiting) is UseState.WITHDRAWN
    with pytest.raises(NotPermitted, match="緊急停止中"):
        office.ask("staff")


def test_every_kept_password_that_they_know_is_replaced_and_no_other(office: Uses) -> None:
    known, unknown = office.register(), office.register("root")
    was_shown(office, "staff", known)
    stop(office)
    assert changes(office, known) == [RotationReason.HOLDER_CHANGED]
    assert changes(office, unknown) == []


def test_an_id_that_is_nobodys_own_is_stopped_by_a_list_like_any_other(office: Uses) -> None:
    office.register()
    stop(office, names="Administrator")
    with office.cast.database.reading() as session:
        assert [one.login_name for one in session.scalars(select(EntryStop))] == ["Administrator"]
