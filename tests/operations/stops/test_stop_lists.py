"""An incident's pasted list and a lost card as orders to stop: all of it or nothing, and nothing of others (H5)."""

import pytest
from sqlalchemy import select

from idm.errors import IllegalTransition, InvalidInput, NotPermitted, SeparationOfDuties
from idm.factors.authenticator_state import AuthenticatorState
from idm.grant_state import GrantState
from idm.models.authenticators import LossReport
from idm.models.stops import AccountStop, StopOrder
from idm.models.systems import Account, InformationSystem
from idm.operations.stops import orders
from idm.operations.stops.incident_list import Line, lines_of
from tests.authenticator_office import card, furnish, held, lose, recover, state
from tests.cast import NOW, Cast
from tests.operations.stops.test_stops import WHY, ask_to_lift, lift, stopped, working

__all__ = ["working"]


def stop_list(cast: Cast, names: str, *, by: str = "chief") -> int:
    with cast.acting(by, "stop.order") as session:
        return orders.stop_accounts(session, names, WHY, actor=cast.actor(by), policy=cast.policy, now=NOW).id


def test_every_line_of_a_list_is_stopped_and_nothing_else(working: Cast) -> None:
    stop_list(working, "  U100009 \r\n\r\n")
    assert stopped(working) == {"staff"}
    stop_list(working, "ledger/u100010\n")
    assert stopped(working) == {"staff", "other"}


def test_one_unknown_line_is_told_with_its_number_and_nothing_is_stopped(working: Cast) -> None:
    with pytest.raises(InvalidInput) as refused:
        stop_list(working, "u100009\nu999999\npension/u100010\n")
    told = refused.value.fields["names"]
    assert "2 行目「u999999」" in told
    assert "3 行目「u100010」" in told
    assert "1 行目" not in told
    assert stopped(working) == set()
    with working.database.reading() as session:
        assert session.scalars(select(StopOrder)).all() == []


def test_a_bare_name_of_two_people_in_two_systems_stops_neither_before_it_is_said_which(working: Cast) -> None:
    with working.database.writing() as session:
        other = session.scalars(select(Account).where(Account.person_id == working.people["other"])).one()
        other.system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "pension")).one()
        session.flush()
        other.login_name = "u100009"
    with pytest.raises(InvalidInput, match="ledger、pension で、別の人のID"):
        stop_list(working, "u100009")
    assert stopped(working) == set()
    stop_list(working, "ledger/u100009")
    assert stopped(working) == {"staff"}


def test_an_empty_list_stops_nothing(working: Cast) -> None:
    with pytest.raises(InvalidInput):
        stop_list(working, " \n")


def test_a_systems_manager_stops_ids_of_their_own_systems_only(working: Cast) -> None:
    with working.database.writing() as session:
        working.entitlement(session, "ledger/account").system.manager_unit_code = "0100"
    with pytest.raises(InvalidInput):
        stop_list(working, "u100009", by="system")
    with working.database.writing() as session:
        working.entitlement(session, "ledger/account").system.manager_unit_code = "0600"
    stop_list(working, "u100009", by="system")
    assert stopped(working) == {"staff"}
    with pytest.raises(NotPermitted):
        stop_list(working, "u100010", by="desk")


def test_nobody_lifts_a_list_on_which_an_id_of_theirs_stands(working: Cast) -> None:
    working.approve(working.file("hr", ("vice", "ledger/account")))
    order = stop_list(working, "u100002\nu100009")
    with pytest.raises(SeparationOfDuties):
        ask_to_lift(working, order, by="vice")
    ask_to_lift(working, order)
    lift(working, order)
    assert stopped(working) == set()


def test_lines_are_read_as_people_paste_them() -> None:
    assert lines_of("a\n\n  B  \nledger / c") == (Line(1, None, "a"), Line(3, None, "b"), Line(4, "ledger", "c"))


def test_a_stopped_card_is_a_lost_card_and_comes_back_by_the_desk_after_two_have_lifted_the_order(office: Cast) -> None:
    furnish(office)
    lost = card(office, "ledger")
    with office.acting("chief", "stop.order") as session:
        chief, policy = office.actor("chief"), office.policy
        order = orders.stop_card(session, lost, WHY, actor=chief, policy=policy, now=NOW).id
    assert state(office, lost) is AuthenticatorState.LOST
    with office.database.reading() as session:
        assert [one.owner_id for one in session.scalars(select(LossReport))] == [office.people["staff"]]
        systems = {stop.account.system.code for stop in session.scalars(select(AccountStop))}
    assert systems == {"ledger"}, "where the card is not in use, nothing is stopped"
    assert held(office)["ledger"] == (GrantState.SUSPENDED, True)
    ask_to_lift(office, order)
    lift(office, order)
    assert stopped(office) == set()
    assert held(office)["ledger"] == (GrantState.SUSPENDED, True), "what was lost is still lost"
    recover(office, lost)
    assert held(office)["ledger"] == (GrantState.IN_FORCE, False)


def test_a_card_that_is_lost_already_is_not_stopped_again_and_only_the_heads_stop_one(office: Cast) -> None:
    furnish(office)
    lost = card(office, "ledger")
    with pytest.raises(NotPermitted), office.acting("system", "stop.order") as session:
        orders.stop_card(session, lost, WHY, actor=office.actor("system"), policy=office.policy, now=NOW)
    lose(office, lost)
    with pytest.raises(IllegalTransition), office.acting("chief", "stop.order") as session:
        orders.stop_card(session, lost, WHY, actor=office.actor("chief"), policy=office.policy, now=NOW)
