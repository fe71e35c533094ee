"""No more people hold privileged IDs of a system than its register allows; the CISO may permit more (control D1)."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from idm.errors import CapReached, InvalidInput, NotPermitted, Refusal
from idm.grant_state import GrantState
from idm.models.audit import AuditRecord
from idm.models.requests import Grant, Request
from idm.models.systems import Account, InformationSystem
from idm.operations.approval import permitted_exceptions, requests
from idm.queries.privileged.caps import CAP_RULE, cap_of, outlook_of_request, requests_above_caps
from idm.vocabulary import AccountKind, LineEffect, RequestAction, Role
from tests.cast import NOW, TODAY, Cast

UNTIL = TODAY + timedelta(days=60)


def cap(cast: Cast, most: int) -> None:
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.most_holders = {"privileged": most}


def asked(cast: Cast, *who: str) -> int:
    """An application for the privileged ID and its group, for each of them."""
    wanted = [(one, f"ledger/{right}") for one in who for right in ("admin-account", "admin")]
    return cast.file("hr", *wanted, valid_until=UNTIL)


def approve(cast: Cast, request: int, *lines: int) -> None:
    for line in lines:
        cast.approve(request, line=line)


def holders(cast: Cast) -> int:
    with cast.database.reading() as session:
        return cap_of(session, 1, AccountKind.PRIVILEGED).holders


def permit(cast: Cast, request: int, who: str, by: str = "ciso") -> None:
    with cast.acting(by, "exception.permit") as session:
        permitted_exceptions.permit(
            session, session.get_one(Request, request), rule=CAP_RULE, beneficiary_id=cast.people[who],
            reason="更改作業のため", days=7, actor=cast.actor(by), policy=cast.policy, now=NOW,
        )  # fmt: skip


def test_the_decision_that_would_go_above_the_cap_is_refused_and_changes_nothing(office: Cast) -> None:
    cap(office, 1)
    approve(office, asked(office, "staff"), 0, 1)
    second = asked(office, "other")
    office.decide("chief", second, Role.CHIEF, line=0)
    with pytest.raises(CapReached, match=r"上限（1人・件）に達しています。.*例外措置"):
        office.decide("system", second, Role.SYSTEM, line=0)
    assert holders(office) == 1
    with office.database.reading() as session:
        assert office.people["other"] not in set(session.scalars(select(Account.person_id)))


def test_whoever_holds_one_already_may_get_more_rights_on_it_and_go_on(cast: Cast) -> None:
    cap(cast, 1)
    first = cast.file("hr", ("staff", "ledger/admin-account"), valid_until=UNTIL)
    cast.approve(first)
    cast.approve(cast.file("hr", ("staff", "ledger/admin"), valid_until=UNTIL))
    cast.approve(cast.file("hr", ("staff", "ledger/admin-account"), valid_from=UNTIL, valid_until=UNTIL + timedelta(9)))
    assert holders(cast) == 1


def test_one_application_for_two_does_not_slip_through(cast: Cast) -> None:
    cap(cast, 1)
    both = asked(cast, "staff", "other")
    approve(cast, both, 0, 1)
    with pytest.raises(CapReached):
        approve(cast, both, 2)


def test_without_a_cap_everybody_may(cast: Cast) -> None:
    approve(cast, asked(cast, "staff", "other"), 0, 1, 2, 3)
    assert holders(cast) == 2


def test_one_that_nobody_holds_any_more_leaves_its_place(cast: Cast) -> None:
    cap(cast, 1)
    approve(cast, asked(cast, "staff"), 0, 1)
    ended = cast.file("hr", ("staff", "ledger/admin-account"), action=RequestAction.REMOVE, effect=LineEffect.REVOKE)
    cast.approve(ended)
    approve(cast, asked(cast, "other"), 0, 1)
    assert holders(cast) == 1


@pytest.mark.parametrize("state", [GrantState.PLANNED, GrantState.SUSPENDED])
def test_one_that_begins_later_or_is_held_back_keeps_its_place(cast: Cast, state: GrantState) -> None:
    cap(cast, 1)
    approve(cast, asked(cast, "staff"), 0, 1)
    with cast.database.writing() as session:
        for grant in session.scalars(select(Grant)):
            grant.state = state
    assert holders(cast) == 1
    with pytest.raises(CapReached):
        approve(cast, asked(cast, "other"), 0)


def test_the_ciso_may_permit_one_more_for_one_application_and_the_record_says_so(office: Cast) -> None:
    cap(office, 1)
    approve(office, asked(office, "staff"), 0, 1)
    second = asked(office, "other")
    with office.database.reading() as session:
        assert requests_above_caps(session, day=TODAY) == [second]
        outlook = outlook_of_request(session, second, day=TODAY)
        assert outlook is not None
        assert (outlook.cap.most, outlook.cap.holders, outlook.barred) == (1, 1, (office.people["other"],))
    permit(office, second, "other")
    with office.database.reading() as session:
        assert requests_above_caps(session, day=TODAY) == []
    approve(office, second, 0, 1)
    assert holders(office) == 2
    with office.database.reading() as session:
        records = session.scalars(select(AuditRecord).where(AuditRecord.action == "cap.exceeded")).all()
    assert [(one.object_id, json.loads(one.payload or "{}")["people"]) for one in records] == [
        (str(second), [office.people["other"]])
    ]


def test_an_exception_is_for_its_application_and_its_person_only(cast: Cast) -> None:
    cap(cast, 0)
    first, second = asked(cast, "staff", "other"), asked(cast, "desk")
    permit(cast, first, "staff")
    approve(cast, first, 0, 1)
    for request, line in ((first, 2), (second, 0)):
        with pytest.raises(CapReached):
            approve(cast, request, line)


def test_an_exception_covers_its_person_in_no_other_application(cast: Cast) -> None:
    cap(cast, 0)
    permitted = asked(cast, "staff")
    permit(cast, permitted, "staff")
    with cast.acting("hr") as session:
        requests.withdraw(
            session, session.get_one(Request, permitted), actor=cast.actor("hr"), policy=cast.policy, now=NOW
        )
    with pytest.raises(CapReached):
        approve(cast, asked(cast, "staff"), 0)


def test_an_exception_covers_nobody_after_its_last_day(cast: Cast) -> None:
    cap(cast, 0)
    request = asked(cast, "staff")
    permit(cast, request, "staff")
    with pytest.raises(CapReached):
        cast.approve(request, now=NOW + timedelta(days=7))
    cast.decide("system", request, Role.SYSTEM, now=NOW + timedelta(days=6))


def test_nobody_but_the_ciso_permits_it_and_only_for_somebody_who_would_hold_one(cast: Cast) -> None:
    request = asked(cast, "staff")
    with pytest.raises(NotPermitted):
        permit(cast, request, "staff", by="chief")
    with pytest.raises(InvalidInput, match="特権を申請されている人だけ"):
        permit(cast, request, "other")


def test_two_decisions_at_once_do_not_both_take_the_last_place(office: Cast) -> None:
    cap(office, 1)
    waiting = [asked(office, who) for who in ("staff", "other")]
    for request in waiting:
        office.decide("chief", request, Role.CHIEF, line=0)
    together = Barrier(2)

    def last(request: int) -> str:
        together.wait(10)
        try:
            office.decide("system", request, Role.SYSTEM, line=0)
        except Refusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        results = sorted(pool.map(last, waiting))
    assert results == ["D1-CAP", "done"]
    with office.database.reading() as session:
        assert len(session.scalars(select(Grant)).all()) == 1
