"""The settings of an LDAP system: everything wrong is said at once, and the password is never shown."""

from pathlib import Path

import pytest

from connectors.ldap.dialects.openldap import OpenLdap
from connectors.ldap.settings import LdapSettings
from idm.errors import ConfigurationInvalid
from idm.ports import LastUseSource

PASSWORD = "not to be shown"


@pytest.fixture
def good(tmp_path: Path) -> dict[str, object]:
    ca_file = tmp_path / "ca.pem"
    ca_file.touch()
    return {
        "host": "ldap.town.example.jp",
        "ca_file": str(ca_file),
        "bind_dn": "cn=idm,dc=example,dc=jp",
        "people_base": "ou=people,dc=example,dc=jp",
        "groups_base": "ou=groups,dc=example,dc=jp",
        "placeholder_member_dn": "cn=nobody,dc=example,dc=jp",
    }


def test_the_least_one_must_say_is_enough(good: dict[str, object]) -> None:
    settings = LdapSettings.from_mapping(good, PASSWORD, OpenLdap.defaults)
    assert (settings.transport, settings.port) == ("ldaps", 636)
    assert settings.account_class == "inetOrgPerson"
    assert settings.last_use_attribute is LastUseSource.AUTH_TIMESTAMP


def test_the_port_follows_the_transport(good: dict[str, object]) -> None:
    assert LdapSettings.from_mapping({**good, "transport": "starttls"}, PASSWORD, OpenLdap.defaults).port == 389


def test_the_password_is_in_no_text(good: dict[str, object]) -> None:
    settings = LdapSettings.from_mapping(good, PASSWORD, OpenLdap.defaults)
    assert PASSWORD not in f"{settings!r} {settings!s}"
    with pytest.raises(ConfigurationInvalid) as caught:
        LdapSettings.from_mapping({}, PASSWORD, OpenLdap.defaults)
    assert PASSWORD not in str(caught.value) + repr(caught.value.mistakes)


def test_every_mistake_is_reported_with_its_key() -> None:
    wrong: dict[str, object] = {
        "host": " ",
        "ca_file": "/no/such/file",
        "bind_dn": 3,
        "port": 70000,
        "transport": "plain",
        "login_attribute": "uid)(x=*",
        "account_object_classes": "inetOrgPerson",
        "last_use_attribute": "memory",
        "answer_timeout_seconds": True,
        "page_size": "1000",
        "validate": False,
    }
    with pytest.raises(ConfigurationInvalid) as caught:
        LdapSettings.from_mapping(wrong, "", OpenLdap.defaults)
    missing = {"people_base", "groups_base", "placeholder_member_dn", "password"}
    assert {mistake.partition(":")[0] for mistake in caught.value.mistakes} == wrong.keys() | missing


@pytest.mark.parametrize("password", [None, "", " ", "　", "\0"])
def test_a_blank_password_is_a_mistake(good: dict[str, object], password: str | None) -> None:
    with pytest.raises(ConfigurationInvalid, match="password"):
        LdapSettings.from_mapping(good, password, OpenLdap.defaults)
