"""What is particular to 389 Directory Server: whose resets count, who ends an account, and what its locks survive."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from idm.errors import ConfigurationInvalid
from idm.ports import AddMember, AdoptAccount, LastUseSource, Outcome, RemoveMember, SetEnabled, SetTemporaryPassword
from tests.connectors.conftest import now
from tests.connectors.target import CHOSEN_PASSWORD, HOUR, OTHER_PASSWORD, PASSWORD, created, seen, usable
from tests.connectors.target_389 import Target389
from tests.connectors.test_contract_389 import may_read_rules
from tests.servers.directory_389 import Directory389

UNTIL = datetime(2030, 3, 31, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def directory() -> Iterator[Directory389]:
    server = Directory389()
    server.build()
    server.start()
    server.apply(may_read_rules(server))
    yield server
    server.discard()


@pytest.fixture
def target(directory: Directory389) -> Iterator[Target389]:
    with ExitStack() as closing:
        yield Target389(directory, closing, now)


def test_a_temporary_password_is_marked_though_the_server_marks_none_of_ours(target: Target389) -> None:
    connector = target.connector()
    _, taro = usable(connector, "taro")
    assert target.server.read(target.dn("taro"), "passwordExpirationTime") == {
        "passwordExpirationTime": ["19700101000000Z"]
    }
    assert connector.password_state(taro).must_change


def test_a_mark_that_the_rules_do_not_heed_demands_nothing_and_is_not_called_a_demand(target: Target389) -> None:
    """Else a temporary password would be taken for proven (FK 6-2(9)②)."""
    connector = target.connector()
    _, taro = usable(connector, "taro")
    target.server.replace("cn=config", "passwordMustChange", "off")
    demanded = connector.password_state(taro).must_change
    target.server.replace("cn=config", "passwordMustChange", "on")
    assert not demanded
    assert connector.password_state(taro).must_change


def test_the_end_is_written_down_and_the_one_who_asks_on_the_day_switches_off(target: Target389) -> None:
    connector = target.connector()
    uuid, taro = usable(connector, "taro")
    target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
    assert connector.perform([SetEnabled(taro, enabled=True, expires_at=UNTIL)]) == [Outcome.CHANGED]
    wanted = ("idmAccountExpires", "nsAccountLock")
    assert target.server.read(target.dn("taro"), *wanted) == {"idmAccountExpires": ["20300331150000Z"]}
    later = target.connector(clock=lambda: UNTIL)
    assert seen(later, uuid).enabled, "the directory lets in: it must not be called switched off"
    assert later.perform([SetEnabled(taro, enabled=True, expires_at=UNTIL)]) == [Outcome.CHANGED]
    assert not target.sign_in("taro", CHOSEN_PASSWORD)
    assert not seen(later, uuid).enabled
    assert later.perform([SetEnabled(taro, enabled=True)]) == [Outcome.CHANGED]
    assert target.server.read(target.dn("taro"), *wanted) == {}


def test_a_switched_off_account_stays_so_through_every_reset(target: Target389) -> None:
    connector = target.connector()
    _, taro = usable(connector, "taro")
    connector.perform([SetEnabled(taro, enabled=False)])
    target.reset_password("taro", OTHER_PASSWORD)
    connector.perform([SetTemporaryPassword(taro, "Temporary-9999")])
    assert not target.sign_in("taro", OTHER_PASSWORD)
    assert not target.sign_in("taro", "Temporary-9999")


def test_a_group_may_be_empty_and_needs_no_placeholder(target: Target389) -> None:
    target.add_group("g")
    connector = target.connector()
    group = connector.group("g").external_id
    _, taro = created(connector, "taro")
    connector.perform([AddMember(taro, group)])
    assert connector.perform([RemoveMember(taro, group)]) == [Outcome.CHANGED]
    assert target.server.read(f"cn=g,{target.server.groups_base}", "member") == {}
    with pytest.raises(ConfigurationInvalid, match="placeholder_member_dn"):
        target.connector(placeholder_member_dn="cn=nobody")


def test_an_adopted_account_gets_the_class_that_carries_our_uuid(target: Target389) -> None:
    connector = target.connector()
    target.add_foreign_account("stranger")
    [stranger] = connector.account_ids()
    uuid = uuid4()
    assert connector.perform([AdoptAccount(stranger.external_id, uuid)]) == [Outcome.CHANGED]
    found = target.server.read(target.dn("stranger"), "objectClass", "idmAccountUuid", "cn")
    assert "idmAccount" in found["objectClass"]
    assert (found["idmAccountUuid"], found["cn"]) == ([str(uuid)], ["stranger"])


def test_a_sign_in_is_dated_by_the_server_and_survives_a_reset(target: Target389) -> None:
    connector = target.connector()
    usable(connector, "taro")
    target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
    assert target.sign_in("taro", CHOSEN_PASSWORD)
    target.reset_password("taro", OTHER_PASSWORD)
    [use] = connector.unused_since(datetime.now(UTC) + HOUR)
    assert (use.source, use.known) == (LastUseSource.LAST_LOGIN_TIME, True)
    assert list(connector.never_used(datetime.now(UTC) + HOUR)) == []


def test_our_own_account_is_known_by_its_id_once_it_may_read_its_own_entry(target: Target389) -> None:
    server = target.server
    connector = target.connector()
    assert connector.own_account_id() is None
    rule = (
        '(targetattr="objectClass || nsUniqueId")(version 3.0; acl "self"; allow (read, search) userdn="ldap:///self";)'
    )
    server.apply(f"dn: {server.service_dn}\nchangetype: modify\nadd: aci\naci: {rule}\n")
    assert [connector.own_account_id()] == server.read(server.service_dn, "nsUniqueId")["nsUniqueId"]
