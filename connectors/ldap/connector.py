"""The LDAP connector: the port's verbs for one directory."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from connectors.ldap import password_age
from connectors.ldap.account_writes import AccountWriter
from connectors.ldap.changes import Changes, StampedChanges
from connectors.ldap.dialect import Dialect
from connectors.ldap.examination import Examiner, RightsCheck, server_time
from connectors.ldap.excess_rights import ProbedRights
from connectors.ldap.last_use import LastUseReader, UnusedAccounts
from connectors.ldap.members import ListedMembers, Members
from connectors.ldap.membership_writes import MembershipWriter
from connectors.ldap.outcomes import Verdict
from connectors.ldap.password_checks import PasswordChecker
from connectors.ldap.password_reading import PasswordReader
from connectors.ldap.reading import Reader
from connectors.ldap.relocation import Relocator
from connectors.ldap.session import Session
from connectors.ldap.settings import LdapSettings
from connectors.ldap.site import Site
from connectors.ldap.surroundings import PlainTree
from idm.errors import TargetError, TargetRefused, TargetUnavailable
from idm.ports import (
    AccountId,
    AddMember,
    AdoptAccount,
    ChangeSet,
    Check,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    LastUse,
    Lockout,
    MoveAccount,
    Outcome,
    PasswordAge,
    PasswordCheck,
    PasswordPolicy,
    PasswordState,
    RemoveMember,
    RenameAccount,
    SetEnabled,
    SetPassword,
    SetTemporaryPassword,
    Sighting,
    Step,
    TargetAccount,
    TargetGroup,
    Unlock,
    UpdateAttributes,
)

Performer = Callable[[Sequence[Any]], list[Verdict]]


def plain_site(settings: LdapSettings, dialect: Dialect, policy_dn: str, clock: Callable[[], datetime]) -> Site:
    """A directory that has nothing but entries. Raises ConfigurationInvalid."""
    session = Session(settings, dialect.search_controls)
    return Site(session, settings, dialect, PlainTree(settings, policy_dn), clock)


class LdapConnector:
    """One LDAP directory: `Directory`, `Writes` and every other ability of the port that all of them have.

    For one thread. Opens nothing before it is needed, tries nothing twice; the site's clock says what "now" is when an
    expiry is judged.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._reader = Reader(site)
        self._members: Members = ListedMembers(site)
        self._passwords = PasswordReader(site)
        self._last_use: UnusedAccounts = LastUseReader(site)
        self._changes: Changes = StampedChanges(site)
        self._checker = PasswordChecker(site)
        self._rights: RightsCheck = ProbedRights(site)
        memberships = MembershipWriter(site, self.can_time_box)
        self._accounts = AccountWriter(site, memberships)
        relocator = Relocator(site)
        self._performers: dict[type[Step], Performer] = {
            CreateAccount: self._accounts.create,
            AdoptAccount: self._accounts.adopt,
            RenameAccount: relocator.rename,
            MoveAccount: relocator.move,
            UpdateAttributes: self._accounts.update,
            SetTemporaryPassword: self._accounts.set_temporary_password,
            SetPassword: self._accounts.set_password,
            Unlock: self._accounts.unlock,
            SetEnabled: self._accounts.switch,
            AddMember: memberships.add,
            RemoveMember: memberships.remove,
            DeleteAccount: self._accounts.delete,
        }
        self.can: frozenset[type[Step]] = frozenset(self._performers)

    # --- accounts and groups -----------------------------------------------------------------------------------------

    def accounts(self) -> Iterator[TargetAccount]:
        """See `idm.ports.Directory`."""
        return self._reader.accounts()

    def account_ids(self) -> Iterator[AccountId]:
        """See `idm.ports.Directory`."""
        return self._reader.account_ids()

    def sightings(self, known: Container[bytes]) -> Iterator[bytes | Sighting]:
        """See `idm.ports.SealsAccounts`."""
        return self._reader.sightings(known)

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """See `idm.ports.Directory`."""
        return self._reader.find(account_uuids)

    def find_by_own_id(self, external_ids: Iterable[ExternalId]) -> dict[ExternalId, TargetAccount]:
        """See `idm.ports.FindsByOwnId`."""
        return self._reader.find_by_own_id(external_ids)

    def group(self, name: str) -> TargetGroup:
        """See `idm.ports.Directory`."""
        return self._reader.group(name)

    def members(self, group_id: ExternalId, *, nested: bool = False) -> Iterator[ExternalId]:
        """See `idm.ports.Directory`. Without `nested`, a group inside it is a member like any other."""
        return self._members.nested(group_id) if nested else self._members.direct(group_id)

    def changes_since(self, cursor: str | None) -> ChangeSet:
        """See `idm.ports.ReportsChanges`. What was deleted is only missing from a complete one."""
        return self._changes.since(cursor)

    def examine(self) -> Iterator[Check]:
        """See `idm.ports.ExaminesItself`."""
        return Examiner(self._site, self._rights).examine()

    def server_time(self) -> datetime | None:
        """See `idm.ports.TellsTime`."""
        return server_time(self._site)

    def own_account_id(self) -> ExternalId | None:
        """See `idm.ports.KnowsItself`: by the entry, whatever its name is."""
        try:
            dn = self._site.surroundings.own_dn()
            entry = self._site.entry(dn, [self._site.dialect.entry_id]) if dn else None
            return self._site.entries.id_of(entry) if entry is not None else None
        except TargetRefused:
            return None

    def close(self) -> None:
        """See `idm.ports.Directory`."""
        self._site.session.close()

    # --- writing -----------------------------------------------------------------------------------------------------

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

    def can_time_box(self) -> bool:
        """See `idm.ports.TimeBoxesMembership`: members here stay until somebody takes them out."""
        return False

    # --- passwords and use -------------------------------------------------------------------------------------------

    def password_state(self, external_id: ExternalId) -> PasswordState:
        """See `idm.ports.ReadsPasswordState`."""
        return self._passwords.state(external_id)

    def lockout(self, external_id: ExternalId) -> Lockout:
        """See `idm.ports.ReadsLockout`."""
        return self._passwords.lockout(external_id)

    def password_policy(self, external_id: ExternalId | None = None) -> PasswordPolicy:
        """See `idm.ports.ReadsPasswordPolicy`."""
        return self._passwords.policy(external_id)

    def check_password(self, login_name: str, password: str) -> PasswordCheck:
        """See `idm.ports.ChecksPasswords`."""
        return self._checker.check(login_name, password)

    def unchanged_since(self, cutoff: datetime) -> Iterator[PasswordAge]:
        """See `idm.ports.ReportsPasswordAge`."""
        return password_age.unchanged_since(self._site, cutoff)

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """See `idm.ports.ReportsLastUse`."""
        return self._last_use.unused_since(cutoff)

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """See `idm.ports.ReportsLastUse`."""
        return self._last_use.never_used(created_before)
