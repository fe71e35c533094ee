"""The client against a real provider: npm's oidc-provider over TLS, with msal in between (control F4)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from connectors.oidc.conversation import Conversation
from connectors.oidc.provider import OidcProvider
from idm.errors import ConfigurationInvalid, TargetRefused, TargetUnavailable
from idm.ports import Begun
from tests.servers.certificates import make_certificates
from tests.servers.oidc_provider import CLIENT, SECRET, TENANT, ProviderBrowser, ProviderServer, running

ANSWER_AT = "http://localhost:8600/sign-in/provider/answer"
EIGHT_HOURS = timedelta(hours=8)
PEOPLE = {"taro": {"oid": "object-of-taro", "tid": TENANT, "email": "mayor@example.jp"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderServer]:
    """A running provider, one for the module."""
    with running(ProviderServer(tmp_path_factory.mktemp("provider"), answer_at=ANSWER_AT, people=PEOPLE)) as server:
        yield server


@dataclass
class Clock:
    """The machine's clock, so much later."""

    later: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.later


def client(
    server: ProviderServer, *, entra: bool = False, secret: str = SECRET, ca_file: Path | None = None,
    authority: str | None = None, clock: Clock | None = None,
) -> OidcProvider:  # fmt: skip
    named = server.described(entra=entra)
    return OidcProvider(
        authority=authority or named.authority, issuer=authority or named.issuer, client_id=CLIENT, secret=secret,
        entra=entra, ca_file=ca_file or server.ca_file, clock=clock or Clock(),
    )  # fmt: skip


def came_back(server: ProviderServer, begun: Begun, name: str = "taro") -> dict[str, str]:
    return dict(parse_qsl(urlsplit(ProviderBrowser(server).sign_in(begun.address, name)).query))


def test_the_way_there_asks_for_a_code_with_pkce_state_nonce_and_a_fresh_sign_in(server: ProviderServer) -> None:
    begun = client(server).begin(ANSWER_AT, max_age=EIGHT_HOURS)
    asked = parse_qs(urlsplit(begun.address).query)
    assert asked["response_type"] == ["code"]
    assert asked["response_mode"] == ["query"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["state"] == [begun.state]
    assert asked["max_age"] == ["28800"]
    assert asked["redirect_uri"] == [ANSWER_AT]
    assert "offline_access" not in asked["scope"][0]
    assert len(asked["nonce"][0]) == 64
    assert SECRET not in begun.address + begun.kept
    assert begun.kept not in repr(begun)


def test_whom_the_provider_signed_in_is_proven_by_issuer_and_subject(server: ProviderServer) -> None:
    ours = client(server)
    begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
    proven = ours.complete(begun.kept, came_back(server, begun))
    assert (proven.issuer, proven.subject) == (server.issuer, "taro")
    assert datetime.now(UTC) - proven.signed_in_at < timedelta(minutes=1)


def test_the_way_of_entra_id_takes_the_object_id(server: ProviderServer) -> None:
    ours = client(server, entra=True)
    begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
    proven = ours.complete(begun.kept, came_back(server, begun))
    assert (proven.issuer, proven.subject) == (server.issuer, "object-of-taro")


def test_somebody_without_our_tenant_is_not_taken_on_the_way_of_entra_id(server: ProviderServer) -> None:
    ours = client(server, entra=True)
    begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
    with pytest.raises(TargetRefused, match="tenant"):
        ours.complete(begun.kept, came_back(server, begun, "guest"))


def test_at_entra_id_the_tenant_is_named_by_its_id() -> None:
    for tenant in ("common", "organizations", "town.onmicrosoft.com", ""):
        with pytest.raises(ConfigurationInvalid):
            OidcProvider(
                authority=f"https://login.microsoftonline.com/{tenant}", issuer="-", client_id=CLIENT, secret=SECRET,
                entra=True, ca_file=None, clock=Clock(),
            )  # fmt: skip


@pytest.mark.asvs("10.5.1")
def test_a_code_is_redeemed_once(server: ProviderServer) -> None:
    ours = client(server)
    begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
    answer = came_back(server, begun)
    ours.complete(begun.kept, answer)
    with pytest.raises(TargetRefused, match="invalid_grant"):
        ours.complete(begun.kept, answer)


@pytest.mark.asvs("10.1.2", "10.2.1")
def test_the_answer_to_one_beginning_does_not_complete_another(server: ProviderServer) -> None:
    ours = client(server)
    mine, strangers = (ours.begin(ANSWER_AT, max_age=EIGHT_HOURS) for _ in range(2))
    injected = came_back(server, strangers, "stranger")
    with pytest.raises(TargetRefused):
        ours.complete(mine.kept, injected)
    with pytest.raises(TargetRefused, match="invalid_grant"):  # the state repaired: the code is bound by PKCE
        ours.complete(mine.kept, {**injected, "state": mine.state})


@pytest.mark.asvs("10.2.2")
def test_an_answer_that_names_another_provider_or_none_is_refused_before_the_code_is_sent(
    server: ProviderServer,
) -> None:
    ours = client(server)
    begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
    answer = came_back(server, begun)
    for iss in ({"iss": "https://evil.example/v2.0"}, {}):
        with pytest.raises(TargetRefused, match="another provider"):
            ours.complete(begun.kept, {name: said for name, said in answer.items() if name != "iss"} | iss)
    assert ours.complete(begun.kept, answer).subject == "taro"  # so the code was never spent


@pytest.mark.asvs("10.2.2")
def test_what_was_begun_at_another_provider_is_not_completed_here(server: ProviderServer) -> None:
    ours = client(server)
    begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
    answer = came_back(server, begun)
    with pytest.raises(TargetRefused, match="another provider"):
        ours.complete(json.dumps(json.loads(begun.kept) | {"issuer": "https://other.example/x"}), answer)


@pytest.mark.asvs("7.6.1", "6.8.4")
def test_who_signed_in_there_too_long_ago_is_asked_again_there_and_not_believed_here(server: ProviderServer) -> None:
    browser = ProviderBrowser(server)
    ours = client(server)
    browser.sign_in(ours.begin(ANSWER_AT, max_age=EIGHT_HOURS).address, "taro")
    late = client(server, clock=Clock(later=timedelta(minutes=9)))
    begun = late.begin(ANSWER_AT, max_age=timedelta(minutes=5))
    answer = dict(parse_qsl(urlsplit(browser.sign_in(begun.address, "taro")).query))
    with pytest.raises(TargetRefused, match="too old"):
        late.complete(begun.kept, answer)


def test_cancelling_at_the_provider_proves_nobody(server: ProviderServer) -> None:
    ours = client(server)
    begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
    said = {"state": begun.state, "iss": server.issuer, "error": "access_denied"}
    with pytest.raises(TargetRefused, match="access_denied"):
        ours.complete(begun.kept, said)
    with pytest.raises(TargetUnavailable):
        ours.complete(begun.kept, said | {"error": "temporarily_unavailable"})


def test_a_wrong_secret_of_ours_is_told_to_us_and_never_shown(server: ProviderServer) -> None:
    ours = client(server, secret="not-the-secret")
    begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
    with pytest.raises(TargetRefused, match="invalid_client") as caught:
        ours.complete(begun.kept, came_back(server, begun))
    assert "not-the-secret" not in str(caught.value) + repr(ours)


def test_settings_of_the_environment_go_before_nothing(server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """`REQUESTS_CA_BUNDLE` replaces a session's own authority, and a proxy would see the code (psf/requests 3829)."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    ours = client(server)
    begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
    assert ours.complete(begun.kept, came_back(server, begun)).subject == "taro"


def test_a_provider_that_nobody_vouches_for_is_not_asked(server: ProviderServer, tmp_path: Path) -> None:
    other = make_certificates(tmp_path).other_authority.ca_file
    for ca_file in (other, tmp_path / "missing.pem"):
        with pytest.raises(TargetUnavailable):
            client(server, ca_file=ca_file).begin(ANSWER_AT, max_age=EIGHT_HOURS)


def test_nothing_is_asked_without_tls() -> None:
    with Conversation(None) as conversation, pytest.raises(TargetRefused, match="without TLS"):
        conversation.get("http://localhost/")


@pytest.mark.asvs("10.5.3")
def test_what_is_published_must_be_of_the_issuer_that_was_accepted(server: ProviderServer) -> None:
    """The document is there, and valid; it only is another's (OpenID Connect Discovery 4.3)."""
    by_address = server.issuer.replace("localhost", "127.0.0.1")
    with pytest.raises(TargetRefused, match="another issuer"):
        client(server, authority=by_address).begin(ANSWER_AT, max_age=EIGHT_HOURS)
    with pytest.raises(TargetRefused):
        client(server, authority=server.issuer + "/nowhere").begin(ANSWER_AT, max_age=EIGHT_HOURS)


def test_where_people_sign_out_there_is_known_once_it_was_read(server: ProviderServer) -> None:
    ours = client(server)
    assert ours.sign_out_address() is None
    ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
    assert ours.sign_out_address() == f"{server.issuer}/session/end"


def test_a_provider_that_is_down_can_be_asked_again_later(tmp_path: Path) -> None:
    with running(ProviderServer(tmp_path, answer_at=ANSWER_AT, people=PEOPLE)) as server:
        ours = client(server)
        begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
        answer = came_back(server, begun)
        server.stop()
        with pytest.raises(TargetUnavailable):
            ours.complete(begun.kept, answer)
        with pytest.raises(TargetUnavailable):
            client(server).begin(ANSWER_AT, max_age=EIGHT_HOURS)
        server.start()
        again = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
        assert ours.complete(again.kept, came_back(server, again)).subject == "taro"


def test_a_provider_with_new_keys_is_believed_without_a_restart_of_ours(tmp_path: Path) -> None:
    with running(ProviderServer(tmp_path, answer_at=ANSWER_AT, people=PEOPLE)) as server:
        ours = client(server)
        begun = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
        ours.complete(begun.kept, came_back(server, begun))
        server.stop()
        server.new_key("the-next")
        server.start()
        again = ours.begin(ANSWER_AT, max_age=EIGHT_HOURS)
        assert ours.complete(again.kept, came_back(server, again)).subject == "taro"
