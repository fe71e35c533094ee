"""A temporary password is handed on only when the target itself says that it must be changed (FK 6-2(9)②)."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory.connector import MemoryConnector
from connectors.memory.directory import MemoryDirectory
from idm.errors import TargetRefused
from idm.keys.sealing import new_handover_key, unseal
from idm.models.systems import Handover
from idm.operations.passwords.handovers import context
from idm.ports import CreateAccount, ExternalId, PasswordState
from jobs.passwords.password_issue import issue, temporary_password
from tests.connectors.target import attributes


class Forgetful(MemoryConnector):
    """A target that takes a password and does not ask for another."""

    def password_state(self, external_id: ExternalId) -> PasswordState:
        """Never must it be changed."""
        return PasswordState(must_change=False, changed_at=None)


def _handover(public: bytes) -> Handover:
    return Handover(id=7, account_id=3, public_key=public)


def _with_account(kind: type[MemoryConnector]) -> tuple[MemoryConnector, ExternalId]:
    connector = kind(MemoryDirectory(), clock=lambda: datetime.now(UTC))
    uuid = uuid4()
    connector.perform([CreateAccount(uuid, attributes("taro"))])
    return connector, connector.find([uuid])[uuid].external_id


@given(st.integers(min_value=8, max_value=64))
def test_temporary_password_has_its_length_and_every_kind(length: int) -> None:
    password = temporary_password(length)
    assert len(password) == length
    assert any(c.islower() for c in password)
    assert any(c.isupper() for c in password)
    assert any(c.isdigit() for c in password)
    assert any(not c.isalnum() for c in password)
    assert not set(password) & set("lIO01o")


def test_issued_password_opens_only_with_its_hand_overs_key() -> None:
    private, public = new_handover_key()
    connector, external_id = _with_account(MemoryConnector)
    issued = issue(connector, external_id, _handover(public), length=20)
    assert len(unseal(private, issued.sealed or b"", context(_handover(public)))) == 20
    assert connector.password_state(external_id).must_change


def test_password_that_need_not_be_changed_is_not_handed_on() -> None:
    _, public = new_handover_key()
    connector, external_id = _with_account(Forgetful)
    with pytest.raises(TargetRefused, match="初回の変更"):
        issue(connector, external_id, _handover(public), length=20)
