"""What a real directory tells only to who knows the password: nothing else may be told to a stranger at our door."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from connectors.registry import open_directory
from idm.ports import ChecksPasswords, Directory, PasswordCheck, PasswordVerdict
from tests.servers.directory_389 import Directory389
from tests.servers.openldap import OpenLDAP
from tests.servers.samba_ad import SambaAD, filetime

PASSWORD, WRONG = "Right-Password-1", "Wrong-Password-1"
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenLDAP]:
    server = OpenLDAP(tmp_path_factory.mktemp("slapd"))
    server.build()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def domain() -> Iterator[SambaAD]:
    server = SambaAD()
    server.build()
    server.start()
    yield server
    server.discard()


def both_ways(directory: Directory, name: str) -> tuple[PasswordCheck, PasswordCheck]:
    """What is said to somebody with the right password, and to a stranger before them."""
    asked = cast(ChecksPasswords, directory)
    try:
        stranger = asked.check_password(name, WRONG)
        return asked.check_password(name, PASSWORD), stranger
    finally:
        directory.close()


def require_silent_to_strangers(right: PasswordCheck, stranger: PasswordCheck) -> None:
    """A stranger hears WRONG, or what is marked as told to anybody."""
    assert not stranger.proven
    assert right.proven is (stranger.verdict is PasswordVerdict.WRONG)


@pytest.fixture(scope="module")
def directory_389() -> Iterator[Directory389]:
    server = Directory389()
    server.build()
    server.start()
    yield server
    server.discard()


# --- OpenLDAP --------------------------------------------------------------------------------------------------------

STATES_OF_OPENLDAP = {
    "right": ("", PasswordVerdict.RIGHT),
    "reset": ("pwdReset: TRUE\n", PasswordVerdict.MUST_CHANGE),
    "ended": (f"pwdEndTime: {YESTERDAY:%Y%m%d%H%M%S}Z\n", PasswordVerdict.ACCOUNT_EXPIRED),
    "off": ("pwdEndTime: 19700101000000Z\n", PasswordVerdict.DISABLED),
    "old": ("pwdChangedTime: 20200101000000Z\n", PasswordVerdict.PASSWORD_EXPIRED),
}


@pytest.mark.parametrize("state", STATES_OF_OPENLDAP)
def test_openldap(slapd: OpenLDAP, state: str) -> None:
    added, verdict = STATES_OF_OPENLDAP[state]
    if state == "old":
        change = (
            f"dn: cn=default,ou=policies,{slapd.base_dn}\nchangetype: modify\nreplace: pwdMaxAge\npwdMaxAge: 86400\n"
        )
        slapd.apply(change)
    slapd.apply(
        f"dn: uid={state},{slapd.people_base}\nobjectClass: inetOrgPerson\nuid: {state}\ncn: x\nsn: x\n"
        f"userPassword: {PASSWORD}\n"
    )
    for line in filter(None, [added.strip()]):
        name = line.partition(":")[0]
        change = f"dn: uid={state},{slapd.people_base}\nchangetype: modify\nreplace: {name}\n{line}\n"
        slapd.apply(change, "-e", "relax")
    right, stranger = both_ways(
        open_directory("openldap", slapd.connector_settings(), slapd.service_password()), state
    )  # fmt: skip
    assert right.verdict is verdict
    require_silent_to_strangers(right, stranger)


def test_an_openldap_tells_a_lock_to_anybody_and_it_is_marked_so(slapd: OpenLDAP) -> None:
    slapd.apply(
        f"dn: uid=locked,{slapd.people_base}\nobjectClass: inetOrgPerson\nuid: locked\ncn: x\nsn: x\n"
        f"userPassword: {PASSWORD}\n"
    )
    directory = open_directory("openldap", slapd.connector_settings(), slapd.service_password())
    asked = cast(ChecksPasswords, directory)
    for _ in range(5):
        asked.check_password("locked", WRONG)
    right, stranger = both_ways(directory, "locked")
    assert right.verdict is stranger.verdict is PasswordVerdict.LOCKED
    assert not right.proven


# --- 389 Directory Server --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("chosen", PasswordVerdict.RIGHT),
        ("given", PasswordVerdict.MUST_CHANGE),
        ("off", PasswordVerdict.DISABLED),
    ],
)
def test_389(directory_389: Directory389, state: str, verdict: PasswordVerdict) -> None:
    dn = directory_389.add_person(state, PASSWORD if state == "given" else "First-Password-1")
    if state != "given":
        directory_389.change_own_password(dn, "First-Password-1", PASSWORD)
    if state == "off":
        directory_389.replace(dn, "nsAccountLock", "true")
    settings = {
        "host": directory_389.host, "port": directory_389.ldaps_port, "ca_file": str(directory_389.ca_file),
        "bind_dn": directory_389.service_dn, "people_base": directory_389.people_base,
        "groups_base": directory_389.groups_base,
    }  # fmt: skip
    directory = open_directory("directory_389", settings, directory_389.service_password())
    found, stranger = both_ways(directory, state)
    assert found.verdict is verdict
    require_silent_to_strangers(found, stranger)


# --- Active Directory ------------------------------------------------------------------------------------------------


def off(server: SambaAD, dn: str) -> None:
    server.replace(dn, "userAccountControl", "514")


def ended(server: SambaAD, dn: str) -> None:
    server.replace(dn, "accountExpires", str(filetime(YESTERDAY)))


def reset(server: SambaAD, dn: str) -> None:
    server.replace(dn, "pwdLastSet", "0")


def right(_server: SambaAD, _dn: str) -> None:
    """Nothing is wrong with the account."""


STATES_OF_ACTIVE_DIRECTORY: dict[str, tuple[Callable[[SambaAD, str], None], PasswordVerdict]] = {
    "right": (right, PasswordVerdict.RIGHT),
    "off": (off, PasswordVerdict.DISABLED),
    "ended": (ended, PasswordVerdict.ACCOUNT_EXPIRED),
    "reset": (reset, PasswordVerdict.MUST_CHANGE),
}


def domain_connector(server: SambaAD) -> Directory:
    settings = {
        "host": server.host, "ca_file": str(server.ca_file), "bind_dn": server.service_dn,
        "people_base": server.people_ou, "groups_base": server.groups_ou, "upn_suffix": server.domain,
    }  # fmt: skip
    return open_directory("active_directory", settings, server.service_password())


@pytest.mark.parametrize("state", STATES_OF_ACTIVE_DIRECTORY)
def test_active_directory(domain: SambaAD, state: str) -> None:
    change, verdict = STATES_OF_ACTIVE_DIRECTORY[state]
    change(domain, domain.add_user(state, PASSWORD))
    found, stranger = both_ways(domain_connector(domain), state)
    assert found.verdict is verdict
    require_silent_to_strangers(found, stranger)


def test_an_active_directory_tells_a_lock_to_anybody_and_it_is_marked_so(domain: SambaAD) -> None:
    domain.add_user("locked", PASSWORD)
    directory = domain_connector(domain)
    for _ in range(3):
        cast(ChecksPasswords, directory).check_password("locked", WRONG)
    found, stranger = both_ways(directory, "locked")
    assert found.verdict is stranger.verdict is PasswordVerdict.LOCKED
    assert not found.proven
