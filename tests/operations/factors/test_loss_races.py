"""A loss reported at the very moment at which a right is decided, or access given back, stops it all the same."""

from functools import partial

import pytest
from sqlalchemy import func, select

from idm.grant_state import SuspensionReason
from idm.models.authenticators import LossReport
from idm.models.requests import Grant
from idm.models.systems import Account, InformationSystem
from idm.vocabulary import Role
from tests.authenticator_office import PRODUCT, activate, card, held, issue, lose, recover
from tests.cast import Cast
from tests.operations.approval.test_decision_races import at_once, newcomers

ROUNDS = 10


@pytest.fixture
def people(office: Cast) -> list[str]:
    """Newcomers of 総務課 with an account in the ledger, where a product verifies factors."""
    with office.database.writing() as session:
        for system in session.scalars(select(InformationSystem)):
            system.verification = PRODUCT
    names = newcomers(office, ROUNDS)
    for who in names:
        office.approve(office.file("hr", (who, "ledger/account")))
    return names


def test_a_right_decided_at_the_moment_of_the_loss_is_held_back_as_well(office: Cast, people: list[str]) -> None:
    for who in people:
        one = card(office, "ledger", label=who, to=who)
        request = office.file("hr", (who, "ledger/enter"))
        office.decide("chief", request, Role.CHIEF)
        done = at_once(
            partial(lose, office, one, by="desk"), partial(office.decide, "system", request, Role.SYSTEM)
        )  # fmt: skip
        assert done == ["done", "done"]
        assert every_right_stopped(office, who)


def every_right_stopped(office: Cast, who: str) -> bool:
    with office.database.reading() as session:
        rights = session.scalars(select(Grant).join(Grant.account).where(Account.person_id == office.people[who])).all()
        reasons = [{one.reason for one in grant.suspensions if one.until is None} for grant in rights]
        return len(rights) == 2 and all(SuspensionReason.LOST_CARD in found for found in reasons)


def test_a_second_loss_at_the_moment_at_which_the_first_is_found_keeps_it_stopped(
    office: Cast, people: list[str]
) -> None:
    for who in people:
        one, two = (card(office, "ledger", label=f"{who}-{number}", to=who) for number in (1, 2))
        lose(office, one, by="desk")
        assert at_once(partial(recover, office, one), partial(lose, office, two, by="desk")) == ["done", "done"]
        assert held(office, who)["ledger"][1]


def test_a_replacement_at_the_moment_of_a_second_loss_lifts_nothing(office: Cast, people: list[str]) -> None:
    for who in people:
        one, two = (card(office, "ledger", label=f"{who}-{number}", to=who) for number in (1, 2))
        lose(office, one, by="desk")
        new = issue(office, f"{who}-3", to=who, replaces=one)
        assert at_once(partial(activate, office, new, "ledger"), partial(lose, office, two, by="desk")) == [
            "done", "done",
        ]  # fmt: skip
        assert held(office, who)["ledger"][1]


def test_of_two_who_report_it_at_once_one_does(office: Cast, people: list[str]) -> None:
    for who in people:
        one = card(office, "ledger", label=who, to=who)
        done = at_once(partial(lose, office, one, by="desk"), partial(lose, office, one, by="security"))
        assert sorted(done) == ["STATE", "done"]
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LossReport)) == ROUNDS
