"""The connector to a directory in memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from connectors.memory.directory import MINIMUM_PASSWORD_LENGTH, Account, Fault, Group, MemoryDirectory
from idm.errors import ConfigurationInvalid, NotOnTarget, TargetError, TargetRefused, TargetUnavailable
from idm.ports import (
    AccountId,
    AddMember,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    LastUse,
    LastUseSource,
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


def directory_named_in(settings: Mapping[str, object]) -> MemoryDirectory:
    """The directory that the settings name. Raises ConfigurationInvalid."""
    name = settings.get("name")
    if set(settings) != {"name"} or not isinstance(name, str) or not name:
        raise ConfigurationInvalid(
            "メモリー上のディレクトリの設定は name だけです。", mistakes=("name: 文字列が必要です",)
        )
    return MemoryDirectory.named(name)


class MemoryConnector:
    """`Directory`, `Writes`, `ReadsPasswordState` and `ReportsLastUse` for a directory in memory."""

    def __init__(self, directory: MemoryDirectory, *, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self._clock = clock
        self._performers: dict[type[Step], Callable[[Any], Outcome]] = {
            CreateAccount: self._create,
            UpdateAttributes: self._update,
            SetTemporaryPassword: self._set_temporary_password,
            SetEnabled: self._switch,
            AddMember: self._add_member,
            RemoveMember: self._remove_member,
            DeleteAccount: self._delete,
        }
        self.can: frozenset[type[Step]] = frozenset(self._performers)

    # --- reading -----------------------------------------------------------------------------------------------------

    def accounts(self) -> Iterator[TargetAccount]:
        """See `idm.ports.Directory`."""
        self._reach()
        now = self._clock()
        return iter([_seen(account, now) for account in self._directory.accounts.values()])

    def account_ids(self) -> Iterator[AccountId]:
        """See `idm.ports.Directory`."""
        self._reach()
        return iter(
            [
                AccountId(account.external_id, account.account_uuid, account.attributes.login_name)
                for account in self._directory.accounts.values()
            ]
        )

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """See `idm.ports.Directory`."""
        self._reach()
        wanted, now = set(account_uuids), self._clock()
        return {
            account.account_uuid: replace(_seen(account, now), groups=self._groups_of(account))
            for account in self._directory.accounts.values()
            if account.account_uuid in wanted
        }

    def group(self, name: str) -> TargetGroup:
        """See `idm.ports.Directory`."""
        self._reach()
        found = [group for group in self._directory.groups.values() if group.name == name]
        if not found:
            raise NotOnTarget(f"グループ「{name}」はありません。")
        return TargetGroup(found[0].external_id, name)

    def members(self, group_id: ExternalId, *, nested: bool = False) -> Iterator[ExternalId]:
        """See `idm.ports.Directory`."""
        self._reach()
        return iter(sorted(self._group(group_id).members))

    def password_state(self, external_id: ExternalId) -> PasswordState:
        """See `idm.ports.ReadsPasswordState`."""
        self._reach()
        account = self._account(external_id)
        return PasswordState(account.must_change, account.password_changed_at)

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
            return self._performers[type(step)](step)
        except TargetError as error:
            return error

    def _create(self, step: CreateAccount) -> Outcome:
        directory = self._directory
        if any(account.account_uuid == step.account_uuid for account in directory.accounts.values()):
            return Outcome.UNCHANGED
        if not step.attributes.login_name or not step.attributes.family_name:
            raise TargetRefused("ログイン名と姓が必要です。")
        if directory.with_login(step.attributes.login_name):
            raise TargetRefused(f"ログイン名「{step.attributes.login_name}」は別のアカウントが使っています。")
        account = directory.add_account(step.attributes, account_uuid=step.account_uuid, now=self._clock())
        account.switched_off = True
        return Outcome.CHANGED

    def _update(self, step: UpdateAttributes) -> Outcome:
        account = self._account(step.external_id)
        wanted = replace(step.attributes, login_name=account.attributes.login_name)
        if account.attributes == wanted:
            return Outcome.UNCHANGED
        account.attributes = wanted
        return Outcome.CHANGED

    def _switch(self, step: SetEnabled) -> Outcome:
        account = self._account(step.external_id)
        before = (account.switched_off, account.expires_at)
        expires_at = step.expires_at.replace(microsecond=0) if step.expires_at and step.enabled else None
        account.switched_off, account.expires_at = not step.enabled, expires_at
        return Outcome.UNCHANGED if before == (account.switched_off, account.expires_at) else Outcome.CHANGED

    def _set_temporary_password(self, step: SetTemporaryPassword) -> Outcome:
        account = self._account(step.external_id)
        typed = step.password.isascii() and step.password.isprintable() and step.password == step.password.strip()
        if not typed or len(step.password) < MINIMUM_PASSWORD_LENGTH:
            raise TargetRefused("仮パスワードが短すぎるか、印字可能な ASCII 文字ではありません。")
        account.password, account.must_change, account.password_changed_at = step.password, True, self._clock()
        return Outcome.CHANGED

    def _add_member(self, step: AddMember) -> Outcome:
        account, group = self._account(step.external_id), self._group(step.group_id)
        if account.external_id in group.members:
            return Outcome.UNCHANGED
        group.members.add(account.external_id)
        return Outcome.CHANGED

    def _remove_member(self, step: RemoveMember) -> Outcome:
        account, group = self._account(step.external_id), self._group(step.group_id)
        if account.external_id not in group.members:
            return Outcome.UNCHANGED
        group.members.remove(account.external_id)
        return Outcome.CHANGED

    def _delete(self, step: DeleteAccount) -> Outcome:
        if self._directory.accounts.pop(step.external_id, None) is None:
            return Outcome.UNCHANGED
        for group in self._directory.groups.values():
            group.members.discard(step.external_id)
        return Outcome.CHANGED

    # --- the directory's own books -----------------------------------------------------------------------------------

    def _reach(self) -> None:
        if self._directory.fault is Fault.UNAVAILABLE:
            raise TargetUnavailable("ディレクトリに接続できません。")

    def _account(self, external_id: ExternalId) -> Account:
        account = self._directory.accounts.get(external_id)
        if account is None:
            raise NotOnTarget(f"アカウント {external_id} はありません。")
        return account

    def _group(self, group_id: ExternalId) -> Group:
        group = self._directory.groups.get(group_id)
        if group is None:
            raise NotOnTarget(f"グループ {group_id} はありません。")
        return group

    def _groups_of(self, account: Account) -> frozenset[ExternalId]:
        groups = self._directory.groups.values()
        return frozenset(group.external_id for group in groups if account.external_id in group.members)


def _seen(account: Account, now: datetime) -> TargetAccount:
    return TargetAccount(
        account.external_id,
        account.account_uuid,
        account.attributes,
        account.enabled(now),
        None if account.switched_off else account.expires_at,
    )


def _last_use(account: Account) -> LastUse:
    return LastUse(
        account.external_id,
        account.account_uuid,
        account.attributes.login_name,
        account.last_used_at,
        LastUseSource.MEMORY,
    )
