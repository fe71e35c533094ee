"""Creating, changing, switching and deleting accounts, many at a time."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from connectors.ldap.dialect import OpenLdap
from connectors.ldap.distinguished_names import child
from connectors.ldap.encoding import Change, ChangeKind, Operation, Scope, add, delete, equal, every, modify, search
from connectors.ldap.entries import EntryReader, created, updating
from connectors.ldap.entry_decoding import Entry, first
from connectors.ldap.membership_writes import Membership, MembershipWriter
from connectors.ldap.outcomes import Verdict, verdict
from connectors.ldap.pipeline import Answer
from connectors.ldap.result_codes import CONSTRAINT_VIOLATION, ENTRY_ALREADY_EXISTS
from connectors.ldap.session import Session
from connectors.ldap.settings import LdapSettings
from idm.errors import NotOnTarget, TargetError, TargetRefused, TargetUnavailable
from idm.ports import (
    CreateAccount,
    DeleteAccount,
    ExternalId,
    Outcome,
    SetEnabled,
    SetTemporaryPassword,
    UpdateAttributes,
)

ChangeStep = TypeVar("ChangeStep", UpdateAttributes, SetEnabled, SetTemporaryPassword)

PASSWORD_BYTES = 256


class AccountWriter:
    """Every method answers each step in order, and raises TargetError only when nothing was sent."""

    def __init__(
        self,
        session: Session,
        settings: LdapSettings,
        dialect: OpenLdap,
        memberships: MembershipWriter,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._settings = settings
        self._dialect = dialect
        self._memberships = memberships
        self._clock = clock
        self._reader = EntryReader(settings, dialect)
        self._kind = equal("objectClass", settings.account_class)

    # --- creating ----------------------------------------------------------------------------------------------------

    def create(self, steps: Sequence[CreateAccount]) -> list[Verdict]:
        """Accounts that carry the uuid already are left as they are; a login name of somebody else's is refused.

        The uuids are looked for before anything is sent, and again for what was refused: another worker may have
        been first.
        """
        taken = self._login_names_present(step.attributes.login_name for step in steps)
        ours = self._uuids_present(step.account_uuid for step in steps)  # second: what took the name may be ours
        verdicts: list[Verdict | None] = [self._verdict_before_creating(step, ours, taken) for step in steps]
        waiting = [index for index, known in enumerate(verdicts) if known is None]
        answers = self._session.exchange([self._creation(steps[index]) for index in waiting])
        doubtful = []
        for index, answer in zip(waiting, answers, strict=True):
            verdicts[index] = verdict(answer)
            if isinstance(answer, Answer) and answer.result.code in (ENTRY_ALREADY_EXISTS, CONSTRAINT_VIOLATION):
                doubtful.append(index)
        for index, known in self._created_meanwhile(steps, doubtful):
            verdicts[index] = known
        return [known for known in verdicts if known is not None]

    def _verdict_before_creating(self, step: CreateAccount, ours: set[UUID], taken: set[str]) -> Verdict | None:
        name = step.attributes.login_name
        if step.account_uuid in ours:
            return Outcome.UNCHANGED
        if not name:
            return TargetRefused("ログイン名が空のため、アカウントを作成できません。")
        if _folded(name) in taken:
            return TargetRefused(f"ログイン名「{name}」は、ディレクトリの別のアカウントが使っています。")
        return None

    def _creation(self, step: CreateAccount) -> Operation:
        dn = child(self._settings.login_attribute, step.attributes.login_name, self._settings.people_base)
        return add(dn, created(step, self._settings, self._dialect))

    def _uuids_present(self, uuids: Iterable[UUID]) -> set[UUID]:
        found = self._look_up(self._settings.account_uuid_attribute, (str(uuid) for uuid in uuids))
        carried = (first(entry.values, self._settings.account_uuid_attribute) for entry in found)
        return {uuid for value in carried if (uuid := self._reader.account_uuid(value)) is not None}

    def _login_names_present(self, names: Iterable[str]) -> set[str]:
        found = self._look_up(self._settings.login_attribute, names)
        attribute = self._settings.login_attribute.lower()
        values = (value for entry in found for value in entry.values.get(attribute, []))
        return {_folded(value.decode(errors="replace")) for value in values}

    def _created_meanwhile(
        self, steps: Sequence[CreateAccount], doubtful: Sequence[int]
    ) -> Iterator[tuple[int, Verdict]]:
        """What is known better of those that were refused because something like them is there."""
        try:
            ours = self._uuids_present(steps[index].account_uuid for index in doubtful)
        except TargetError as error:
            yield from ((index, error) for index in doubtful)
        else:
            yield from ((index, Outcome.UNCHANGED) for index in doubtful if steps[index].account_uuid in ours)

    # --- changing ----------------------------------------------------------------------------------------------------

    def update(self, steps: Sequence[UpdateAttributes]) -> list[Verdict]:
        """Only what differs is sent."""
        return self._change(steps, lambda entry, step: updating(*entry, step.attributes, self._settings))

    def switch(self, steps: Sequence[SetEnabled]) -> list[Verdict]:
        """Accounts that stand as asked already are left alone."""
        now = self._clock()
        return self._change(
            steps,
            lambda entry, step: self._dialect.switching(
                entry.values, enabled=step.enabled, expires_at=step.expires_at, now=now
            ),
        )

    def set_temporary_password(self, steps: Sequence[SetTemporaryPassword]) -> list[Verdict]:
        """A password that could not be typed, or would be taken for none, is refused before it is sent."""
        good = [step for step in steps if _can_be_typed(step.password)]
        answered = iter(
            self._change(
                good, lambda entry, step: self._dialect.temporary_password(entry.values, step.password.encode())
            )
        )
        refused = TargetRefused("仮パスワードは、空でない印字可能な ASCII 文字（前後の空白なし）に限ります。")
        return [next(answered) if _can_be_typed(step.password) else refused for step in steps]

    def _change(
        self, steps: Sequence[ChangeStep], wanted: Callable[[Entry, ChangeStep], list[Change]]
    ) -> list[Verdict]:
        present = self._by_id([step.external_id for step in steps])
        verdicts: list[Verdict] = []
        operations: dict[int, Operation] = {}
        for index, step in enumerate(steps):
            entry = present.get(step.external_id)
            if entry is None:
                verdicts.append(NotOnTarget(f"アカウント {step.external_id} はディレクトリにありません。"))
                continue
            verdicts.append(Outcome.UNCHANGED)
            if changes := wanted(entry, step):
                operations[index] = modify(entry.dn, changes)
        answers = self._session.exchange(list(operations.values()))
        for index, answer in zip(operations, answers, strict=True):
            verdicts[index] = verdict(answer)
        return verdicts

    # --- deleting ----------------------------------------------------------------------------------------------------

    def delete(self, steps: Sequence[DeleteAccount]) -> list[Verdict]:
        """First out of every group, then the entry: whatever happens in between, no membership is left behind."""
        present = self._by_id([step.external_id for step in steps])
        going = {index: present[step.external_id] for index, step in enumerate(steps) if step.external_id in present}
        verdicts: dict[int, Verdict] = dict.fromkeys(range(len(steps)), Outcome.UNCHANGED)
        verdicts.update(self._leave_groups(going))
        leaving = [index for index in going if not isinstance(verdicts[index], TargetError)]
        try:
            answers = self._session.exchange([delete(going[index].dn) for index in leaving])
        except TargetUnavailable as error:
            answers = [error] * len(leaving)
        verdicts.update(zip(leaving, map(verdict, answers), strict=True))
        return [verdicts[index] for index in range(len(steps))]

    def _leave_groups(self, going: dict[int, Entry]) -> dict[int, Verdict]:
        """What stands in the way of leaving, by index of the step; empty for those who are out of every group."""
        found = self._session.find([self._groups_of(entry) for entry in going.values()])
        owners, memberships = [], []
        for (index, entry), groups in zip(going.items(), found, strict=True):
            owners += [index] * len(groups)
            memberships += [Membership(group.dn, entry.dn) for group in groups]
        left = self._memberships.change(ChangeKind.DELETE, memberships)
        return {index: said for index, said in zip(owners, left, strict=True) if isinstance(said, TargetError)}

    def _groups_of(self, entry: Entry) -> Operation:
        condition = every(equal("objectClass", self._dialect.group_class), equal(self._dialect.member, entry.dn))
        return search(self._settings.groups_base, Scope.SUBTREE, condition, [self._dialect.entry_id])

    # --- finding -----------------------------------------------------------------------------------------------------

    def _by_id(self, external_ids: Iterable[ExternalId]) -> dict[ExternalId, Entry]:
        found = self._look_up(self._dialect.entry_id, external_ids)
        return {self._reader.external_id(first(entry.values, self._dialect.entry_id)): entry for entry in found}

    def _look_up(self, attribute: str, values: Iterable[str]) -> list[Entry]:
        return self._session.look_up(
            self._settings.people_base, self._kind, attribute, values, self._reader.account_attributes
        )


def _folded(name: str) -> str:
    """A login name as directories compare it: width, case and runs of spaces make no difference."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _can_be_typed(password: str) -> bool:
    """Printable ASCII only: what the person types must be the same bytes on every keyboard and in every program."""
    plain = password.isascii() and password.isprintable() and password == password.strip()
    return plain and 0 < len(password) <= PASSWORD_BYTES
