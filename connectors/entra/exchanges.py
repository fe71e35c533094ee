"""Each step as a conversation with Graph: a generator that gives a request and is sent its answer.

All conversations of a wave go on side by side, their requests together in batches. Whatever a step needs to know it
reads by id: lists and filters lag behind what was written a moment ago (Graph, "Advanced query capabilities").
A leaver is disabled alone, in a request of its own, then loses the sessions; a password in the same request would keep
the account open where we may not set it (Entra, "Revoke user access").
"""

import re
import secrets
import string
from collections.abc import Callable, Container, Generator, Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

from connectors.entra.decoding import OWED, PENDING, Decoder, literal
from connectors.entra.graph import GONE, Answer, Request
from connectors.entra.role_exchanges import Exchange, RoleExchanges
from connectors.entra.roles import role_of
from connectors.entra.settings import EntraSettings
from idm.errors import NotOnTarget, TargetRefused, TargetUnavailable
from idm.ports import (
    AddMember,
    AdoptAccount,
    Attributes,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    Outcome,
    RemoveMember,
    RenameAccount,
    SetEnabled,
    SetPassword,
    SetTemporaryPassword,
    Step,
    UpdateAttributes,
)

LOGIN_NAME = re.compile(r"[A-Za-z0-9'._!#^~-]{1,64}")
"""What may stand before the @ of a user principal name (Graph, "Create user")."""
PASSWORD = re.compile(r"[\x21-\x7e]([\x20-\x7e]{6,254}[\x21-\x7e])")
KINDS_OF_SIGN = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
BY_HAND = "は管理者（特権）として保護されているため、自動では変更しません。作業依頼により、手作業で行ってください。"
SYNCED = "は、庁内のActive Directoryから同期されています。Active Directoryの側で変更してください。"
ROLES_TAKEN = "ロールを外しましたが、Entra ID がまだ管理者とみなしています。時間をおいて、もう一度行います。"
TAKEN = "利用者名「{name}」は別のアカウントが使っています。"


class Exchanges:
    """What each kind of step says to Graph. `made`: uuid → id of accounts that were made here and no list shows yet."""

    def __init__(
        self, settings: EntraSettings, decoder: Decoder, made: dict[UUID, ExternalId], roles: RoleExchanges
    ) -> None:
        self._settings, self._decoder, self._made, self._roles = settings, decoder, made, roles
        self.guarded: Container[ExternalId] = ()
        """The tenant's own administrators: nothing of theirs is written."""
        self.known: Mapping[UUID, ExternalId] | TargetRefused = {}
        """Whom lists show of those whom a wave is to make; or why that could not be read."""
        self.performers: dict[type[Step], Callable[[Any], Exchange]] = {
            CreateAccount: self._create,
            AdoptAccount: self._adopt,
            UpdateAttributes: self._update,
            RenameAccount: self._rename,
            SetEnabled: self._switch,
            SetTemporaryPassword: self._set_temporary_password,
            SetPassword: self._set_password,
            AddMember: self._add_member,
            RemoveMember: self._remove_member,
            DeleteAccount: self._delete,
        }

    # --- accounts ----------------------------------------------------------------------------------------------------

    def _create(self, step: CreateAccount) -> Exchange:
        wanted, uuid = step.attributes, str(step.account_uuid)
        if not wanted.family_name:
            raise TargetRefused("姓が必要です。")
        name = self._principal_name(wanted.login_name)
        if isinstance(self.known, TargetRefused):
            raise self.known
        if step.account_uuid in self.known:
            self._made[step.account_uuid] = self.known[step.account_uuid]
            return Outcome.UNCHANGED
        answer = yield Request("POST", "/users", self._newcomer(wanted, name) | {self._decoder.uuid: uuid})
        if answer.done:
            self._made[step.account_uuid] = str(answer.body["id"])
            return Outcome.CHANGED
        there = yield Request("GET", f"/users/{quote(name)}?$select=id,{self._decoder.uuid}")
        if there.done and there.body.get(self._decoder.uuid) == uuid:  # an answer that was lost, in a list that lags
            self._made[step.account_uuid] = str(there.body["id"])
            return Outcome.UNCHANGED
        raise TargetRefused(TAKEN.format(name=wanted.login_name)) if there.done else answer.fault()

    def _newcomer(self, wanted: Attributes, name: str) -> dict[str, Any]:
        said = {
            "accountEnabled": False, "userPrincipalName": name, "mailNickname": wanted.login_name,
            "usageLocation": self._settings.usage_location,
            "passwordProfile": {"password": _unknown_password(), "forceChangePasswordNextSignIn": True},
        }  # fmt: skip
        return said | {key: value for key, value in _described(wanted).items() if value}

    def _adopt(self, step: AdoptAccount) -> Exchange:
        user = yield from self._ours(step.external_id)
        uuid = str(step.account_uuid)
        if user.get(self._decoder.uuid) == uuid:
            return Outcome.UNCHANGED
        if user.get(self._decoder.uuid):
            raise TargetRefused("このアカウントは、別の人のものとして引き継がれています。")
        if (yield self._with_uuid(uuid)).required().get("value"):
            raise TargetRefused("この人のアカウントは、すでに別にあります。")
        (yield self._patch(step.external_id, {self._decoder.uuid: uuid})).required()
        self._made[step.account_uuid] = step.external_id
        return Outcome.CHANGED

    def _update(self, step: UpdateAttributes) -> Exchange:
        user = yield from self._ours(step.external_id)
        wanted = _described(step.attributes)
        changed = {key: value for key, value in wanted.items() if (user.get(key) or None) != value}
        if not changed:
            return Outcome.UNCHANGED
        (yield self._patch(step.external_id, changed)).required()
        return Outcome.CHANGED

    def _rename(self, step: RenameAccount) -> Exchange:
        name = self._principal_name(step.login_name)
        user = yield from self._ours(step.external_id)
        if user.get("userPrincipalName") == name:
            return Outcome.UNCHANGED
        renamed = {"userPrincipalName": name, "mailNickname": step.login_name}
        answer = yield self._patch(step.external_id, renamed)
        if not answer.done and (yield Request("GET", f"/users/{quote(name)}?$select=id")).done:
            raise TargetRefused(TAKEN.format(name=step.login_name))
        answer.required()
        return Outcome.CHANGED

    def _switch(self, step: SetEnabled) -> Exchange:
        user = yield from self._ours(step.external_id)
        sessions = self._decoder.sessions
        if self._decoder.enabled(user) is step.enabled and (step.enabled is bool(user.get("accountEnabled"))):
            return Outcome.UNCHANGED
        if step.enabled:
            (yield self._patch(step.external_id, {"accountEnabled": True, sessions: None})).required()
            return Outcome.CHANGED
        yield from self._disable(step.external_id)
        (yield Request("POST", f"/users/{step.external_id}/revokeSignInSessions")).required()
        (yield self._patch(step.external_id, {sessions: None})).required()
        return Outcome.CHANGED

    def _disable(self, external_id: ExternalId) -> Generator[Request, Answer, None]:
        """Afterwards nobody gets in any more, and the sessions are known to be still there.

        Whom Graph guards for a role that is ours to take loses it first: nobody goes on for having one.
        """
        off = self._patch(external_id, {"accountEnabled": False, self._decoder.sessions: OWED})
        answer = yield off
        if answer.status == 403 and (yield from self._roles.take_all_held(external_id)):
            answer = yield off
            if answer.status == 403:
                raise TargetUnavailable(ROLES_TAKEN)
        answer.required()

    def _set_temporary_password(self, step: SetTemporaryPassword) -> Exchange:
        _require_possible(step.password)
        yield from self._ours(step.external_id)
        profile = {"password": step.password, "forceChangePasswordNextSignIn": True}
        temporary = self._decoder.temporary
        (yield self._patch(step.external_id, {"passwordProfile": profile, temporary: PENDING})).required()
        read = yield Request("GET", f"/users/{step.external_id}?$select=lastPasswordChangeDateTime")
        since = read.required().get("lastPasswordChangeDateTime")
        (yield self._patch(step.external_id, {temporary: since or PENDING})).required()
        return Outcome.CHANGED

    def _set_password(self, step: SetPassword) -> Exchange:
        _require_possible(step.password)
        yield from self._ours(step.external_id)
        profile = {"password": step.password, "forceChangePasswordNextSignIn": False}
        change = {"passwordProfile": profile, self._decoder.temporary: None}
        (yield self._patch(step.external_id, change)).required()
        return Outcome.CHANGED

    def _delete(self, step: DeleteAccount) -> Exchange:
        try:
            yield from self._ours(step.external_id)
        except NotOnTarget:
            return Outcome.UNCHANGED
        (yield Request("DELETE", f"/users/{step.external_id}")).required()
        return Outcome.CHANGED

    # --- groups ------------------------------------------------------------------------------------------------------

    def _add_member(self, step: AddMember) -> Exchange:
        self._require_unguarded(step.external_id)
        if (role := role_of(step.group_id)) is not None:
            return (yield from self._roles.give(step, role))
        if step.until is not None:
            raise TargetRefused("Entra IDのグループには、期限を付けられません。")
        member = {"@odata.id": f"{self._settings.graph}/directoryObjects/{step.external_id}"}
        answer = yield Request("POST", f"/groups/{step.group_id}/members/$ref", member)
        if answer.done:
            return Outcome.CHANGED
        if answer.status == 400 and (yield from self._is_member(step.external_id, step.group_id)):
            return Outcome.UNCHANGED  # a member already: known by reading, not by the words of the refusal
        raise answer.fault()

    def _remove_member(self, step: RemoveMember) -> Exchange:
        self._require_unguarded(step.external_id)
        if (role := role_of(step.group_id)) is not None:
            return (yield from self._roles.take(step, role))
        # Without `/$ref` Graph deletes the user, not the membership (Graph, "Remove member").
        answer = yield Request("DELETE", f"/groups/{step.group_id}/members/{step.external_id}/$ref")
        if answer.done:
            return Outcome.CHANGED
        if answer.status == 404 and (yield Request("GET", f"/groups/{step.group_id}?$select=id")).done:
            return Outcome.UNCHANGED
        raise answer.fault()

    def _is_member(self, external_id: ExternalId, group_id: ExternalId) -> Generator[Request, Answer, bool]:
        answer = yield Request("POST", f"/users/{external_id}/checkMemberGroups", {"groupIds": [group_id]})
        return group_id in answer.required().get("value", ())

    # --- what stands in the way --------------------------------------------------------------------------------------

    def _ours(self, external_id: ExternalId) -> Generator[Request, Answer, Mapping[str, Any]]:
        """The user as they are now, whom we may change. Raises NotOnTarget, TargetRefused."""
        self._require_unguarded(external_id)
        user = (yield Request("GET", f"/users/{quote(external_id)}?$select={self._decoder.selected}")).required()
        if user.get("onPremisesSyncEnabled"):
            raise TargetRefused(f"アカウント {external_id} {SYNCED}")
        if str(user.get("id")) != external_id:
            raise NotOnTarget(GONE)
        return user

    def _require_unguarded(self, external_id: ExternalId) -> None:
        if external_id in self.guarded:
            raise TargetRefused(f"アカウント {external_id} {BY_HAND}")

    def _principal_name(self, login_name: str) -> str:
        if not LOGIN_NAME.fullmatch(login_name) or login_name.startswith(".") or login_name.endswith("."):
            raise TargetRefused("利用者名に使えるのは、半角の英数字と ' . - _ ! # ^ ~（64文字まで）です。")
        return f"{login_name}@{self._settings.domain}"

    def _with_uuid(self, uuid: str) -> Request:
        return Request("GET", f"/users?$filter={quote(f'{self._decoder.uuid} eq {literal(uuid)}')}&$select=id")

    def _patch(self, external_id: ExternalId, change: Mapping[str, Any]) -> Request:
        return Request("PATCH", f"/users/{external_id}", change)


def _described(wanted: Attributes) -> dict[str, str | None]:
    return {
        "displayName": wanted.display_name or None, "surname": wanted.family_name or None,
        "givenName": wanted.given_name or None, "employeeId": wanted.employee_number, "mail": wanted.mail,
        "department": wanted.unit_name,
    }  # fmt: skip


def _require_possible(password: str) -> None:
    """Afterwards Entra ID would take the password, and as it was given (Entra, "Password policies"). Raises
    TargetRefused, in words that hold nothing of it."""
    kinds = sum(any(sign in signs for sign in password) for signs in KINDS_OF_SIGN)
    kinds += any(sign not in "".join(KINDS_OF_SIGN) for sign in password)
    if not PASSWORD.fullmatch(password) or kinds < 3:
        raise TargetRefused(
            "パスワードは、半角の文字で8文字以上256文字まで、英大文字・英小文字・数字・記号のうち三種類以上が必要です。"
        )


def _unknown_password() -> str:
    """A password that nobody will ever know: the account is disabled, and is given another before it is opened."""
    return f"{secrets.token_urlsafe(32)}aA1!"
