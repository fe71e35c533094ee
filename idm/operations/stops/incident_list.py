"""An incident's list of IDs as somebody pasted it: every line is one of ours, or nothing is stopped (FK 6-5(2); H5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.errors import InvalidInput
from idm.models.systems import Account, InformationSystem

MOST_LINES = 5_000


@dataclass(frozen=True)
class Line:
    """One line: an ID, everywhere it is known or (`system/ID`) in one system. `number` counts from 1."""

    number: int
    system: str | None
    name: str


def lines_of(text: str) -> tuple[Line, ...]:
    """The lines that say something; names are compared without capitals."""
    rows = ((number, row.strip()) for number, row in enumerate(text.splitlines(), start=1))
    return tuple(_line(number, row) for number, row in rows if row)


def _line(number: int, row: str) -> Line:
    system, slash, name = row.rpartition("/")
    return Line(number, system.strip() if slash else None, name.strip().lower())


def accounts_named(session: Session, text: str, *, reached: frozenset[int]) -> frozenset[int]:
    """The accounts that the list names, in the systems `reached`. Raises InvalidInput that tells of every other line.

    An ID that is nobody's own is told of too: what stops it is its register, not this.
    """
    lines = lines_of(text)
    if not lines or len(lines) > MOST_LINES:
        told = f"一度に止められるのは {MOST_LINES} 行までです（今は {len(lines)} 行です）。"
        told = told if lines else "止める利用者IDを、1行に1つずつ書いてください。"
        raise InvalidInput(told, fields={"names": told})
    known, problems, chosen = _known(session, {line.name for line in lines}), list[str](), set[int]()
    for line in lines:
        found = [one for one in known.get(line.name, ()) if line.system in (None, one.system)]
        problem = _problem(found, reached)
        if problem is not None:
            problems.append(f"{line.number} 行目「{line.name}」：{problem}")
        chosen |= {one.account_id for one in found}
    if problems:
        told = "\n".join(["次の行を直してください。まだ何も止めていません。", *problems])
        raise InvalidInput(told, fields={"names": told})
    return frozenset(chosen)


@dataclass(frozen=True)
class _Account:
    account_id: int
    system_id: int
    system: str
    somebodys: bool


def _problem(found: Iterable[_Account], reached: frozenset[int]) -> str | None:
    accounts = list(found)
    if not accounts:
        return "この利用者IDは台帳にありません。"
    if any(one.system_id not in reached for one in accounts):
        return "所管していない情報システムにもあるIDです。「所管の情報システムのコード/利用者ID」の形で書いてください。"
    if not all(one.somebodys for one in accounts):
        return "人のものでないIDは、特権IDの登録簿の画面で止めてください（利用の停止、預かりパスワードの変更）。"
    return None


def _known(session: Session, names: set[str]) -> Mapping[str, list[_Account]]:
    """Name → every account that is called so."""
    found: dict[str, list[_Account]] = {}
    for some in in_chunks(sorted(names)):
        rows = session.execute(
            select(
                func.lower(Account.login_name), Account.id, Account.system_id, InformationSystem.code, Account.person_id
            )
            .join(InformationSystem, Account.system_id == InformationSystem.id)
            .where(func.lower(Account.login_name).in_(some))
        )  # fmt: skip
        for name, account_id, system_id, code, person_id in rows:
            found.setdefault(name, []).append(_Account(account_id, system_id, code, person_id is not None))
    return found
