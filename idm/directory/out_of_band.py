"""Who is in a privileged group though nothing in force says so (FK 6-2(1)②; control D9). Pure.

Somebody's own privileged ID is in a privileged group for the hours of an open use; a registered privileged ID may be in
one at any time, for two people have said so. Everybody else is there out of band: also a shared or a service's ID.
"""

from dataclasses import dataclass

from idm.ports import ExternalId
from idm.vocabulary import AccountKind


@dataclass(frozen=True)
class Registered:
    """An ID in the register that nobody has ended yet; `over`: its last day has passed, so people renew or end it."""

    kind: AccountKind
    over: bool = False


@dataclass(frozen=True)
class PrivilegedMember:
    """One member of one privileged group, as a sweep saw them.

    `tier0`: the group is the target's own administrators'; `by_hand`: only a person changes it; `direct`: the member
    stands in it itself, not by way of another group.
    """

    group: ExternalId
    group_name: str
    tier0: bool
    by_hand: bool
    member: ExternalId
    direct: bool
    registered: Registered | None = None


OVER_REASON = "登録簿に載せた期間が過ぎています。"
OVER_REPAIR = "引き続き必要なら登録簿の期間を延ばす。不要なら登録を終え、特権を外す（手作業で行ってください）"


def may_stay(registered: Registered | None) -> bool:
    """Whether the register lets an ID be in privileged groups at any time."""
    return registered is not None and registered.kind is AccountKind.PRIVILEGED and not registered.over


def removable(member: PrivilegedMember) -> bool:
    """Whether the product may take them out: never from tier 0 or from within another group, nor who is registered.

    A last day that passes takes nothing away: people renew the registration or end it.
    """
    return member.direct and not member.tier0 and not member.by_hand and member.registered is None


def in_words(member: PrivilegedMember) -> tuple[str, str]:
    """What was found, and what to do about it."""
    what = "ディレクトリの管理者のグループ" if member.tier0 else "特権のグループ"
    way = "" if member.direct else "（別のグループを通じた所属）"
    reason = f"今は認められていないのに、{what}「{member.group_name}」に入っています{way}。"
    if member.registered is not None and member.registered.over:
        return f"{reason}{OVER_REASON}", OVER_REPAIR
    if member.registered is not None:
        return reason, f"「{member.group_name}」から外すか、特権IDとして登録簿に載せ直す（手作業で行ってください）"
    if removable(member):
        return reason, f"「{member.group_name}」から外す"
    how = "手作業の指示書により行ってください" if member.direct else "間にあるグループを、手作業で確かめてください"
    return reason, f"「{member.group_name}」から外す（至急。{how}）"
