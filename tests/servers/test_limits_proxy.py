"""The fake limits are what their docstring says, and everything else passes unchanged."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ldap3.protocol.rfc4511 import AttributeDescription, PartialAttribute, Vals
from pyasn1.codec.ber import decoder, encoder

from tests.servers.certificates import make_certificates
from tests.servers.ldap_tools import Administrator, LdapTools, ldif_line
from tests.servers.limits_proxy import MAX_PAGE_SIZE, MAX_VALUE_RANGE, LimitsProxy, within_value_range
from tests.servers.samba_ad import SambaAD

PEOPLE = 1600
"""More than either limit, and less than two of each."""


@pytest.fixture(scope="module")
def directory() -> Iterator[SambaAD]:
    """A domain with many people, all of them in one group."""
    server = SambaAD()
    server.build()
    server.start()
    names = [f"CN=p{number:04},{server.people_ou}" for number in range(PEOPLE)]
    server.apply("".join(f"dn: {dn}\nobjectClass: user\nsAMAccountName: {dn[3:8]}\n\n" for dn in names))
    server.add_group("everybody", *names)
    yield server
    server.discard()


@pytest.fixture
def limited(directory: SambaAD, tmp_path: Path) -> Iterator[Administrator]:
    """The administrator, asking through the proxy."""
    certificate = make_certificates(tmp_path).good
    with LimitsProxy(directory, certificate) as proxy:
        tools = LdapTools(f"ldaps://127.0.0.1:{proxy.port}", certificate.ca_file)
        yield Administrator(tools, directory.administrator_dn, directory.administrator_password_file)


def _asked(who: Administrator, base: str, *arguments: str) -> tuple[int, int]:
    """The status of a search for users, and how many it gave."""
    flags = ("-LLL", "-b", base, *arguments, "(objectClass=user)", "1.1")
    done = who.tools.run("ldapsearch", who.dn, who.password_file, *flags)
    return done.returncode, done.stdout.count(b"dn: ")


def test_samba_itself_knows_no_limits(directory: SambaAD) -> None:
    assert _asked(directory.administrator, directory.people_ou) == (0, PEOPLE)
    group = f"CN=everybody,{directory.groups_ou}"
    assert len(directory.read(group, "member")["member"]) == PEOPLE


def test_a_search_without_pages_ends_after_a_page_with_size_limit_exceeded(
    directory: SambaAD, limited: Administrator
) -> None:
    assert _asked(limited, directory.people_ou) == (4, MAX_PAGE_SIZE)


def test_a_search_within_the_limit_passes_unchanged(directory: SambaAD, limited: Administrator) -> None:
    dn = f"CN=p0007,{directory.people_ou}"
    assert limited.search(dn, "(objectClass=*)") == directory.search(dn, "(objectClass=*)")


def test_the_limit_of_the_request_holds_when_it_is_smaller(directory: SambaAD, limited: Administrator) -> None:
    assert _asked(limited, directory.people_ou, "-z", "10") == (4, 10)
    assert _asked(limited, directory.people_ou, "-z", "1500") == (4, MAX_PAGE_SIZE)


@pytest.mark.parametrize(
    ("asked", "pages"), [(500, [500, 500, 500, 100]), (MAX_PAGE_SIZE, [1000, 600]), (5000, [1000, 600])]
)
def test_pages_give_everything_and_none_is_larger_than_the_limit(
    directory: SambaAD, limited: Administrator, asked: int, pages: list[int]
) -> None:
    flags = ("-b", directory.people_ou, "-E", f"pr={asked}/noprompt", "(objectClass=user)", "1.1")
    done = limited.tools.run("ldapsearch", limited.dn, limited.password_file, *flags)
    *given, _ = done.stdout.split(b"# search result")
    assert done.returncode == 0
    assert [page.count(b"dn: ") for page in given] == pages


def test_of_many_values_the_first_come_under_the_name_of_their_range(
    directory: SambaAD, limited: Administrator
) -> None:
    found = limited.read(f"CN=everybody,{directory.groups_ou}", "member", "cn")
    assert {name: len(values) for name, values in found.items()} == {
        "cn": 1,
        f"member;range=0-{MAX_VALUE_RANGE - 1}": MAX_VALUE_RANGE,
    }


@pytest.mark.parametrize(
    ("asked", "range_given"),
    [("member", "0-1499"), ("member;range=0-*", "0-1499"), ("member;Range=1500-4000", "1500-2999")],
)
def test_the_name_that_was_asked_for_comes_along_without_values(asked: str, range_given: str) -> None:
    values = [b"CN=%d" % number for number in range(MAX_VALUE_RANGE + 1)]
    assert _attributes(within_value_range(_attribute(asked, values))) == [
        (asked, []),
        (f"member;range={range_given}", values[:-1]),
    ]


def test_as_many_values_as_are_allowed_pass_unchanged() -> None:
    values = [b"CN=%d" % number for number in range(MAX_VALUE_RANGE)]
    assert _attributes(within_value_range(_attribute("member", values))) == [("member", values)]


@pytest.mark.parametrize(
    ("asked", "named", "count"),
    [
        ("0-*", "0-1499", MAX_VALUE_RANGE),
        ("0-1599", "0-1499", MAX_VALUE_RANGE),
        ("10-20", "10-20", 11),
        (f"{MAX_VALUE_RANGE}-*", f"{MAX_VALUE_RANGE}-*", PEOPLE - MAX_VALUE_RANGE),
    ],
)
def test_ranges_can_be_asked_for_and_are_cut(
    directory: SambaAD, limited: Administrator, asked: str, named: str, count: int
) -> None:
    group = f"CN=everybody,{directory.groups_ou}"
    found = {name: len(values) for name, values in limited.read(group, f"member;range={asked}").items() if values}
    assert found == {f"member;range={named}": count}


def test_the_ranges_together_are_everybody_once(directory: SambaAD, limited: Administrator) -> None:
    group = f"CN=everybody,{directory.groups_ou}"
    first = limited.read(group, "member")[f"member;range=0-{MAX_VALUE_RANGE - 1}"]
    rest = limited.read(group, f"member;range={MAX_VALUE_RANGE}-*")[f"member;range={MAX_VALUE_RANGE}-*"]
    assert sorted(first + rest) == sorted(directory.read(group, "member")["member"])


def test_changes_pass_through(directory: SambaAD, limited: Administrator) -> None:
    dn = f"CN=p0008,{directory.people_ou}"
    limited.apply(f"dn: {dn}\nchangetype: modify\nreplace: displayName\n{ldif_line('displayName', '髙橋')}")
    assert directory.read(dn, "displayName") == {"displayName": ["髙橋"]}


def _attribute(name: str, values: list[bytes]) -> bytes:
    """What is inside a PartialAttribute (RFC 4511 4.1.7), as another program writes it."""
    whole = PartialAttribute()
    whole["type"] = AttributeDescription(name)
    whole["vals"] = Vals()
    for number, value in enumerate(values):
        whole["vals"][number] = value
    octets: bytes = encoder.encode(whole)
    return octets[4:]  # its tag, and three octets of length


def _attributes(octets: bytes) -> list[tuple[str, list[bytes]]]:
    """Names and values, as another program reads them."""
    found = []
    while octets:
        attribute, octets = decoder.decode(octets, asn1Spec=PartialAttribute())
        found.append((str(attribute["type"]), [bytes(value) for value in attribute["vals"]]))
    return found
