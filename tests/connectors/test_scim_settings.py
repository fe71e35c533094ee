"""Settings of a SCIM service: every mistake is told with its key, and what a service departs in can be said."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.scim import decoding, encoding
from connectors.scim.quirks import SERVICES
from connectors.scim.settings import ScimSettings
from idm.errors import ConfigurationInvalid

URL = "https://service.example/scim/v2"
NAMES = st.sampled_from(["id", "userName", "name", "familyName", "emails", "value", "active", "groups"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


def mistakes(token: str | None = "t", **values: object) -> list[str]:
    with pytest.raises(ConfigurationInvalid) as caught:
        ScimSettings.from_mapping(values, token)
    return [mistake.partition(":")[0] for mistake in caught.value.mistakes]


def test_an_address_and_a_token_are_enough() -> None:
    read = ScimSettings.from_mapping({"url": f"{URL}/"}, "token\n")
    assert (read.url, read.token, read.ca_file) == (URL, "token", None)
    assert "token" not in repr(read)


@pytest.mark.parametrize(
    "url", ["http://service.example/scim", "https://", "https://me:secret@service.example", f"{URL}?a=b", f"{URL}#x", 3]
)
def test_only_a_plain_address_over_tls_is_taken(url: object) -> None:
    assert mistakes(url=url) == ["url"]


def test_every_mistake_is_told() -> None:
    told = mistakes(
        None, service="nobody", page_size=0, filters="no", colour="red", ca_file="/not/there", totals=1,
        account_uuid_attribute="password",
    )  # fmt: skip
    assert sorted(told) == sorted(
        [
            "url",
            "credential",
            "service",
            "page_size",
            "filters",
            "colour",
            "ca_file",
            "totals",
            "account_uuid_attribute",
        ]
    )


@pytest.mark.parametrize("token", ["", " ", "two words", "ｗｉｄｅ", "a\nb", "x" * 9000])
def test_what_cannot_be_a_token_is_refused(token: str) -> None:
    assert mistakes(token, url=URL) == ["credential"]


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_is_known_for_can_be_said_otherwise(service: str, tmp_path: Path) -> None:
    read = ScimSettings.from_mapping({"url": URL, "service": service, "deletes": False}, "t")
    assert not read.quirks.deletes
    assert read.quirks.filters is SERVICES[service].filters


@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_whatever_a_service_says_of_a_user_can_be_read(user: dict[str, object]) -> None:
    account = decoding.account(user, "externalId")
    assert isinstance(account.enabled, bool)
    assert isinstance(account.attributes.login_name, str)
    assert isinstance(decoding.references(user, "groups"), list)


@given(st.text())
def test_a_filter_is_for_that_very_value(value: str) -> None:
    condition = encoding.equals("userName", value)
    name, _, said = condition.partition(" eq ")
    assert name == "userName"
    assert said.startswith('"')
    assert said.endswith('"')
    assert '"' not in said[1:-1].replace("\\\\", "").replace('\\"', "")
