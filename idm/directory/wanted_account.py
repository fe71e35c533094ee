"""What an account should be, derived from grants, employments and stops at one moment. Pure.

no right in force, none lately      → absent
right in force, not yet handed over → present, disabled (control E3)
right in force, handed over         → present, enabled, until the known end (written into the directory too, so
                                      that a dead worker fails closed)
suspended                           → present, disabled, in no group, for as long as it takes
stopped, by an order or for disuse  → the same; what ended meanwhile stays ended (C1, H4, H5)
somebody's privileged ID            → present, asleep: disabled, in no group; enabled, in the groups of the rights that
                                      are used, only while a use is open (D6), and until its end at the latest
ended, or the person left           → kept where it is: disabled, in no group (a leaver stops on the day in any case)
… for longer than the profile's days → absent
there before us, and nobody approved it → as ended on the day it was taken over

An account that is nobody's own (built-in, shared, a service's) is in the care of its register: no step is ever taken
about it here.

Where the directory itself demands two kinds of factor, of whoever needs a card or is in one group (control B2), that is
wanted as soon as a right behind the gate is decided, long before it takes effect: it is set on an account that is still
disabled, and read back. It is taken back only where no such right is left, and never where none ever was: what others
demand of people is not ours to say. While nothing is decided about it, it stays as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from idm.calendar_days import Period, day_of, holds, start_of
from idm.grant_state import GrantState
from idm.ports import Attributes, ExternalId
from idm.vocabulary import EntitlementKind


@dataclass(frozen=True)
class GrantFacts:
    """One grant on the account. `group` is the target's id of its group, None for the account itself."""

    kind: EntitlementKind
    group: ExternalId | None
    state: GrantState
    valid_from: date
    valid_until: date | None
    ended_on: date | None
    gated: bool = False
    """It needs two kinds of factor (`idm.factors.factor_gate.needs_factors`)."""


@dataclass(frozen=True)
class DemandFacts:
    """What demands two kinds of factor of accounts of this system, where we set it: a card, or being in `group`.

    `group` is None until its name was found on the target. `enrolled`: the owner has two kinds there; `card_in_hand`:
    and among them an active smart card. `once_by_card`: a card was demanded there before something else was.
    """

    by_card: bool
    group: ExternalId | None
    enrolled: bool
    card_in_hand: bool
    once_by_card: bool = False


@dataclass(frozen=True)
class UseFacts:
    """The open use of somebody's privileged ID: from when until when, and the groups of the rights it activates."""

    opens_at: datetime
    ends_at: datetime
    groups: frozenset[ExternalId]


@dataclass(frozen=True)
class AccountFacts:
    """Everything that decides about one account. One without a person has no employments, and so is never open.

    `sleeps`: it is somebody's privileged ID, which is awake only during a `use`; no hand-over opens it. `nobodys`: it
    is a registered one that is not any person's; nothing is done about it. `stopped`: it lets nobody in, whatever else
    is true of it.

    `adopts` is the target's id of an account that was there before us and is still to be taken over; `adopted_on` the
    day on which that was decided. `container` and `stopped_container`: where it is kept, None = wherever it is.
    `demand` None = nothing that we set demands factors there. `disused_on`: when it was last given up for long disuse.
    """

    attributes: Attributes
    grants: tuple[GrantFacts, ...]
    employments: tuple[Period, ...]
    handed_over: bool
    adopts: ExternalId | None = None
    adopted_on: date | None = None
    container: str | None = None
    stopped_container: str | None = None
    demand: DemandFacts | None = None
    sleeps: bool = False
    use: UseFacts | None = None
    nobodys: bool = False
    stopped: bool = False
    disused_on: date | None = None


@dataclass(frozen=True)
class WantedAccount:
    """What the target should show. An account that is `present` but not `required` is kept where it is, never made.

    `adopts`: it is there already under this id of the target and has to be taken over, not made. `groups` are those of
    rights. `card_required`: whether the directory asks for a card; `group_required`: whether the account is in
    `factor_group`, whose members are asked for a second factor; None = that stays as it is. `groups_until`: when the
    target itself is to end the memberships, where it can. `asleep`: switched off for good, not merely past its end.
    """

    present: bool
    required: bool
    enabled: bool
    expires_at: datetime | None
    groups: frozenset[ExternalId]
    attributes: Attributes
    container: str | None = None
    adopts: ExternalId | None = None
    card_required: bool | None = None
    factor_group: ExternalId | None = None
    group_required: bool | None = None
    groups_until: datetime | None = None
    asleep: bool = False

    @property
    def member_of(self) -> frozenset[ExternalId]:
        """Every group it has to be in: those of rights, and the one that demands factors of it."""
        demanding = {self.factor_group} if self.factor_group is not None and self.group_required else set()
        return self.groups | demanding


def employed_until(employments: Iterable[Period], day: date) -> tuple[bool, date | None]:
    """Whether someone is employed on the day, and until when without a gap (None = no end).

    An employment that begins at the instant another ends continues it: no interruption (再任用, 会計年度 renewal).
    """
    periods = sorted(employments, key=lambda period: period[0])
    until: date | None = day
    employed = False
    for begins, ends in periods:
        if until is None or begins > until:
            break
        if ends is None or ends > until:
            employed, until = True, ends
    return employed, until if employed else None


def wanted_account(facts: AccountFacts, *, now: datetime, delete_after_days: int) -> WantedAccount:
    """What the account should be at `now`; `delete_after_days` is the profile's wait between stop and deletion."""
    today = day_of(now)
    employed, employed_to = employed_until(facts.employments, today)
    account_grant = _current(facts.grants, today)
    if account_grant is None or not employed:
        return _stopped(facts, today, delete_after_days, employed=employed)
    active = account_grant.state is GrantState.IN_FORCE and not facts.stopped
    demanded, by_card = _demanded(facts, account_grant, today), _by_card(facts)
    use = _use_at(facts, now) if active else None
    ends_at = _earliest_end(account_grant.valid_until, employed_to)
    if use is not None:
        ends_at = min(use.ends_at, ends_at or use.ends_at)
    enabled = active and (use is not None or not facts.sleeps) and _in_hand(facts, card=by_card and demanded is True)
    return WantedAccount(
        present=True,
        required=True,
        enabled=enabled,
        expires_at=ends_at,
        groups=_groups(facts, use, today) if active else frozenset(),
        attributes=facts.attributes,
        container=facts.container,
        adopts=facts.adopts,
        card_required=demanded if by_card else _left_of_cards(facts),
        factor_group=_factor_group(facts),
        group_required=demanded,
        groups_until=ends_at if use is not None else None,
        asleep=facts.sleeps and not enabled,
    )


def _use_at(facts: AccountFacts, now: datetime) -> UseFacts | None:
    """The use of a privileged ID that is open at `now`: not before its beginning, and not at its end any more."""
    use = facts.use if facts.sleeps else None
    return use if use is not None and use.opens_at <= now < use.ends_at else None


def _by_card(facts: AccountFacts) -> bool:
    return facts.demand is not None and facts.demand.by_card


def _left_of_cards(facts: AccountFacts) -> bool | None:
    """Where something else demands factors by now, no card is wanted of whom one may have been demanded by us."""
    return False if facts.demand is not None and facts.demand.once_by_card and _ever_gated(facts) else None


def _ever_gated(facts: AccountFacts) -> bool:
    return any(grant.gated for grant in facts.grants)


def _factor_group(facts: AccountFacts) -> ExternalId | None:
    return facts.demand.group if facts.demand is not None else None


def _in_hand(facts: AccountFacts, *, card: bool) -> bool:
    """Whether the account was handed over: its password, or where only a card lets anybody in, the card (E3).

    The password of a privileged ID is handed to nobody for good: it is checked out with each use.
    """
    return facts.demand.card_in_hand if card and facts.demand is not None else facts.handed_over or facts.sleeps


def _demanded(facts: AccountFacts, account_grant: GrantFacts, day: date) -> bool | None:
    """Whether factors are demanded of the account; None = that stays as it is.

    An account that serves other rights too is not shut off from its owner, who has applied for more and has no factors
    yet: there the demand waits for them, and what is behind the gate waits for the demand.
    """
    if facts.demand is None or not _ever_gated(facts):
        return None
    live = (GrantState.IN_FORCE, GrantState.SUSPENDED)
    if not any(grant.gated and grant.state in live and _holds(grant, day) for grant in facts.grants):
        return False
    return True if account_grant.gated or facts.demand.enrolled else None


def changes_by_itself_on(facts: AccountFacts, *, now: datetime, delete_after_days: int) -> date | None:
    """The first day after today on which something else may be wanted though nobody decides anything; None = never."""
    today = day_of(now)
    edges = {edge for grant in facts.grants for edge in (grant.valid_from, grant.valid_until, grant.ended_on)}
    edges |= {edge for period in facts.employments for edge in period} | {facts.adopted_on}
    if facts.use is not None:
        edges.add(day_of(facts.use.ends_at) + timedelta(days=1))
    deletions = {edge + timedelta(days=delete_after_days) for edge in edges if edge is not None}
    return min((edge for edge in edges | deletions if edge is not None and edge > today), default=None)


def _current(grants: tuple[GrantFacts, ...], day: date) -> GrantFacts | None:
    live = (GrantState.IN_FORCE, GrantState.SUSPENDED)
    for grant in grants:
        if grant.kind is EntitlementKind.ACCOUNT and grant.state in live and _holds(grant, day):
            return grant
    return None


def _holds(grant: GrantFacts, day: date) -> bool:
    return holds(grant.valid_from, grant.valid_until, day)


def _groups(facts: AccountFacts, use: UseFacts | None, day: date) -> frozenset[ExternalId]:
    """Those of the rights in force; of a privileged ID, those of them that are used now."""
    held = frozenset(
        grant.group
        for grant in facts.grants
        if grant.group is not None and grant.state is GrantState.IN_FORCE and _holds(grant, day)
    )
    if not facts.sleeps:
        return held
    return held & use.groups if use is not None else frozenset()


def _earliest_end(*ends: date | None) -> datetime | None:
    known = [end for end in ends if end is not None]
    return start_of(min(known)) if known else None


def _stopped(facts: AccountFacts, today: date, delete_after_days: int, *, employed: bool) -> WantedAccount:
    stopped_on = _stopped_on(facts, today, employed=employed)
    return WantedAccount(
        present=stopped_on is not None and today < _deleted_on(facts, stopped_on, delete_after_days),
        required=False,
        enabled=False,
        expires_at=None,
        groups=frozenset(),
        attributes=facts.attributes,
        container=facts.stopped_container,
        adopts=facts.adopts if stopped_on is not None else None,
        factor_group=_factor_group(facts),
        group_required=False if _ever_gated(facts) else None,
        asleep=facts.sleeps,
    )


def _deleted_on(facts: AccountFacts, stopped_on: date, delete_after_days: int) -> date:
    """The profile's wait after the stop; sooner where nobody had used it for long (control C1)."""
    waits_until = stopped_on + timedelta(days=delete_after_days)
    given_up = facts.disused_on is not None and facts.disused_on >= stopped_on
    return min(waits_until, facts.disused_on) if given_up and facts.disused_on is not None else waits_until


def _stopped_on(facts: AccountFacts, today: date, *, employed: bool) -> date | None:
    """The day on which the right, or the employment behind it, last ended; None = there never was one."""
    if not any(g.kind is EntitlementKind.ACCOUNT for g in facts.grants):
        return facts.adopted_on
    begun = [g for g in facts.grants if g.kind is EntitlementKind.ACCOUNT and g.valid_from <= today]
    known = [g for g in begun if g.state is not GrantState.PLANNED]
    if not known:
        return None
    right_ended = max(g.ended_on or g.valid_until or today for g in known)
    # An employment that ended years ago says nothing of somebody who is employed again.
    left = [until for _, until in facts.employments if until is not None and until <= today and not employed]
    return min([right_ended, *([max(left)] if left else [])])
