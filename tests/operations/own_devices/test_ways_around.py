"""Renewals, losses and reports on a device at a wrong moment, or under another row of one human (control I4)."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, update

from idm.errors import IllegalTransition, NotPermitted
from idm.models.people import Person
from idm.operations.own_devices import device_checks, endings, losses
from idm.vocabulary import OwnDeviceEnd, OwnDeviceState, Role
from tests.cast import NOW, TODAY, Cast
from tests.operations.own_devices.devices import (
    DAY,
    END,
    answer,
    ask,
    confirm,
    device,
    ended,
    lose,
    permitted,
    report,
    told,
)


def found_again(cast: Cast, device_id: int, who: str = "staff") -> None:
    with cast.acting(who, "own_device.find_again") as session:
        losses.found_again(session, device_id, actor=cast.actor(who), policy=cast.policy, now=NOW)


@pytest.mark.parametrize("lost", [False, True])
def test_what_is_lost_or_closed_is_not_renewed(office: Cast, lost: bool) -> None:
    before = permitted(office) if lost else ended(office)
    if lost:
        lose(office, before)
    else:
        report(office, before)
        confirm(office, before, "security")
    with pytest.raises(IllegalTransition):
        ask(office, replaces_id=before)


def test_a_renewal_that_is_permitted_later_keeps_its_first_day(office: Cast) -> None:
    renewal = ask(office, replaces_id=permitted(office), begins_on=TODAY, ends_on=END + DAY)
    for who in ("ciso", "security"):
        answer(office, renewal, who, now=NOW + 3 * DAY)
    assert device(office, renewal).begins_on == TODAY


def test_what_is_renewed_is_held_before_what_renews_it_as_the_days_run_holds_them(office: Cast) -> None:
    before = permitted(office)
    renewal = ask(office, replaces_id=before)
    held: list[int] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        if "own_devices.state" in statement and "WHERE own_devices.id = " in statement:
            held.extend(values.values() if isinstance(values, dict) else values)

    event.listen(office.database.engine, "before_cursor_execute", note)
    try:
        answer(office, renewal, "ciso")
    finally:
        event.remove(office.database.engine, "before_cursor_execute", note)
    assert held[:2] == [before, renewal]


def test_a_contractor_under_another_row_applies_for_nothing(office: Cast) -> None:
    with office.database.writing() as session:
        both = [office.people[one] for one in ("staff", "contractor")]
        session.execute(update(Person).where(Person.id.in_(both)).values(match_key="one human"))
    with pytest.raises(NotPermitted, match="委託事業者"):
        ask(office)


@pytest.mark.parametrize("reported", [False, True])
def test_what_is_lost_while_it_is_cleared_has_nothing_to_confirm(office: Cast, reported: bool) -> None:
    device_id = ended(office)
    if reported:
        report(office, device_id)
    lose(office, device_id)
    lost = device(office, device_id)
    assert (lost.state, lost.cleared_how, lost.cleared_by_id) == (OwnDeviceState.LOST, None, None)


def test_what_is_sent_back_has_no_report_any_more(office: Cast) -> None:
    device_id = ended(office)
    report(office, device_id)
    confirm(office, device_id, "security", gone=False)
    assert (device(office, device_id).cleared_how, device(office, device_id).cleared_by_id) == (None, None)


def test_why_a_permit_was_taken_back_is_not_why_a_found_device_is_cleared(office: Cast) -> None:
    device_id = permitted(office)
    with office.acting("security", "own_device.end") as session:
        endings.end(
            session, device_id, note="違う使い方", actor=office.actor("security"), policy=office.policy, now=NOW
        )
    lose(office, device_id)
    found_again(office, device_id)
    found = device(office, device_id)
    assert (found.end_reason, found.end_note) == (OwnDeviceEnd.FOUND_AGAIN, None)


def test_whoever_manages_the_section_is_told_of_a_loss_whatever_the_profile_says(office: Cast) -> None:
    rules = replace(office.policy.own_devices, told_of_loss=(Role.VICE_CISO,))
    cast = replace(office, policy=replace(office.policy, own_devices=rules))
    lose(cast, permitted(cast))
    assert told(cast, "紛失・盗難の届出") == {cast.people["vice"], cast.people["security"]}


def test_what_is_not_permitted_is_not_checked(office: Cast) -> None:
    device_id = ended(office)
    with pytest.raises(IllegalTransition), office.acting("security", "own_device.check") as session:
        device_checks.check(
            session, device_id, still_needed=True, comment="見た", actor=office.actor("security"),
            policy=office.policy, now=NOW,
        )  # fmt: skip
