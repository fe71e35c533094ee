"""What a person has to do by hand so that a system without an interface shows what was decided (control G2). Pure.

The steps are those a connector would be asked for, in the same order of safety (`idm.directory.reconciliation`), gone
through to the end on what the books say. Where a system has a connector but some of its groups are changed by hand
only (tier 0, control D10), the work is split: those groups are taken out of the connector's part and make a part of
their own. An account that the directory guards as an administrator's has no connector's part: all of it is asked of a
person.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from idm.directory.reconciliation import MAX_WAVES, next_wave
from idm.directory.wanted_account import WantedAccount
from idm.ports import (
    AddMember,
    AdoptAccount,
    Attributes,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    RemoveMember,
    SetEnabled,
    SetTemporaryPassword,
    Step,
    TargetAccount,
    UpdateAttributes,
)


class HandStep(StrEnum):
    """The kinds of step that a work order can ask for."""

    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    STOP = "stop"
    REMOVE = "remove"
    ADD = "add"
    PASSWORD = "password"  # noqa: S105 - the name of a step
    OPEN = "open"
    DELETE = "delete"
    CHECK = "check"


STEP_TITLES = {
    HandStep.CREATE: "登録",
    HandStep.ADOPT: "前からあるIDの確認",
    HandStep.UPDATE: "登録内容の修正",
    HandStep.STOP: "停止",
    HandStep.REMOVE: "権限の取消し",
    HandStep.ADD: "権限の付与",
    HandStep.PASSWORD: "仮パスワード",
    HandStep.OPEN: "有効化",
    HandStep.DELETE: "削除",
    HandStep.CHECK: "状態の確認",
}


class HandProgress(StrEnum):
    """How far work by hand has come. What was approved is not done, and what somebody did is not complete."""

    NOTHING_OPEN = "nothing_open"
    ISSUED = "issued"
    DONE = "done"


@dataclass(frozen=True)
class CheckAccount:
    """Nothing is changed: somebody looks whether the account is as this order's `wanted` says."""


Work = Step | CheckAccount
KINDS: Mapping[type[Work], HandStep] = {
    CreateAccount: HandStep.CREATE,
    AdoptAccount: HandStep.ADOPT,
    UpdateAttributes: HandStep.UPDATE,
    RemoveMember: HandStep.REMOVE,
    AddMember: HandStep.ADD,
    SetTemporaryPassword: HandStep.PASSWORD,
    DeleteAccount: HandStep.DELETE,
    CheckAccount: HandStep.CHECK,
}
URGENT = frozenset({HandStep.STOP, HandStep.REMOVE})
"""Stopping somebody cannot wait for an ordinary day's work."""


@dataclass(frozen=True)
class Books:
    """What is known of an account: how it is in the system (None = not there), and whether it was ever handed over."""

    account: TargetAccount | None
    handed_over: bool


@dataclass(frozen=True)
class Asked:
    """One step as an order keeps it. `group` is the group it is about."""

    kind: HandStep
    group: ExternalId | None = None


def kind_of(work: Work) -> HandStep:
    """The kind of a step. Raises KeyError for one that no person is ever asked for."""
    if isinstance(work, SetEnabled):
        return HandStep.OPEN if work.enabled else HandStep.STOP
    return KINDS[type(work)]


def asked(work: Work) -> Asked:
    """The step as an order keeps it."""
    return Asked(kind_of(work), work.group_id if isinstance(work, AddMember | RemoveMember) else None)


def is_urgent(works: Iterable[Work]) -> bool:
    """Whether one of the steps stops somebody or takes something away."""
    return any(kind_of(work) in URGENT for work in works)


def told(attributes: Attributes) -> Attributes:
    """What a clerk is told of a person: name, staff number and unit; the rest is for directories."""
    return replace(attributes, family_name="", given_name="", mail=None)


def whole_work(
    account_uuid: UUID, wanted: WantedAccount, books: Books, managed: frozenset[ExternalId]
) -> tuple[Work, ...]:
    """Every step to what is wanted, in order; `wanted` is of an account in hand, since the order hands it over (E3)."""
    wanted = replace(wanted, attributes=told(wanted.attributes))
    return _with_password(_to_the_end(account_uuid, wanted, _undisturbed(books, wanted), managed), wanted, books)


def _to_the_end(
    account_uuid: UUID, wanted: WantedAccount, now: Books, managed: frozenset[ExternalId]
) -> tuple[Work, ...]:
    """The waves of steps one after another, each as if the one before had been done."""
    works: list[Work] = []
    for _ in range(MAX_WAVES):
        wave = next_wave(account_uuid, wanted, now.account, managed)
        if not wave:
            break
        for step in wave:
            works.append(step)
            now = after(now, asked(step), wanted, account_uuid=account_uuid)
    return tuple(works)


def _undisturbed(books: Books, wanted: WantedAccount) -> Books:
    """The books as they are compared: nobody corrects the unit of an account that is only kept."""
    if books.account is None or wanted.required:
        return books
    return replace(books, account=replace(books.account, attributes=wanted.attributes))


def _with_password(works: tuple[Work, ...], wanted: WantedAccount, books: Books) -> tuple[Work, ...]:
    """The steps with the one that makes a temporary password, before the account is opened, where it is owed.

    Whoever has used an account since before us needs none.
    """
    if not wanted.enabled or wanted.adopts is not None or (books.handed_over and books.account is not None):
        return works
    position = next((n for n, work in enumerate(works) if kind_of(work) is HandStep.OPEN), len(works))
    name = wanted.attributes.login_name
    return (*works[:position], SetTemporaryPassword(name, ""), *works[position:])


def rights_work(wanted: WantedAccount, seen: TargetAccount | None, by_hand: frozenset[ExternalId]) -> tuple[Work, ...]:
    """The steps about the groups that are changed by hand, for an account that a connector keeps; away before in."""
    if seen is None:
        return ()
    held, due = (seen.groups or frozenset()) & by_hand, wanted.groups & by_hand
    away = (RemoveMember(seen.external_id, group) for group in sorted(held - due))
    return (*away, *(AddMember(seen.external_id, group) for group in sorted(due - held)))


def guarded_work(
    account_uuid: UUID, wanted: WantedAccount, seen: TargetAccount | None, groups: frozenset[ExternalId]
) -> tuple[Work, ...]:
    """Every step to what is wanted of an account that the connector may not write, in the order of safety (D10).

    Unlike elsewhere, `wanted` says truly whether it was handed over: nobody is asked to open what never was (E3). What
    the directory says of the person, and where it keeps the account, stay as they are.
    """
    if seen is None:
        return ()
    wanted = replace(wanted, attributes=seen.attributes)
    return _to_the_end(account_uuid, wanted, Books(seen, handed_over=True), groups)


def for_connector(wanted: WantedAccount, managed: frozenset[ExternalId]) -> WantedAccount:
    """The connector's part of what is wanted: everything but the groups that are changed by hand."""
    return replace(wanted, groups=wanted.groups & managed)


def after(books: Books, step: Asked, wanted: WantedAccount, *, account_uuid: UUID) -> Books:
    """What is so once the step was done. A step about an account that is not there changes nothing."""
    if step.kind is HandStep.CREATE:
        made = TargetAccount(
            wanted.attributes.login_name, account_uuid, told(wanted.attributes), False, None, frozenset()
        )
        return books if books.account is not None else Books(made, handed_over=False)
    if step.kind is HandStep.ADOPT and books.account is None:
        return Books(_as_found(wanted, account_uuid), handed_over=True)
    if books.account is None:
        return books
    if step.kind is HandStep.DELETE:
        return Books(None, handed_over=False)
    if step.kind is HandStep.PASSWORD:
        return replace(books, handed_over=True)
    return replace(books, account=_changed(books.account, step, wanted))


def _as_found(wanted: WantedAccount, account_uuid: UUID) -> TargetAccount:
    """An account from before us, as far as anybody can say without a list: usable, its rights yet to be looked at."""
    name = wanted.adopts or wanted.attributes.login_name
    return TargetAccount(name, account_uuid, told(wanted.attributes), True, None, frozenset())


def _changed(account: TargetAccount, step: Asked, wanted: WantedAccount) -> TargetAccount:
    groups = account.groups or frozenset()
    match step.kind:
        case HandStep.UPDATE:
            return replace(account, attributes=told(wanted.attributes))
        case HandStep.STOP:
            return replace(account, enabled=False)
        case HandStep.OPEN:
            return replace(account, enabled=True, expires_at=wanted.expires_at)
        case HandStep.ADD if step.group is not None:
            return replace(account, groups=groups | {step.group})
        case HandStep.REMOVE if step.group is not None:
            return replace(account, groups=groups - {step.group})
    return account


# --- as an order keeps it --------------------------------------------------------------------------------------------


def books_as_data(books: Books) -> dict[str, Any]:
    """The books as plain data."""
    account = books.account
    if account is None:
        return {"present": False, "handed_over": books.handed_over}
    return {
        "present": True, "handed_over": books.handed_over, "external_id": account.external_id,
        "enabled": account.enabled, "expires_at": _text(account.expires_at), "groups": sorted(account.groups or ()),
        "attributes": asdict(account.attributes),
    }  # fmt: skip


def books_from_data(data: Mapping[str, Any], account_uuid: UUID) -> Books:
    """The books that plain data holds."""
    if not data["present"]:
        return Books(None, handed_over=data["handed_over"])
    account = TargetAccount(
        data["external_id"], account_uuid, Attributes(**data["attributes"]), data["enabled"],
        _moment(data["expires_at"]), frozenset(data["groups"]),
    )  # fmt: skip
    return Books(account, handed_over=data["handed_over"])


def wanted_as_data(wanted: WantedAccount) -> dict[str, Any]:
    """What is wanted as plain data."""
    return {
        "present": wanted.present, "required": wanted.required, "enabled": wanted.enabled,
        "expires_at": _text(wanted.expires_at), "groups": sorted(wanted.groups), "adopts": wanted.adopts,
        "attributes": asdict(told(wanted.attributes)),
    }  # fmt: skip


def wanted_from_data(data: Mapping[str, Any]) -> WantedAccount:
    """What is wanted, from plain data."""
    return WantedAccount(
        present=data["present"], required=data["required"], enabled=data["enabled"],
        expires_at=_moment(data["expires_at"]), groups=frozenset(data["groups"]),
        attributes=Attributes(**data["attributes"]), adopts=data["adopts"],
    )  # fmt: skip


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
