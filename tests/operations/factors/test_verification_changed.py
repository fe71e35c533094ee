"""An accepted configuration that changes what verifies factors is judged at the gate at once (controls A16, B2, B4)."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from idm.grant_state import GrantState
from idm.models.authenticators import FactorReading
from idm.models.systems import Account, InformationSystem
from idm.operations.factors import factor_gate
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.policy_file import effective_text, load_profile, shipped_profile
from idm.queries.governance.configuration import version_in_force
from idm.vocabulary import AuthenticatorKind, ConfigurationKind
from tests.authenticator_office import activate, issue
from tests.cast import NOW, Cast
from tests.factor_office import SYSTEM, VERIFICATION, bring, grant, list_of, states, system_id

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


def test_what_the_list_of_another_product_has_not_shown_keeps_nobody_open(office: Cast) -> None:
    other = {"factors": "要素", "words": {"カード": "ic_card"}, "login_name": "USER"}
    describe(office, verification=PRODUCT | {"name": "別の製品", "listing": other})
    assert states(office, "staff", "other") == [HELD, HELD]


def test_a_smart_card_opens_nothing_where_it_cannot_be_verified_any_more(cast: Cast) -> None:
    describe(cast, verification={"by": "smart_card", "name": "カード"})
    grant(cast, "staff")
    activate(cast, issue(cast, kind=AuthenticatorKind.SMART_CARD), SYSTEM)
    demand_seen(cast)
    assert states(cast, "staff") == [OPEN]
    describe(cast, verification={"by": "group", "name": "二要素認証", "group": "two-factor"})
    demand_seen(cast)
    assert states(cast, "staff") == [HELD]
    with cast.database.reading() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == SYSTEM)).one()
        assert system.demanded_cards, "what is left of the cards is ours to lift"


def demand_seen(cast: Cast) -> None:
    """The directory shows of everybody in the pension system that two factors are demanded."""
    with cast.database.writing() as session:
        accounts = list(session.scalars(select(Account.id).where(Account.system_id == system_id(cast))))
        session.add_all(FactorReading(account_id=one, required=True, read_at=NOW) for one in accounts)
        factor_gate.apply(session, accounts, actor=cast.actor("desk"), policy=cast.policy, now=NOW)


def test_a_profile_that_keeps_out_of_the_zone_stops_everybody_in_it(office: Cast) -> None:
    child = 'extends = "fukuoka"\n[zones]\nmynumber_forbidden = true\n'
    profile = load_profile("child", lambda name: child if name == "child" else shipped_profile(name))
    agree_on(office, ConfigurationText(ConfigurationKind.PROFILE, "fukuoka", effective_text(profile)))
    assert states(office, "staff", "other") == [HELD, HELD]
