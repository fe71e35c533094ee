"""The domain controller for tests answers as other tests rely on, and its witnesses tell the truth."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.servers.certificates import make_certificates
from tests.servers.ldap_tools import Administrator, ldif_line
from tests.servers.samba_ad import LONGEST_FOLDER, SambaAD, SignIn, filetime, unicode_password

PASSWORD = "Aoi-Sora-2026"
OTHER = "Midori-Kaze-27"


@pytest.fixture(scope="module")
def directory() -> Iterator[SambaAD]:
    """One domain for this module; each test makes its own people."""
    server = SambaAD()
    server.build()
    server.start()
    yield server
    server.discard()


@pytest.fixture
def service(directory: SambaAD) -> Administrator:
    """What the service account sees and may do."""
    return Administrator(directory.tools, directory.service_dn, directory.service_password_file)


def test_it_answers_over_tls_to_those_who_know_its_authority_only(directory: SambaAD, tmp_path: Path) -> None:
    assert directory.read(directory.people_ou, "ou") == {"ou": ["People"]}
    stranger = replace(directory.tools, ca_file=make_certificates(tmp_path).good.ca_file)
    with pytest.raises(RuntimeError, match="Can't contact LDAP server"):
        replace(directory.administrator, tools=stranger).read(directory.people_ou)


def test_it_takes_no_password_in_clear(directory: SambaAD) -> None:
    dn = directory.add_user("clear", PASSWORD)
    plain = replace(directory.tools, uri=f"ldap://{directory.host}:389")
    done = plain.run_with("ldapsearch", dn, PASSWORD, "-s", "base", "-b", directory.base_dn)
    assert b"Strong(er) authentication required (8)" in done.stderr


def test_it_lets_in_by_upn_and_by_dn_and_says_why_not(directory: SambaAD) -> None:
    dn = directory.add_user("taro", PASSWORD, displayName="髙橋 太郎")
    assert directory.read(dn, "displayName") == {"displayName": ["髙橋 太郎"]}
    assert directory.sign_in(dn, PASSWORD) == SignIn(True, "")
    assert directory.sign_in("taro@ad.example.jp", PASSWORD) == SignIn(True, "")
    assert directory.sign_in(dn, OTHER) == SignIn(False, "52e")
    directory.replace(dn, "userAccountControl", "514")
    assert directory.sign_in(dn, PASSWORD) == SignIn(False, "533")
    directory.replace(dn, "userAccountControl", "512")
    directory.replace(dn, "accountExpires", str(filetime(datetime(2020, 1, 1, tzinfo=UTC))))
    assert directory.sign_in(dn, PASSWORD) == SignIn(False, "701")


def test_a_reset_ends_the_former_password_at_once_and_may_ask_for_another(directory: SambaAD) -> None:
    dn = directory.add_user("reset", PASSWORD)
    directory.reset_password(dn, OTHER)
    assert directory.sign_in(dn, PASSWORD) == SignIn(False, "52e")
    assert directory.sign_in(dn, OTHER).ok
    directory.reset_password(dn, PASSWORD, must_change=True)
    assert directory.sign_in(dn, PASSWORD) == SignIn(False, "773")


def test_the_third_wrong_password_locks(directory: SambaAD) -> None:
    dn = directory.add_user("locked", PASSWORD)
    assert [directory.sign_in(dn, OTHER).code for _ in range(3)] == ["52e"] * 3
    assert directory.sign_in(dn, PASSWORD) == SignIn(False, "775")
    directory.replace(dn, "lockoutTime", "0")
    assert directory.sign_in(dn, PASSWORD).ok


def test_it_comes_back_where_it_was_with_what_it_held(directory: SambaAD) -> None:
    dn = directory.add_user("kept", PASSWORD)
    before = directory.host, directory.guid(dn)
    directory.restart()
    assert (directory.host, directory.guid(dn)) == before
    assert directory.sign_in(dn, PASSWORD).ok


def test_last_use_and_members_can_be_arranged_and_are_found(directory: SambaAD) -> None:
    long_ago = datetime(2025, 4, 1, tzinfo=UTC)
    dn = directory.add_user("dormant")
    directory.set_last_logon_timestamp(dn, long_ago)
    group = directory.add_group("福祉課", dn)
    found = directory.search(directory.base_dn, f"(lastLogonTimestamp<={filetime(long_ago)})", "memberOf")
    assert found == {dn: {"memberOf": [group]}}


def test_rules_for_some_people_take_the_place_of_the_domains(directory: SambaAD) -> None:
    dn = directory.add_user("strict", PASSWORD)
    rules = directory.add_password_settings_object("long", 10, "--min-pwd-length=20", applies_to="strict")
    assert directory.read(dn, "msDS-ResultantPSO") == {"msDS-ResultantPSO": [rules]}
    with pytest.raises(RuntimeError, match="0000052D"):
        directory.reset_password(dn, OTHER)


def test_the_rules_of_the_domain_can_be_set(directory: SambaAD) -> None:
    directory.set_password_settings("--min-pwd-length=14")
    assert directory.read(directory.base_dn, "minPwdLength") == {"minPwdLength": ["14"]}
    directory.set_password_settings("--min-pwd-length=10")


def test_two_at_once_have_addresses_and_data_of_their_own(directory: SambaAD) -> None:
    directory.add_user("here", PASSWORD)
    other = SambaAD(old_password_minutes=60)
    other.build()
    other.start()
    try:
        assert other.host != directory.host
        dn = other.add_user("there", PASSWORD)
        assert other.search(other.people_ou, "(sAMAccountName=here)") == {}
        other.reset_password(dn, OTHER)
        assert other.sign_in(dn, PASSWORD).ok, "the former password is still good, as in Samba's own configuration"
    finally:
        other.discard()
    assert not other.folder.exists()


def test_a_start_that_fails_says_what_samba_says() -> None:
    server = SambaAD()
    server.build()
    (server.folder / "tls" / "good" / "server.key").chmod(0o644)
    with pytest.raises(RuntimeError, match="Invalid permissions on TLS private key file"):
        server.start()
    server.discard()


def test_a_folder_too_deep_for_its_sockets_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too long"):
        SambaAD(tmp_path / ("x" * LONGEST_FOLDER))


def test_its_secrets_are_for_their_owner_only(directory: SambaAD) -> None:
    secrets = (directory.service_password_file, directory.administrator_password_file)
    assert [path.stat().st_mode & 0o077 for path in secrets] == [0, 0]


# --- what is delegated to the service account


def test_the_service_account_keeps_users_where_that_is_delegated(directory: SambaAD, service: Administrator) -> None:
    dn, stopped = f"CN=jiro,{directory.people_ou}", f"CN=jiro,{directory.stopped_ou}"
    service.apply(_new_user(dn, "jiro"))
    assert directory.sign_in(dn, PASSWORD).ok
    service.apply(_replaced(dn, "unicodePwd", unicode_password(OTHER)))
    for attribute, value in (("pwdLastSet", "0"), ("lockoutTime", "0"), ("userAccountControl", "514"), ("sn", "次郎")):
        service.apply(_replaced(dn, attribute, value))
    group = directory.add_group("delegated")
    service.apply(_replaced(group, "member", dn))
    service.apply(_moved(dn, directory.stopped_ou))
    assert directory.read(group, "member") == {"member": [stopped]}
    read = service.read(stopped, "userAccountControl", "pwdLastSet", "lockoutTime", "memberOf")
    assert read == {"userAccountControl": ["514"], "pwdLastSet": ["0"], "lockoutTime": ["0"], "memberOf": [group]}
    service.apply(f"dn: {stopped}\nchangetype: delete\n")
    assert directory.read(stopped) == {}


@pytest.mark.parametrize(
    "forbidden",
    [
        pytest.param(lambda d, dn: _replaced(f"CN=Domain Admins,CN=Users,{d.base_dn}", "member", dn), id="tier 0"),
        pytest.param(lambda d, dn: _new_user(f"CN=x,CN=Users,{d.base_dn}", "x"), id="a user elsewhere"),
        pytest.param(lambda d, dn: _new_user(f"CN=x,{d.groups_ou}", "x"), id="a user among groups"),
        pytest.param(lambda d, dn: _moved(dn, f"CN=Users,{d.base_dn}"), id="moving out"),
        pytest.param(lambda d, dn: _replaced(dn, "userAccountControl", "524800"), id="trusted for delegation"),
        pytest.param(
            lambda d, dn: _replaced(d.administrator_dn, "unicodePwd", unicode_password(OTHER)), id="the administrator"
        ),
        pytest.param(lambda d, dn: _replaced(d.people_ou, "description", "x"), id="the OU itself"),
    ],
)
def test_the_service_account_can_do_nothing_else(
    forbidden: Callable[[SambaAD, str], str], directory: SambaAD, service: Administrator
) -> None:
    dn = f"CN=target,{directory.people_ou}"
    if not directory.read(dn, "cn"):
        directory.add_user("target", PASSWORD)
    with pytest.raises(RuntimeError, match=r"Insufficient access \(50\)"):
        service.apply(forbidden(directory, dn))


def _new_user(dn: str, name: str) -> str:
    given = {"dn": dn, "objectClass": "user", "sAMAccountName": name, "userAccountControl": "512"}
    lines = [ldif_line(attribute, value) for attribute, value in given.items()]
    return "".join([*lines, ldif_line("unicodePwd", unicode_password(PASSWORD))])


def _replaced(dn: str, attribute: str, value: str | bytes) -> str:
    return f"{ldif_line('dn', dn)}changetype: modify\nreplace: {attribute}\n{ldif_line(attribute, value)}"


def _moved(dn: str, ou: str) -> str:
    return f"dn: {dn}\nchangetype: moddn\nnewrdn: {dn.partition(',')[0]}\ndeleteoldrdn: 1\nnewsuperior: {ou}\n"
