"""An accepted configuration that changes what verifies factors is judged at the gate at once (controls A16, B2, B4)."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from idm.grant_state import GrantState
from idm.models.authenticators import FactorReading
from idm.operations import configuration
from idm.operations.configuration import ConfigurationText
from idm.policy_file import effective_text, load_profile, shipped_profile
from idm.queries.configuration import version_in_force
from idm.vocabulary import ConfigurationKind
from tests.cast import NOW, Cast
from tests.factor_office import SYSTEM, VERIFICATION, bring, grant, list_of, states

HELD, OPEN = GrantState.SUSPENDED, GrantState.IN_FORCE
PRODUCT = {key: value for key, value in VERIFICATION.items() if value is not None}


def agree_on(cast: Cast, text: ConfigurationText) -> None:
    with cast.acting("security") as session:
        proposal = configuration.propose(session, text, reason="見直し", actor=cast.actor("security"), now=NOW).id
    with cast.acting("ciso") as session:
        configuration.accept(session, proposal, actor=cast.actor("ciso"), now=NOW)


def describe(cast: Cast, **pension: Any) -> None:
    """The accepted organisation file says this of the pension system."""
    with cast.database.reading() as session:
        present = version_in_force(session, ConfigurationKind.ORGANISATION, now=NOW)
    table = json.loads(present.content)
    for system in table["systems"]:
        if system["code"] == SYSTEM:
            system.update(pension)
    agree_on(cast, ConfigurationText(ConfigurationKind.ORGANISATION, present.name, json.dumps(table)))


@pytest.fixture
def office(cast: Cast) -> Cast:
    """The office in which 青木's pension account is in effect, by the list of a product; 今泉 is not on it."""
    describe(cast, verification=PRODUCT)
    grant(cast, "staff", "other")
    bring(cast, list_of(cast, "staff"))
    assert states(cast, "staff", "other") == [OPEN, HELD]
    return cast


def test_what_something_else_verifies_has_shown_nothing_yet(office: Cast) -> None:
    describe(office, verification={"by": "group", "name": "二要素認証", "group": "two-factor"})
    assert states(office, "staff", "other") == [HELD, HELD]
    with office.database.reading() as session:
        assert session.scalars(select(FactorReading)).all() == []


def test_where_nothing_verifies_any_more_nothing_is_in_effect(office: Cast) -> None:
    describe(office, verification=None, stage="observe")
    assert states(office, "staff", "other") == [HELD, HELD]


def test_a_password_that_is_no_longer_asked_for_is_a_factor_less(office: Cast) -> None:
    describe(office, verification=PRODUCT | {"password": False})
    assert states(office, "staff") == [HELD]


def test_another_name_of_the_product_stops_nobody(office: Cast) -> None:
    describe(office, verification=PRODUCT | {"name": "新しい端末の製品", "terminals": ["窓口2番"]})
    assert states(office, "staff", "other") == [OPEN, HELD]


def test_a_profile_that_keeps_out_of_the_zone_stops_everybody_in_it(office: Cast) -> None:
    child = 'extends = "fukuoka"\n[zones]\nmynumber_forbidden = true\n'
    profile = load_profile("child", lambda name: child if name == "child" else shipped_profile(name))
    agree_on(office, ConfigurationText(ConfigurationKind.PROFILE, "fukuoka", effective_text(profile)))
    assert states(office, "staff", "other") == [HELD, HELD]
