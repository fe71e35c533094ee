"""The list of user IDs a system without an interface prints: sent, compared with the books, then taken over (A9, C1).

Taking it over is our read-back there: it says what is so on the list's day, of every account nobody is working on. It
decides nothing and changes no right; what does not agree becomes a finding of the sweep.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.directory.hand_work import Books
from idm.errors import ContentChanged, IllegalTransition, InvalidInput, NotPermitted, SafetyLimit
from idm.lists.listing import Listed, read_listing
from idm.lists.listing_comparison import Compared, Verdict
from idm.lists.printed_list import name_key
from idm.models.systems import Account, InformationSystem
from idm.models.work_orders import ListedAccount, Listing
from idm.operations.hand_work.work_order_issue import books_of
from idm.operations.information_systems.inventory import too_many
from idm.operations.outbox import record_seen
from idm.operations.rights import account_stops
from idm.organisation import ListingShape
from idm.permissions import Action, require
from idm.policy import Policy
from idm.ports import Attributes, TargetAccount
from idm.queries.information_systems.listings import (
    Missing,
    comparison,
    counts_of,
    find_listing,
    missing_of,
    moment_of,
    newest_listing,
    spoken_of,
    taken_before,
)
from idm.queries.organisation.officers import contracted, humans, roles_of
from idm.queries.organisation.reach import systems_reached
from idm.queries.rights.account_facts import account_facts
from idm.step_up import require_fresh_factor_for
from idm.vocabulary import BY_HAND

LONGEST_NAME = 200
KEPT_FOR = timedelta(hours=24)
"""How long a list waits to be taken over: it holds names of people."""


@dataclass(frozen=True)
class SentListing:
    """What somebody sent: of which system, as of which day, under which name, and the bytes."""

    system_id: int
    as_of: date
    file_name: str
    content: bytes


def receive(session: Session, sent: SentListing, *, actor: Actor, policy: Policy, now: datetime) -> Listing:
    """Afterwards the list waits beside the books to be looked at; one that waited before is gone.

    Raises NotPermitted, InvalidInput for a system that has no such list and for a day to come, FeedRefused.
    """
    require_may_list(session, sent.system_id, actor=actor, now=now)
    system = session.get_one(InformationSystem, sent.system_id)
    shape = shape_of(system)
    if sent.as_of > day_of(now):
        message = "まだ来ていない日です。一覧を出力した日を書いてください。"
        raise InvalidInput(message, fields={"as_of": message})
    rows = read_listing(sent.content, shape)
    _drop_waiting(session, system.id)
    listing = Listing(
        system_id=system.id, file_name=sent.file_name[:LONGEST_NAME], sha256=sha256(sent.content).hexdigest(),
        as_of=sent.as_of, row_count=len(rows), uploaded_by_id=actor.person_id, uploaded_by_label=actor.label,
        uploaded_at=now, shows_enabled=shape.enabled is not None, shows_groups=shape.groups is not None,
        shows_last_use=shape.last_used is not None, accounts=[_row(row) for row in rows],
    )  # fmt: skip
    session.add(listing)
    session.flush()
    _record(session, "listing.received", listing, actor=actor, policy=policy, now=now)
    return listing


def take_over(
    session: Session, listing_id: int, *, shown: str, missing_is_right: int = 0, actor: Actor, policy: Policy,
    now: datetime,
) -> Listing:  # fmt: skip
    """Afterwards the books say what the list shows, of every account that nobody is working on.

    `shown` is the SHA-256 of the list that was looked at; `missing_is_right`: that many accounts, somebody says, are
    rightly not on it. Raises NotFound, NotPermitted, ContentChanged for another list, IllegalTransition for one that
    was taken over, the same file again, or one older than the one that counts, and SafetyLimit when more of our
    accounts are not on it than the profile lets one run miss and nobody says that so many is right, FreshFactorNeeded.
    """
    listing = find_listing(session, listing_id, lock=True)
    require_may_list(session, listing.system_id, actor=actor, now=now)
    if listing.sha256 != shown:
        raise ContentChanged("表示した一覧と、いま待っている一覧が違います。もう一度確かめてください。")
    _require_newest(session, listing)
    if actor.person_id is not None:
        require_fresh_factor_for(listing.system.zone, actor, policy=policy, now=now)
    spoken = spoken_of(session, listing, lock=True)
    missing = missing_of(spoken)
    needs_word = too_much_missing(missing, policy)
    if needs_word and missing.accounts > missing_is_right:
        raise SafetyLimit(_too_much(missing))
    compared = comparison(session, listing, now=now)
    counts = counts_of(compared)
    listing.taken_at, listing.taken_by_id = now, actor.person_id
    listing.agreeing, listing.differing = counts[Verdict.AGREES], counts[Verdict.DIFFERS]
    listing.orphans, listing.missing = counts[Verdict.ORPHAN], counts[Verdict.MISSING]
    _read_back(session, listing, spoken, now)
    session.flush()
    said = {"missing_is_right": missing_is_right, "missing_of": missing.of} if needs_word else {}
    _record(session, "listing.taken_over", listing, actor=actor, policy=policy, now=now, **said)
    return listing


def too_much_missing(missing: Missing, policy: Policy) -> bool:
    """Whether the list lacks so many of our accounts that it is rather the wrong list: the measure of inventories."""
    return too_many(missing.accounts, missing.of, policy.reconciliation)


def discard(session: Session, listing_id: int, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the list is gone and nothing was taken over. Raises NotFound, NotPermitted, IllegalTransition."""
    listing = find_listing(session, listing_id, lock=True)
    require_may_list(session, listing.system_id, actor=actor, now=now)
    if listing.taken_at is not None:
        raise IllegalTransition("この一覧はすでに取り込まれています。破棄できません。")
    _record(session, "listing.discarded", listing, actor=actor, policy=policy, now=now)
    session.delete(listing)


def empty_expired(session: Session, *, now: datetime) -> int:
    """Afterwards no list has waited for longer than a day to be taken over. Returns how many went."""
    waiting = session.scalars(select(Listing).where(Listing.taken_at.is_(None), Listing.uploaded_at <= now - KEPT_FOR))
    gone = waiting.all()
    for listing in gone:
        session.delete(listing)
    return len(gone)


def look(session: Session, sent: SentListing, *, now: datetime) -> tuple[Compared, ...]:
    """How a list compares, without keeping anything of it (`--dry-run`). Raises InvalidInput, FeedRefused."""
    system = session.get_one(InformationSystem, sent.system_id)
    rows = [_row(row) for row in read_listing(sent.content, shape_of(system))]
    waiting = Listing(system_id=system.id, as_of=sent.as_of, uploaded_at=now, accounts=rows)
    return comparison(session, waiting, now=now)


def shape_of(system: InformationSystem) -> ListingShape:
    """What the system's list looks like. Raises InvalidInput where nobody has said so."""
    if system.connector != BY_HAND or system.listing is None:
        raise InvalidInput(
            f"「{system.name}」の一覧の形（団体の設定の [systems.listing]）が決まっていません。"
            "情報セキュリティ責任者に、設定の変更を提案してもらってください。",
            fields={"system": "一覧を取り込めない情報システムです"},
        )
    return TypeAdapter(ListingShape).validate_python(system.listing)


def require_may_list(session: Session, system_id: int, *, actor: Actor, now: datetime) -> None:
    """Afterwards the actor may bring lists of this system: a command of the machine may. Raises NotPermitted."""
    if actor.person_id is None:
        return
    day = day_of(now)
    require(roles_of(session, actor.person_id, day), Action.UPLOAD_LISTING)
    if contracted(session, humans(session, [actor.person_id])[actor.person_id].rows, day):
        raise NotPermitted("委託事業者は利用者ID一覧を取り込めません。")
    if system_id not in systems_reached(session, actor.person_id, Action.UPLOAD_LISTING, day):
        raise NotPermitted("あなたの所管する情報システムではありません。所管課の担当者に頼んでください。")


def _row(row: Listed) -> ListedAccount:
    return ListedAccount(
        line=row.line, login_name=row.login_name, login_key=name_key(row.login_name), display_name=row.display_name,
        employee_number=row.employee_number, enabled=row.enabled, last_used=row.last_used,
        groups=sorted(row.groups) if row.groups is not None else None,
    )  # fmt: skip


def _drop_waiting(session: Session, system_id: int) -> None:
    """Lists nobody took over are personal data without a use as soon as another one comes."""
    for waiting in session.scalars(select(Listing).where(Listing.system_id == system_id, Listing.taken_at.is_(None))):
        session.delete(waiting)
    session.flush()


def _require_newest(session: Session, listing: Listing) -> None:
    if listing.taken_at is not None:
        raise IllegalTransition("この一覧はすでに取り込まれています。")
    if taken_before(session, listing.system_id, listing.as_of, listing.sha256):
        raise IllegalTransition("同じ日の同じファイルがすでに取り込まれています。何も変えていません。")
    newest = newest_listing(session, listing.system_id)
    if newest is not None and newest.as_of > listing.as_of:
        raise IllegalTransition(
            f"この一覧（{listing.as_of}）より新しい一覧（{newest.as_of}）がすでに取り込まれています。"
            "新しく出力した一覧を取り込んでください。"
        )


def _too_much(missing: Missing) -> str:
    return (
        f"台帳に登録済みの利用者ID {missing.of} 件のうち {missing.accounts} 件（{missing.people} 人分）が"
        "この一覧にないため、取り込んでいません。一つの課だけの一覧など、一部だけを出力したものでないか確かめ、"
        "情報システム全体の一覧を出力し直してください。本当に登録がなくなっているのであれば、"
        "画面では件数を確かめてチェックを付け、"
        "コマンドでは idm listing import に --missing-is-right を付けて取り込んでください。"
    )


def _read_back(
    session: Session, listing: Listing, spoken: Iterable[tuple[Account, ListedAccount | None]], now: datetime
) -> None:
    lines = dict(spoken)
    facts = account_facts(session, [account.id for account in lines], now=now)
    for account, row in lines.items():
        record_seen(account, _shown(account, facts[account.id].attributes, row, listing), moment_of(listing))
    account_stops.follow_read_back(session, lines, now=moment_of(listing))


def _shown(
    account: Account, attributes: Attributes, row: ListedAccount | None, listing: Listing
) -> TargetAccount | None:
    """What the line says of the account; what the list does not show stays as the books have it."""
    if row is None:
        return None
    known: Books = books_of(account, attributes)
    shown = known.account or TargetAccount(account.login_name, account.uuid, attributes, True, None, frozenset())
    if listing.shows_enabled:
        shown = replace(shown, enabled=bool(row.enabled))
    return replace(shown, groups=frozenset(row.groups or ())) if listing.shows_groups else shown


def _record(
    session: Session, action: str, listing: Listing, *, actor: Actor, policy: Policy, now: datetime, **said: int
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("listing", str(listing.id)), now=now, policy_digest=policy.digest,
        payload={
            "system": listing.system_id, "as_of": listing.as_of.isoformat(), "sha256": listing.sha256,
            "rows": listing.row_count, "agreeing": listing.agreeing, "differing": listing.differing,
            "orphans": listing.orphans, "missing": listing.missing,
            **said,
        },
    )  # fmt: skip
