"""389 Directory Server for tests answers as other tests rely on, and its witnesses tell the truth."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.servers.certificates import make_certificates
from tests.servers.directory_389 import Directory389
from tests.servers.ldap_tools import Administrator, ldif_line

PASSWORD = "Aoi-Sora-2026"
OTHER = "Midori-Kaze-27"
UUID = "61105eef-72f5-45c6-a3fc-a2ebe09e19b1"


@pytest.fixture(scope="module")
def directory() -> Iterator[Directory389]:
    """One directory for this module; each test makes its own people."""
    server = Directory389()
    server.build()
    server.start()
    yield server
    server.discard()


@pytest.fixture
def service(directory: Directory389) -> Administrator:
    """What the service account sees and may do."""
    return Administrator(directory.tools, directory.service_dn, directory.service_password_file)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_its_certificate_is_good_for_both_names_of_this_machine(directory: Directory389, host: str) -> None:
    context = ssl.create_default_context(cafile=str(directory.ca_file))
    with (
        socket.create_connection(("127.0.0.1", directory.ldaps_port)) as connection,
        context.wrap_socket(connection, server_hostname=host) as wrapped,
    ):
        assert wrapped.version() == "TLSv1.3"


def test_it_answers_over_tls_to_those_who_know_its_authority_only(directory: Directory389, tmp_path: Path) -> None:
    stranger = replace(directory.tools, ca_file=make_certificates(tmp_path).good.ca_file)
    with pytest.raises(RuntimeError, match="Can't contact LDAP server"):
        replace(directory.administrator, tools=stranger).read(directory.people_base)


def test_it_takes_passwords_after_starttls_and_never_in_clear(directory: Directory389) -> None:
    plain = replace(directory.tools, uri=f"ldap://127.0.0.1:{directory.plain_port}")
    asked = ("-s", "base", "-b", directory.people_base)
    account = (directory.service_dn, directory.service_password_file)
    assert b"Confidentiality required (13)" in plain.run("ldapsearch", *account, *asked).stderr
    assert plain.run("ldapsearch", *account, "-ZZ", *asked).returncode == 0


def test_a_password_set_by_the_help_desk_is_good_for_changing_it_only(directory: Directory389) -> None:
    dn = _in_use(directory, "taro")
    assert directory.sign_in(dn, PASSWORD).ok
    directory.reset_password(dn, OTHER)
    let_in = directory.sign_in(dn, OTHER)
    assert (let_in.ok, let_in.code, let_in.must_change) == (False, 53, True)


def test_wrong_passwords_say_49_and_the_third_locks_with_19(directory: Directory389) -> None:
    dn = _in_use(directory, "locked")
    assert [directory.sign_in(dn, OTHER).code for _ in range(3)] == [49] * 3
    assert directory.sign_in(dn, PASSWORD).code == 19


def test_a_disabled_account_says_53_and_a_reset_does_not_enable_it(directory: Directory389) -> None:
    dn = _in_use(directory, "disabled")
    directory.replace(dn, "nsAccountLock", "true")
    directory.reset_password(dn, OTHER)
    refused = directory.sign_in(dn, OTHER)
    assert refused.code == 53
    assert not refused.must_change
    assert "Account inactivated" in refused.words


def test_it_comes_back_where_it_was_with_what_it_held(directory: Directory389) -> None:
    dn = _in_use(directory, "kept")
    before = directory.ldaps_port, directory.read(dn, "entryUUID")
    directory.restart()
    assert (directory.ldaps_port, directory.read(dn, "entryUUID")) == before
    assert directory.sign_in(dn, PASSWORD).ok


def test_it_numbers_changes_and_goes_on_counting_after_a_restart(directory: Directory389) -> None:
    dn = _in_use(directory, "counted")
    numbers = [_change_number(directory, dn)]
    directory.replace(dn, "description", "one")
    numbers.append(_change_number(directory, dn))
    directory.restart()
    directory.replace(dn, "description", "two")
    numbers.append(_change_number(directory, dn))
    assert numbers == sorted(set(numbers))


def test_it_notes_the_last_use_without_touching_the_entry_otherwise(directory: Directory389) -> None:
    long_ago = datetime(2025, 4, 1, tzinfo=UTC)
    dn = _in_use(directory, "dormant")
    directory.set_last_use(dn, long_ago)
    assert [*directory.search(directory.people_base, "(lastLoginTime<=20250401000000Z)", "1.1")] == [dn]
    modified = directory.read(dn, "modifyTimestamp")
    directory.sign_in(dn, PASSWORD)
    assert directory.read(dn, "lastLoginTime") != {"lastLoginTime": ["20250401000000Z"]}
    assert directory.read(dn, "modifyTimestamp") == modified


def test_members_know_their_groups_and_groups_follow_their_members(directory: Directory389) -> None:
    dn = directory.add_person("member")
    group = directory.add_group("福祉課", dn)
    assert directory.read(dn, "memberOf") == {"memberOf": [group]}
    directory.apply(f"dn: {dn}\nchangetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n")
    assert directory.read(group, "member") == {"member": [f"uid=renamed,{directory.people_base}"]}
    directory.apply(f"dn: uid=renamed,{directory.people_base}\nchangetype: delete\n")
    assert directory.read(group, "member") == {}


def test_our_mark_is_found_by_an_index_in_any_case_and_exists_once(directory: Directory389) -> None:
    dn = _marked(directory, "marked")
    assert [*directory.search(directory.people_base, f"(idmAccountUuid={UUID.upper()})", "1.1")] == [dn]
    with pytest.raises(RuntimeError, match="same attribute value already exists"):
        _marked(directory, "twice")


def test_two_at_once_have_ports_and_data_of_their_own(directory: Directory389) -> None:
    directory.add_person("here")
    other = Directory389()
    other.build()
    other.start()
    try:
        assert other.people() == []
        other.add_person("there")
        assert f"uid=there,{directory.people_base}" not in directory.people()
    finally:
        other.discard()
    assert not other.folder.exists()


def test_a_start_that_fails_says_what_the_server_says() -> None:
    server = Directory389()
    server.build()
    dse = server.folder / "config" / "dse.ldif"
    dse.write_text(dse.read_text().replace("nsslapd-rootpw: {SSHA512}", "nsslapd-rootpw: "))
    with pytest.raises(RuntimeError, match="password scheme mismatch"):
        server.start()
    server.discard()


def test_its_secrets_are_for_their_owner_only(directory: Directory389) -> None:
    secrets = (directory.service_password_file, directory.administrator_password_file)
    assert [path.parent.stat().st_mode & 0o077 or path.stat().st_mode & 0o077 for path in secrets] == [0, 0]


# --- what is delegated to the service account


def test_the_service_account_keeps_people_and_members(directory: Directory389, service: Administrator) -> None:
    dn = f"uid=jiro,{directory.people_base}"
    service.apply(_new_person(dn, userPassword=PASSWORD))
    assert directory.sign_in(dn, PASSWORD).must_change
    service.apply(_replaced(dn, "userPassword", OTHER))
    service.apply(_replaced(dn, "nsAccountLock", "true"))
    group = directory.add_group("delegated")
    service.apply(_replaced(group, "member", dn))
    read = service.read(dn, "userPassword", "nsAccountLock", "memberOf")
    assert read == {"nsAccountLock": ["true"], "memberOf": [group]}
    service.apply(f"dn: {dn}\nchangetype: delete\n")
    assert directory.read(dn) == {}


def test_the_rules_for_passwords_bind_the_service_account(directory: Directory389, service: Administrator) -> None:
    dn = directory.add_person("weak")
    with pytest.raises(RuntimeError, match="at least 10 characters"):
        service.apply(_replaced(dn, "userPassword", "Ab-1"))


def test_strangers_cannot_lock_the_service_account_out(directory: Directory389) -> None:
    assert {directory.sign_in(directory.service_dn, OTHER).code for _ in range(5)} == {49}
    assert directory.sign_in(directory.service_dn, directory.service_password()).ok


def test_the_service_account_can_do_nothing_else(directory: Directory389, service: Administrator) -> None:
    dn, group = directory.add_person("target"), directory.add_group("its description")
    forbidden = (
        _new_person(f"uid=x,{directory.groups_base}"),
        _replaced(group, "description", "x"),
        _replaced(dn, "pwdpolicysubentry", directory.service_dn),
        _replaced(directory.people_base, "aci", '(version 3.0; acl "x"; allow (all) userdn = "ldap:///all";)'),
        f"dn: {dn}\nchangetype: modrdn\nnewrdn: uid=target\ndeleteoldrdn: 1\nnewsuperior: {directory.groups_base}\n",
    )
    for change in forbidden:
        with pytest.raises(RuntimeError, match=r"Insufficient access \(50\)"):
            service.apply(change)


def _in_use(directory: Directory389, uid: str) -> str:
    """Somebody who has changed the first password."""
    dn = directory.add_person(uid, "First-Pass-99")
    directory.change_own_password(dn, "First-Pass-99", PASSWORD)
    return dn


def _marked(directory: Directory389, uid: str) -> str:
    dn = f"uid={uid},{directory.people_base}"
    directory.apply(_new_person(dn) + ldif_line("objectClass", "idmAccount") + ldif_line("idmAccountUuid", UUID))
    return dn


def _new_person(dn: str, **more: str) -> str:
    given = {"dn": dn, "objectClass": "inetOrgPerson", "cn": "x", "sn": "x", **more}
    return "".join(ldif_line(name, value) for name, value in given.items())


def _replaced(dn: str, attribute: str, value: str) -> str:
    return f"{ldif_line('dn', dn)}changetype: modify\nreplace: {attribute}\n{ldif_line(attribute, value)}"


def _change_number(directory: Directory389, dn: str) -> int:
    return int(directory.read(dn, "entryusn")["entryusn"][0])
