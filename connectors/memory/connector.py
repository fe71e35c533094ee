"""The connector to a directory in memory: it has every ability of the port but looking over its own connection."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from connectors.memory.directory import Account, Fault, Group, MemoryDirectory
from connectors.memory.steps import Steps
from idm.errors import ConfigurationInvalid, NotOnTarget, TargetError, TargetUnavailable
from idm.ports import (
    AccountId,
    ChangeSet,
    ExternalId,
    Kept,
    LastUse,
    LastUseSource,
    Lockout,
    Outcome,
    PasswordAge,
    PasswordCheck,
    PasswordPolicy,
    PasswordState,
    PasswordVerdict,
    SetPassword,
    SetTemporaryPassword,
    Step,
    TargetAccount,
    TargetGroup,
)


def directory_named_in(settings: Mapping[str, object]) -> MemoryDirectory:
    """The directory that the settings name. Raises ConfigurationInvalid."""
    name = settings.get("name")
    if set(settings) != {"name"} or not isinstance(name, str) or not name:
        raise ConfigurationInvalid(
            "メモリー上のディレクトリの設定は name だけです。", mistakes=("name: 文字列が必要です",)
        )
    return MemoryDirectory.named(name)


class MemoryConnector:
    """`Directory`, `Writes` and the rest; see `idm.ports`."""

    def __init__(self, directory: MemoryDirectory, *, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self._clock = clock
        self._steps = Steps(directory, clock)
        passwords = frozenset() if directory.has_passwords else {SetTemporaryPassword, SetPassword}
        self.can: frozenset[type[Step]] = frozenset(self._steps.performers) - passwords

    # --- reading -----------------------------------------------------------------------------------------------------

    def accounts(self) -> Iterator[TargetAccount]:
        """See `idm.ports.Directory`."""
        self._reach()
        return iter([self._seen(account) for account in self._directory.accounts.values()])

    def account_ids(self) -> Iterator[AccountId]:
        """See `idm.ports.Directory`."""
        self._reach()
        return map(self._told, list(self._directory.accounts.values()))

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """See `idm.ports.Directory`."""
        self._reach()
        wanted = set(account_uuids)
        return {
            account.account_uuid: replace(self._seen(account), groups=self._groups_of(account))
            for account in self._directory.accounts.values()
            if account.account_uuid in wanted
        }

    def find_by_own_id(self, external_ids: Iterable[ExternalId]) -> dict[ExternalId, TargetAccount]:
        """See `idm.ports.FindsByOwnId`."""
        self._reach()
        held = self._directory.accounts
        return {one: self._seen(held[one]) for one in external_ids if one in held}

    def group(self, name: str) -> TargetGroup:
        """See `idm.ports.Directory`."""
        self._reach()
        found = [group for group in self._directory.groups.values() if group.name == name]
        if not found:
            raise NotOnTarget(f"グループ「{name}」はありません。")
        return _group(found[0])

    def members(self, group_id: ExternalId, *, nested: bool = False) -> Iterator[ExternalId]:
        """See `idm.ports.Directory`. Without `nested`, a group inside it is a member like any other."""
        self._reach()
        now, group = self._clock(), self._steps.group(group_id)
        if not nested:
            return iter(sorted(member for member in group.members if group.holds(member, now)))
        inside, waiting = {group_id}, [group]
        found: set[ExternalId] = set()
        while waiting:
            walked = waiting.pop()
            current = {member for member in walked.members if walked.holds(member, now)}
            groups = current & self._directory.groups.keys()
            found |= current - groups
            waiting += [self._directory.groups[one] for one in groups - inside]
            inside |= groups
        return iter(sorted(found))

    def protected_groups(self) -> Iterator[TargetGroup]:
        """See `idm.ports.KnowsProtected`."""
        self._reach()
        return iter([_group(group) for group in self._directory.groups.values() if group.protected])

    def protected_accounts(self) -> Iterator[AccountId]:
        """See `idm.ports.KnowsProtected`."""
        self._reach()
        told = map(self._told, list(self._directory.accounts.values()))
        return iter([one for one in told if one.protected or one.built_in is not None])

    def changes_since(self, cursor: str | None) -> ChangeSet:
        """See `idm.ports.ReportsChanges`."""
        self._reach()
        current = {account.external_id: account for account in self.accounts()}
        before = self._directory.seen_before.get(cursor or "")
        changed = [one for one in current.values() if before is None or before.get(one.external_id) != one]
        mark = str(uuid4())
        self._directory.seen_before[mark] = dict(current)
        return ChangeSet(iter(changed), before is None, mark)

    def kept(self) -> Kept:
        """See `idm.ports.KeepsLess`: a directory in memory keeps everything, unless a test wants it to be a service."""
        return self._directory.kept

    def can_time_box(self) -> bool:
        """See `idm.ports.TimeBoxesMembership`: it looks at the clock whenever it is asked."""
        return True

    # --- passwords and use -------------------------------------------------------------------------------------------

    def password_state(self, external_id: ExternalId) -> PasswordState:
        """See `idm.ports.ReadsPasswordState`."""
        self._reach()
        account = self._steps.account(external_id)
        return PasswordState(account.must_change, account.password_changed_at)

    def lockout(self, external_id: ExternalId) -> Lockout:
        """See `idm.ports.ReadsLockout`."""
        self._reach()
        return self._steps.account(external_id).lockout(self._clock())

    def password_policy(self, external_id: ExternalId | None = None) -> PasswordPolicy:
        """See `idm.ports.ReadsPasswordPolicy`."""
        self._reach()
        return self._directory.policy if external_id is None else self._steps.account(external_id).policy

    def check_password(self, login_name: str, password: str) -> PasswordCheck:
        """See `idm.ports.ChecksPasswords`."""
        self._reach()
        account, now = self._directory.with_login(login_name), self._clock()
        if account is None or not password.strip():
            return PasswordCheck(PasswordVerdict.WRONG)
        let_in = self._directory.sign_in(login_name, password, now=now)
        verdict = _verdict(account, now, right=account.password == password and not account.smart_card)
        if let_in:
            verdict = PasswordVerdict.MUST_CHANGE if account.must_change else PasswordVerdict.RIGHT
        if verdict is PasswordVerdict.WRONG:
            return PasswordCheck(verdict)
        return PasswordCheck(verdict, account.external_id, proven=account.password == password)

    def unchanged_since(self, cutoff: datetime) -> Iterator[PasswordAge]:
        """See `idm.ports.ReportsPasswordAge`."""
        self._reach()
        kept = [one for one in self._directory.accounts.values() if not one.must_change]
        dated = [(one, one.password_changed_at) for one in kept if one.password_changed_at is not None]
        return iter(
            PasswordAge(one.external_id, one.account_uuid, one.attributes.login_name, changed_at)
            for one, changed_at in dated
            if changed_at <= cutoff
        )

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """See `idm.ports.ReportsLastUse`."""
        self._reach()
        found = [one for one in self._directory.accounts.values() if one.last_used_at and one.last_used_at <= cutoff]
        return map(_last_use, found)

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """See `idm.ports.ReportsLastUse`."""
        self._reach()
        unused = [one for one in self._directory.accounts.values() if one.last_used_at is None]
        return map(_last_use, [one for one in unused if one.created_at < created_before])

    def own_account_id(self) -> ExternalId | None:
        """See `idm.ports.KnowsItself`."""
        self._reach()
        return self._directory.signed_in_as

    def close(self) -> None:
        """See `idm.ports.Directory`."""

    # --- writing -----------------------------------------------------------------------------------------------------

    def perform(self, steps: Sequence[Step]) -> list[Outcome | TargetError]:
        """See `idm.ports.Writes`."""
        self._reach()
        answers = [self._answer(step) for step in steps]
        if self._directory.fault is Fault.ANSWER_LOST:
            self._directory.fault = None
            return [TargetUnavailable("応答が届きませんでした。") for _ in answers]
        return answers

    def _answer(self, step: Step) -> Outcome | TargetError:
        try:
            return self._steps.performers[type(step)](step)
        except TargetError as error:
            return error

    # --- the directory's own books -----------------------------------------------------------------------------------

    def _reach(self) -> None:
        if self._directory.fault is Fault.UNAVAILABLE:
            raise TargetUnavailable("ディレクトリに接続できません。")

    def _groups_of(self, account: Account) -> frozenset[ExternalId]:
        now, groups = self._clock(), self._directory.groups.values()
        return frozenset(group.external_id for group in groups if group.holds(account.external_id, now))

    def _told(self, account: Account) -> AccountId:
        return AccountId(
            account.external_id, account.account_uuid, account.attributes.login_name, account.enabled(self._clock()),
            account.built_in, self._seen(account).protected,
        )  # fmt: skip

    def _seen(self, account: Account) -> TargetAccount:
        administered = (group for group in self._directory.groups.values() if group.protected)
        return TargetAccount(
            account.external_id,
            account.account_uuid,
            account.attributes,
            account.enabled(self._clock()),
            None if account.switched_off else account.expires_at,
            container=account.container,
            protected=account.protected or any(account.external_id in group.members for group in administered),
            card_required=account.smart_card,
        )


def _group(group: Group) -> TargetGroup:
    return TargetGroup(group.external_id, group.name, group.protected)


def _verdict(account: Account, now: datetime, *, right: bool) -> PasswordVerdict:
    """What is said to somebody who is not let in."""
    if account.lockout(now).locked:
        return PasswordVerdict.LOCKED
    if not right:
        return PasswordVerdict.WRONG
    return PasswordVerdict.DISABLED if account.switched_off else PasswordVerdict.ACCOUNT_EXPIRED


def _last_use(account: Account) -> LastUse:
    return LastUse(
        account.external_id,
        account.account_uuid,
        account.attributes.login_name,
        account.last_used_at,
        LastUseSource.MEMORY,
    )
