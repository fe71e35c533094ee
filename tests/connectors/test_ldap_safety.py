"""What must never happen: a password shown to the wrong server, a referral followed, an error taken for success."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from connectors.ldap import encoding, password_checks
from connectors.ldap.connection import Connection, encrypted_connection, open_connection
from connectors.ldap.connector import LdapConnector, plain_site
from connectors.ldap.dialects.active_directory import ActiveDirectory
from connectors.ldap.dialects.openldap import OpenLdap
from connectors.ldap.session import Session
from connectors.ldap.settings import LdapSettings
from connectors.ldap.tls import verifying_context
from idm.errors import ConfigurationInvalid, TargetRefused, TargetUnavailable
from idm.ports import CreateAccount, PasswordCheck, PasswordVerdict
from tests.connectors.conftest import OpenLdapTarget, now
from tests.connectors.target import PASSWORD, attributes, created, seen, usable
from tests.servers.certificates import BAD, Certificates, make_certificates
from tests.servers.cutting_proxy import CuttingProxy
from tests.servers.eavesdropper import Eavesdropper
from tests.servers.processes import free_port
from tests.servers.samba_ad import SambaAD

SECRET = "the-service-password"
STARTTLS = b"1.3.6.1.4.1.1466.20037"
PRETENDED_SUCCESS = b"0\x0c\x02\x01\x01a\x07\n\x01\x00\x04\x00\x04\x00"
BIND, BIND_ANSWER, EXTENDED_ANSWER = 0x60, 0x61, 0x78


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def settings_for(port: int, certificates: Certificates, **changes: object) -> LdapSettings:
    values: dict[str, object] = {
        "host": "localhost",
        "port": port,
        "ca_file": str(certificates.good.ca_file),
        "bind_dn": "cn=idm,dc=example,dc=jp",
        "people_base": "ou=people,dc=example,dc=jp",
        "groups_base": "ou=groups,dc=example,dc=jp",
        "placeholder_member_dn": "cn=nobody,dc=example,dc=jp",
        "connect_timeout_seconds": 5,
        "answer_timeout_seconds": 1,
    }
    return LdapSettings.from_mapping({**values, **changes}, SECRET, OpenLdap.defaults)


def refused_by(settings: LdapSettings) -> TargetUnavailable:
    """The error with which no connection is made."""
    with pytest.raises(TargetUnavailable) as caught:
        open_connection(settings, verifying_context(settings))
    assert SECRET not in str(caught.value)
    return caught.value


def result_of(request: bytes, tag: int, code: int, *more: bytes) -> bytes:
    """An answer to a request with this result code."""
    message_id = int.from_bytes(request[4 : 4 + request[3]], "big")
    parts = (encoding.tagged(0x0A, bytes((code,))), encoding.octets(""), encoding.octets(""), *more)
    return encoding.message(message_id, encoding.Operation(encoding.sequence(parts, tag)))


def is_bind(request: bytes) -> bool:
    return request[4 + request[3]] == BIND


# --- the wrong server ------------------------------------------------------------------------------------------------


def test_the_right_server_is_told_the_password(certificates: Certificates) -> None:
    """So that the silence in the tests below means something."""
    with Eavesdropper(certificate=certificates.good) as directory:
        refused_by(settings_for(directory.port, certificates))
        assert SECRET.encode() in directory.heard()


@pytest.mark.asvs("12.3.2", "12.3.4")
@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("transport", ["ldaps", "starttls"])
def test_a_server_with_a_bad_certificate_hears_nothing(
    certificates: Certificates, openldap_with: Callable[[str], OpenLdapTarget], fault: str, transport: str
) -> None:
    if transport == "starttls":
        target = openldap_with(fault)
        error = refused_by(settings_for(target.server.plain_port, certificates, transport=transport))
    else:
        with Eavesdropper(certificate=certificates.bad()[fault]) as directory:
            error = refused_by(settings_for(directory.port, certificates))
            assert directory.heard() == b""
    assert "certificate verify failed" in str(error)


@pytest.fixture
def openldap_with(ldap_target: OpenLdapTarget, certificates: Certificates) -> Callable[[str], OpenLdapTarget]:
    """The real directory, restarted with one of the bad certificates."""

    def restarted(fault: str) -> OpenLdapTarget:
        bad = certificates.bad()[fault]
        tls = ldap_target.server.folder / "tls"
        for name, file in (("server.pem", bad.certificate_file), ("server.key", bad.key_file)):
            (tls / name).write_bytes(file.read_bytes())
        ldap_target.server.restart()
        return ldap_target

    return restarted


@pytest.mark.parametrize("code", [2, 52, 0])
def test_a_password_is_never_sent_when_starttls_is_refused_or_pretended(certificates: Certificates, code: int) -> None:
    """Code 0 is a man in the middle who says yes and goes on in clear."""

    def reply(heard: bytes) -> bytes:
        return result_of(heard, EXTENDED_ANSWER, code) if STARTTLS in heard else PRETENDED_SUCCESS

    with Eavesdropper(reply=reply) as directory:
        refused_by(settings_for(directory.port, certificates, transport="starttls"))
        assert SECRET.encode() not in directory.heard()


def test_a_server_that_speaks_no_tls_hears_no_password(certificates: Certificates) -> None:
    with Eavesdropper(reply=lambda heard: PRETENDED_SUCCESS) as directory:
        refused_by(settings_for(directory.port, certificates))
        assert SECRET.encode() not in directory.heard()


def test_a_server_that_stays_silent_is_given_up(certificates: Certificates) -> None:
    with Eavesdropper() as directory:
        refused_by(settings_for(directory.port, certificates))


@pytest.mark.asvs("12.3.1")
def test_there_is_no_way_to_ask_for_a_connection_in_clear(certificates: Certificates) -> None:
    with pytest.raises(ConfigurationInvalid, match="transport"):
        settings_for(389, certificates, transport="plain")


def test_starttls_works_with_the_right_server(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector(transport="starttls", port=ldap_target.server.plain_port)
    uuid, _ = created(connector, "taro")
    assert seen(connector, uuid).attributes == attributes("taro")


def test_a_numeric_address_is_checked_against_the_certificate_too(ldap_target: OpenLdapTarget) -> None:
    assert list(ldap_target.connector(host="127.0.0.1").accounts()) == []


# --- signing in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("password", ["", " ", "　", "\t\n"])
def test_a_blank_service_password_is_refused_before_anybody_is_called(
    certificates: Certificates, password: str
) -> None:
    with Eavesdropper(certificate=certificates.good) as directory:
        settings = settings_for(directory.port, certificates)
        with pytest.raises(ConfigurationInvalid):
            open_connection(replace(settings, password=password), verifying_context(settings))
        assert directory.connections == 0


def test_a_wrong_service_password_is_unavailable_and_not_told(ldap_target: OpenLdapTarget) -> None:
    settings = replace(ldap_target.settings(), password="not the password")
    connector = LdapConnector(plain_site(settings, OpenLdap(), "", now))
    with pytest.raises(TargetUnavailable) as caught:
        list(connector.accounts())
    assert "not the password" not in f"{caught.value!r} {settings!r}"


@pytest.mark.parametrize("code", [3, 4, 5, 6, 10, 14, 49, 52])
def test_a_sign_in_answered_with_anything_but_success_is_none(certificates: Certificates, code: int) -> None:
    """ldap3 raises nothing for several of these."""

    def reply(heard: bytes) -> bytes:
        who = encoding.tagged(0x8B, b"dn:cn=idm,dc=example,dc=jp")
        return result_of(heard, BIND_ANSWER, code) if is_bind(heard) else result_of(heard, EXTENDED_ANSWER, 0, who)

    with Eavesdropper(certificate=certificates.good, reply=reply) as directory:
        refused_by(settings_for(directory.port, certificates))


def test_a_directory_that_takes_us_for_nobody_is_not_believed(certificates: Certificates) -> None:
    def reply(heard: bytes) -> bytes:
        return result_of(heard, BIND_ANSWER if is_bind(heard) else EXTENDED_ANSWER, 0)

    with Eavesdropper(certificate=certificates.good, reply=reply) as directory:
        assert "匿名" in str(refused_by(settings_for(directory.port, certificates)))


def test_ldap3_is_told_neither_name_nor_password(ldap_target: OpenLdapTarget) -> None:
    settings = ldap_target.settings()
    connection = open_connection(settings, verifying_context(settings))
    opened = connection._opened
    kept = f"{vars(opened)} {vars(opened.strategy)} {opened!r} {opened!s}"
    assert settings.host in kept
    assert settings.bind_dn not in kept
    assert settings.password not in kept
    connection.close()


# --- referrals -------------------------------------------------------------------------------------------------------


def referral_to(port: int) -> bytes:
    return encoding.sequence([encoding.octets(f"ldap://127.0.0.1:{port}/dc=example,dc=jp")], 0xA3)


@pytest.mark.parametrize("at_sign_in", [True, False])
def test_a_referral_at_or_after_sign_in_is_not_followed(certificates: Certificates, at_sign_in: bool) -> None:
    with Eavesdropper() as elsewhere:

        def reply(heard: bytes) -> bytes:
            if is_bind(heard) and not at_sign_in:
                return result_of(heard, BIND_ANSWER, 0)
            return result_of(heard, BIND_ANSWER if is_bind(heard) else EXTENDED_ANSWER, 10, referral_to(elsewhere.port))

        with Eavesdropper(certificate=certificates.good, reply=reply) as directory:
            refused_by(settings_for(directory.port, certificates))
        assert elsewhere.connections == 0


@pytest.mark.asvs("15.3.2")
def test_a_referral_in_the_directory_is_an_error_and_never_followed(ldap_target: OpenLdapTarget) -> None:
    with Eavesdropper() as elsewhere:
        away = f"ou=away,{ldap_target.server.people_base}"
        ldap_target.server.apply(
            f"dn: {away}\nobjectClass: referral\nobjectClass: extensibleObject\nou: away\n"
            f"ref: ldap://127.0.0.1:{elsewhere.port}/{away}\n",
            "-M",
        )
        connector = ldap_target.connector()
        with pytest.raises(TargetRefused, match="紹介"):
            list(connector.accounts())
        behind = ldap_target.connector(people_base=away)
        with pytest.raises(TargetRefused, match="紹介"):
            list(behind.account_ids())
        [answer] = behind.perform([CreateAccount(uuid4(), attributes("taro"))])
        assert isinstance(answer, TargetRefused)
        assert elsewhere.connections == 0


# --- a connection that has ended -------------------------------------------------------------------------------------


def test_a_directory_restarted_between_two_calls_is_simply_asked_again(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector()
    uuid, _ = created(connector, "taro")
    ldap_target.server.restart()
    assert seen(connector, uuid).attributes.login_name == "taro"


def test_nobody_listening_is_unavailable(certificates: Certificates) -> None:
    refused_by(settings_for(free_port(), certificates))


def test_a_certificate_file_that_is_none_is_a_mistake_in_the_settings(
    certificates: Certificates, tmp_path: Path
) -> None:
    nonsense = tmp_path / "ca.pem"
    nonsense.write_text("nonsense")
    settings = settings_for(636, certificates, ca_file=str(nonsense))
    with pytest.raises(ConfigurationInvalid, match="認証局証明書"):
        plain_site(settings, OpenLdap(), "", now)


# --- a person's own password -----------------------------------------------------------------------------------------


@pytest.mark.asvs("12.3.2")
@pytest.mark.parametrize("fault", BAD)
def test_a_persons_password_is_never_told_to_the_wrong_server(
    certificates: Certificates, ldap_target: OpenLdapTarget, fault: str
) -> None:
    """Between looking somebody up and signing in as them, somebody else may answer at the address."""
    connector = ldap_target.connector()
    usable(connector, "taro")
    with Eavesdropper(certificate=certificates.bad()[fault]) as elsewhere:
        connector._site.settings = replace(connector._site.settings, port=elsewhere.port)
        with pytest.raises(TargetUnavailable):
            connector.check_password("taro", PASSWORD)
        assert elsewhere.connections == 1
        assert elsewhere.heard() == b""


def test_a_name_that_nobody_has_is_answered_by_as_many_connections(
    ldap_target: OpenLdapTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector, opened = ldap_target.connector(), list[str]()
    usable(connector, "taro")

    def counted(settings: LdapSettings, context: ssl.SSLContext) -> Connection:
        opened.append(settings.host)
        return encrypted_connection(settings, context)

    monkeypatch.setattr(password_checks, "encrypted_connection", counted)
    for name, so_far in (("taro", 1), ("nobody-at-all", 2)):
        assert connector.check_password(name, "Wrong-1") == PasswordCheck(PasswordVerdict.WRONG)
        assert len(opened) == so_far


def test_a_password_is_in_no_text_of_a_failed_or_successful_check(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector()
    usable(connector, "taro")
    secret = "Wrong-but-secret-1"
    said = connector.check_password("taro", secret)
    ldap_target.stop()
    with pytest.raises(TargetUnavailable) as caught:
        connector.check_password("taro", secret)
    assert secret not in f"{said!r} {caught.value!r} {connector!r} {vars(connector)!r}"


# --- the same for a domain controller --------------------------------------------------------------------------------


def ad_settings(server: SambaAD, **changes: object) -> LdapSettings:
    values: dict[str, object] = {
        "host": server.host,
        "ca_file": str(server.ca_file),
        "bind_dn": server.service_upn,
        "people_base": server.people_ou,
        "groups_base": server.groups_ou,
        "upn_suffix": server.domain,
    }
    return LdapSettings.from_mapping({**values, **changes}, server.service_password(), ActiveDirectory.defaults)


@pytest.mark.parametrize("transport", ["ldaps", "starttls"])
def test_a_domain_controller_is_believed_by_its_authority_and_name_only(
    samba: SambaAD, certificates: Certificates, transport: str
) -> None:
    right = ad_settings(samba, transport=transport)
    open_connection(right, verifying_context(right)).close()
    stranger = ad_settings(samba, transport=transport, ca_file=str(certificates.good.ca_file))
    with pytest.raises(TargetUnavailable, match="certificate verify failed"):
        open_connection(stranger, verifying_context(stranger))
    with CuttingProxy(right.port, server_host=samba.host) as elsewhere:
        same_by_another_name = replace(right, host="127.0.0.1", port=elsewhere.port)
        with pytest.raises(TargetUnavailable, match="certificate"):
            open_connection(same_by_another_name, verifying_context(same_by_another_name))


def test_a_blank_password_opens_no_connection_to_a_domain_controller(samba: SambaAD) -> None:
    """Samba asks nobody who they are (no RFC 4532): an anonymous visitor must not come in by that."""
    with pytest.raises(ConfigurationInvalid):
        LdapSettings.from_mapping({"host": samba.host}, " ", ActiveDirectory.defaults)
    settings = replace(ad_settings(samba), people_base="OU=hidden from strangers,DC=ad,DC=example,DC=jp")
    with pytest.raises(TargetUnavailable, match="匿名"):
        open_connection(settings, verifying_context(settings))


def test_the_whole_domain_is_searched_without_being_sent_elsewhere(samba: SambaAD) -> None:
    """A search from the root is answered with pointers to other partitions, unless it is asked for none."""
    settings = ad_settings(samba)
    dialect = ActiveDirectory()
    session = Session(settings, dialect.search_controls)
    assert len(list(session.stream(samba.base_dn, dialect.is_account(settings), ["sAMAccountName"]))) > 3
    with pytest.raises(TargetRefused, match="紹介"):
        list(Session(settings).stream(samba.base_dn, dialect.is_account(settings), ["sAMAccountName"]))
    session.close()
