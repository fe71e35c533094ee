"""Compares one system's directory with what was approved: accounts, and who is in the groups that matter (A9, D9)."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TypeGuard

from idm.database import in_chunks
from idm.directory.drift import Deviation, Difference, differences, gives_more, in_words
from idm.directory.out_of_band import PrivilegedMember
from idm.directory.reconciliation import in_our_care, kept_by
from idm.errors import NotOnTarget, SafetyLimit, TargetRefused
from idm.models.systems import InformationSystem
from idm.operations.information_systems.inventory import too_many
from idm.operations.information_systems.settled import Settled, SettledAccounts
from idm.operations.sweep.findings import Found
from idm.policy import Policy
from idm.ports import Directory, ExternalId, KnowsProtected, SealsAccounts, TargetAccount, Writes
from idm.queries.information_systems.comparable import (
    Comparable,
    WatchedGroup,
    account_ids_of,
    comparable_accounts,
    unresolved_groups,
    waiting_to_be_adopted,
    watched_groups,
)
from idm.vocabulary import FindingKind, Stage
from jobs.installation import Installation
from jobs.sweep.privileged_members import out_of_band, privileged_members
from jobs.sweep.recognition import Audience, Nobody, Recognised, SealedDirectory, may_settle, recognise

ACCOUNTS_AT_ONCE = 500
BY_HAND_WORDS = "手作業の指示書により行ってください"


@dataclass
class Compared:
    """What one comparison saw, as far as it has come."""

    found: list[Found] = field(default_factory=list)
    examined: int = 0
    accounts: int = 0
    missing: int = 0
    skipped: set[int] = field(default_factory=set)
    allowed: dict[ExternalId, set[ExternalId]] = field(default_factory=lambda: defaultdict(set))
    """Group → the accounts that may be in it."""
    looked_at: set[int] = field(default_factory=set)
    """Accounts that were compared and are not settled."""
    settled: SettledAccounts = field(default_factory=SettledAccounts)
    shown: dict[int, TargetAccount] = field(default_factory=dict)
    """Accounts with a right behind the gate, as they were read: what they show of factors is for the gate (B2)."""
    still_so: set[int] = field(default_factory=set)
    """Of the accounts whose factors were read, those that the directory vouched for: they are as they were then."""
    direct: set[tuple[ExternalId, ExternalId]] = field(default_factory=set)
    """(group, account of ours) as read with the account: told of there, not twice."""
    admitted: set[ExternalId] = field(default_factory=set)
    """Who is in a privileged group rightly: an ID's guard by the directory is explained by it (D9)."""
    resolved: dict[int, ExternalId] = field(default_factory=dict)
    """Right → the group that was found for it by its name, for the first time."""


def compare(
    installation: Installation, directory: Directory, system: InformationSystem, *, policy: Policy, now: datetime,
    only: Collection[int] | None = None, by_seal: bool = False, audience: Audience | None = None,
) -> Compared:  # fmt: skip
    """What the directory shows beyond, or short of, what was approved; writes nothing.

    `only` names accounts; groups are looked at when it names none. `by_seal`: accounts that are as they were when they
    were found right are not read again, where the directory can say which those are. `audience` is shown everybody who
    is read, where `reads_everybody` says so. In a system that is only observed nothing is ours yet: there only
    privileged groups are looked at. Raises TargetError, and SafetyLimit when so many accounts are not there that it is
    rather the wrong place that was looked at.
    """
    done = Compared()
    groups = _groups(done, installation, directory, system, by_name=only is None)
    if system.stage is Stage.OBSERVE:
        if only is None:
            _look_at_privileged(done, installation, directory, system, groups, policy=policy)
        return done
    adopting, look = system.stage is Stage.ADOPT, partial(_rows, installation, policy)
    with installation.database.reading() as session:
        waiting = waiting_to_be_adopted(session, system.id) if adopting else frozenset()
    if only is None and reads_everybody(directory, system):
        judge = partial(_is_right, directory, groups, adopting=adopting)
        seen = recognise(
            installation, directory, system, groups, judge, policy=policy, now=now, by_seal=by_seal,
            audience=audience or Nobody(),
        )  # fmt: skip
        _take_as_seen(done, seen)
        accounts = sorted(seen.rest)
    else:
        with installation.database.reading() as session:
            accounts = [one for one in account_ids_of(session, system.id) if only is None or one in only]
    for some in in_chunks(accounts, ACCOUNTS_AT_ONCE):
        _compare_accounts(done, directory, look(some, now), look, groups, system)
    if too_many(done.missing, done.accounts, policy.reconciliation):
        raise SafetyLimit(
            f"台帳にある {done.accounts} 件のうち {done.missing} 件がディレクトリに見当たりません。"
            "何も記録していません。接続先の設定（アカウントを探す場所など）を確かめてください。"
        )
    if only is None:
        done.found.extend(_extra_members(done, directory, groups, waiting))
        _look_at_privileged(done, installation, directory, system, groups, policy=policy, waiting=waiting)
    return done


def reads_everybody(directory: Directory, system: InformationSystem) -> TypeGuard[SealedDirectory]:
    """Whether a comparison of the whole system reads the directory from end to end."""
    return isinstance(directory, SealsAccounts) and system.stage is not Stage.OBSERVE


def _is_right(
    directory: Directory, groups: Mapping[ExternalId, WatchedGroup], row: Comparable, account: TargetAccount, *,
    adopting: bool,
) -> bool:  # fmt: skip
    return not _judge(row, account, directory, groups, adopting=adopting)


def _groups(
    done: Compared, installation: Installation, directory: Directory, system: InformationSystem, *, by_name: bool
) -> dict[ExternalId, WatchedGroup]:
    """What stands for a right, by the target's id; `by_name`: those never found before are looked for (D9).

    One that cannot be found is a finding: nobody would watch it otherwise.
    """
    with installation.database.reading() as session:
        names = unresolved_groups(session, system.id) if by_name else []
    for entitlement_id, name in names:
        try:
            done.resolved[entitlement_id] = directory.group(name).external_id
        except (NotOnTarget, TargetRefused) as failure:
            done.found.append(_unwatched(entitlement_id, name, str(failure)))
    with installation.database.reading() as session:
        return {group.external_id: group for group in watched_groups(session, system.id, done.resolved)}


def _unwatched(entitlement_id: int, name: str, why: str) -> Found:
    return Found(
        FindingKind.CHECK_FAILED, f"group:{entitlement_id}", name, None,
        {
            "reason": f"グループ「{name}」の所属を点検できませんでした（{why}）",
            "repair": "ディレクトリにグループを作るか、団体設定のグループの名前を直す",
        },
    )  # fmt: skip


def _rows(
    installation: Installation, policy: Policy, account_ids: Collection[int], now: datetime | None = None
) -> list[Comparable]:  # fmt: skip
    """What is decided about these accounts at `now`, by default this moment."""
    now, days = now or installation.clock(), policy.personnel.delete_after_days
    with installation.database.reading() as session:
        return comparable_accounts(session, account_ids, now=now, delete_after_days=days)


def _look_at_privileged(
    done: Compared, installation: Installation, directory: Directory, system: InformationSystem,
    groups: Mapping[ExternalId, WatchedGroup], *, policy: Policy, waiting: Collection[ExternalId] = (),
) -> None:  # fmt: skip
    """What is known by the account and by the group is one finding; by the account it is known at once."""
    seen = privileged_members(
        installation, directory, system, groups.values(), delete_after_days=policy.personnel.delete_after_days
    )  # fmt: skip
    done.admitted = seen.admitted
    skipped = {(one.kind, one.subject_key) for one in done.found}
    for found in seen.found:
        undecided = found.details["member"] in waiting and not found.details["tier0"]
        if not undecided and (found.kind, found.subject_key) not in skipped:
            done.found.append(found)


def _take_as_seen(done: Compared, seen: Recognised) -> None:
    done.examined += seen.examined + len(seen.absent)
    done.accounts += seen.accounts
    done.looked_at.update(seen.absent)
    done.settled, done.still_so = seen.settled, seen.still_so
    for group, members in seen.inside.items():
        done.allowed[group] |= members
        done.direct |= {(group, member) for member in members}


def _compare_accounts(
    done: Compared, directory: Directory, rows: Sequence[Comparable],
    look_again: Callable[[Collection[int]], Sequence[Comparable]], groups: Mapping[ExternalId, WatchedGroup],
    system: InformationSystem,
) -> None:  # fmt: skip
    adopting = system.stage is Stage.ADOPT
    waiting = [row for row in rows if row.under_way or row.facts.adopts is not None]
    done.skipped |= {row.account_id for row in waiting}
    compared = [row for row in rows if row.account_id not in done.skipped]
    seen = directory.find(row.uuid for row in rows)
    for row in rows:
        account = seen.get(row.uuid)
        if account is not None:
            _note_groups(done, row, account)
    judged = {row.account_id: _judge(row, seen.get(row.uuid), directory, groups, adopting=adopting) for row in compared}
    written = _written_meanwhile([row for row in compared if judged[row.account_id]], look_again)
    done.skipped |= written
    for row in compared:
        if row.account_id in written:
            continue
        done.examined += 1
        done.accounts += row.wanted.required
        account = seen.get(row.uuid)
        if account is not None and any(grant.gated for grant in row.facts.grants):
            done.shown[row.account_id] = account
        found = judged[row.account_id]
        done.found.extend(found)
        done.missing += sum(one.kind is FindingKind.MISSING for one in found)
        settled = _settled(row, account, groups) if not found and may_settle(system, row.login_name) else None
        if settled is not None:
            done.settled.add(settled)
        else:
            done.looked_at.add(row.account_id)


def _written_meanwhile(
    rows: Sequence[Comparable], look_again: Callable[[Collection[int]], Sequence[Comparable]]
) -> set[int]:  # fmt: skip
    """Those of whom something else was decided, or written, since: a use that was just opened is nothing to find."""
    if not rows:
        return set()
    again = {row.account_id: row for row in look_again([row.account_id for row in rows])}
    return {
        row.account_id
        for row in rows
        if (now := again[row.account_id]).under_way or (now.generation, now.wanted) != (row.generation, row.wanted)
    }


def _settled(row: Comparable, account: TargetAccount | None, groups: Collection[ExternalId]) -> Settled | None:
    if account is None or account.seal is None:
        return None
    held = "\n".join(sorted((account.groups or frozenset()) & frozenset(groups)))
    return Settled(row.account_id, account.seal, row.generation, row.changes_on, held)


def _note_groups(done: Compared, row: Comparable, account: TargetAccount) -> None:
    for group in row.wanted.member_of:
        done.allowed[group].add(account.external_id)
    for group in account.groups or ():
        done.direct.add((group, account.external_id))


def _judge(
    row: Comparable, account: TargetAccount | None, directory: Directory, groups: Mapping[ExternalId, WatchedGroup], *,
    adopting: bool,
) -> list[Found]:  # fmt: skip
    if account is None:
        return [_missing(row)] if row.wanted.required else []
    wanted = row.wanted
    if account.external_id != row.external_id:
        wanted = replace(wanted, enabled=False)  # another account than the one that was handed over (E3)
    rights = frozenset(one.external_id for one in groups.values() if not one.demands)
    managed = in_our_care(row.facts, rights, adopting=adopting)
    can = directory.can if isinstance(directory, Writes) else ()
    told = differences(wanted, account, managed, can=can, kept=kept_by(directory))
    privileged = [one for one in told if one.kind is Deviation.EXTRA_GROUP and groups[one.about].privileged]
    ordinary = [one for one in told if one not in privileged]
    found = [_as_drift(row, account, groups, ordinary)] if ordinary else []
    return found + [_beyond_a_use(row, account, groups[one.about]) for one in privileged]


def _beyond_a_use(row: Comparable, account: TargetAccount, group: WatchedGroup) -> Found:
    member = PrivilegedMember(
        group.external_id, group.name, tier0=account.protected, by_hand=group.by_hand, member=account.external_id,
        direct=True,
    )  # fmt: skip
    return out_of_band(member, row.login_name, row.account_id)


def _as_drift(
    row: Comparable, account: TargetAccount, groups: Mapping[ExternalId, WatchedGroup], told: Sequence[Difference]
) -> Found:
    what, repair = in_words(told, {group.external_id: group.name for group in groups.values()})
    by_hand = account.protected or any(
        one.kind in (Deviation.EXTRA_GROUP, Deviation.MISSING_GROUP) and groups[one.about].by_hand for one in told
    )
    return Found(
        FindingKind.DRIFT, account.external_id, row.login_name, row.account_id,
        {
            "reason": what, "repair": f"{repair}（{BY_HAND_WORDS}）" if by_hand else repair,
            "differences": [[one.kind.value, one.about] for one in told], "more": gives_more(told),
        },
    )  # fmt: skip


def _missing(row: Comparable) -> Found:
    return Found(
        FindingKind.MISSING, str(row.uuid), row.login_name, row.account_id,
        {
            "reason": "承認されたIDがディレクトリにありません。", "repair": "IDを作り直し、仮パスワードを交付し直す",
            "differences": [["missing", ""]], "more": False,
        },
    )  # fmt: skip


# --- who is in the groups --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Watched:
    """A group whose members are looked at, groups within it too."""

    external_id: ExternalId
    name: str
    by_hand: bool


def _extra_members(
    done: Compared, directory: Directory, groups: Mapping[ExternalId, WatchedGroup], waiting: frozenset[ExternalId]
) -> Iterator[Found]:
    extra: list[tuple[_Watched, ExternalId]] = []
    for group in _ordinary(directory, groups):
        for member in directory.members(group.external_id, nested=True):
            known = member in done.allowed[group.external_id] or (group.external_id, member) in done.direct
            if not known and member not in waiting:
                extra.append((group, member))
    names = _names(directory, {member for _, member in extra})
    for group, member in extra:
        yield _extra(group, member, names.get(member, member))


def _ordinary(directory: Directory, groups: Mapping[ExternalId, WatchedGroup]) -> Iterator[_Watched]:
    """Those of rights that are not privileged: who is in one of the others is told of apart (D9)."""
    protected = directory.protected_groups() if isinstance(directory, KnowsProtected) else ()
    guarded = {group.external_id for group in protected}
    for group in groups.values():
        # Who is asked for a second factor beyond what we ask has got no more by it.
        if not (group.demands or group.privileged or group.external_id in guarded):
            yield _Watched(group.external_id, group.name, group.by_hand)


def _names(directory: Directory, wanted: set[ExternalId]) -> dict[ExternalId, str]:
    """The login names of these accounts; read only where somebody is found."""
    if not wanted:
        return {}
    return {one.external_id: one.login_name for one in directory.account_ids() if one.external_id in wanted}


def _extra(group: _Watched, member: ExternalId, login_name: str) -> Found:
    how = BY_HAND_WORDS if group.by_hand else "ディレクトリで外すか、持ち主に申請してもらってください"
    return Found(
        FindingKind.EXTRA_MEMBER, f"{group.external_id}:{member}", login_name, None,
        {
            "reason": f"承認がないのに、グループ「{group.name}」に入っています（グループを通じた所属を含む）。",
            "repair": f"グループ「{group.name}」から外す（{how}）",
            "differences": [["extra_member", group.external_id]], "more": True,
        },
    )  # fmt: skip
