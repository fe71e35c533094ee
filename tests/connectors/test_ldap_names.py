"""Values in names and filters: whatever people are called, exactly they are meant and nobody else."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.ldap.connector import LdapConnector
from connectors.ldap.distinguished_names import child, names_by
from connectors.ldap.encoding import octets
from connectors.ldap.plain_connectors import open_openldap
from idm.errors import NotOnTarget, TargetRefused
from idm.ports import CreateAccount, DeleteAccount, Outcome
from tests.connectors.conftest import now
from tests.connectors.target import attributes
from tests.servers.openldap import OpenLDAP

AWKWARD = st.text(st.sampled_from(" ,+\"\\<>;=#*()|&!%/'\0\t\n\r髙﨑邊󠄀ーａAaàß"), min_size=1, max_size=12)
ANYTHING = st.text(min_size=1, max_size=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenLDAP]:
    server = OpenLDAP(Path(tmp_path_factory.mktemp("names")))
    server.build()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def connector(server: OpenLDAP) -> Iterator[LdapConnector]:
    connector = open_openldap(server.connector_settings(), server.service_password(), now)
    yield connector
    connector.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(AWKWARD | ANYTHING)
def test_a_login_name_is_taken_exactly_or_refused(connector: LdapConnector, login_name: str) -> None:
    step = CreateAccount(uuid4(), attributes(login_name, mail=None))
    [answer] = connector.perform([step])
    if isinstance(answer, TargetRefused):
        assert list(connector.account_ids()) == []
        return
    assert answer is Outcome.CHANGED
    [account] = connector.account_ids()
    assert account.login_name == login_name
    assert account.account_uuid == step.account_uuid
    assert connector.perform([DeleteAccount(account.external_id)]) == [Outcome.CHANGED]


@pytest.mark.parametrize("name", ["o'hara, k+1", " 空白 ", "#9", 'a"b', "a\\b", "髙﨑", "a=b", "x;y<z>", "*"])
def test_ordinary_awkward_names_are_not_refused(connector: LdapConnector, name: str) -> None:
    [answer] = connector.perform([CreateAccount(uuid4(), attributes(name, mail=None))])
    assert answer is Outcome.CHANGED
    [account] = connector.account_ids()
    assert account.login_name == name
    connector.perform([DeleteAccount(account.external_id)])


@pytest.mark.asvs("1.2.6")
@pytest.mark.parametrize("sought", ["*", "g*", ")(cn=*", "*)(objectClass=*", "g)(|(cn=*", "\\2a", "\\67"])
def test_what_is_sought_is_a_value_and_never_a_filter(server: OpenLDAP, connector: LdapConnector, sought: str) -> None:
    if not server.read(f"cn=g,{server.groups_base}", "cn"):
        server.apply(f"dn: cn=g,{server.groups_base}\nobjectClass: groupOfNames\ncn: g\nmember: {server.service_dn}\n")
    assert connector.group("g").name == "g"
    with pytest.raises(NotOnTarget):
        connector.group(sought)
    with pytest.raises(NotOnTarget):
        connector.members(sought)


def test_only_text_and_bytes_are_values() -> None:
    for value in (None, ["*"], {"a": 1}, 1):
        with pytest.raises(TypeError):
            octets(value)  # type: ignore[arg-type]


@pytest.mark.asvs("1.2.6")
@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("taro", "taro"),
        (" a b ", "\\20a b\\20"),
        (" ", "\\20"),
        ("#1", "\\231"),
        ('a,b+c"d', "a\\2Cb\\2Bc\\22d"),
        ("a\\b<c>d;e=f", "a\\5Cb\\3Cc\\3Ed\\3Be\\3Df"),
        ("a\0b\nc\x7f", "a\\00b\\0Ac\\7F"),
        ("髙橋 邊", "髙橋 邊"),
    ],
)
def test_a_name_is_written_as_the_standard_asks(value: str, escaped: str) -> None:
    assert child("uid", value, "dc=example,dc=jp") == f"uid={escaped},dc=example,dc=jp"


def test_an_empty_value_names_nothing() -> None:
    with pytest.raises(TargetRefused):
        child("uid", "", "dc=example,dc=jp")


def test_the_attribute_that_names_an_entry_is_known() -> None:
    assert names_by("CN=taro,dc=example,dc=jp", "cn")
    assert not names_by("uid=cn,dc=example,dc=jp", "cn")
