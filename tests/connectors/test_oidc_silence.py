"""A provider that takes connections and says nothing: it holds up one asker, and the others hear of it at once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
import requests

from connectors.oidc import provider as module
from connectors.oidc.discovery import KEPT_FOR, Metadata
from connectors.oidc.provider import AWAY_FOR, OidcProvider
from idm.errors import TargetUnavailable

NOW = datetime(2026, 4, 1, tzinfo=UTC)


class Clock:
    """A clock that tests move."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(clock: Clock) -> OidcProvider:
    issuer = "https://login.example.jp/realms/town"
    return OidcProvider(
        authority=issuer, issuer=issuer, client_id="i", secret="s", entra=False, ca_file=None, clock=clock
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """When it was asked; it is silent."""
    times: list[datetime] = []

    def silent(_conversation: object, _issuer: str, *, now: datetime) -> None:
        times.append(now)
        raise TargetUnavailable("silent")

    monkeypatch.setattr(module, "read_metadata", silent)
    return times


def begin(provider: OidcProvider) -> None:
    with pytest.raises(TargetUnavailable):
        provider.begin("https://idm.example.jp/answer", max_age=timedelta(hours=1))


def test_a_provider_that_was_silent_is_not_asked_again_for_half_a_minute(
    provider: OidcProvider, clock: Clock, asked: list[datetime]
) -> None:
    for _ in range(5):
        begin(provider)
    assert asked == [NOW]
    clock.now += AWAY_FOR
    begin(provider)
    assert asked == [NOW, NOW + AWAY_FOR]


def test_one_asks_at_a_time_and_the_others_wait_a_moment_only(
    provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, let_go, times = Event(), Event(), []

    def slow(_conversation: object, _issuer: str, *, now: datetime) -> None:
        times.append(now)
        asking.set()
        let_go.wait(30)
        raise TargetUnavailable("silent")

    monkeypatch.setattr(module, "read_metadata", slow)
    monkeypatch.setattr(module, "FIRST_WAIT_SECONDS", 0.01)
    first = Thread(target=begin, args=(provider,))
    first.start()
    assert asking.wait(30)
    begin(provider)
    begin(provider)
    let_go.set()
    first.join(30)
    assert times == [NOW]


def test_while_what_is_known_is_read_again_everybody_goes_on_with_it(
    provider: OidcProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, let_go = Event(), Event()
    known = Metadata(
        address="https://login.example.jp/d", answer=requests.Response(), issuer="i", jwks_uri="https://login.example.jp/k",
        end_session=None, names_itself=False, read_at=NOW,
    )  # fmt: skip

    def slow(_conversation: object, _issuer: str, *, now: datetime) -> Metadata:
        asking.set()
        let_go.wait(30)
        return replace(known, read_at=now)

    monkeypatch.setattr(module, "read_metadata", slow)
    provider._metadata = known
    clock.now += KEPT_FOR
    read: list[Metadata] = []
    first = Thread(target=lambda: read.append(provider._published()))
    first.start()
    assert asking.wait(30)
    assert provider._published() is known
    let_go.set()
    first.join(30)
    assert [one.read_at for one in read] == [clock.now] == [provider._published().read_at]
