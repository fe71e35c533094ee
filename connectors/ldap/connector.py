"""The LDAP connector: the port's verbs for one directory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from connectors.ldap.account_writes import AccountWriter
from connectors.ldap.dialect import OpenLdap
from connectors.ldap.membership_writes import MembershipWriter
from connectors.ldap.outcomes import Verdict
from connectors.ldap.reading import Reader
from connectors.ldap.session import Session
from connectors.ldap.settings import LdapSettings
from idm.errors import TargetError, TargetUnavailable
from idm.ports import (
    AccountId,
    AddMember,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    LastUse,
    Outcome,
    PasswordState,
    RemoveMember,
    SetEnabled,
    SetTemporaryPassword,
    Step,
    TargetAccount,
    TargetGroup,
    UpdateAttributes,
)


class LdapConnector:
    """`Directory`, `Writes`, `ReadsPasswordState` and `ReportsLastUse` for one LDAP directory.

    For one thread. Opens nothing before it is needed, tries nothing twice; `clock` says what "now" is when an expiry
    is judged. Raises ConfigurationInvalid when the authority's certificate cannot be read.
    """

    def __init__(self, settings: LdapSettings, dialect: OpenLdap, *, clock: Callable[[], datetime]) -> None:
        self._session = Session(settings)
        self._reader = Reader(self._session, settings, dialect, clock)
        memberships = MembershipWriter(self._session, settings, dialect)
        accounts = AccountWriter(self._session, settings, dialect, memberships, clock)
        self._performers: dict[type[Step], Callable[[Sequence[Any]], list[Verdict]]] = {
            CreateAccount: accounts.create,
            UpdateAttributes: accounts.update,
            SetTemporaryPassword: accounts.set_temporary_password,
            SetEnabled: accounts.switch,
            AddMember: memberships.add,
            RemoveMember: memberships.remove,
            DeleteAccount: accounts.delete,
        }
        self.can: frozenset[type[Step]] = frozenset(self._performers)

    def accounts(self) -> Iterator[TargetAccount]:
        """See `idm.ports.Directory`."""
        return self._reader.accounts()

    def account_ids(self) -> Iterator[AccountId]:
        """See `idm.ports.Directory`."""
        return self._reader.account_ids()

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """See `idm.ports.Directory`."""
        return self._reader.find(account_uuids)

    def group(self, name: str) -> TargetGroup:
        """See `idm.ports.Directory`."""
        return self._reader.group(name)

    def members(self, group_id: ExternalId) -> Iterator[ExternalId]:
        """See `idm.ports.Directory`."""
        return self._reader.members(group_id)

    def close(self) -> None:
        """See `idm.ports.Directory`."""
        self._session.close()

    def perform(self, steps: Sequence[Step]) -> list[Outcome | TargetError]:
        """See `idm.ports.Writes`. Steps of one kind go to the directory together, kind after kind."""
        verdicts: dict[int, Verdict] = {}
        for kind, performer in self._performers.items():
            chosen = [index for index, step in enumerate(steps) if type(step) is kind]
            if not chosen:
                continue
            try:
                answered = performer([steps[index] for index in chosen])
            except TargetError as error:
                if isinstance(error, TargetUnavailable) and not verdicts:
                    raise
                answered = [error] * len(chosen)
            verdicts.update(zip(chosen, answered, strict=True))
        return [verdicts[index] for index in range(len(steps))]

    def password_state(self, external_id: ExternalId) -> PasswordState:
        """See `idm.ports.ReadsPasswordState`."""
        return self._reader.password_state(external_id)

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """See `idm.ports.ReportsLastUse`."""
        return self._reader.unused_since(cutoff)

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """See `idm.ports.ReportsLastUse`."""
        return self._reader.never_used(created_before)
