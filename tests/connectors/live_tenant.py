"""Somebody's own test tenant, described in a file, and what is tried there; the same is tried on the emulator of Graph.

docs/entra-id.md says what the file holds. Every account that is made there is deleted again.
"""

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from connectors.entra.connector import EntraConnector, open_entra
from idm.ports import (
    AddMember,
    CreateAccount,
    DeleteAccount,
    Outcome,
    RemoveMember,
    SetEnabled,
    SetTemporaryPassword,
    UpdateAttributes,
)
from tests.connectors.target import PASSWORD, attributes, seen

CONFIRMATION = "accounts may be made and deleted in this tenant"
CHANGED, UNCHANGED = Outcome.CHANGED, Outcome.UNCHANGED
Until = Callable[[Callable[[], bool]], None]
"""Comes back when it is so; fails when it never becomes so."""


def opened(file: Path) -> tuple[EntraConnector, str]:
    """A connector to the tenant of the file, and the name of the group that is for tests."""
    told: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    if told.get("confirmed") != CONFIRMATION:
        raise ValueError(f'{file}: confirmed = "{CONFIRMATION}" is missing')
    secret = Path(told["credential_file"]).read_text(encoding="utf-8")
    return open_entra(told["settings"], secret, lambda: datetime.now(UTC)), str(told["group"])


@contextmanager
def _newcomer(connector: EntraConnector, name: str, until: Until) -> Iterator[tuple[UUID, str]]:
    uuid = uuid4()
    assert connector.perform([CreateAccount(uuid, attributes(name, mail=None))]) == [CHANGED]
    until(lambda: uuid in connector.find([uuid]))
    external_id = seen(connector, uuid).external_id
    try:
        yield uuid, external_id
    finally:
        connector.perform([DeleteAccount(external_id)])


def try_a_life(connector: EntraConnector, group_name: str, until: Until) -> None:
    """An account from its creation to its deletion. Afterwards it is gone."""
    group, name = connector.group(group_name).external_id, f"idm-test-{uuid4().hex[:12]}"
    with _newcomer(connector, name, until) as (uuid, external_id):
        account = seen(connector, uuid)
        assert (account.enabled, account.attributes) == (False, attributes(name, mail=None))
        wanted = attributes(name, mail=None, unit_name="税務課")
        for step in (UpdateAttributes(external_id, wanted), SetTemporaryPassword(external_id, PASSWORD),
                     SetEnabled(external_id, enabled=True), AddMember(external_id, group)):  # fmt: skip
            assert connector.perform([step]) == [CHANGED], step
        until(lambda: seen(connector, uuid).enabled and seen(connector, uuid).attributes == wanted)
        until(lambda: group in (seen(connector, uuid).groups or ()))
        assert connector.password_state(external_id).must_change
        assert connector.perform([AddMember(external_id, group)]) == [UNCHANGED]
        assert connector.perform([SetEnabled(external_id, enabled=False)]) == [CHANGED]
        until(lambda: not seen(connector, uuid).enabled)
        assert connector.perform([RemoveMember(external_id, group)]) == [CHANGED]
        until(lambda: group not in (seen(connector, uuid).groups or ()))
        assert connector.find_by_own_id([external_id]), "out of the group, and not deleted"
    until(lambda: uuid not in connector.find([uuid]))
