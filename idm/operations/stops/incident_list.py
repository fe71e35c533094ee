"""An incident's list of IDs as somebody pasted it: every line is known, or nothing is stopped (FK 6-5(2); H5)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from idm.database import in_chunks
from idm.directory.own_service_account import Named as OwnName
from idm.directory.own_service_account import is_own
from idm.errors import InvalidInput
from idm.models.systems import Account
from idm.queries.information_systems.own_service_accounts import own_service_accounts
from idm.queries.organisation.officers import humans
from idm.queries.stops.entries import Entry, entries_called
from idm.vocabulary import AccountKind

MOST_LINES = 5_000


@dataclass(frozen=True)
class Line:
    """One line: an ID, everywhere it is known or (`system/ID`) in one system. `number` counts from 1.

    The ID is a login name, or the directory's own id of the account.
    """

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


@dataclass(frozen=True)
class Named:
    """What a list names: accounts of people, and entries of directories that are nobody's own."""

    accounts: frozenset[int]
    entries: tuple[Entry, ...]


def named_by(session: Session, text: str, *, reached: frozenset[int]) -> Named:
    """What the list names in the systems `reached`. Raises InvalidInput that tells of every other line.

    Of the product's own accounts too: without them no stop would arrive, and none come back (control D10).
    """
    lines = lines_of(text)
    if not lines or len(lines) > MOST_LINES:
        told = f"一度に止められるのは {MOST_LINES} 行までです（今は {len(lines)} 行です）。"
        told = told if lines else "止める利用者IDを、1行に1つずつ書いてください。"
        raise InvalidInput(told, fields={"names": told})
    known, problems, chosen = _known(session, {line.name for line in lines}), list[str](), set[_Known]()
    for line in lines:
        found = [one for one in known.get(line.name, ()) if line.system in (None, one.system)]
        problem = _problem(found, reached)
        if problem is not None:
            problems.append(f"{line.number} 行目「{line.name}」：{problem}")
        chosen.update(found)
    if problems:
        told = "\n".join(["次の行を直してください。まだ何も止めていません。", *problems])
        raise InvalidInput(told, fields={"names": told})
    return Named(
        frozenset(one.account_id for one in chosen if one.entry is None and one.account_id is not None),
        tuple(one.entry for one in chosen if one.entry is not None),
    )


@dataclass(frozen=True)
class _Known:
    """One thing that a line may mean: an account of somebody's, or an `entry`."""

    account_id: int | None
    system_id: int
    system: str
    own: bool
    """The product itself signs in by it."""
    owner_id: int | None
    """Whose it is: a human, by one person row of theirs; None = nobody's."""
    entry: Entry | None = None


def _problem(found: Collection[_Known], reached: frozenset[int]) -> str | None:
    if not found:
        return "この利用者IDは、台帳にも、棚卸しと点検の記録にもありません。"
    if any(one.system_id not in reached for one in found):
        return "所管していない情報システムにもあるIDです。「所管の情報システムのコード/利用者ID」の形で書いてください。"
    if len({one.owner_id for one in found} - {None}) > 1:
        codes = "、".join(sorted({one.system for one in found}))
        return f"{codes} で、別の人のIDです。止める人のIDだけを「システムのコード/利用者ID」の形で書いてください。"
    if any(one.own for one in found):
        return (
            "idm がディレクトリに接続するためのIDなので、止められません。止めると、ほかの停止も届かず、元に戻すことも"
            "できなくなります。疑わしいときは、ディレクトリの管理者がパスワードを変えてください。"
        )
    return None


def _known(session: Session, names: set[str]) -> Mapping[str, list[_Known]]:
    """Name, or id in its directory → everything that is called so."""
    ours, found = own_service_accounts(session), defaultdict[str, list[_Known]](list)
    for name, entries in entries_called(session, names).items():
        found[name] += [
            _Known(one.account_id, one.system_id, one.system, one.is_ours(ours), None, one) for one in entries
        ]
    for some in in_chunks(sorted(names)):
        accounts = session.scalars(
            select(Account)
            .where(
                or_(func.lower(Account.login_name).in_(some), func.lower(Account.external_id).in_(some)),
                or_(Account.person_id.is_not(None), Account.kind == AccountKind.PERSONAL),
            )
            .options(joinedload(Account.system))
        ).all()
        owners = _owners(session, accounts)
        for account in accounts:
            called = OwnName(account.system.connector, account.external_id, account.login_name)
            owner_id = owners.get(account.person_id or 0)
            known = _Known(account.id, account.system_id, account.system.code, is_own(called, ours), owner_id)
            for name in {account.login_name.lower(), (account.external_id or "").lower()} & names:
                found[name].append(known)
    return found


def _owners(session: Session, accounts: Iterable[Account]) -> Mapping[int, int]:
    """Person row → the human it is of, by the first of that human's rows."""
    people = {one.person_id for one in accounts if one.person_id is not None}
    return {person_id: min(human.rows) for person_id, human in humans(session, people).items()}
