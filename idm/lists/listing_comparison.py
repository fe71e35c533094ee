"""A list of user IDs beside our books, line by line: what agrees, what differs, what one side lacks (A9, C1). Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from idm.lists.listing import Listed
from idm.lists.printed_list import name_key
from idm.names.personal_names import fold
from idm.ports import ExternalId


class Verdict(StrEnum):
    """How one user ID compares. What somebody is working on is not judged before the work is confirmed."""

    AGREES = "agrees"
    DIFFERS = "differs"
    ORPHAN = "orphan"
    MISSING = "missing"
    IN_HAND = "in_hand"


@dataclass(frozen=True)
class Booked:
    """One account as our books have it. `in_hand`: work on it is open, or was confirmed since the list was made."""

    account_id: int
    login_name: str
    person_name: str | None
    staff_number: str | None
    present: bool
    enabled: bool
    groups: frozenset[ExternalId]
    in_hand: bool = False


@dataclass(frozen=True)
class Compared:
    """One user ID on both sides. `line` is its line in the file, None where it is only in our books."""

    login_name: str
    verdict: Verdict
    line: int | None
    account_id: int | None
    name: str | None
    differences: tuple[str, ...] = ()


def compare(
    listed: Iterable[Listed], booked: Iterable[Booked], rights: Mapping[ExternalId, str]
) -> tuple[Compared, ...]:
    """Every line of the list in its order, then what only our books have. `rights` are the names of the groups."""
    known = {name_key(account.login_name): account for account in booked}
    lines = [_line(row, known.pop(name_key(row.login_name), None), rights) for row in listed]
    return (*lines, *(_unlisted(account) for account in known.values() if account.present or account.in_hand))


def _line(row: Listed, account: Booked | None, rights: Mapping[ExternalId, str]) -> Compared:
    if account is None:
        return Compared(row.login_name, Verdict.ORPHAN, row.line, None, row.display_name)
    differences = tuple(_differences(row, account, rights))
    verdict = Verdict.DIFFERS if differences else Verdict.AGREES
    if account.in_hand:
        verdict = Verdict.IN_HAND
    return Compared(row.login_name, verdict, row.line, account.account_id, account.person_name, differences)


def _unlisted(account: Booked) -> Compared:
    verdict = Verdict.IN_HAND if account.in_hand else Verdict.MISSING
    return Compared(account.login_name, verdict, None, account.account_id, account.person_name)


def _differences(row: Listed, account: Booked, rights: Mapping[ExternalId, str]) -> Iterator[str]:
    """What the list says otherwise; what it does not show is not compared."""
    if not account.present:
        yield "台帳では登録されていないことになっています"
        return
    if row.enabled is not None and row.enabled != account.enabled:
        yield "一覧では有効、台帳では無効" if row.enabled else "一覧では無効、台帳では有効"
    if row.groups is not None:
        surplus, lacking = row.groups - account.groups, account.groups - row.groups
        yield from (f"権限「{rights.get(group, group)}」が一覧にだけあります" for group in sorted(surplus))
        yield from (f"権限「{rights.get(group, group)}」が一覧にありません" for group in sorted(lacking))
    if row.employee_number and account.staff_number and row.employee_number != account.staff_number:
        yield f"職員番号が違います（一覧 {row.employee_number}、台帳 {account.staff_number}）"
    if row.display_name and account.person_name and fold(row.display_name) != fold(account.person_name):
        yield f"氏名が違います（一覧「{row.display_name}」）"
