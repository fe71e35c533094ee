"""Users and their groups into a tenant, 10 ms away (emulator of Graph); beside as few batches as could do it at all.

The reference knows what is there without asking: a batch holds twenty requests, one for each user and membership.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from connectors.entra.connector import EntraConnector, open_entra
from connectors.entra.decoding import Decoder
from connectors.entra.graph import MOST_AT_ONCE, Graph, Request
from connectors.entra.settings import EntraSettings
from idm.ports import AddMember, CreateAccount, Outcome, Step
from tests.benchmarks.harness import Row
from tests.benchmarks.scale import Scale
from tests.connectors.entra_target import EntraTarget, OwnCertificate, applications
from tests.connectors.target import attributes
from tests.servers.graph_emulator.server import GraphEmulator
from tests.servers.graph_emulator.server import running as graph_running
from tests.servers.oidc_provider import ProviderServer
from tests.servers.oidc_provider import running as provider_running

GROUPS = ("g1", "g2", "g3")
FAR = 0.010
"""Seconds."""
WAVE = 500
NAMES = UUID("6f0f5e0a-6f0c-4a0e-9a43-0d2f4f6b9d11")


@contextmanager
def entra_rows(scale: Scale, folder: Path) -> Iterator[list[Row]]:
    """The row about one tenant; emulator and token service run until it is measured."""
    own = OwnCertificate(folder)
    provider = ProviderServer(folder, answer_at="https://localhost/none", applications=applications(own.key))
    with ExitStack() as closing, provider_running(provider), graph_running(GraphEmulator(provider)) as emulator:
        target = EntraTarget(emulator, closing, own)
        emulator.latency_seconds = FAR
        yield [_joining_row(target, scale.creations)]


def _joining_row(target: EntraTarget, count: int) -> Row:
    return Row(
        f"{count:,} users and {len(GROUPS)} groups each into a tenant 10 ms away",
        ours=lambda: _joined(target, count), reference=lambda: _at_least(target, count), expected=count, goal=1.3,
        reset=lambda: _emptied(target),
    )  # fmt: skip


def _emptied(target: EntraTarget) -> None:
    target.tenant.users.clear()
    target.tenant.groups.clear()
    target.tenant.page_size = 999
    for name in GROUPS:
        target.add_group(name)


def _joined(target: EntraTarget, count: int) -> int:
    connector = open_entra(target.values(), target.own.private, lambda: datetime.now(UTC))
    try:
        groups = [connector.group(name).external_id for name in GROUPS]  # a right knows its group by id (`resolved`)
        waves = (range(first, min(first + WAVE, count)) for first in range(0, count, WAVE))
        return sum(_wave(connector, wave, groups) for wave in waves)
    finally:
        connector.close()


def _wave(connector: EntraConnector, numbers: range, groups: list[str]) -> int:
    uuids = [uuid5(NAMES, str(number)) for number in numbers]
    steps: list[Step] = [
        CreateAccount(uuid, attributes(f"u{number:06}")) for uuid, number in zip(uuids, numbers, strict=True)
    ]
    made = connector.perform(steps)
    ids = [one.external_id for one in connector.find(uuids).values()]
    joined = connector.perform([AddMember(one, group) for one in ids for group in groups])
    done = made == [Outcome.CHANGED] * len(numbers) and set(joined) == {Outcome.CHANGED}
    return len(ids) if done else 0


def _at_least(target: EntraTarget, count: int) -> int:
    values = {**target.values(), "certificate": target.own.file.read_text(encoding="ascii")}
    values.pop("certificate_file")
    settings = EntraSettings(**{**values, "ca_file": Path(str(values["ca_file"]))}, secret=target.own.private)  # type: ignore[arg-type]
    graph, decoder = Graph(settings), Decoder(settings)
    ids = [str(answer.body["id"]) for answer in _sent(graph, [
        Request("POST", "/users", _user(decoder, number)) for number in range(count)
    ])]  # fmt: skip
    groups = [str(one["id"]) for one in graph.pages("/groups?$select=id")]
    refs = [
        Request("POST", f"/groups/{group}/members/$ref", {"@odata.id": f"{settings.graph}/directoryObjects/{one}"})
        for one in ids for group in groups
    ]  # fmt: skip
    done = _sent(graph, refs)
    graph.close()
    return len(ids) if all(answer.done for answer in done) else 0


def _sent(graph: Graph, wanted: list[Request]) -> list[Any]:
    parts = [wanted[first : first + MOST_AT_ONCE] for first in range(0, len(wanted), MOST_AT_ONCE)]
    return [answer for part in parts for answer in graph.batch(part)]


def _user(decoder: Decoder, number: int) -> dict[str, Any]:
    name = f"u{number:06}"
    return {
        "accountEnabled": False, "displayName": name, "surname": name, "mailNickname": name,
        "userPrincipalName": f"{name}@{decoder.domain}", decoder.uuid: str(uuid5(NAMES, str(number))),
        "passwordProfile": {"password": "Aa1-of-no-use-to-anybody", "forceChangePasswordNextSignIn": True},
    }  # fmt: skip
