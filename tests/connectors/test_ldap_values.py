"""Values as directories write them: moments, spans, identifiers, names, and what their answers to a sign-in mean."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ldap import filetime
from connectors.ldap.dialect import Dialect, SignInAnswer
from connectors.ldap.dialects.active_directory import ActiveDirectory, swap_bit
from connectors.ldap.dialects.directory_389 import Directory389
from connectors.ldap.dialects.openldap import OpenLdap
from connectors.ldap.distinguished_names import child, lies_below, named_value, same, split
from connectors.ldap.encoding import simple_bind
from connectors.ldap.password_checks import policy_error
from connectors.ldap.security_ids import below, builtin, domain_of, last_number
from idm.errors import TargetRefused, TargetUnavailable
from idm.ports import PasswordVerdict
from tests.servers.samba_ad import filetime as counted_by_samba

NOW = datetime(2026, 11, 22, tzinfo=UTC)
STANDING = (True, None)
TEXT = st.text(min_size=1, max_size=20)


# --- moments and spans -----------------------------------------------------------------------------------------------


@given(st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_comes_back_to_the_second_and_never_later(moment: datetime) -> None:
    written = filetime.written(moment)
    assert filetime.read(written) == moment.replace(microsecond=0)
    assert int(written) == counted_by_samba(moment.replace(microsecond=0))


@pytest.mark.parametrize("value", [None, b"0", b"9223372036854775807", b"-1", b"9000000000000000000"])
def test_every_way_to_say_never_is_never(value: bytes | None) -> None:
    assert filetime.read(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"-18000000000", timedelta(minutes=30)),
        (b"-36288000000000", timedelta(days=42)),
        (b"0", None),
        (b"-9223372036854775808", None),
        (None, None),
    ],
)
def test_spans_are_negative_numbers(value: bytes | None, expected: timedelta | None) -> None:
    assert filetime.span(value) == expected


def test_what_is_no_number_is_refused_and_a_moment_needs_a_zone() -> None:
    with pytest.raises(TargetRefused):
        filetime.read(b"tomorrow")
    with pytest.raises(ValueError, match="time zone"):
        filetime.written(datetime(2026, 1, 1))  # noqa: DTZ001


# --- identifiers -----------------------------------------------------------------------------------------------------


def test_a_guid_is_written_as_people_write_it() -> None:
    raw = UUID("b087aca0-b61c-4309-ac1f-eb9f03a3ab52").bytes_le
    dialect = ActiveDirectory()
    assert dialect.external_id(raw) == "b087aca0-b61c-4309-ac1f-eb9f03a3ab52"
    assert dialect.id_value("b087aca0-b61c-4309-ac1f-eb9f03a3ab52") == raw
    with pytest.raises(TargetRefused):
        dialect.external_id(raw[:-1])


def test_security_identifiers_are_taken_apart_and_put_together() -> None:
    domain = bytes((1, 4, 0, 0, 0, 0, 0, 5)) + bytes(range(16))
    assert domain_of(below(domain, 512)) == domain
    assert last_number(below(domain, 512)) == 512
    assert builtin(544) == bytes.fromhex("01020000000000052000000020020000")
    for nonsense in (b"", b"\x01\x05", below(domain, 512)[:-1]):
        with pytest.raises(TargetRefused):
            last_number(nonsense)


# --- names -----------------------------------------------------------------------------------------------------------


@given(TEXT, TEXT)
def test_a_name_is_taken_apart_as_it_was_put_together(value: str, above: str) -> None:
    parent = child("ou", above, "dc=example,dc=jp")
    dn = child("cn", value, parent)
    assert split(dn)[1] == parent
    assert named_value(dn) == value
    assert lies_below(dn, parent)
    assert lies_below(parent, parent)
    assert not lies_below(parent, dn)


def test_spelling_makes_no_other_place_and_a_likeness_no_same_one() -> None:
    assert same("OU=People, DC=example,DC=jp", "ou=people,dc=EXAMPLE,dc=jp")
    assert same("cn=a\\2Cb,dc=jp", "cn=a\\,b,dc=jp")
    assert not lies_below("ou=people,dc=example,dc=jp.evil", "dc=example,dc=jp")
    assert not lies_below("cn=x\\,ou=people,dc=jp", "ou=people,dc=jp")
    assert named_value("cn=a+uid=b,dc=jp") is None


# --- one number for everything ---------------------------------------------------------------------------------------


@given(st.integers(0, 2**31 - 1), st.sampled_from([0x2, 0x40000]), st.booleans())
def test_a_bit_is_turned_and_every_other_stays(number: int, bit: int, on: bool) -> None:
    changes = swap_bit({"useraccountcontrol": [str(number).encode()]}, bit, on=on)
    if bool(number & bit) == on:
        assert changes == []
        return
    taken, given_ = (int(change.values[0]) for change in changes)
    assert taken == number
    assert given_ ^ number == bit


def test_what_may_not_be_read_is_not_taken_for_enabled() -> None:
    with pytest.raises(TargetRefused, match="権限"):
        ActiveDirectory().standing([None, None], NOW)
    with pytest.raises(TargetRefused, match="権限"):
        swap_bit({}, 0x2, on=True)


# --- signing in ------------------------------------------------------------------------------------------------------


def ad_says(reason: str) -> SignInAnswer:
    return SignInAnswer(
        49, f"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {reason}, v3839"
    )


@pytest.mark.parametrize(
    ("dialect", "said", "standing", "expected"),
    [
        (ActiveDirectory(), SignInAnswer(0, ""), STANDING, PasswordVerdict.RIGHT),
        (ActiveDirectory(), ad_says("52e"), STANDING, PasswordVerdict.WRONG),
        (ActiveDirectory(), ad_says("525"), STANDING, PasswordVerdict.WRONG),
        (ActiveDirectory(), ad_says("532"), STANDING, PasswordVerdict.PASSWORD_EXPIRED),
        (ActiveDirectory(), ad_says("533"), STANDING, PasswordVerdict.DISABLED),
        (ActiveDirectory(), ad_says("701"), STANDING, PasswordVerdict.ACCOUNT_EXPIRED),
        (ActiveDirectory(), ad_says("773"), STANDING, PasswordVerdict.MUST_CHANGE),
        (ActiveDirectory(), ad_says("775"), STANDING, PasswordVerdict.LOCKED),
        (OpenLdap(), SignInAnswer(0, ""), STANDING, PasswordVerdict.RIGHT),
        (OpenLdap(), SignInAnswer(0, "", 2), STANDING, PasswordVerdict.MUST_CHANGE),
        (OpenLdap(), SignInAnswer(49, ""), STANDING, PasswordVerdict.WRONG),
        (OpenLdap(), SignInAnswer(49, "", 0), STANDING, PasswordVerdict.PASSWORD_EXPIRED),
        (OpenLdap(), SignInAnswer(49, "", 1), STANDING, PasswordVerdict.LOCKED),
        (OpenLdap(), SignInAnswer(49, "", 1), (False, None), PasswordVerdict.DISABLED),
        (OpenLdap(), SignInAnswer(49, "", 1), (False, NOW), PasswordVerdict.ACCOUNT_EXPIRED),
        (Directory389(), SignInAnswer(0, ""), STANDING, PasswordVerdict.RIGHT),
        (Directory389(), SignInAnswer(0, "", 2), STANDING, PasswordVerdict.MUST_CHANGE),
        (Directory389(), SignInAnswer(49, ""), STANDING, PasswordVerdict.WRONG),
        (Directory389(), SignInAnswer(49, "password expired!", 0), STANDING, PasswordVerdict.PASSWORD_EXPIRED),
        (Directory389(), SignInAnswer(19, "Exceed password retry limit."), STANDING, PasswordVerdict.LOCKED),
        (Directory389(), SignInAnswer(19, "Account inactivity limit exceeded."), STANDING, PasswordVerdict.DISABLED),
        (Directory389(), SignInAnswer(53, "Account inactivated."), (False, None), PasswordVerdict.DISABLED),
        (Directory389(), SignInAnswer(53, "Account inactivated."), (False, NOW), PasswordVerdict.ACCOUNT_EXPIRED),
    ],
)
def test_an_answer_to_a_sign_in_means_one_thing(
    dialect: Dialect, said: SignInAnswer, standing: tuple[bool, datetime | None], expected: PasswordVerdict
) -> None:
    assert dialect.password_verdict(said, standing) is expected


@pytest.mark.parametrize("dialect", [ActiveDirectory(), OpenLdap(), Directory389()])
@pytest.mark.parametrize("code", [1, 2, 8, 10, 14, 50, 65])
def test_an_answer_that_says_nothing_of_the_password_is_never_taken_for_one(dialect: Dialect, code: int) -> None:
    with pytest.raises(TargetRefused):
        dialect.password_verdict(SignInAnswer(code, "something else"), STANDING)


@pytest.mark.parametrize("reason", ["530", "531", "534", "999", ""])
def test_a_reason_that_is_not_about_the_password_is_told_as_it_is(reason: str) -> None:
    with pytest.raises(TargetRefused):
        ActiveDirectory().password_verdict(ad_says(reason), STANDING)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, None),
        (b"", None),
        (bytes.fromhex("3000"), None),
        (bytes.fromhex("3003810102"), 2),
        (bytes.fromhex("308400000003810102"), 2),
        (bytes.fromhex("3008a00380010a810101"), 1),
    ],
)
def test_the_password_policys_word_is_read_in_short_and_long_form(value: bytes | None, error: int | None) -> None:
    assert policy_error(value) == error


@pytest.mark.parametrize("value", [bytes.fromhex("30"), bytes.fromhex("3005810102"), bytes.fromhex("0400")])
def test_a_damaged_word_is_no_word(value: bytes) -> None:
    with pytest.raises(TargetUnavailable):
        policy_error(value)


@pytest.mark.parametrize(
    ("name", "password"), [("", "x"), ("cn=a", ""), ("cn=a", " "), ("cn=a", "　"), ("cn=a", "a\0")]
)
def test_no_request_is_made_that_would_be_an_anonymous_sign_in(name: str, password: str) -> None:
    with pytest.raises(ValueError, match="needed to sign in"):
        simple_bind(name, password)
