"""Wanted versus seen, as findings: where a directory shows something else than what was approved (A9, D9). Pure.

What gives more than was approved is told apart from what gives less: the first may be put right at once where the
profile says so. Every finding says in words what it is and what putting it right would do.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

from idm.calendar_days import TOKYO
from idm.directory.containers import same_place
from idm.directory.reconciliation import as_far_as, card_kept, group_kept, undemanded
from idm.directory.wanted_account import WantedAccount
from idm.ports import EVERYTHING, ExternalId, Kept, Said, Step, TargetAccount
from idm.vocabulary import FindingKind, FoundState, Stage


class Deviation(StrEnum):
    """One way in which an account differs from what was approved."""

    OPEN = "open"
    KEPT = "kept"
    NO_DEMAND = "no_demand"
    LATE_EXPIRY = "late_expiry"
    EXTRA_GROUP = "extra_group"
    CLOSED = "closed"
    CARD_KEPT = "card_kept"
    GROUP_KEPT = "group_kept"
    EARLY_EXPIRY = "early_expiry"
    MISSING_GROUP = "missing_group"
    ATTRIBUTES = "attributes"
    CONTAINER = "container"


MORE = frozenset({Deviation.OPEN, Deviation.KEPT, Deviation.NO_DEMAND, Deviation.LATE_EXPIRY, Deviation.EXTRA_GROUP})
"""What gives more than was approved: also where two kinds of factor should be demanded, and are not (control B2)."""


REPAIRABLE = frozenset({FindingKind.DRIFT, FindingKind.MISSING})
"""Findings about an account of ours, which looking at the account again puts right: by the worker, or by a work order
where the directory guards it. Who else is in a group is a person's to settle."""


def puts_right_by_looking(kind: FindingKind, details: Mapping[str, object]) -> bool:
    """Whether looking again at an account of ours puts the finding right; of privilege only what is ours to take."""
    return kind in REPAIRABLE or (kind is FindingKind.OUT_OF_BAND and bool(details.get("removable")))


@dataclass(frozen=True)
class Difference:
    """One deviation; `about` is the group, the place or the moment it is about."""

    kind: Deviation
    about: str = ""


BETWEEN, NOTHING = "\ud800", "\ud801"
"""Signs that stand in no text of a directory or of ours: halves of a surrogate pair."""


def likeness(external_id: ExternalId, uuid: str, said: Said) -> bytes:
    """A digest of who an account is and what is said of its person: equal ones differ in nothing of that.

    So an account that shows exactly what our books say of it is known without a look at each field. `uuid`: 32 digits.
    """
    login_name, display, family, given, number, mail, unit = said
    text = BETWEEN.join((
        external_id, uuid, login_name, display, family, given, NOTHING if number is None else number,
        NOTHING if mail is None else mail, NOTHING if unit is None else unit,
    ))  # fmt: skip
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def differences(
    wanted: WantedAccount, seen: TargetAccount, managed: frozenset[ExternalId], *, can: Collection[type[Step]] = (),
    kept: Kept = EVERYTHING,
) -> tuple[Difference, ...]:  # fmt: skip
    """Everything in which the account differs, the most urgent first; empty = it shows what was approved."""
    wanted = as_far_as(wanted, seen, can, kept)
    return (*_access(wanted, seen), *_groups(wanted, seen, managed), *_description(wanted, seen))


def _access(wanted: WantedAccount, seen: TargetAccount) -> Iterator[Difference]:
    if seen.enabled and not wanted.enabled:
        yield Difference(Deviation.OPEN)
    if not wanted.present:
        yield Difference(Deviation.KEPT)
    if undemanded(wanted, seen):
        yield Difference(Deviation.NO_DEMAND)
    if wanted.enabled and not seen.enabled:
        yield Difference(Deviation.CLOSED)
    if card_kept(wanted, seen):
        yield Difference(Deviation.CARD_KEPT)
    if group_kept(wanted, seen):
        yield Difference(Deviation.GROUP_KEPT)
    if wanted.enabled and seen.enabled and wanted.expires_at != seen.expires_at:
        late = wanted.expires_at is not None and (seen.expires_at is None or seen.expires_at > wanted.expires_at)
        yield Difference(Deviation.LATE_EXPIRY if late else Deviation.EARLY_EXPIRY, _moment(seen.expires_at))


def _groups(wanted: WantedAccount, seen: TargetAccount, managed: frozenset[ExternalId]) -> Iterator[Difference]:
    held = (seen.groups or frozenset()) & managed
    for group in sorted(held - wanted.groups):
        yield Difference(Deviation.EXTRA_GROUP, group)
    for group in sorted((wanted.groups & managed) - held):
        yield Difference(Deviation.MISSING_GROUP, group)


def _description(wanted: WantedAccount, seen: TargetAccount) -> Iterator[Difference]:
    if wanted.present and wanted.attributes != seen.attributes:
        yield Difference(Deviation.ATTRIBUTES)
    if wanted.container is None or seen.container is None:
        return
    if wanted.present and not same_place(wanted.container, seen.container):
        yield Difference(Deviation.CONTAINER, seen.container)


def gives_more(found: Collection[Difference]) -> bool:
    """Whether any of them gives more than was approved."""
    return any(one.kind in MORE for one in found)


def _moment(at: datetime | None) -> str:
    return at.astimezone(TOKYO).strftime("%Y-%m-%d %H:%M") if at is not None else "期限なし"


_WORDS: Mapping[Deviation, tuple[str, str]] = {
    Deviation.OPEN: ("使えないはずのIDが使える状態です", "IDを止める"),
    Deviation.KEPT: ("削除されたはずのIDが残っています", "IDを削除する"),
    Deviation.NO_DEMAND: (
        "二要素認証が必須になっていません", "IDを止め、二要素認証を必須にしてから、使えるようにする",
    ),
    Deviation.LATE_EXPIRY: ("有効期限が承認より後です（{}）", "有効期限を承認のとおりに戻す"),
    Deviation.EXTRA_GROUP: ("承認のないグループ「{}」に入っています", "グループ「{}」から外す"),
    Deviation.CLOSED: ("使えるはずのIDが止まっています", "IDを使えるようにする"),
    Deviation.CARD_KEPT: ("スマートカードが必須のままです", "スマートカードの必須を外す"),
    Deviation.GROUP_KEPT: (
        "二要素認証を必須にするグループに入ったままです", "二要素認証を必須にするグループから外す",
    ),
    Deviation.EARLY_EXPIRY: ("有効期限が承認より前です（{}）", "有効期限を承認のとおりに戻す"),
    Deviation.MISSING_GROUP: ("承認されたグループ「{}」に入っていません", "グループ「{}」に入れる"),
    Deviation.ATTRIBUTES: ("氏名・所属などが登録と異なります", "氏名・所属などを登録のとおりに書き直す"),
    Deviation.CONTAINER: ("置き場所が決まりと異なります（{}）", "決まった置き場所へ移す"),
}  # fmt: skip


def in_words(found: Collection[Difference], names: Mapping[ExternalId, str]) -> tuple[str, str]:
    """What differs, and what putting it right would do; groups by the name of the right they stand for."""
    told = [tuple(text.format(names.get(one.about, one.about)) for text in _WORDS[one.kind]) for one in found]
    return "。".join(what for what, _ in told) + "。", "、".join(repair for _, repair in told)


def stray_kind(
    state: FoundState | None, *, adopted: bool, stage: Stage, inventoried: bool, overdue: bool, over: bool
) -> FindingKind | None:
    """What an account that is not ours is found as; None = it is known, or still has time (control A18).

    `state` is what the inventory knows of it, None = nothing; `overdue`: the last day of taking over has passed;
    `over`: it stood in the register of shared and service IDs, and does so no longer (control A13).
    """
    if over:
        return FindingKind.ORPHAN
    if adopted or state is FoundState.NOT_PERSONAL:
        return None
    if state is None:
        return FindingKind.ORPHAN if inventoried or stage is Stage.ENFORCE else None
    if state is FoundState.FINDING:
        return FindingKind.ORPHAN
    return FindingKind.UNADOPTED if overdue or stage is Stage.ENFORCE else None
