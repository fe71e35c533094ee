"""Compares one system's directory with what was approved: accounts, and who is in the groups that matter (A9, D9)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from idm.database import in_chunks
from idm.drift import Deviation, differences, gives_more, in_words
from idm.errors import SafetyLimit
from idm.models.systems import InformationSystem
from idm.operations.findings import Found
from idm.operations.inventory import too_many
from idm.operations.settled import Settled
from idm.policy import Policy
from idm.ports import Directory, ExternalId, KnowsProtected, TargetAccount, Writes
from idm.queries.comparable import (
    Comparable,
    WatchedGroup,
    accounts_of_system,
    comparable_accounts,
    waiting_to_be_adopted,
    watched_groups,
)
from idm.reconciliation import in_our_care
from idm.vocabulary import FindingKind, Stage
from jobs.installation import Installation
from jobs.unchanged import Unchanged, unchanged_accounts

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
    settled: list[Settled] = field(default_factory=list)
    shown: dict[int, TargetAccount] = field(default_factory=dict)
    """Accounts with a right behind the gate, as they were read: what they show of factors is for the gate (B2)."""
    still_so: set[int] = field(default_factory=set)
    """Accounts that the directory vouched for: they are as they were when they were read last."""
    direct: set[tuple[ExternalId, ExternalId]] = field(default_factory=set)
    """(group, account of ours) as read with the account: told of there, not twice."""


def compare(
    installation: Installation, directory: Directory, system: InformationSystem, *, policy: Policy, now: datetime,
    only: Collection[int] | None = None, by_seal: bool = False,
) -> Compared:  # fmt: skip
    """What the directory shows beyond, or short of, what was approved; writes nothing.

    `only` names accounts; groups are looked at when it names none. `by_seal`: accounts that are as they were when they
    were found right are not read again, where the directory can say which those are. Nothing is compared in a system
    that is only observed: nothing of it is ours yet. Raises TargetError, and SafetyLimit when so many accounts are not
    there that it is rather the wrong place that was looked at.
    """
    done = Compared()
    if system.stage is Stage.OBSERVE:
        return done
    with installation.database.reading() as session:
        groups = {group.external_id: group for group in watched_groups(session, system.id)}
        accounts = accounts_of_system(session, system.id)
        waiting = waiting_to_be_adopted(session, system.id) if system.stage is Stage.ADOPT else frozenset()
    if by_seal and only is None:
        unchanged = unchanged_accounts(installation, directory, system, groups, now=now)
        accounts = {uuid: one for uuid, one in accounts.items() if one not in unchanged.accounts}
        _take_as_seen(done, unchanged)
    for some in in_chunks([one for one in accounts.values() if only is None or one in only], ACCOUNTS_AT_ONCE):
        with installation.database.reading() as session:
            rows = comparable_accounts(
                session, some, now=now, delete_after_days=policy.personnel.delete_after_days
            )  # fmt: skip
        _compare_accounts(done, directory, rows, groups, adopting=system.stage is Stage.ADOPT)
    if too_many(done.missing, done.accounts, policy.reconciliation):
        raise SafetyLimit(
            f"台帳にある {done.accounts} 件のうち {done.missing} 件がディレクトリに見当たりません。"
            "何も記録していません。接続先の設定（アカウントを探す場所など）を確かめてください。"
        )
    if only is None:
        done.found.extend(_extra_members(done, directory, groups, waiting))
    return done


def _take_as_seen(done: Compared, unchanged: Unchanged) -> None:
    done.examined += len(unchanged.accounts)
    done.accounts += len(unchanged.accounts)
    done.still_so |= unchanged.accounts
    for group, members in unchanged.members.items():
        done.allowed[group] |= members
        done.direct |= {(group, member) for member in members}


def _compare_accounts(
    done: Compared, directory: Directory, rows: Iterable[Comparable], groups: Mapping[ExternalId, WatchedGroup], *,
    adopting: bool,
) -> None:  # fmt: skip
    waiting = [row for row in rows if row.under_way or row.facts.adopts is not None]
    done.skipped |= {row.account_id for row in waiting}
    compared = [row for row in rows if row.account_id not in done.skipped]
    seen = directory.find(row.uuid for row in rows)
    for row in rows:
        account = seen.get(row.uuid)
        if account is not None:
            _note_groups(done, row, account)
    for row in compared:
        done.examined += 1
        done.looked_at.add(row.account_id)
        done.accounts += row.wanted.required
        account = seen.get(row.uuid)
        if account is not None and any(grant.gated for grant in row.facts.grants):
            done.shown[row.account_id] = account
        found = _judge(row, account, directory, groups, adopting=adopting)
        if found is not None:
            done.found.append(found)
            done.missing += found.kind is FindingKind.MISSING
        elif not adopting:
            done.settled.extend(_settled(row, account, groups))


def _settled(row: Comparable, account: TargetAccount | None, groups: Collection[ExternalId]) -> Iterator[Settled]:
    if account is not None and account.seal is not None:
        held = tuple(sorted((account.groups or frozenset()) & frozenset(groups)))
        yield Settled(row.account_id, account.seal, row.generation, row.changes_on, held)


def _note_groups(done: Compared, row: Comparable, account: TargetAccount) -> None:
    for group in row.wanted.member_of:
        done.allowed[group].add(account.external_id)
    for group in account.groups or ():
        done.direct.add((group, account.external_id))


def _judge(
    row: Comparable, account: TargetAccount | None, directory: Directory, groups: Mapping[ExternalId, WatchedGroup], *,
    adopting: bool,
) -> Found | None:  # fmt: skip
    if account is None:
        return _missing(row) if row.wanted.required else None
    wanted = row.wanted
    if account.external_id != row.external_id:
        wanted = replace(wanted, enabled=False)  # another account than the one that was handed over (E3)
    rights = frozenset(one.external_id for one in groups.values() if not one.demands)
    managed = in_our_care(row.facts, rights, adopting=adopting)
    can = directory.can if isinstance(directory, Writes) else ()
    told = differences(wanted, account, managed, can=can)
    if not told:
        return None
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
    protected: bool
    by_hand: bool


def _extra_members(
    done: Compared, directory: Directory, groups: Mapping[ExternalId, WatchedGroup], waiting: frozenset[ExternalId]
) -> Iterator[Found]:
    extra: list[tuple[_Watched, ExternalId]] = []
    for group in _watched(directory, groups):
        for member in directory.members(group.external_id, nested=True):
            known = member in done.allowed[group.external_id] or (group.external_id, member) in done.direct
            still_deciding = member in waiting and not group.protected
            if not (known and group.external_id in groups) and not still_deciding:
                extra.append((group, member))
    names = _names(directory, {member for _, member in extra})
    for group, member in extra:
        yield _extra(group, member, names.get(member, member))


def _watched(directory: Directory, groups: Mapping[ExternalId, WatchedGroup]) -> Iterator[_Watched]:
    protected = list(directory.protected_groups()) if isinstance(directory, KnowsProtected) else []
    guarded = {group.external_id for group in protected}
    for group in groups.values():
        if group.demands:
            continue  # who is asked for a second factor beyond what we ask has got no more by it
        yield _Watched(group.external_id, group.name, group.external_id in guarded, group.by_hand)
    for other in protected:
        if other.external_id not in groups:
            yield _Watched(other.external_id, other.name, True, True)


def _names(directory: Directory, wanted: set[ExternalId]) -> dict[ExternalId, str]:
    """The login names of these accounts; read only where somebody is found."""
    if not wanted:
        return {}
    return {one.external_id: one.login_name for one in directory.account_ids() if one.external_id in wanted}


def _extra(group: _Watched, member: ExternalId, login_name: str) -> Found:
    what = "ディレクトリの管理者のグループ" if group.protected else "グループ"
    how = (
        BY_HAND_WORDS if group.protected or group.by_hand else "ディレクトリで外すか、持ち主に申請してもらってください"
    )
    return Found(
        FindingKind.EXTRA_MEMBER, f"{group.external_id}:{member}", login_name, None,
        {
            "reason": f"承認がないのに、{what}「{group.name}」に入っています（グループを通じた所属を含む）。",
            "repair": f"{what}「{group.name}」から外す（{how}）", "differences": [["extra_member", group.external_id]],
            "more": True,
        },
    )  # fmt: skip
