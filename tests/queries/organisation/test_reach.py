"""How far somebody's action reaches: the units and systems that the table's scope gives them on a day."""

import pytest

from idm.models.people import OrganisationUnit
from idm.models.systems import InformationSystem
from idm.permissions import SCOPES, Action, Scope
from idm.queries.organisation.reach import managed_units, reaches_system, systems_reached, units_reached
from idm.vocabulary import Role
from tests.cast import TODAY, Cast

pytestmark = pytest.mark.asvs("8.2.2")


@pytest.mark.parametrize(
    "action", [a for a in Action if SCOPES[a].get(Role.SECTION) is Scope.OWN_UNIT and Role.SYSTEM not in SCOPES[a]]
)
def test_a_section_manager_reaches_their_unit_and_those_below_and_no_other(cast: Cast, action: Action) -> None:
    with cast.database.writing() as session:
        below = OrganisationUnit(code="0620", name="下の係", parent_code="0610", valid_from=TODAY)
        session.add(below)
        session.flush()
        manager = cast.people["system"]
        assert managed_units(session, manager, action, TODAY) == frozenset({"0600"})
        assert units_reached(session, manager, action, TODAY) == frozenset({"0600", "0610", "0620"})


@pytest.mark.parametrize("who", ["staff", "contractor", "auditor"])
def test_whoever_may_not_do_it_reaches_nothing(cast: Cast, who: str) -> None:
    with cast.database.reading() as session:
        person = cast.people[who]
        assert units_reached(session, person, Action.REGISTER_OUTSIDE, TODAY) == frozenset()
        assert systems_reached(session, person, Action.DO_WORK, TODAY) == frozenset()


def test_a_systems_manager_reaches_the_systems_of_their_units_alone(cast: Cast) -> None:
    with cast.database.writing() as session:
        ledger, pension = session.query(InformationSystem).order_by(InformationSystem.code)
        pension.manager_unit_code = "0100"
        session.flush()
        manager = cast.people["system"]
        assert systems_reached(session, manager, Action.DO_WORK, TODAY) == {ledger.id}
        assert reaches_system(session, manager, Action.REPAIR_FINDING, ledger, TODAY)
        assert not reaches_system(session, manager, Action.REPAIR_FINDING, pension, TODAY)
        assert reaches_system(session, cast.people["security"], Action.REPAIR_FINDING, pension, TODAY)


def test_a_role_that_reaches_everything_does_so_only_for_actions_that_the_table_gives_it(cast: Cast) -> None:
    with cast.database.reading() as session:
        ledger = session.query(InformationSystem).first()
        assert ledger is not None
        chief = cast.people["chief"]
        assert reaches_system(session, chief, Action.JUSTIFY_FINDING, ledger, TODAY)
        assert not reaches_system(session, chief, Action.REPAIR_FINDING, ledger, TODAY)
