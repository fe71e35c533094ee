"""The big red button: a person, a system, an incident's IDs; the way back by two, exact (controls H4, H5)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import (
    DecidedMeanwhile,
    FreshFactorNeeded,
    IllegalTransition,
    InvalidInput,
    NotFound,
    NotPermitted,
    SeparationOfDuties,
)
from idm.models.audit import AuditRecord
from idm.models.people import Person
from idm.models.sign_in import SignIn, WebSession
from idm.models.stops import AccountStop, StopOrder
from idm.models.systems import Account, InformationSystem
from idm.models.work import MailMessage
from idm.operations.signing_in.web_sessions import open_session, resume_session
from idm.operations.stops import lifting, orders, unreached
from idm.operations.stops.orders import Why
from idm.passwords.password_hashing import nobodys_hash
from idm.queries.rights.account_facts import account_facts
from idm.queries.signing_in.sign_in_accounts import sign_in_of
from idm.queries.stops.holding import person_is_stopped
from idm.queries.stops.orders import named_accounts, order_sheet
from idm.vocabulary import SignInWay, Stage, StopCause, StopKind
from tests.authenticator_office import card, furnish
from tests.cast import NOW, Cast

WHY = Why("不審な操作が続いている", "事案2026-7")
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def working(office: Cast) -> Cast:
    """青木 and 今泉 have accounts in the ledger."""
    for who in ("staff", "other"):
        office.approve(office.file("hr", (who, "ledger/account")))
    return office


def stop_person(cast: Cast, who: str = "staff", *, by: str = "chief", stale: bool = False) -> int:
    actor = cast.stale(by) if stale else cast.actor(by)
    with cast.acting(by, "stop.order") as session:
        order = orders.stop_person(session, cast.people[who], WHY, actor=actor, policy=cast.policy, now=NOW)
        return order.id


def stop_system(cast: Cast, code: str = "ledger", *, by: str = "system") -> int:
    with cast.acting(by, "stop.order") as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == code)).one()
        return orders.stop_system(session, system_id, WHY, actor=cast.actor(by), policy=cast.policy, now=NOW).id


def ask_to_lift(cast: Cast, stop_id: int, *, by: str = "security") -> None:
    with cast.acting(by, "stop.lift") as session:
        lifting.ask_to_lift(
            session, stop_id, reason="調査が終わった", actor=cast.actor(by), policy=cast.policy, now=LATER
        )  # fmt: skip


def wish(session: Session, stop_id: int) -> str:
    """The wish to lift the order, as its page shows it."""
    return order_sheet(session, stop_id).order.wish or ""


def lift(cast: Cast, stop_id: int, *, by: str = "ciso") -> None:
    with cast.acting(by, "stop.lift") as session:
        lifting.lift(
            session, stop_id, shown=wish(session, stop_id), actor=cast.actor(by), policy=cast.policy, now=LATER
        )


def stopped(cast: Cast) -> set[str]:
    """Whose accounts let nobody in."""
    with cast.database.reading() as session:
        owners = {account.id: account.person_id for account in session.scalars(select(Account))}
        names = {person: name for name, person in cast.people.items()}
        facts = account_facts(session, list(owners), now=NOW)
        return {names[owners[account_id] or 0] for account_id, one in facts.items() if one.stopped}


def order_of(cast: Cast, stop_id: int) -> StopOrder:
    with cast.database.reading() as session:
        return session.get_one(StopOrder, stop_id)


def told_of(cast: Cast) -> set[str]:
    with cast.database.reading() as session:
        names = {person.mail: person.id for person in session.scalars(select(Person))}
        keys = {person: name for name, person in cast.people.items()}
        return {keys[names[message.recipient]] for message in session.scalars(select(MailMessage))
                if message.link.startswith("/stops/")}  # fmt: skip


def test_a_stopped_person_is_let_in_nowhere_and_the_profiles_officers_are_told(working: Cast) -> None:
    order = stop_person(working)
    assert stopped(working) == {"staff"}
    assert told_of(working) == {"ciso", "security"}
    with working.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "stop.ordered")).one()
    assert (record.object_id, json.loads(record.payload or "{}")["accounts"]) == (str(order), 1)


def test_a_stopped_person_is_signed_out_at_once_and_cannot_sign_in_until_it_is_lifted(working: Cast) -> None:
    with working.database.writing() as session:
        who, way = working.people["staff"], SignInWay.PASSWORD
        signed_up = SignIn(person_id=who, name="aoki", way=way, password_hash=nobodys_hash())
        session.add(signed_up)
        session.flush()
        token = open_session(session, signed_up, policy=working.policy, now=NOW)

    def comes_in(token: str) -> bool:
        with working.database.reading() as session:
            return resume_session(session, token=token, policy=working.policy, now=NOW) is not None

    def opened_again() -> str:
        with working.database.writing() as session:
            known = sign_in_of(session, working.people["staff"])
            assert known is not None
            return open_session(session, known, policy=working.policy, now=NOW)

    assert comes_in(token)
    order = stop_person(working)
    assert not comes_in(token)
    with working.database.reading() as session:
        assert [one.ended_at for one in session.scalars(select(WebSession))] == [NOW]
    late = opened_again()  # signed in by a transaction that had not seen the order
    assert not comes_in(late)
    ask_to_lift(working, order)
    lift(working, order)
    assert not comes_in(token)
    assert comes_in(opened_again())


def test_the_other_rows_of_the_same_human_are_stopped_too(working: Cast) -> None:
    with working.database.writing() as session:
        for who in ("staff", "other"):
            session.get_one(Person, working.people[who]).match_key = "アオキ　イチロウ/1990-01-01"
    stop_person(working)
    assert stopped(working) == {"staff", "other"}


@pytest.mark.parametrize("by", ["ciso", "vice", "chief", "security"])
def test_every_head_may_stop_anybody_even_a_superior(working: Cast, by: str) -> None:
    superior = "chief" if by == "ciso" else "ciso"
    order = stop_person(working, superior, by=by)
    assert order_of(working, order).person_id == working.people[superior]


@pytest.mark.parametrize("by", ["system", "hr", "desk", "auditor", "staff", "contractor"])
def test_nobody_else_stops_a_person(working: Cast, by: str) -> None:
    with pytest.raises(NotPermitted):
        stop_person(working, "other", by=by)
    assert stopped(working) == set()


def test_a_stop_asks_for_a_fresh_factor_and_a_reason(working: Cast) -> None:
    with pytest.raises(FreshFactorNeeded):
        stop_person(working, stale=True)
    with pytest.raises(InvalidInput), working.acting("chief", "stop.order") as session:
        orders.stop_person(
            session, working.people["staff"], Why("  "), actor=working.actor("chief"), policy=working.policy, now=NOW
        )
    assert stopped(working) == set()


def test_who_is_stopped_already_is_not_stopped_twice(working: Cast) -> None:
    stop_person(working)
    with pytest.raises(IllegalTransition):
        stop_person(working, by="ciso")


def test_a_system_is_stopped_by_its_own_manager_and_no_other(working: Cast) -> None:
    stop_system(working)
    assert stopped(working) == {"staff", "other"}
    with pytest.raises(NotPermitted):
        stop_system(working, "pension", by="desk")


def test_a_system_that_does_not_exist_is_not_found(working: Cast) -> None:
    with pytest.raises(NotFound), working.acting("chief", "stop.order") as session:
        orders.stop_system(session, 999, WHY, actor=working.actor("chief"), policy=working.policy, now=NOW)


def test_a_stop_is_lifted_by_two_and_then_what_is_approved_is_there_again(working: Cast) -> None:
    order = stop_person(working)
    ask_to_lift(working, order, by="chief")
    assert stopped(working) == {"staff"}
    with pytest.raises(SeparationOfDuties):
        lift(working, order, by="chief")
    lift(working, order, by="security")
    assert stopped(working) == set()
    with working.database.reading() as session:
        assert [stop.until for stop in session.scalars(select(AccountStop))] == [LATER]


def test_nobody_lifts_a_stop_that_nobody_asked_to_lift_or_that_is_over(working: Cast) -> None:
    order = stop_person(working)
    with pytest.raises(IllegalTransition):
        lift(working, order)
    ask_to_lift(working, order)
    with pytest.raises(IllegalTransition):
        ask_to_lift(working, order, by="chief")
    lift(working, order)
    with pytest.raises(IllegalTransition):
        ask_to_lift(working, order)


def test_lifting_asks_for_a_fresh_factor_of_both(working: Cast) -> None:
    order, stale, policy = stop_person(working), working.stale("security"), working.policy
    with pytest.raises(FreshFactorNeeded), working.acting("security", "stop.lift") as session:
        lifting.ask_to_lift(session, order, reason="終わった", actor=stale, policy=policy, now=LATER)
    ask_to_lift(working, order, by="chief")
    with pytest.raises(FreshFactorNeeded), working.acting("security", "stop.lift") as session:
        lifting.lift(session, order, shown=wish(session, order), actor=stale, policy=policy, now=LATER)
    assert stopped(working) == {"staff"}


def test_a_wish_to_lift_can_be_refused_and_asked_again(working: Cast) -> None:
    order = stop_person(working)
    ask_to_lift(working, order)
    with working.acting("ciso", "stop.lift") as session:
        lifting.keep(session, order, reason="まだ早い", actor=working.actor("ciso"), policy=working.policy, now=LATER)
    assert order_of(working, order).lift_asked_by_id is None
    ask_to_lift(working, order, by="ciso")
    lift(working, order, by="security")
    assert order_of(working, order).lifted_at == LATER


Act = Callable[[Cast, int], None]


@pytest.mark.parametrize("act", [ask_to_lift, lift])
def test_nobody_lifts_their_own_stop(working: Cast, act: Act) -> None:
    own = stop_person(working, "security")
    if act is lift:
        ask_to_lift(working, own, by="chief")
    with pytest.raises(SeparationOfDuties):
        act(working, own, by="security")  # type: ignore[call-arg]


@pytest.mark.parametrize("by", ["system", "hr", "desk", "auditor", "staff"])
def test_only_the_heads_lift_a_stop(working: Cast, by: str) -> None:
    order = stop_person(working, "other")
    with pytest.raises(NotPermitted):
        ask_to_lift(working, order, by=by)


def test_what_another_order_stops_goes_on_being_stopped(working: Cast) -> None:
    person, system = stop_person(working), stop_system(working)
    ask_to_lift(working, person)
    lift(working, person)
    assert stopped(working) == {"staff", "other"}
    ask_to_lift(working, system)
    lift(working, system)
    assert stopped(working) == set()


def test_a_stop_that_the_books_would_not_hold_is_refused_by_the_database(working: Cast) -> None:
    order = stop_person(working)
    chief = working.people["chief"]
    alone = {"lift_asked_by_id": chief, "lift_asked_at": LATER, "lifted_by_id": chief, "lifted_at": LATER}
    with pytest.raises(DecidedMeanwhile), working.acting("chief", "stop.lift") as session:
        session.execute(update(StopOrder).where(StopOrder.id == order).values(alone))
    assert (order_of(working, order).kind, order_of(working, order).cause) == (StopKind.PERSON, StopCause.INCIDENT)


def test_one_head_cannot_stop_so_many_that_nobody_is_left_to_lift(working: Cast) -> None:
    stop_person(working, "ciso", by="security")
    stop_person(working, "vice", by="security")
    with pytest.raises(IllegalTransition):
        stop_person(working, "chief", by="security")
    stop_person(working, "staff", by="security")
    with working.database.reading() as session:
        assert not person_is_stopped(session, working.people["chief"])


def test_whoever_is_stopped_orders_and_lifts_nothing_even_in_a_request_that_was_under_way(working: Cast) -> None:
    order = stop_person(working)
    stop_person(working, "security")
    with pytest.raises(NotPermitted):
        ask_to_lift(working, order, by="security")
    with pytest.raises(NotPermitted):
        stop_person(working, "other", by="security")


def test_the_wish_to_lift_of_somebody_stopped_since_counts_no_more(working: Cast) -> None:
    order = stop_person(working)
    ask_to_lift(working, order, by="security")
    stop_person(working, "security")
    with pytest.raises(IllegalTransition):
        lift(working, order, by="vice")
    assert "staff" in stopped(working)


def test_a_stopped_card_stops_the_ids_of_the_other_rows_of_the_same_human(office: Cast) -> None:
    furnish(office)
    one = card(office, "ledger")
    with office.database.writing() as session:
        for who in ("staff", "other"):
            session.get_one(Person, office.people[who]).match_key = "アオキ　イチロウ/1990-01-01"
    office.approve(office.file("hr", ("other", "ledger/account")))
    with office.acting("chief", "stop.order") as session:
        orders.stop_card(session, one, WHY, actor=office.actor("chief"), policy=office.policy, now=NOW)
    assert stopped(office) == {"staff", "other"}


def test_two_heads_at_once_give_one_order(postgres_office: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    cast, genuine, again = postgres_office, orders._place, [True]

    def meanwhile(*given: Any, **named: Any) -> None:
        if again:
            again.clear()
            stop_person(cast, by="ciso")
        genuine(*given, **named)

    monkeypatch.setattr(orders, "_place", meanwhile)
    with pytest.raises(DecidedMeanwhile):
        stop_person(cast, by="chief")
    with cast.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(StopOrder)) == 1


def test_an_order_lifted_while_newcomers_are_looked_for_shuts_none_of_them(
    postgres_office: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = postgres_office
    order = stop_person(cast)
    ask_to_lift(cast, order)
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    genuine = unreached._newcomers

    def lifted_meanwhile(session: Session) -> list[tuple[int, list[int]]]:
        found = list(genuine(session))
        lift(cast, order)
        return found

    monkeypatch.setattr(unreached, "_newcomers", lifted_meanwhile)
    with cast.database.writing() as session:
        actor = Actor.job("jobs.stops")
        assert unreached.reach_newcomers(session, actor=actor, policy=cast.policy, now=LATER) == 0
    assert stopped(cast) == set()


def test_an_order_names_every_id_that_it_stops_to_whom_they_concern(working: Cast) -> None:
    order = stop_person(working)
    with working.database.reading() as session:
        system = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
        whole, theirs, none = (
            named_accounts(session, order, asked=1, systems=systems).rows for systems in (None, {system}, set[int]())
        )
        assert [one.person for one in whole] == ["青木　一郎"]
    assert (theirs, none) == (whole, ())


@pytest.mark.parametrize(("stage", "told"), [(Stage.OBSERVE, ["箱崎"]), (Stage.ENFORCE, [])])
def test_where_we_write_nothing_the_manager_is_told_which_ids_to_stop_by_hand(
    working: Cast, stage: Stage, told: list[str]
) -> None:
    with working.database.writing() as session:
        session.execute(update(InformationSystem).where(InformationSystem.code == "ledger").values(stage=stage))
    stop_person(working)
    with working.database.reading() as session:
        mails = [one for one in session.scalars(select(MailMessage)) if "あなたの手で" in one.subject]
        login_name = session.scalars(
            select(Account.login_name).where(Account.person_id == working.people["staff"])
        ).one()
    assert [one.body.partition("　")[0] for one in mails] == told
    assert all(login_name in one.body for one in mails)
