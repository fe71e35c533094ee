"""Hand-overs as the officer's page lists them."""

import pytest

from idm.errors import NotFound
from idm.keys.sealing import new_handover_key
from idm.operations.passwords import handovers
from idm.queries.passwords.handovers import (
    HandoverRow,
    Stage,
    WaitingAccount,
    handover_history,
    handover_row,
    handovers_under_way,
    waiting_accounts,
)
from idm.vocabulary import LineEffect, RequestAction
from tests.carried_out import PASSWORD, carry_out, seal_open_handovers
from tests.cast import NOW, Cast


@pytest.fixture
def created(cast: Cast) -> Cast:
    """The cast, with 青木's account of the ledger created on the target."""
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    carry_out(cast)
    return cast


def waiting(cast: Cast) -> list[WaitingAccount]:
    with cast.database.reading() as session:
        return list(waiting_accounts(session).rows)


def under_way(cast: Cast) -> list[HandoverRow]:
    with cast.database.reading() as session:
        return handovers_under_way(session, cast.people["desk"])


def ask(cast: Cast) -> tuple[int, bytes]:
    private, public = new_handover_key()
    account_id = waiting(cast)[0].account_id
    with cast.acting("desk") as session:
        asked = handovers.ask(
            session, account_id=account_id, public_key=public, actor=cast.actor("desk"), policy=cast.policy, now=NOW
        )
    return asked.id, private


def test_an_account_waits_once_it_was_created(cast: Cast) -> None:
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    assert waiting(cast) == []
    carry_out(cast)
    assert [(row.name, row.login_name, row.system_name) for row in waiting(cast)] == [
        ("青木　一郎", "u100009", "会計システム")
    ]


def test_an_account_waits_once_whatever_other_rights_it_has(created: Cast) -> None:
    created.approve(created.file("staff", ("staff", "ledger/enter")))
    assert len(waiting(created)) == 1


def test_an_account_whose_right_was_taken_does_not_wait(created: Cast) -> None:
    taken = created.file("staff", ("staff", "ledger/account"), action=RequestAction.REMOVE, effect=LineEffect.REVOKE)
    created.approve(taken)
    assert waiting(created) == []


def test_an_account_no_longer_waits_while_its_hand_over_is_under_way(created: Cast) -> None:
    ask(created)
    assert waiting(created) == []
    (row,) = under_way(created)
    assert (row.stage, row.subject, row.error) == (Stage.PREPARING, "青木　一郎", None)


def test_the_stages_follow_the_hand_over(created: Cast) -> None:
    asked, private = ask(created)
    seal_open_handovers(created)
    assert under_way(created)[0].stage is Stage.READY
    with created.acting("desk") as session:
        shown = handovers.show(
            session, handover_id=asked, private_key=private, actor=created.actor("desk"), policy=created.policy, now=NOW
        )
    assert shown.password == PASSWORD
    assert under_way(created)[0].stage is Stage.SHOWN
    with created.acting("desk") as session:
        handovers.receive(session, handover_id=asked, actor=created.actor("desk"), policy=created.policy, now=NOW)
    assert under_way(created) == []
    with created.database.reading() as session:
        (row,) = handover_history(session).rows
    assert (row.stage, row.received_at, row.officer) == (Stage.RECEIVED, NOW, "西新　町子")


def test_a_refusal_of_the_target_is_shown_with_its_hand_over(created: Cast) -> None:
    ask(created)
    carry_out(created, refused="password too young")
    assert under_way(created)[0].error == "password too young"


def test_the_hand_over_of_another_officer_is_not_found(created: Cast) -> None:
    asked, _ = ask(created)
    with created.database.reading() as session, pytest.raises(NotFound):
        handover_row(session, asked, created.people["auditor"])
