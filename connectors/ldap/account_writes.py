"""Creating, adopting, changing, switching and deleting accounts, many at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from connectors.ldap.dialects.active_directory import SMART_CARD_REQUIRED, swap_bit
from connectors.ldap.distinguished_names import child
from connectors.ldap.encoding import Change, ChangeKind, Operation, Scope, add, delete, equal, modify, search
from connectors.ldap.entries import created, updating
from connectors.ldap.entry_decoding import Entry
from connectors.ldap.login_names import LoginNames, Owners
from connectors.ldap.membership_writes import Membership, MembershipWriter
from connectors.ldap.outcomes import Verdict, no_account, verdict
from connectors.ldap.pipeline import Answer
from connectors.ldap.result_codes import CONSTRAINT_VIOLATION, ENTRY_ALREADY_EXISTS, Verb
from connectors.ldap.site import Site
from idm.errors import TargetError, TargetRefused, TargetUnavailable
from idm.ports import (
    AdoptAccount,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    Outcome,
    RequireSmartCard,
    SetEnabled,
    SetPassword,
    SetTemporaryPassword,
    Unlock,
    UpdateAttributes,
)

PASSWORD_BYTES = 256
LOOKS = 200
"""How often the server is asked whether it is done; it takes a few."""


class StepOnAccount(Protocol):
    """A step on an account that is there."""

    @property
    def external_id(self) -> ExternalId: ...


ChangeStep = TypeVar("ChangeStep", bound=StepOnAccount)


class AccountWriter:
    """Every method answers each step in order, and raises TargetError only when nothing was sent."""

    def __init__(self, site: Site, memberships: MembershipWriter) -> None:
        self._site = site
        self._memberships = memberships
        self._names = LoginNames(site)

    # --- creating ----------------------------------------------------------------------------------------------------

    def create(self, steps: Sequence[CreateAccount]) -> list[Verdict]:
        """Accounts that carry the uuid already are left as they are; a login name of somebody else's is refused.

        The uuids are looked for before anything is sent, and again for what was refused: another worker may have
        been first.
        """
        owners = self._names.owners(step.attributes.login_name for step in steps)
        ours = self._uuids_present(steps)  # second: what took the name may be ours
        verdicts: list[Verdict | None] = [
            Outcome.UNCHANGED if str(step.account_uuid) in ours else self._objection(step, owners) for step in steps
        ]
        waiting = [index for index, known in enumerate(verdicts) if known is None]
        answers = self._site.session.exchange([self._creation(steps[index]) for index in waiting])
        doubtful = []
        for index, answer in zip(waiting, answers, strict=True):
            verdicts[index] = verdict(answer, Verb.CREATE)
            if isinstance(answer, Answer) and answer.result.code in (ENTRY_ALREADY_EXISTS, CONSTRAINT_VIOLATION):
                doubtful.append(index)
        for index, known in self._created_meanwhile(steps, doubtful):
            verdicts[index] = known
        return [known for known in verdicts if known is not None]

    def _objection(self, step: CreateAccount, owners: Owners) -> TargetError | None:
        if not step.attributes.family_name:
            return TargetRefused("姓が空のため、アカウントを作成できません。")
        if refused := self._names.objection(step.attributes.login_name, owners):
            return refused
        try:
            if step.container is not None:
                self._site.require_container(step.container)
        except TargetError as error:
            return error
        return None

    def _creation(self, step: CreateAccount) -> Operation:
        settings, dialect = self._site.settings, self._site.dialect
        container = step.container or settings.people_base
        dn = child(dialect.naming_attribute(settings), step.attributes.login_name, container)
        return add(dn, created(step, settings, dialect))

    def _uuids_present(self, steps: Sequence[CreateAccount | AdoptAccount]) -> dict[str, ExternalId]:
        uuids = (str(step.account_uuid) for step in steps)
        found = self._site.accounts_by(self._site.settings.account_uuid_attribute, uuids)
        return {str(self._site.entries.uuid_of(entry)): self._site.entries.id_of(entry) for entry in found}

    def _created_meanwhile(
        self, steps: Sequence[CreateAccount], doubtful: Sequence[int]
    ) -> Iterator[tuple[int, Verdict]]:
        """What is known better of those that were refused because something like them is there."""
        try:
            ours = self._uuids_present([steps[index] for index in doubtful])
        except TargetError as error:
            yield from ((index, error) for index in doubtful)
        else:
            yield from ((index, Outcome.UNCHANGED) for index in doubtful if str(steps[index].account_uuid) in ours)

    def adopt(self, steps: Sequence[AdoptAccount]) -> list[Verdict]:
        """The uuid is added and never replaced: of two that adopt at one moment, one is refused (control A18)."""
        ours = self._uuids_present(steps)

        def adopting(entry: Entry, step: AdoptAccount) -> list[Change]:
            carried = self._site.entries.uuid_of(entry)
            if carried == step.account_uuid:
                return []
            if carried is not None or str(step.account_uuid) in ours:
                raise TargetRefused(
                    f"アカウント {step.external_id} またはアカウント番号 {step.account_uuid} は、すでに別の組み合わせで"
                    "登録されています。ディレクトリと台帳を確かめてください。"
                )
            attribute = self._site.settings.account_uuid_attribute
            marked = Change(ChangeKind.ADD, attribute, (str(step.account_uuid).encode(),))
            return [*self._missing_classes(entry), marked]

        return self._change(steps, Verb.CHANGE, adopting, "objectClass")

    def _missing_classes(self, entry: Entry) -> list[Change]:
        present = {name.lower() for name in entry.values.get("objectclass", [])}
        auxiliary = (name.encode() for name in self._site.settings.account_object_classes[1:])
        missing = tuple(name for name in auxiliary if name.lower() not in present)
        return [Change(ChangeKind.ADD, "objectClass", missing)] if missing else []

    # --- changing ----------------------------------------------------------------------------------------------------

    def update(self, steps: Sequence[UpdateAttributes]) -> list[Verdict]:
        """Only what differs is sent."""
        settings, dialect = self._site.settings, self._site.dialect
        return self._change(steps, Verb.CHANGE, lambda entry, step: updating(entry, step.attributes, settings, dialect))

    def switch(self, steps: Sequence[SetEnabled]) -> list[Verdict]:
        """Accounts that stand as asked already are left alone."""
        now, dialect = self._site.clock(), self._site.dialect
        return self._change(
            steps,
            Verb.SWITCH,
            lambda entry, step: dialect.switching(
                entry.values, enabled=step.enabled, expires_at=step.expires_at, now=now
            ),
        )

    def unlock(self, steps: Sequence[Unlock]) -> list[Verdict]:
        """Accounts that wrong passwords do not lock are left alone."""
        dialect = self._site.dialect
        return self._change(
            steps, Verb.SWITCH, lambda entry, _: dialect.unlocking(entry.values), *dialect.lockout_attributes
        )

    def require_card(self, steps: Sequence[RequireSmartCard]) -> list[Verdict]:
        """For Active Directory only."""
        return self._change(
            steps, Verb.SWITCH, lambda entry, step: swap_bit(entry.values, SMART_CARD_REQUIRED, on=step.required)
        )

    def set_temporary_password(self, steps: Sequence[SetTemporaryPassword]) -> list[Verdict]:
        """A password that could not be typed, or would be taken for none, is refused before it is sent."""
        dialect = self._site.dialect

        def setting(entry: Entry, step: SetTemporaryPassword) -> Sequence[list[Change]]:
            if not _can_be_typed(step.password):
                raise TargetRefused("仮パスワードは、空でない印字可能な ASCII 文字（前後の空白なし）に限ります。")
            return dialect.temporary_password(entry.values, step.password)

        return self._change_one_after_another(steps, Verb.PASSWORD, setting)

    def set_password(self, steps: Sequence[SetPassword]) -> list[Verdict]:
        """As a temporary one, but nobody has to change it."""
        dialect = self._site.dialect

        def setting(entry: Entry, step: SetPassword) -> Sequence[list[Change]]:
            if not _can_be_typed(step.password):
                raise TargetRefused("パスワードは、空でない印字可能な ASCII 文字（前後の空白なし）に限ります。")
            return dialect.password(entry.values, step.password)

        more = (*dialect.lockout_attributes, *dialect.password_attributes)
        return self._change_one_after_another(steps, Verb.PASSWORD, setting, *more)

    def _change(
        self,
        steps: Sequence[ChangeStep],
        verb: Verb,
        wanted: Callable[[Entry, ChangeStep], list[Change]],
        *more: str,
    ) -> list[Verdict]:
        def one_request(entry: Entry, step: ChangeStep) -> Sequence[list[Change]]:
            changes = wanted(entry, step)
            return [changes] if changes else []

        return self._change_one_after_another(steps, verb, one_request, *more)

    def _change_one_after_another(
        self,
        steps: Sequence[ChangeStep],
        verb: Verb,
        wanted: Callable[[Entry, ChangeStep], Sequence[list[Change]]],
        *more: str,
    ) -> list[Verdict]:
        """What needs several requests goes on with the next once the directory has said yes to the one before."""
        present = self._site.accounts_by_id([step.external_id for step in steps], *more)
        protected = self._site.surroundings.protected().accounts
        verdicts: list[Verdict] = []
        requests: dict[int, list[Operation]] = {}
        names: dict[int, str] = {}
        for index, step in enumerate(steps):
            try:
                entry = unprotected(step.external_id, present, protected)
                requests[index] = [modify(entry.dn, changes) for changes in wanted(entry, step)]
                names[index] = entry.dn
                verdicts.append(Outcome.UNCHANGED)
            except TargetError as error:
                verdicts.append(error)
        first_asked = True
        while waiting := [index for index, left in requests.items() if left]:
            answers = self._ask([requests[index].pop(0) for index in waiting], first_asked=first_asked)
            first_asked = False
            for index, answer in zip(waiting, answers, strict=True):
                verdicts[index] = verdict(answer, verb)
                if verdicts[index] is not Outcome.CHANGED:
                    del requests[index]
            if verb is Verb.PASSWORD:
                self._wait_for_server([names[index] for index in waiting if verdicts[index] is Outcome.CHANGED])
        return verdicts

    def _wait_for_server(self, names: Sequence[str]) -> None:
        """Afterwards the server has written what it writes after its answer, or has not for so many looks."""
        mark, waiting = self._site.dialect.written_afterwards, list(names)
        for _ in range(LOOKS if mark else 0):
            if not waiting or mark is None:
                return
            searches = [search(dn, Scope.BASE, equal(*mark), ["1.1"]) for dn in waiting]
            try:
                found = self._site.session.find(searches, base_may_be_gone=True)
            except TargetError:
                return  # the next request will be told
            waiting = [dn for dn, entries in zip(waiting, found, strict=True) if entries]

    def _ask(self, operations: Sequence[Operation], *, first_asked: bool) -> list[Answer | TargetUnavailable]:
        """Not to be connected is an answer too, once something was sent."""
        try:
            return self._site.session.exchange(operations)
        except TargetUnavailable as error:
            if first_asked:
                raise
            return [error] * len(operations)

    # --- deleting ----------------------------------------------------------------------------------------------------

    def delete(self, steps: Sequence[DeleteAccount]) -> list[Verdict]:
        """First out of every group, then the entry: whatever happens in between, no membership is left behind."""
        present = self._site.accounts_by_id([step.external_id for step in steps])
        protected = self._site.surroundings.protected().accounts
        going: dict[int, Entry] = {}
        verdicts: dict[int, Verdict] = dict.fromkeys(range(len(steps)), Outcome.UNCHANGED)
        for index, step in enumerate(steps):
            if step.external_id in protected:
                verdicts[index] = protected_account(step.external_id)
            elif step.external_id in present:
                going[index] = present[step.external_id]
        if not self._site.dialect.deletion_leaves_groups:
            verdicts.update(self._leave_groups(going))
        leaving = [index for index in going if not isinstance(verdicts[index], TargetError)]
        try:
            answers = self._site.session.exchange([delete(going[index].dn) for index in leaving])
        except TargetUnavailable as error:
            answers = [error] * len(leaving)
        verdicts.update((index, verdict(answer, Verb.DELETE)) for index, answer in zip(leaving, answers, strict=True))
        return [verdicts[index] for index in range(len(steps))]

    def _leave_groups(self, going: dict[int, Entry]) -> dict[int, Verdict]:
        """What stands in the way of leaving, by index of the step; empty for those who are out of every group."""
        found = self._site.groups_of(list(going.values()))
        owners, memberships = [], []
        for (index, entry), groups in zip(going.items(), found, strict=True):
            owners += [index] * len(groups)
            memberships += [Membership(group.dn, entry.dn) for group in groups]
        left = self._memberships.change(ChangeKind.DELETE, memberships)
        return {index: said for index, said in zip(owners, left, strict=True) if isinstance(said, TargetError)}


def unprotected(external_id: ExternalId, present: dict[ExternalId, Entry], protected: frozenset[ExternalId]) -> Entry:
    """The account's entry. Raises NotOnTarget, and TargetRefused for one that we never write to (control D10)."""
    if external_id not in present:
        raise no_account(external_id)
    if external_id in protected:
        raise protected_account(external_id)
    return present[external_id]


def protected_account(external_id: ExternalId) -> TargetRefused:
    """The refusal to write to one of the directory's own administrators (control D10)."""
    return TargetRefused(
        f"アカウント {external_id} はディレクトリの管理者（特権）として保護されているため、自動では変更しません。"
        "作業依頼により、手作業で行ってください。"
    )


def _can_be_typed(password: str) -> bool:
    """Printable ASCII only: what the person types must be the same bytes on every keyboard and in every program."""
    plain = password.isascii() and password.isprintable() and password == password.strip()
    return plain and 0 < len(password) <= PASSWORD_BYTES
