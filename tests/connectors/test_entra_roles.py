"""Directory roles and eligibility for them as rights, on the emulator of Graph."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from connectors.entra.connector import EntraConnector
from idm.errors import NotOnTarget, TargetRefused, TargetUnavailable
from idm.ports import AddMember, CheckVerdict, CreateAccount, ExaminesItself, Outcome, RemoveMember, SetEnabled
from tests.connectors.entra_target import GIVES_ROLES, EntraTarget
from tests.connectors.target import attributes
from tests.servers.graph_emulator.tenant import GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, USER_ADMINISTRATOR

CHANGED, UNCHANGED = Outcome.CHANGED, Outcome.UNCHANGED
HELD, ELIGIBLE = f"role:{HELPDESK_ADMINISTRATOR}", f"eligible:{HELPDESK_ADMINISTRATOR}"
BOTH = pytest.mark.parametrize("group", [HELD, ELIGIBLE])
UNTIL = datetime(2030, 3, 31, 15, tzinfo=UTC)


@pytest.fixture
def tenant(tenant_target: EntraTarget) -> EntraTarget:
    return tenant_target


@pytest.fixture
def connector(tenant: EntraTarget) -> EntraConnector:
    return tenant.opened(client_id=GIVES_ROLES, roles=True, eligible_roles=True)


def holding(tenant: EntraTarget) -> set[tuple[str, str]]:
    return {*tenant.tenant.assignments, *tenant.tenant.eligible}


@pytest.mark.parametrize("prefix", ["role:", "eligible:"])
def test_a_role_is_named_as_the_directory_calls_it_and_known_by_its_id(connector: EntraConnector, prefix: str) -> None:
    found = connector.group(f"{prefix}Helpdesk Administrator")
    assert (found.external_id, found.protected) == (f"{prefix}{HELPDESK_ADMINISTRATOR}", False)
    assert connector.group(f"{prefix}Global Administrator").protected
    for wrong in ("Helpdesk", "helpdesk administrator"):
        with pytest.raises(NotOnTarget):
            connector.group(f"{prefix}{wrong}")
    with pytest.raises(NotOnTarget):
        connector.members(f"{prefix}{uuid4()}")


@BOTH
def test_a_role_comes_and_goes_and_is_read_with_the_account(
    tenant: EntraTarget, connector: EntraConnector, group: str
) -> None:
    uuid = uuid4()
    connector.perform([CreateAccount(uuid, attributes("taro"))])
    taro = connector.find([uuid])[uuid].external_id
    into, out = AddMember(taro, group), RemoveMember(taro, group)
    assert [connector.perform([into]), connector.perform([into])] == [[CHANGED], [UNCHANGED]]
    assert holding(tenant) == {(taro, HELPDESK_ADMINISTRATOR)}
    assert connector.find([uuid])[uuid].groups == frozenset({group})
    assert list(connector.members(group)) == [taro]
    assert [connector.perform([out]), connector.perform([out])] == [[CHANGED], [UNCHANGED]]
    assert (holding(tenant), connector.find([uuid])[uuid].groups) == (set(), frozenset())
    assert taro in tenant.tenant.users


@BOTH
def test_nobody_there_has_no_role(connector: EntraConnector, group: str) -> None:
    nobody = str(uuid4())
    answers = connector.perform([AddMember(nobody, group), RemoveMember(nobody, group)])
    assert [type(answer) for answer in answers] == [NotOnTarget, NotOnTarget]


@pytest.mark.parametrize("prefix", ["role:", "eligible:"])
def test_a_role_that_rules_the_tenant_is_never_given_or_taken(
    tenant: EntraTarget, connector: EntraConnector, prefix: str
) -> None:
    taro, group = tenant.tenant.add_user("taro"), f"{prefix}{GLOBAL_ADMINISTRATOR}"
    for step in (AddMember(taro, group), RemoveMember(taro, group)):
        [answer] = connector.perform([step])
        assert isinstance(answer, TargetRefused)
        assert "作業依頼" in str(answer)
    assert holding(tenant) == set()


@BOTH
def test_nothing_is_given_where_the_settings_do_not_say_so(tenant: EntraTarget, group: str) -> None:
    taro = tenant.tenant.add_user("taro")
    tenant.tenant.assignments.append((taro, HELPDESK_ADMINISTRATOR))
    connector = tenant.opened(client_id=GIVES_ROLES)
    for step in (AddMember(taro, group), RemoveMember(taro, group)):
        [answer] = connector.perform([step])
        assert isinstance(answer, TargetRefused)
        assert "= true" in str(answer)
    assert tenant.tenant.assignments == [(taro, HELPDESK_ADMINISTRATOR)]
    assert list(connector.members(HELD)) == [taro], "who has a role is seen all the same"


def test_an_end_is_kept_by_an_eligibility_and_refused_for_a_role(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro = tenant.tenant.add_user("taro")
    [held] = connector.perform([AddMember(taro, HELD, until=UNTIL)])
    assert isinstance(held, TargetRefused)
    assert connector.perform([AddMember(taro, ELIGIBLE, until=UNTIL)]) == [CHANGED]
    [schedule] = tenant.tenant.eligible.values()
    assert schedule["expiration"] == {"type": "afterDateTime", "endDateTime": UNTIL.isoformat()}
    assert tenant.tenant.assignments == []


def test_an_eligibility_that_is_still_under_way_is_not_called_done(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro, tenant.tenant.eligibility_waits = tenant.tenant.add_user("taro"), True
    [answer] = connector.perform([AddMember(taro, ELIGIBLE)])
    assert isinstance(answer, TargetUnavailable)
    tenant.tenant.eligibility_waits = False
    assert connector.perform([AddMember(taro, ELIGIBLE)]) == [CHANGED]


def test_without_the_licence_an_eligibility_is_refused(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro, tenant.tenant.premium = tenant.tenant.add_user("taro"), False
    [answer] = connector.perform([AddMember(taro, ELIGIBLE)])
    assert isinstance(answer, TargetRefused)
    assert "AadPremiumLicenseRequired" in str(answer)


def test_what_counts_in_one_administrative_unit_is_left_alone(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro = tenant.tenant.add_user("taro")
    tenant.tenant.assignments.append((taro, HELPDESK_ADMINISTRATOR))
    tenant.tenant.narrow.add((taro, HELPDESK_ADMINISTRATOR))
    assert list(connector.members(HELD)) == []
    assert connector.perform([RemoveMember(taro, HELD)]) == [UNCHANGED]
    assert len(tenant.tenant.assignments) == 1


# --- a leaver with a role ---------------------------------------------------------------------------------------------


def test_a_leaver_whom_a_role_guards_loses_it_and_is_disabled(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro = tenant.tenant.add_user("taro")
    connector.perform([AddMember(taro, HELD), AddMember(taro, ELIGIBLE)])
    assert connector.perform([SetEnabled(taro, enabled=False)]) == [CHANGED]
    assert not tenant.tenant.users[taro]["accountEnabled"]
    assert tenant.tenant.revoked == [taro]
    assert tenant.tenant.assignments == []
    assert tenant.tenant.eligible, "what does not guard anybody goes in its turn"


def test_who_is_guarded_a_while_longer_is_disabled_at_the_next_try(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro, tenant.tenant.guards_for_a_while = tenant.tenant.add_user("taro"), True
    connector.perform([AddMember(taro, HELD)])
    [answer] = connector.perform([SetEnabled(taro, enabled=False)])
    assert isinstance(answer, TargetUnavailable), "a refusal would not be tried again"
    assert tenant.tenant.assignments == []
    tenant.tenant.guarded.clear()
    assert connector.perform([SetEnabled(taro, enabled=False)]) == [CHANGED]


def test_no_role_is_taken_from_whom_graph_lets_us_disable(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro, tenant.tenant.reaches_administrators = tenant.tenant.add_user("taro"), True
    connector.perform([AddMember(taro, HELD)])
    assert connector.perform([SetEnabled(taro, enabled=False)]) == [CHANGED]
    assert tenant.tenant.assignments == [(taro, HELPDESK_ADMINISTRATOR)]


# --- who rules the tenant ---------------------------------------------------------------------------------------------


def test_whoever_rules_the_tenant_through_a_group_is_guarded_too(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    boss, group = tenant.tenant.add_user("boss"), tenant.tenant.add_group("g", assignable_to_role=True)
    group.members.append(boss)
    tenant.tenant.assignments.append((group.id, GLOBAL_ADMINISTRATOR))
    [answer] = connector.perform([SetEnabled(boss, enabled=False)])
    assert isinstance(answer, TargetRefused)
    assert [one.external_id for one in connector.protected_accounts()] == [boss]
    ruling = f"role:{GLOBAL_ADMINISTRATOR}"
    assert ruling in {one.external_id for one in connector.protected_groups() if one.protected}
    assert list(connector.members(ruling, nested=True)) == [boss]
    assert list(connector.members(ruling)) == [group.id]


# --- the connection ---------------------------------------------------------------------------------------------------


def verdicts(connector: ExaminesItself) -> dict[str, CheckVerdict]:
    return {check.subject: check.verdict for check in connector.examine()}


def test_what_giving_roles_needs_is_too_much_for_whoever_gives_none(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    assert "過大な許可" not in verdicts(connector)
    for one in (
        tenant.opened(client_id=GIVES_ROLES, roles=True), tenant.opened(client_id=GIVES_ROLES, eligible_roles=True),
    ):  # fmt: skip
        surplus = one.examine()
        assert [check.stops_writing for check in surplus if check.subject == "過大な許可"] == [True]
    [missing] = [one for one in tenant.opened(roles=True).examine() if one.subject == "アプリケーションの許可"]
    assert "RoleManagement.ReadWrite.Directory" in missing.found


def test_an_application_without_a_role_of_its_own_is_warned_of(tenant: EntraTarget, connector: EntraConnector) -> None:
    assert verdicts(connector)["ロールを持つ人の変更"] is CheckVerdict.WARNING
    tenant.tenant.assignments.append((GIVES_ROLES, USER_ADMINISTRATOR))
    assert verdicts(connector)["ロールを持つ人の変更"] is CheckVerdict.FINE
    assert "ロールを持つ人の変更" not in verdicts(tenant.opened())
