"""What each step does to a directory in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.memory.directory import Account, Group, MemoryDirectory
from idm.errors import NotOnTarget, TargetRefused
from idm.ports import (
    EVERYTHING,
    AddMember,
    AdoptAccount,
    Attributes,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    MoveAccount,
    Outcome,
    RemoveMember,
    RenameAccount,
    RequireSmartCard,
    SetEnabled,
    SetPassword,
    SetTemporaryPassword,
    Step,
    Unlock,
    UpdateAttributes,
)

BY_HAND = "は管理者（特権）として保護されているため、自動では変更しません。作業依頼により、手作業で行ってください。"


class Steps:
    """`performers` carry out one step each; they raise TargetError and then have changed nothing."""

    def __init__(self, directory: MemoryDirectory, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self._clock = clock
        self.performers: dict[type[Step], Callable[[Any], Outcome]] = {
            CreateAccount: self._create,
            AdoptAccount: self._adopt,
            UpdateAttributes: self._update,
            RenameAccount: self._rename,
            MoveAccount: self._move,
            SetTemporaryPassword: self._set_temporary_password,
            SetPassword: self._set_password,
            Unlock: self._unlock,
            RequireSmartCard: self._require_card,
            SetEnabled: self._switch,
            AddMember: self._add_member,
            RemoveMember: self._remove_member,
            DeleteAccount: self._delete,
        }

    def account(self, external_id: ExternalId) -> Account:
        """The account of that id. Raises NotOnTarget."""
        account = self._directory.accounts.get(external_id)
        if account is None:
            raise NotOnTarget(f"アカウント {external_id} はありません。")
        return account

    def group(self, group_id: ExternalId) -> Group:
        """The group of that id. Raises NotOnTarget."""
        group = self._directory.groups.get(group_id)
        if group is None:
            raise NotOnTarget(f"グループ {group_id} はありません。")
        return group

    # --- accounts ----------------------------------------------------------------------------------------------------

    def _create(self, step: CreateAccount) -> Outcome:
        directory = self._directory
        if any(account.account_uuid == step.account_uuid for account in directory.accounts.values()):
            return Outcome.UNCHANGED
        if not step.attributes.family_name:
            raise TargetRefused("姓が必要です。")
        self._require_free(step.attributes.login_name)
        self._require_container(step.container)
        kept = self._as_kept(step.attributes)
        account = directory.add_account(kept, account_uuid=step.account_uuid, now=self._clock())
        account.switched_off, account.container = True, step.container or account.container
        return Outcome.CHANGED

    def _adopt(self, step: AdoptAccount) -> Outcome:
        account = self._ours_to_change(step.external_id)
        if account.account_uuid == step.account_uuid:
            return Outcome.UNCHANGED
        taken = any(other.account_uuid == step.account_uuid for other in self._directory.accounts.values())
        if account.account_uuid is not None or taken:
            raise TargetRefused(f"アカウント {step.external_id} は、すでに別の組み合わせで登録されています。")
        account.account_uuid = step.account_uuid
        return Outcome.CHANGED

    def _update(self, step: UpdateAttributes) -> Outcome:
        account = self._ours_to_change(step.external_id)
        wanted = self._as_kept(replace(step.attributes, login_name=account.attributes.login_name))
        if account.attributes == wanted:
            return Outcome.UNCHANGED
        account.attributes = wanted
        return Outcome.CHANGED

    def _rename(self, step: RenameAccount) -> Outcome:
        account = self._ours_to_change(step.external_id)
        if account.attributes.login_name == step.login_name:
            return Outcome.UNCHANGED
        self._require_free(step.login_name, own=account)
        account.attributes = replace(account.attributes, login_name=step.login_name)
        return Outcome.CHANGED

    def _move(self, step: MoveAccount) -> Outcome:
        account = self._ours_to_change(step.external_id)
        self._require_container(step.container)
        if account.container == step.container:
            return Outcome.UNCHANGED
        account.container = step.container
        return Outcome.CHANGED

    def _switch(self, step: SetEnabled) -> Outcome:
        account = self._ours_to_change(step.external_id)
        before = (account.switched_off, account.expires_at)
        ends = step.enabled and self._directory.kept.ends
        expires_at = step.expires_at.replace(microsecond=0) if step.expires_at and ends else None
        account.switched_off, account.expires_at = not step.enabled, expires_at
        return Outcome.UNCHANGED if before == (account.switched_off, account.expires_at) else Outcome.CHANGED

    def _set_temporary_password(self, step: SetTemporaryPassword) -> Outcome:
        return self._give(step, must_change=True)

    def _set_password(self, step: SetPassword) -> Outcome:
        return self._give(step, must_change=False)

    def _give(self, step: SetTemporaryPassword | SetPassword, *, must_change: bool) -> Outcome:
        account = self._ours_to_change(step.external_id)
        typed = step.password.isascii() and step.password.isprintable() and step.password == step.password.strip()
        if not typed or len(step.password) < (account.policy.minimum_length or 1):
            raise TargetRefused("パスワードが短すぎるか、印字可能な ASCII 文字ではありません。")
        account.password, account.must_change, account.password_changed_at = step.password, must_change, self._clock()
        return Outcome.CHANGED

    def _unlock(self, step: Unlock) -> Outcome:
        account = self._ours_to_change(step.external_id)
        if not account.lockout(self._clock()).locked:
            return Outcome.UNCHANGED
        account.unlock()
        return Outcome.CHANGED

    def _require_card(self, step: RequireSmartCard) -> Outcome:
        account = self._ours_to_change(step.external_id)
        if account.smart_card == step.required:
            return Outcome.UNCHANGED
        account.smart_card = step.required
        account.password = None if step.required else account.password
        return Outcome.CHANGED

    def _delete(self, step: DeleteAccount) -> Outcome:
        if step.external_id not in self._directory.accounts:
            return Outcome.UNCHANGED
        self._ours_to_change(step.external_id)
        del self._directory.accounts[step.external_id]
        for group in self._directory.groups.values():
            group.members.discard(step.external_id)
            group.until.pop(step.external_id, None)
        return Outcome.CHANGED

    def _as_kept(self, attributes: Attributes) -> Attributes:
        forgotten: dict[str, Any] = dict.fromkeys(EVERYTHING.attributes - self._directory.kept.attributes)
        return replace(attributes, **forgotten)

    # --- groups ------------------------------------------------------------------------------------------------------

    def _add_member(self, step: AddMember) -> Outcome:
        account, group = self._both(step.external_id, step.group_id)
        now = self._clock()
        if step.until is not None and step.until <= now:
            raise TargetRefused("グループメンバーの期限が過ぎているため、追加しません。")
        if group.holds(account.external_id, now) and group.until.get(account.external_id) == step.until:
            return Outcome.UNCHANGED
        group.members.add(account.external_id)
        group.until.pop(account.external_id, None)
        if step.until is not None:
            group.until[account.external_id] = step.until
        return Outcome.CHANGED

    def _remove_member(self, step: RemoveMember) -> Outcome:
        account, group = self._both(step.external_id, step.group_id)
        there = group.holds(account.external_id, self._clock())
        group.members.discard(account.external_id)
        group.until.pop(account.external_id, None)
        return Outcome.CHANGED if there else Outcome.UNCHANGED

    def _both(self, external_id: ExternalId, group_id: ExternalId) -> tuple[Account, Group]:
        account, group = self._ours_to_change(external_id), self.group(group_id)
        if group.protected:
            raise TargetRefused(f"グループ {group_id} {BY_HAND}")
        return account, group

    # --- what stands in the way --------------------------------------------------------------------------------------

    def _ours_to_change(self, external_id: ExternalId) -> Account:
        account = self.account(external_id)
        administers = any(
            group.protected and group.holds(external_id, self._clock()) for group in self._directory.groups.values()
        )
        if account.protected or administers:
            raise TargetRefused(f"アカウント {external_id} {BY_HAND}")
        return account

    def _require_free(self, login_name: str, *, own: Account | None = None) -> None:
        if not login_name:
            raise TargetRefused("ログイン名が必要です。")
        holder = self._directory.with_login(login_name)
        if holder is not None and holder is not own:
            raise TargetRefused(f"ログイン名「{login_name}」は別のアカウントが使っています。")

    def _require_container(self, container: str | None) -> None:
        if container is not None and container not in self._directory.containers:
            raise TargetRefused(f"アカウントを置く場所「{container}」がありません。")
