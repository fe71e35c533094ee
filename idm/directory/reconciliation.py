"""Wanted versus seen: which steps bring a target to what was decided. Pure.

`next_wave` gives the independent steps that may be taken now; after they are carried out and read back it is asked
again, until it gives none. The order is a rule of safety: stop first, then take away, then give, then open; a leaver is
disabled before anything else, and deleted only when nothing else is left. An end that comes nearer counts as stopping:
the directory keeps it even where a later step fails. A privileged ID whose use the directory itself has ended is
switched off all the same, so that no later end revives it. What demands two kinds of factor is set while the account is
disabled, before anything is given or opened, and is lifted only while it is disabled and no right that needed it is
left there (control B2).
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from idm.directory.containers import same_place
from idm.directory.wanted_account import AccountFacts, WantedAccount
from idm.ports import (
    EVERYTHING,
    AddMember,
    AdoptAccount,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    KeepsLess,
    Kept,
    MoveAccount,
    RemoveMember,
    RequireSmartCard,
    SetEnabled,
    Step,
    TargetAccount,
    UpdateAttributes,
)

MAX_WAVES = 8
"""More waves than any account needs; a target that needs more does not keep what it was told."""


def next_wave(
    account_uuid: UUID, wanted: WantedAccount, seen: TargetAccount | None, managed: frozenset[ExternalId],
    *, can: Collection[type[Step]] = (), kept: Kept = EVERYTHING,
) -> tuple[Step, ...]:  # fmt: skip
    """The steps to take now; empty when the target shows what is wanted.

    `managed` are the groups that stand for a right of this system: others are left alone. `can` are the kinds of step
    the target knows: an account is moved only where one of them moves. `kept` is what of an account it can keep.
    """
    if seen is None:
        return _begin(account_uuid, wanted)
    wanted = as_far_as(wanted, seen, can, kept)
    stages: tuple[Callable[[WantedAccount, TargetAccount, frozenset[ExternalId]], tuple[Step, ...]], ...] = (
        _stop,
        _take_away,
        _delete,
        _move,
        _demand,
        _lift,
        _give,
        _open,
    )
    return next((steps for stage in stages if (steps := stage(wanted, seen, managed))), ())


def as_far_as(
    wanted: WantedAccount, seen: TargetAccount, can: Collection[type[Step]], kept: Kept = EVERYTHING
) -> WantedAccount:
    """What is wanted of a target that can do only so much: where nobody can demand a card, nobody is let in.

    What it cannot keep is wanted as it is seen.
    """
    if not kept.ends:
        wanted = replace(wanted, expires_at=None)
    if kept.attributes != EVERYTHING.attributes:
        lost = {name: getattr(seen.attributes, name) for name in EVERYTHING.attributes - kept.attributes}
        wanted = replace(wanted, attributes=replace(wanted.attributes, **lost))
    if MoveAccount not in can:
        wanted = replace(wanted, container=None)
    if RequireSmartCard not in can and wanted.card_required is not seen.card_required:
        wanted = replace(wanted, card_required=None, enabled=wanted.enabled and not wanted.card_required)
    return wanted


def kept_by(target: object) -> Kept:
    """What the target that this connector speaks to can keep of an account. Raises what its `kept` raises."""
    return target.kept() if isinstance(target, KeepsLess) else EVERYTHING


def in_our_care(facts: AccountFacts, managed: frozenset[ExternalId], *, adopting: bool) -> frozenset[ExternalId]:
    """The groups that are given to and taken from the account: while what was there is still being taken over, only
    those about which something was decided, so that nobody loses what an application has yet to ask for (A18).
    """
    return managed & {grant.group for grant in facts.grants} if adopting and facts.adopted_on else managed


def _begin(account_uuid: UUID, wanted: WantedAccount) -> tuple[Step, ...]:
    """An account that was there before us is taken over, never made beside itself."""
    if wanted.adopts is not None:
        return (AdoptAccount(wanted.adopts, account_uuid),)
    return (CreateAccount(account_uuid, wanted.attributes, wanted.container),) if wanted.required else ()


def _stop(wanted: WantedAccount, seen: TargetAccount, _managed: frozenset[ExternalId]) -> tuple[Step, ...]:
    if seen.enabled and (not wanted.enabled or undemanded(wanted, seen)):
        return (SetEnabled(seen.external_id, enabled=False),)
    if wanted.asleep and seen.expires_at is not None:
        return (SetEnabled(seen.external_id, enabled=False),)
    if seen.enabled and _ends_sooner(wanted.expires_at, seen.expires_at):
        return (SetEnabled(seen.external_id, enabled=True, expires_at=wanted.expires_at),)
    return ()


def undemanded(wanted: WantedAccount, seen: TargetAccount) -> bool:
    """Whether factors should be demanded of the account and, as it was read, are not."""
    return _outside(wanted, seen) or (wanted.card_required is True and seen.card_required is not True)


def _outside(wanted: WantedAccount, seen: TargetAccount) -> bool:
    in_group = wanted.factor_group is None or wanted.factor_group in (seen.groups or frozenset())
    return wanted.group_required is True and not in_group


def demanded_needlessly(wanted: WantedAccount, seen: TargetAccount) -> bool:
    """Whether a card, or membership of the group, is demanded that no right needs any more.

    It stays while the account is enabled: its owner has what is demanded, and perhaps no password that would let them
    in. A card also stays on an account that will not be used again; it stands in no group's list of members.
    """
    return _needless_card(wanted, seen) or _needless_group(wanted, seen)


def _needless_card(wanted: WantedAccount, seen: TargetAccount) -> bool:
    return wanted.required and wanted.card_required is False and seen.card_required is True


def _needless_group(wanted: WantedAccount, seen: TargetAccount) -> bool:
    inside = wanted.factor_group is not None and wanted.factor_group in (seen.groups or frozenset())
    return wanted.present and wanted.group_required is False and inside


def card_kept(wanted: WantedAccount, seen: TargetAccount) -> bool:
    """Whether a card that no right needs is to be lifted now, the account being disabled."""
    return not seen.enabled and _needless_card(wanted, seen)


def group_kept(wanted: WantedAccount, seen: TargetAccount) -> bool:
    """The same of membership of the group."""
    return not seen.enabled and _needless_group(wanted, seen)


def _ends_sooner(wanted: datetime | None, seen: datetime | None) -> bool:
    return wanted is not None and (seen is None or wanted < seen)


def _take_away(wanted: WantedAccount, seen: TargetAccount, managed: frozenset[ExternalId]) -> tuple[Step, ...]:
    surplus = ((seen.groups or frozenset()) & managed) - wanted.groups
    return tuple(RemoveMember(seen.external_id, group) for group in sorted(surplus))


def _delete(wanted: WantedAccount, seen: TargetAccount, _managed: frozenset[ExternalId]) -> tuple[Step, ...]:
    return () if wanted.present else (DeleteAccount(seen.external_id),)


def _move(wanted: WantedAccount, seen: TargetAccount, _managed: frozenset[ExternalId]) -> tuple[Step, ...]:
    if wanted.container is None or seen.container is None or same_place(wanted.container, seen.container):
        return ()
    return (MoveAccount(seen.external_id, wanted.container),)


def _demand(wanted: WantedAccount, seen: TargetAccount, _managed: frozenset[ExternalId]) -> tuple[Step, ...]:
    steps: list[Step] = []
    if wanted.card_required is True and seen.card_required is not True:
        steps.append(RequireSmartCard(seen.external_id, required=True))
    if wanted.factor_group is not None and _outside(wanted, seen):
        steps.append(AddMember(seen.external_id, wanted.factor_group))
    return tuple(steps)


def _lift(wanted: WantedAccount, seen: TargetAccount, _managed: frozenset[ExternalId]) -> tuple[Step, ...]:
    """After every right that needed it was taken, and after what demands factors instead is there."""
    steps: list[Step] = []
    if card_kept(wanted, seen):
        steps.append(RequireSmartCard(seen.external_id, required=False))
    if wanted.factor_group is not None and group_kept(wanted, seen):
        steps.append(RemoveMember(seen.external_id, wanted.factor_group))
    return tuple(steps)


def _give(wanted: WantedAccount, seen: TargetAccount, _managed: frozenset[ExternalId]) -> tuple[Step, ...]:
    if not wanted.present:
        return ()
    missing = wanted.groups - (seen.groups or frozenset())
    update = () if wanted.attributes == seen.attributes else (UpdateAttributes(seen.external_id, wanted.attributes),)
    return (*update, *(AddMember(seen.external_id, group, wanted.groups_until) for group in sorted(missing)))


def _open(wanted: WantedAccount, seen: TargetAccount, _managed: frozenset[ExternalId]) -> tuple[Step, ...]:
    if not wanted.enabled or (seen.enabled and seen.expires_at == wanted.expires_at):
        return ()
    return (SetEnabled(seen.external_id, enabled=True, expires_at=wanted.expires_at),)
