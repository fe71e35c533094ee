"""A connection looked over, against real servers: what is fine, what is too much, and that nothing changes by it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.ldap.examination import CHANGE_TIME, certificate_check, clock_check, names_in, remedy_for, schema_check
from connectors.registry import open_directory
from idm.ports import Check, CheckVerdict, ExaminesItself
from tests.connectors.target import attributes
from tests.connectors.test_contract_389 import may_read_rules
from tests.servers.directory_389 import Directory389
from tests.servers.openldap import OpenLDAP
from tests.servers.samba_ad import USER_CLASS, SambaAD

FINE, WARNING, FAILED = CheckVerdict.FINE, CheckVerdict.WARNING, CheckVerdict.FAILED
RIGHTS = "接続アカウントの権限"
NOW = datetime(2026, 4, 1, tzinfo=UTC)


def examined(kind: str, settings: Mapping[str, object], password: str) -> list[Check]:
    directory = open_directory(kind, settings, password)
    assert isinstance(directory, ExaminesItself)
    try:
        return list(directory.examine())
    finally:
        directory.close()


def about(checks: list[Check], subject: str) -> list[Check]:
    return [check for check in checks if check.subject == subject]


# --- OpenLDAP --------------------------------------------------------------------------------------------------------


def of_openldap(server: OpenLDAP, **changes: object) -> list[Check]:
    return examined("openldap", {**server.connector_settings(), **changes}, server.service_password())


class Changed(OpenLDAP):
    """An OpenLDAP whose administrator wrote something else into its configuration."""

    written: tuple[str, str] = ("", "")

    def configuration(self) -> str:
        """The usual text, with one passage changed."""
        usual = super().configuration()
        assert self.written[0] in usual
        return usual.replace(*self.written, 1)


@pytest.fixture
def changed(tmp_path: Path) -> Iterator[Changed]:
    server = Changed(tmp_path / "changed")
    yield server
    server.stop()


def started(server: Changed, old: str, new: str) -> Changed:
    server.written = (old, new)
    server.build()
    server.start()
    return server


def everything(server: OpenLDAP) -> dict[str, dict[str, list[str]]]:
    base = server.base_dn
    places = (base, f"ou=policies,{base}", f"cn=default,ou=policies,{base}", f"ou=services,{base}", server.people_base)
    return {dn: server.read(dn, "*", "+") for dn in places}


def test_a_service_account_as_the_docs_describe_it_is_fine_in_every_check(openldap: OpenLDAP) -> None:
    checks = of_openldap(openldap)
    assert {check.verdict for check in checks} == {FINE}
    assert [check.subject for check in checks][:2] == ["接続", "証明書"]
    assert openldap.service_dn in checks[0].found
    assert "残り" in checks[1].found


def test_the_administrator_is_more_than_is_needed_and_stops_all_writing(openldap: OpenLDAP) -> None:
    settings = {**openldap.connector_settings(), "bind_dn": openldap.administrator_dn}
    [check] = about(examined("openldap", settings, openldap.administrator_password_file.read_text()), RIGHTS)
    assert (check.verdict, check.stops_writing) == (FAILED, True)
    assert openldap.base_dn in check.found
    assert "rootdn" in check.remedy


def test_looking_over_changes_nothing_not_even_for_the_administrator(openldap: OpenLDAP) -> None:
    before = everything(openldap)
    settings = {**openldap.connector_settings(), "bind_dn": openldap.administrator_dn}
    examined("openldap", settings, openldap.administrator_password_file.read_text())
    of_openldap(openldap)
    assert everything(openldap) == before


def test_the_right_to_set_anybodys_password_is_too_much(changed: Changed) -> None:
    usual = "access to attrs=userPassword\n  by self =w\n"
    server = started(changed, usual, f'access to attrs=userPassword\n  by dn.exact="{changed.service_dn}" =w\n')
    [check] = about(of_openldap(server), RIGHTS)
    assert check.stops_writing
    assert f"cn=default,ou=policies,{server.base_dn}" in check.found


def test_the_right_to_write_in_another_branch_is_too_much(changed: Changed) -> None:
    usual = f'access to dn.subtree="{changed.groups_base}"\n'
    wider = f'access to dn.subtree="ou=policies,{changed.base_dn}"\n  by dn.exact="{changed.service_dn}" write\n{usual}'
    [check] = about(of_openldap(started(changed, usual, wider)), RIGHTS)
    assert check.stops_writing
    assert "ou=policies" in check.found


def test_where_our_part_is_wider_the_same_right_is_none_too_many(changed: Changed) -> None:
    usual = f'access to dn.subtree="{changed.groups_base}"\n'
    wider = f'access to dn.subtree="ou=policies,{changed.base_dn}"\n  by dn.exact="{changed.service_dn}" write\n{usual}'
    server = started(changed, usual, wider)
    [check] = about(of_openldap(server, more_people_bases=[f"ou=policies,{server.base_dn}"]), RIGHTS)
    assert check.verdict is FINE


def test_an_attribute_that_the_server_does_not_know_is_named(openldap: OpenLDAP) -> None:
    checks = about(of_openldap(openldap, account_uuid_attribute="noSuchAttribute"), "スキーマ")
    assert checks[0].verdict is FAILED
    assert "noSuchAttribute" in checks[0].found


def test_an_account_of_ours_shows_that_its_uuid_can_be_read(openldap: OpenLDAP) -> None:
    openldap.apply(
        f"dn: uid=taro,{openldap.people_base}\nobjectClass: inetOrgPerson\nobjectClass: idmAccount\nuid: taro\ncn: x\n"
        f"sn: {attributes('taro').family_name}\nidmAccountUuid: 6f9a7c52-0000-4000-8000-000000000001\n"
    )
    [check] = about(of_openldap(openldap), "対応付けの属性")
    assert "読み取れました" in check.found


def test_a_server_that_is_down_is_one_failed_check_with_what_to_do(openldap: OpenLDAP) -> None:
    openldap.stop()
    [check] = of_openldap(openldap)
    assert (check.subject, check.verdict, check.stops_writing) == ("接続", FAILED, False)
    assert "port" in check.remedy


def test_a_wrong_password_is_told_with_what_to_do_and_without_the_password(openldap: OpenLDAP) -> None:
    [check] = examined("openldap", openldap.connector_settings(), "Canary-Password")
    assert check.verdict is FAILED
    assert "bind_dn" in check.remedy
    assert "Canary" not in repr(check)


def test_another_authority_is_told_with_what_to_do(openldap: OpenLDAP, tmp_path: Path) -> None:
    other = OpenLDAP(tmp_path / "other")
    other.build()
    [check] = of_openldap(openldap, ca_file=str(other.ca_file))
    assert "ca_file" in check.remedy


# --- 389 Directory Server --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def directory_389() -> Iterator[Directory389]:
    """A 389 Directory Server whose service account keeps people and members, and nothing else."""
    server = Directory389()
    server.build()
    server.start()
    yield server
    server.discard()


def of_389(server: Directory389, bind_dn: str, password: str) -> list[Check]:
    settings = {
        "host": server.host, "port": server.ldaps_port, "ca_file": str(server.ca_file), "bind_dn": bind_dn,
        "people_base": server.people_base, "groups_base": server.groups_base,
    }  # fmt: skip
    return examined("directory_389", settings, password)


def test_a_389_tells_its_service_account_from_its_manager(directory_389: Directory389) -> None:
    checks = of_389(directory_389, directory_389.service_dn, directory_389.service_password())
    assert {check.verdict for check in checks if check.subject not in ("証明書", CHANGE_TIME)} == {FINE}
    manager = directory_389.administrator_password_file.read_text()
    [check] = about(of_389(directory_389, "cn=Directory Manager", manager), RIGHTS)
    assert check.stops_writing
    assert "cn=config" in check.found


def test_a_389_that_keeps_no_time_of_a_change_is_pointed_out_until_it_does(directory_389: Directory389) -> None:
    def said() -> Check:
        checks = of_389(directory_389, directory_389.service_dn, directory_389.service_password())
        [check] = about(checks, CHANGE_TIME)
        return check

    assert (said().verdict, "読み取れません" in said().found) == (WARNING, True)
    directory_389.apply(may_read_rules(directory_389))
    directory_389.replace("cn=config", "passwordTrackUpdateTime", "off")
    assert (said().verdict, "記録していません" in said().found) == (WARNING, True)
    assert "passwordTrackUpdateTime" in said().remedy
    directory_389.replace("cn=config", "passwordTrackUpdateTime", "on")
    assert said().verdict is FINE


# --- Active Directory ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def domain() -> Iterator[SambaAD]:
    """A domain whose service account has what was delegated to it, and nothing else."""
    server = SambaAD()
    server.build()
    server.start()
    yield server
    server.discard()


def of_domain(server: SambaAD, **changes: object) -> list[Check]:
    settings = {
        "host": server.host,
        "ca_file": str(server.ca_file),
        "bind_dn": server.service_dn,
        "people_base": server.people_ou,
        "more_people_bases": [server.stopped_ou],
        "groups_base": server.groups_ou,
        "upn_suffix": server.domain,
        **changes,
    }
    return examined("active_directory", settings, server.service_password())


@pytest.mark.parametrize("name", ["service_dn", "service_upn", "short"])
def test_a_delegated_account_is_fine_however_its_name_is_written(domain: SambaAD, name: str) -> None:
    written = f"{domain.workgroup}\\{domain.service_name}" if name == "short" else getattr(domain, name)
    checks = of_domain(domain, bind_dn=written)
    assert {check.verdict for check in checks if check.subject != "証明書"} == {FINE}
    assert len(about(checks, RIGHTS)) == 2
    assert "索引があります" in about(checks, "対応付けの属性")[0].found
    assert "秒" in about(checks, "時計")[0].found
    assert "OldPasswordAllowedPeriod" in about(checks, "変更前のパスワード")[0].remedy


def test_a_place_among_the_administrators_is_found_through_other_groups(domain: SambaAD) -> None:
    inner = domain.add_group("helpers", domain.service_dn, ou=domain.services_ou)
    admins = f"CN=Domain Admins,CN=Users,{domain.base_dn}"
    domain.apply(f"dn: {admins}\nchangetype: modify\nadd: member\nmember: {inner}\n")
    try:
        groups, places = about(of_domain(domain), RIGHTS)
    finally:
        domain.apply(f"dn: {admins}\nchangetype: modify\ndelete: member\nmember: {inner}\n")
        domain.apply(f"dn: {inner}\nchangetype: delete\n")
    assert groups.stops_writing
    assert "Domain Admins" in groups.found
    assert places.stops_writing
    assert "AdminSDHolder" in places.found


def test_a_delegation_elsewhere_is_too_much(domain: SambaAD) -> None:
    elsewhere = f"OU=Elsewhere,{domain.base_dn}"
    domain.apply(f"dn: {elsewhere}\nobjectClass: organizationalUnit\n")
    domain._samba_tool("dsacl", "set", f"--objectdn={elsewhere}", f"--sddl=(OA;CI;CCDC;{USER_CLASS};;AU)")
    try:
        _, places = about(of_domain(domain), RIGHTS)
        assert places.stops_writing
        assert elsewhere in places.found
        _, ours = about(of_domain(domain, more_people_bases=[domain.stopped_ou, elsewhere]), RIGHTS)
        assert ours.verdict is FINE
    finally:
        domain.apply(f"dn: {elsewhere}\nchangetype: delete\n")


# --- pure rules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "verdict"), [(31, FINE), (30, FINE), (29, WARNING), (0, WARNING)])
def test_a_certificate_that_ends_within_thirty_days_is_pointed_out(days: int, verdict: CheckVerdict) -> None:
    ends = (NOW + timedelta(days=days)).strftime("%b %d %H:%M:%S %Y GMT")
    certificate = {"notAfter": ends, "issuer": ((("commonName", "CA"),),), "subjectAltName": (("DNS", "ldap.town"),)}
    check = certificate_check(certificate, "ldap.town", NOW)
    assert check.verdict is verdict
    for said in ("CA", "ldap.town", f"残り{days}日"):
        assert said in check.found


@pytest.mark.parametrize(("seconds", "verdict"), [(0, FINE), (59, FINE), (-60, WARNING), (300, WARNING), (301, FAILED)])
def test_clocks_apart_are_pointed_out(seconds: int, verdict: CheckVerdict) -> None:
    assert clock_check(NOW + timedelta(seconds=seconds), NOW).verdict is verdict


def test_names_are_read_from_both_forms_of_a_definition() -> None:
    assert names_in(b"( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'x' )") == ["cn", "commonname"]
    assert names_in(b"( 1.2 NAME 'idmAccountUuid' EQUALITY caseIgnoreMatch )") == ["idmaccountuuid"]
    assert names_in(b"( 1.2 )") == []
    assert schema_check("属性", ["CN", "sn"], [b"( 2.5.4.3 NAME ( 'cn' 'commonName' ) )"]).found.endswith("sn")


@pytest.mark.parametrize(
    ("failure", "key"),
    [
        ("SSLCertVerificationError: Hostname mismatch, certificate is not valid for 'x'", "host"),
        ("certificate verify failed: certificate has expired", "更新"),
        ("certificate verify failed: self-signed certificate", "ca_file"),
        ("（invalidCredentials）", "bind_dn"),
        ("何か別のこと", "ca_file"),
    ],
)
def test_every_failure_to_connect_has_a_remedy(failure: str, key: str) -> None:
    assert key in remedy_for(failure)
