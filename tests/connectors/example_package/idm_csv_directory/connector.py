"""The connector: what idm asks (`idm.ports`), answered from the folder. One attempt a call, nothing remembered."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from idm.errors import ConfigurationInvalid, NotOnTarget, TargetError, TargetRefused
from idm.ports import (
    AccountId,
    AddMember,
    Attributes,
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
from idm_csv_directory.folder import USUAL_PLACE, Books, CsvFolder, Row, sealed

KEYS = {"folder", "places"}
SHORTEST_PASSWORD = 10
OPTIONAL = ("employee_number", "mail", "unit_name")


def open_csv_folder(
    settings: Mapping[str, object], password: str | None, clock: Callable[[], datetime]
) -> "CsvConnector":
    """What the entry point names. `password` is the secret of the credential file; a folder has none.

    Raises ConfigurationInvalid that lists every mistake.
    """
    mistakes = [f"{key}: 知らないキーです" for key in sorted(settings.keys() - KEYS)]
    folder, places = settings.get("folder"), settings.get("places", "")
    if not isinstance(folder, str) or not folder:
        mistakes.append("folder: フォルダーの場所が必要です")
    if not isinstance(places, str):
        mistakes.append("places: 場所の名前を「,」で区切った文字列が必要です")
    if mistakes:
        raise ConfigurationInvalid("CSVフォルダーの設定に誤りがあります。", mistakes=tuple(mistakes))
    others = frozenset(name.strip() for name in str(places).split(",") if name.strip())
    return CsvConnector(CsvFolder(Path(str(folder))), others | {USUAL_PLACE}, clock)


class CsvConnector:
    """`Directory`, `Writes`, `ReadsPasswordState`, `ReportsLastUse` and `FindsByOwnId` of `idm.ports`."""

    def __init__(self, folder: CsvFolder, places: frozenset[str], clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._places = places
        self._clock = clock
        self._performers: dict[type[Step], Callable[[Books, Any], Outcome]] = {
            CreateAccount: self._create,
            UpdateAttributes: self._update,
            SetEnabled: self._switch,
            SetTemporaryPassword: self._set_password,
            AddMember: self._add_member,
            RemoveMember: self._remove_member,
            DeleteAccount: self._delete,
        }
        self.can = frozenset(self._performers)

    # --- reading: streams, so that memory need not grow with the target; its own ids, never names --------------------

    def accounts(self) -> Iterator[TargetAccount]:
        """Everybody, without groups."""
        now = self._clock()
        return (self._seen(row, now) for row in self._folder.read().accounts.values())

    def account_ids(self) -> Iterator[AccountId]:
        """Who everybody is."""
        return (AccountId(row.id, _uuid(row), row.login_name) for row in self._folder.read().accounts.values())

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """Ours, with their groups."""
        wanted, books, now = set(account_uuids), self._folder.read(), self._clock()
        found = {}
        for row in books.accounts.values():
            uuid = _uuid(row)
            if uuid in wanted:
                groups = frozenset(group for group, account in books.members if account == row.id)
                found[uuid] = self._seen(row, now, groups)
        return found

    def find_by_own_id(self, external_ids: Iterable[ExternalId]) -> dict[ExternalId, TargetAccount]:
        """Anybody's, by the folder's own ids, without groups."""
        wanted, now = set(external_ids), self._clock()
        return {row.id: self._seen(row, now) for row in self._folder.read().accounts.values() if row.id in wanted}

    def group(self, name: str) -> TargetGroup:
        """By name, once: from then on idm keeps its id. Raises NotOnTarget."""
        for group_id, known in self._folder.read().groups.items():
            if known == name:
                return TargetGroup(group_id, name)
        raise NotOnTarget(f"グループ「{name}」がありません。")

    def members(self, group_id: ExternalId, *, nested: bool = False) -> Iterator[ExternalId]:
        """There are no groups in groups here. Raises NotOnTarget at once."""
        books = self._folder.read()
        _require_group(books, group_id)
        return iter(sorted(account for group, account in books.members if group == group_id))

    def password_state(self, external_id: ExternalId) -> PasswordState:
        """Raises NotOnTarget."""
        row = _account(self._folder.read(), external_id)
        return PasswordState(bool(row.must_change), _moment(row.password_changed_at))

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """Used at or before the cutoff."""
        return (use for use in self._uses() if use.last_used_at is not None and use.last_used_at <= cutoff)

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """No record of use, created before."""
        born = {row.id: datetime.fromisoformat(row.created_at) for row in self._folder.read().accounts.values()}
        return (use for use in self._uses() if use.last_used_at is None and born[use.external_id] < created_before)

    def close(self) -> None:
        """Nothing is kept open."""

    def _uses(self) -> list[LastUse]:
        return [
            LastUse(row.id, _uuid(row), row.login_name, _moment(row.last_used_at), LastUseSource.LISTING)
            for row in self._folder.read().accounts.values()
        ]

    def _seen(self, row: Row, now: datetime, groups: frozenset[ExternalId] | None = None) -> TargetAccount:
        expires_at = None if row.switched_off else _moment(row.expires_at)
        return TargetAccount(row.id, _uuid(row), _attributes(row), row.is_open(now), expires_at, groups, row.place)

    # --- writing: each step answered for itself, CHANGED or UNCHANGED or what stood in the way ------------------------

    def perform(self, steps: Sequence[Step]) -> list[Outcome | TargetError]:
        """All of a wave in one go; a step that fails does not stop the others."""
        if not steps:
            return []
        with self._folder.change() as books:
            return [self._answer(books, step) for step in steps]

    def _answer(self, books: Books, step: Step) -> Outcome | TargetError:
        performer = self._performers.get(type(step))
        if performer is None:
            return TargetRefused("CSVフォルダーではできない操作です。")
        try:
            return performer(books, step)
        except TargetError as error:
            return error

    def _create(self, books: Books, step: CreateAccount) -> Outcome:
        wanted, place = step.attributes, step.container or USUAL_PLACE
        if any(row.uuid == str(step.account_uuid) for row in books.accounts.values()):
            return Outcome.UNCHANGED
        if not wanted.login_name or not wanted.family_name:
            raise TargetRefused("ログイン名と姓が必要です。")
        if books.named(wanted.login_name) is not None:
            raise TargetRefused(f"ログイン名「{wanted.login_name}」は使われています。")
        if place not in self._places:
            raise TargetRefused(f"場所「{place}」がありません。設定の places を確かめてください。")
        row = books.add(wanted.login_name, self._clock())
        row.uuid, row.place, row.switched_off = str(step.account_uuid), place, "yes"
        _describe(row, wanted)
        return Outcome.CHANGED

    def _update(self, books: Books, step: UpdateAttributes) -> Outcome:
        row = _account(books, step.external_id)
        before = _attributes(row)
        _describe(row, step.attributes)
        return Outcome.UNCHANGED if _attributes(row) == before else Outcome.CHANGED

    def _switch(self, books: Books, step: SetEnabled) -> Outcome:
        row = _account(books, step.external_id)
        before = (row.switched_off, row.expires_at)
        end = step.expires_at if step.enabled else None
        row.switched_off = "" if step.enabled else "yes"
        row.expires_at = end.replace(microsecond=0).isoformat() if end else ""
        return Outcome.UNCHANGED if (row.switched_off, row.expires_at) == before else Outcome.CHANGED

    def _set_password(self, books: Books, step: SetTemporaryPassword) -> Outcome:
        row, password = _account(books, step.external_id), step.password
        plain = password.isascii() and password.isprintable() and password == password.strip()
        if not plain or len(password) < SHORTEST_PASSWORD:
            raise TargetRefused(f"仮パスワードは、半角の文字で{SHORTEST_PASSWORD}文字以上が必要です。")
        row.password, row.must_change = sealed(password), "yes"
        row.password_changed_at = self._clock().isoformat()
        return Outcome.CHANGED

    def _add_member(self, books: Books, step: AddMember) -> Outcome:
        if step.until is not None:
            raise TargetRefused("CSVフォルダーのグループには、期限を付けられません。")
        pair = (_require_group(books, step.group_id), _account(books, step.external_id).id)
        if pair in books.members:
            return Outcome.UNCHANGED
        books.members.add(pair)
        return Outcome.CHANGED

    def _remove_member(self, books: Books, step: RemoveMember) -> Outcome:
        pair = (_require_group(books, step.group_id), _account(books, step.external_id).id)
        if pair not in books.members:
            return Outcome.UNCHANGED
        books.members.remove(pair)
        return Outcome.CHANGED

    def _delete(self, books: Books, step: DeleteAccount) -> Outcome:
        if books.accounts.pop(step.external_id, None) is None:
            return Outcome.UNCHANGED
        books.members = {pair for pair in books.members if pair[1] != step.external_id}
        return Outcome.CHANGED


def _account(books: Books, external_id: ExternalId) -> Row:
    if external_id not in books.accounts:
        raise NotOnTarget(f"アカウント {external_id} がありません。")
    return books.accounts[external_id]


def _require_group(books: Books, group_id: ExternalId) -> ExternalId:
    if group_id not in books.groups:
        raise NotOnTarget(f"グループ {group_id} がありません。")
    return group_id


def _attributes(row: Row) -> Attributes:
    return Attributes(
        row.login_name, row.display_name, row.family_name, row.given_name,
        row.employee_number or None, row.mail or None, row.unit_name or None,
    )  # fmt: skip


def _describe(row: Row, wanted: Attributes) -> None:
    """Everything but the login name, which is changed by a step of its own."""
    row.display_name, row.family_name, row.given_name = wanted.display_name, wanted.family_name, wanted.given_name
    for name in OPTIONAL:
        setattr(row, name, getattr(wanted, name) or "")


def _uuid(row: Row) -> UUID | None:
    return UUID(row.uuid) if row.uuid else None


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
