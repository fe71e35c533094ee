"""The connector to a service that is given its accounts by SCIM 2.0 (`idm.ports`)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from connectors.scim import decoding, encoding
from connectors.scim.accounts import Accounts, Newcomers
from connectors.scim.conversation import Conversation
from connectors.scim.decoding import id_of, name_of
from connectors.scim.examination import Examiner
from connectors.scim.memberships import Memberships
from connectors.scim.reading import Reading
from connectors.scim.settings import ScimSettings
from idm.errors import NotOnTarget, TargetError, TargetRefused, TargetUnavailable
from idm.ports import (
    AccountId,
    AddMember,
    AdoptAccount,
    Check,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    Kept,
    Outcome,
    RemoveMember,
    RenameAccount,
    SetEnabled,
    Step,
    TargetAccount,
    TargetGroup,
    UpdateAttributes,
)

CANNOT = "このサービスでは、その操作（{step}）を自動で行えません。作業依頼により、手作業で行ってください。"


class ScimConnector:
    """`Directory`, `Writes`, `KeepsLess`, `FindsByOwnId`, `TellsTime` and `ExaminesItself`; see `idm.ports`.

    People sign in to such a service by other means: it is given no password, and none is handed over.
    """

    def __init__(self, settings: ScimSettings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._conversation = Conversation(settings, clock)
        self._reading = Reading(self._conversation)
        self._accounts, self._memberships = Accounts(self._reading), Memberships(self._reading)
        self._performers: dict[type[Step], Callable[[Any], Outcome]] = {
            AdoptAccount: self._accounts.adopt,
            UpdateAttributes: self._accounts.update,
            RenameAccount: self._accounts.rename,
            SetEnabled: self._accounts.switch,
        }
        if settings.quirks.deletes:
            self._performers[DeleteAccount] = self._delete
        groups: set[type[Step]] = {AddMember, RemoveMember} if settings.quirks.groups else set()
        self.can: frozenset[type[Step]] = frozenset({CreateAccount, *self._performers, *groups})

    def __repr__(self) -> str:
        return f"ScimConnector({self._settings.url!r})"

    # --- reading -----------------------------------------------------------------------------------------------------

    def accounts(self) -> Iterator[TargetAccount]:
        """See `idm.ports.Directory`."""
        return (decoding.account(user, self._reading.attribute) for user in self._reading.users())

    def account_ids(self) -> Iterator[AccountId]:
        """See `idm.ports.Directory`."""
        return (decoding.account_id(user, self._reading.attribute) for user in self._reading.users())

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """See `idm.ports.Directory`."""
        wanted = set(account_uuids)
        found = self._reading.with_uuids(wanted) if wanted else {}
        groups = self._reading.groups_of(list(found.values()))
        return {
            uuid: decoding.account(user, self._reading.attribute, groups[id_of(user)]) for uuid, user in found.items()
        }

    def find_by_own_id(self, external_ids: Iterable[ExternalId]) -> dict[ExternalId, TargetAccount]:
        """See `idm.ports.FindsByOwnId`."""
        found: dict[ExternalId, TargetAccount] = {}
        for external_id in external_ids:
            try:
                found[external_id] = decoding.account(self._reading.user(external_id), self._reading.attribute)
            except NotOnTarget:
                continue
        return found

    def group(self, name: str) -> TargetGroup:
        """See `idm.ports.Directory`."""
        found = self._reading.group_named(name)
        return TargetGroup(id_of(found), name_of(found))

    def members(self, group_id: ExternalId, *, nested: bool = False) -> Iterator[ExternalId]:
        """See `idm.ports.Directory`."""
        inside = self._reading.members(group_id)
        if not nested:
            return iter(sorted(inside))
        found, walked, waiting = set[ExternalId](), {group_id}, [inside]
        while waiting:
            for member, is_group in waiting.pop().items():
                if not is_group:
                    found.add(member)
                elif member not in walked:
                    walked.add(member)
                    waiting.append(self._reading.members(member))
        return iter(sorted(found))

    def kept(self) -> Kept:
        """See `idm.ports.KeepsLess`."""
        return encoding.kept(self._reading.capabilities, self._reading.attribute)

    def server_time(self) -> datetime | None:
        """See `idm.ports.TellsTime`."""
        return self._conversation.server_time()

    def examine(self) -> Iterator[Check]:
        """See `idm.ports.ExaminesItself`."""
        return Examiner(self._reading).examine()

    def close(self) -> None:
        """See `idm.ports.Directory`."""
        self._conversation.client.close()

    # --- writing -----------------------------------------------------------------------------------------------------

    def perform(self, steps: Sequence[Step]) -> list[Outcome | TargetError]:
        """See `idm.ports.Writes`."""
        if not steps:
            return []
        sent_before = self._conversation.written
        with self._conversation.wave():
            answers = self._answers(steps)
        unsent = self._conversation.written == sent_before
        if unsent and all(isinstance(answer, TargetUnavailable) for answer in answers):
            raise answers[0]  # type: ignore[misc]  # every one is an error
        return answers

    def _answers(self, steps: Sequence[Step]) -> list[Outcome | TargetError]:
        answers: dict[int, Outcome | TargetError] = {}
        creations = {at: step for at, step in enumerate(steps) if isinstance(step, CreateAccount)}
        memberships = {at: step for at, step in enumerate(steps) if isinstance(step, AddMember | RemoveMember)}
        answers |= self._create(creations)
        if memberships and AddMember in self.can:
            answers |= self._memberships.perform(memberships)
        for at, step in enumerate(steps):
            if at not in answers:
                answers[at] = self._answer(step)
        return [answers[at] for at in range(len(steps))]

    def _create(self, steps: Mapping[int, CreateAccount]) -> dict[int, Outcome | TargetError]:
        if not steps:
            return {}
        try:
            met = Newcomers(self._reading, list(steps.values()))
        except TargetError as error:
            return dict.fromkeys(steps, error)
        return {at: _answered(partial(self._accounts.create, step, met)) for at, step in steps.items()}

    def _answer(self, step: Step) -> Outcome | TargetError:
        performer = self._performers.get(type(step))
        if performer is None:
            return TargetRefused(CANNOT.format(step=type(step).__name__))
        return _answered(partial(performer, step))

    def _delete(self, step: DeleteAccount) -> Outcome:
        try:
            self._memberships.leave_all(step.external_id)
        except NotOnTarget:
            return Outcome.UNCHANGED
        return self._accounts.delete(step)


def _answered(act: Callable[[], Outcome]) -> Outcome | TargetError:
    try:
        return act()
    except TargetError as error:
        return error


def open_scim(settings: Mapping[str, object], password: str | None, clock: Callable[[], datetime]) -> ScimConnector:
    """A connector; the service is not contacted yet. Raises ConfigurationInvalid."""
    return ScimConnector(ScimSettings.from_mapping(settings, password), clock)
