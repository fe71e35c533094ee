"""The settings of an LDAP system: everything wrong is said at once, and the password is never shown."""

from pathlib import Path

import pytest

from connectors.ldap.dialect import Dialect
from connectors.ldap.dialects.active_directory import ActiveDirectory
from connectors.ldap.dialects.directory_389 import Directory389
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


@pytest.mark.parametrize(
    ("dialect", "missing"),
    [(OpenLdap(), {"placeholder_member_dn"}), (ActiveDirectory(), {"upn_suffix"}), (Directory389(), set())],
)
def test_each_kind_must_be_told_what_it_needs_and_is_told_nothing_else(
    good: dict[str, object], dialect: Dialect, missing: set[str]
) -> None:
    bare = {key: value for key, value in good.items() if key != "placeholder_member_dn"}
    texts = dict.fromkeys(("placeholder_member_dn", "password_policy_dn", "upn_suffix"), "x")
    own: dict[str, object] = {**texts, "domain_controllers": ["x"]}
    mistakes: set[str] = set()
    for values in (bare, {**bare, **own}):
        try:
            LdapSettings.from_mapping(values, PASSWORD, dialect.defaults)
        except ConfigurationInvalid as error:
            mistakes |= {mistake.partition(":")[0] for mistake in error.mistakes}
    assert mistakes == missing | (own.keys() - dialect.defaults.required - dialect.defaults.optional)


def test_accounts_may_be_kept_in_several_places(good: dict[str, object]) -> None:
    settings = LdapSettings.from_mapping({**good, "more_people_bases": ["ou=left"]}, PASSWORD, OpenLdap.defaults)
    assert settings.people_bases == ("ou=people,dc=example,dc=jp", "ou=left")
    for wrong in ("ou=left", [""], [3]):
        with pytest.raises(ConfigurationInvalid, match="more_people_bases"):
            LdapSettings.from_mapping({**good, "more_people_bases": wrong}, PASSWORD, OpenLdap.defaults)


@pytest.mark.parametrize(
    ("dialect", "source"),
    [
        (OpenLdap(), LastUseSource.AUTH_TIMESTAMP),
        (ActiveDirectory(), LastUseSource.LAST_LOGON_TIMESTAMP),
        (Directory389(), LastUseSource.LAST_LOGIN_TIME),
    ],
)
def test_last_use_is_read_where_the_directory_writes_it(
    good: dict[str, object], dialect: Dialect, source: LastUseSource
) -> None:
    values = {key: good[key] for key in ("host", "ca_file", "bind_dn", "people_base", "groups_base")}
    told = dict.fromkeys(dialect.defaults.required, "x")
    assert LdapSettings.from_mapping({**values, **told}, PASSWORD, dialect.defaults).last_use_attribute is source
    with pytest.raises(ConfigurationInvalid, match="last_use_attribute"):
        LdapSettings.from_mapping({**values, **told, "last_use_attribute": "listing"}, PASSWORD, dialect.defaults)
