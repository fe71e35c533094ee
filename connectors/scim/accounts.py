"""What each step does to a user. Nothing counts as done that was not read back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from connectors.scim import encoding
from connectors.scim.capabilities import USER
from connectors.scim.decoding import Json, attributes_of, id_of, is_active, login_name_of, uuid_of
from connectors.scim.reading import Reading, folded, resource_url
from idm.errors import NotOnTarget, TargetRefused, TargetUnavailable
from idm.ports import (
    AdoptAccount,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    Outcome,
    RenameAccount,
    SetEnabled,
    UpdateAttributes,
)

NAMELESS = "アカウントには、ログイン名と姓が必要です。"
NO_PLACES = "このサービスには、アカウントを置く場所の区別がありません。"
NAME_TAKEN = "ログイン名「{name}」は、サービスの別のアカウントが使っています。持ち主を確かめてください。"
ANOTHERS = "アカウント {id} は、すでに別の組み合わせで登録されています。"
NO_ID = (
    "サービスが、対応付けのID（{attribute}）を保存しません。"
    "設定の account_uuid_attribute を、サービスが保存する属性にしてください。"
)
FIXED = "サービスが、{attribute} の変更を受け付けません。手作業で変更してください。"
NOT_SHOWN_YET = "書き込んだ内容を、サービスがまだ示しません。読み直してから、もう一度行います。"


class Newcomers:
    """Whom the creations of one wave meet: looked up once, and kept up while the wave is carried out."""

    def __init__(self, reading: Reading, steps: Sequence[CreateAccount]) -> None:
        self._ours = reading.with_uuids({step.account_uuid for step in steps})
        self._names = set(reading.with_login_names({step.attributes.login_name for step in steps}))

    def is_there(self, uuid: UUID) -> bool:
        """Whether the account was made before."""
        return uuid in self._ours

    def require_free(self, name: str) -> None:
        """Raises TargetRefused where somebody is called so already."""
        if folded(name) in self._names:
            raise TargetRefused(NAME_TAKEN.format(name=name))

    def add(self, uuid: UUID, user: Json) -> None:
        """Afterwards it counts as there."""
        self._ours[uuid] = user
        self._names.add(folded(login_name_of(user)))


class Accounts:
    """Users of one service, as they are written. Every method raises errors of the port and then may have done nothing
    or everything: what is true shows when it is read again."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._settings, self._conversation = reading.settings, reading.conversation

    def create(self, step: CreateAccount, met: Newcomers) -> Outcome:
        """See `CreateAccount`; with our id from the first moment on, and of no use to anybody yet."""
        if met.is_there(step.account_uuid):
            return Outcome.UNCHANGED
        if not step.attributes.login_name.strip() or not step.attributes.family_name.strip():
            raise TargetRefused(NAMELESS)
        if step.container is not None:
            raise TargetRefused(NO_PLACES)
        capabilities, attribute = self._reading.capabilities, self._settings.account_uuid_attribute
        if attribute not in capabilities.writable & capabilities.readable:
            raise TargetRefused(NO_ID.format(attribute=attribute))
        met.require_free(step.attributes.login_name)
        sent = encoding.new_user(
            step.account_uuid, step.attributes, attribute, capabilities, self._settings.quirks
        )  # fmt: skip
        made = self._conversation.create("アカウント", capabilities.users_url, sent)
        user = self._made(made, step.account_uuid)
        if is_active(user):  # some do not listen to that at the creation
            user = self._changed(user, {"active": False})
        if is_active(user):
            raise TargetUnavailable(NOT_SHOWN_YET)
        met.add(step.account_uuid, user)
        return Outcome.CHANGED

    def adopt(self, step: AdoptAccount) -> Outcome:
        """See `AdoptAccount`."""
        user = self._reading.user(step.external_id)
        attribute = self._settings.account_uuid_attribute
        before = uuid_of(user, attribute)
        if before == step.account_uuid:
            return Outcome.UNCHANGED
        if before is not None or self._reading.with_uuids({step.account_uuid}):
            raise TargetRefused(ANOTHERS.format(id=step.external_id))
        if attribute not in self._reading.capabilities.changeable & self._reading.capabilities.readable:
            raise TargetRefused(NO_ID.format(attribute=attribute))
        changed = self._changed(user, {attribute: encoding.id_text(step.account_uuid, attribute)})
        return _shown(uuid_of(changed, attribute) == step.account_uuid)

    def update(self, step: UpdateAttributes) -> Outcome:
        """See `UpdateAttributes`; what the service does not take is left out."""
        user = self._reading.user(step.external_id)
        values = self._differing(user, step)
        if not values:
            return Outcome.UNCHANGED
        return _shown(not self._differing(self._changed(user, values), step))

    def rename(self, step: RenameAccount) -> Outcome:
        """See `RenameAccount`."""
        user = self._reading.user(step.external_id)
        if login_name_of(user) == step.login_name:
            return Outcome.UNCHANGED
        if "userName" not in self._reading.capabilities.changeable:
            raise TargetRefused(FIXED.format(attribute="userName"))
        holders = self._reading.with_login_names([step.login_name]).get(folded(step.login_name), [])
        if not step.login_name.strip() or any(id_of(one) != step.external_id for one in holders):
            raise TargetRefused(NAME_TAKEN.format(name=step.login_name))
        return _shown(login_name_of(self._changed(user, {"userName": step.login_name})) == step.login_name)

    def switch(self, step: SetEnabled) -> Outcome:
        """See `SetEnabled`; the service knows no end, which is carried out on its day."""
        user = self._reading.user(step.external_id)
        if is_active(user) is step.enabled:
            return Outcome.UNCHANGED
        return _shown(is_active(self._changed(user, {"active": step.enabled})) is step.enabled)

    def delete(self, step: DeleteAccount) -> Outcome:
        """See `DeleteAccount`; the caller has taken it out of its groups."""
        about = f"アカウント {step.external_id} "
        try:
            self._reading.user(step.external_id)
        except NotOnTarget:
            return Outcome.UNCHANGED
        try:
            self._conversation.delete(about, USER, self._url(step.external_id))
            self._reading.user(step.external_id)
        except NotOnTarget:  # somebody else deleted it a moment before us, or it is gone as it should be
            return Outcome.CHANGED
        raise TargetUnavailable(NOT_SHOWN_YET)

    def _made(self, answer: Json, uuid: UUID) -> Json:
        """The user that was just made, as it is read back; by our id where the answer does not say which it is."""
        named = id_of(answer)
        user = self._reading.user(named) if named else self._reading.with_uuids({uuid}).get(uuid, {})
        if uuid_of(user, self._settings.account_uuid_attribute) != uuid:
            raise TargetRefused(NO_ID.format(attribute=self._settings.account_uuid_attribute))
        return user

    def _differing(self, user: Json, step: UpdateAttributes) -> dict[str, Any]:
        seen = attributes_of(user, self._settings.account_uuid_attribute)
        wanted = replace(step.attributes, login_name=seen.login_name)
        return encoding.changes(
            seen, wanted, self._settings.account_uuid_attribute, self._reading.capabilities, self._settings.quirks
        )

    def _changed(self, user: Json, values: Mapping[str, Any]) -> Json:
        """The user as it is read back after it was told to say so."""
        external_id, quirks = id_of(user), self._settings.quirks
        url, about = self._url(external_id), f"アカウント {external_id} "
        if quirks.patches_users and self._reading.capabilities.patches:
            told = encoding.operations(values)
            for part in [[one] for one in told] if quirks.one_change_each else [told]:
                self._conversation.change(about, USER, url, encoding.patch(part))
        else:
            self._conversation.replace(about, url, encoding.whole_user(user, values), self._reading.version_of(user))
        return self._reading.user(external_id)

    def _url(self, external_id: ExternalId) -> str:
        return resource_url(self._reading.capabilities.users_url, external_id)


def _shown(done: bool) -> Outcome:
    """Changed, once the service shows it."""
    if not done:
        raise TargetUnavailable(NOT_SHOWN_YET)
    return Outcome.CHANGED
