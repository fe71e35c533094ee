"""A list of user IDs asked like a directory, so that the sweep knows no difference (controls C1, C3, A9).

It is read, never written. What it does not show is unknown: a list without a column of last use says nothing of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import start_of
from idm.errors import NotOnTarget, TargetRefused
from idm.lists.listing import Listed
from idm.lists.printed_list import name_key
from idm.models.systems import Account, InformationSystem
from idm.models.work_orders import Listing
from idm.names.personal_names import fold
from idm.operations.hand_work.work_order_issue import books_of
from idm.policy import Policy
from idm.ports import (
    AccountId,
    Attributes,
    Directory,
    ExternalId,
    LastUse,
    LastUseSource,
    TargetAccount,
    TargetGroup,
)
from idm.queries.information_systems.listings import (
    accounts_in_hand,
    age_in_days,
    as_listed,
    find_listing,
    newest_listing,
)
from idm.queries.rights.account_facts import account_facts
from idm.wareki import format_wareki


@dataclass(frozen=True)
class Known:
    """An account of ours that a line may be about.

    `shown` is how the books have it, None = not there; `expected` what should be entered for the person. `in_hand`:
    work was confirmed since the list was made, so the list cannot speak of it and the books do.
    """

    uuid: UUID
    created_at: datetime
    external_id: ExternalId
    expected: Attributes
    shown: TargetAccount | None
    in_hand: bool


class ListedDirectory:
    """The lines of one list, and which of them are accounts of ours."""

    def __init__(self, lines: Iterable[Listed], known: Mapping[str, Known]) -> None:
        self._lines = tuple(lines)
        self._known = known

    def accounts(self) -> Iterator[TargetAccount]:
        """Every line, without groups."""
        return (replace(self._account(line), groups=None) for line in self._lines)

    def account_ids(self) -> Iterator[AccountId]:
        """Every line's identity; one of ours by the id our books know it by."""
        return (AccountId(self._id(line), self._uuid(line), line.login_name) for line in self._lines)

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """Those of the accounts that are on the list, or of which it cannot speak."""
        wanted, lines = set(account_uuids), {name_key(line.login_name): line for line in self._lines}
        found: dict[UUID, TargetAccount] = {}
        for key, known in self._known.items():
            shown = self._account(lines[key]) if key in lines else known.shown if known.in_hand else None
            if known.uuid in wanted and shown is not None:
                found[known.uuid] = shown
        return found

    def group(self, name: str) -> TargetGroup:
        """A system without an interface knows its groups by their names. Raises NotOnTarget where no line has it."""
        if not any(name in (line.groups or ()) for line in self._lines):
            raise NotOnTarget(f"権限「{name}」は、一覧のどの利用者IDにもありません。")
        return TargetGroup(name, name)

    def members(self, group_id: ExternalId, *, nested: bool = False) -> Iterator[ExternalId]:
        """The IDs whose line names the group."""
        return (line.login_name for line in self._lines if group_id in (line.groups or ()))

    def close(self) -> None:
        """There is nothing to close."""

    def _of(self, line: Listed) -> Known | None:
        return self._known.get(name_key(line.login_name))

    def _uuid(self, line: Listed) -> UUID | None:
        known = self._of(line)
        return known.uuid if known is not None else None

    def _id(self, line: Listed) -> ExternalId:
        known = self._of(line)
        return known.external_id if known is not None else line.login_name

    def _account(self, line: Listed) -> TargetAccount:
        known = self._of(line)
        if known is not None and known.in_hand and known.shown is not None:
            return known.shown
        # An ID is taken for usable where nobody says otherwise: the worse case is the one to look at.
        shown = known.shown if known is not None else None
        enabled, groups = (shown.enabled, shown.groups) if shown is not None else (True, frozenset())
        return TargetAccount(
            self._id(line), self._uuid(line), _attributes(line, known.expected if known is not None else None),
            enabled if line.enabled is None else line.enabled, shown.expires_at if shown is not None else None,
            groups if line.groups is None else line.groups,
        )  # fmt: skip


def _attributes(line: Listed, expected: Attributes | None) -> Attributes:
    """What the list shows of the person; what it does not show is as it should be."""
    name = line.display_name or line.login_name
    if expected is None:
        return Attributes(line.login_name, name, "", "", line.employee_number, None, None)
    same = line.display_name is None or fold(line.display_name) == fold(expected.display_name)
    return replace(
        expected, display_name=expected.display_name if same else name,
        employee_number=line.employee_number or expected.employee_number,
    )  # fmt: skip


class ListedDirectoryWithLastUse(ListedDirectory):
    """The same where the list shows when each ID was last used."""

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """The IDs whose day of last use was over by then."""
        for line in self._lines:
            if line.last_used is not None and start_of(line.last_used + timedelta(days=1)) <= cutoff:
                yield self._last_use(line, start_of(line.last_used))

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """The IDs without a day of last use; of those that are not ours nobody knows since when they are there."""
        for line in self._lines:
            known = self._of(line)
            if line.last_used is None and (known is None or known.created_at < created_before):
                yield replace(self._last_use(line, None), known=known is not None)

    def _last_use(self, line: Listed, at: datetime | None) -> LastUse:
        return LastUse(self._id(line), self._uuid(line), line.login_name, at, LastUseSource.LISTING)


def open_listing(session: Session, system: InformationSystem, *, policy: Policy, now: datetime) -> Directory:
    """The newest list of the system that counts. Raises TargetRefused where there is none, or it is too old."""
    if system.listing is None:
        raise TargetRefused("利用者ID一覧の形（[systems.listing]）が決まっていないため、点検できません。")
    newest = newest_listing(session, system.id)
    if newest is None:
        raise TargetRefused("利用者ID一覧がまだ取り込まれていません。一覧を出力して取り込んでください。")
    if age_in_days(newest, now) > policy.work_orders.listing_days:
        raise TargetRefused(
            f"利用者ID一覧が古くなっています（{format_wareki(newest.as_of)}のもの。"
            f"{policy.work_orders.listing_days}日以内のものが要ります）。新しい一覧を取り込んでください。"
        )
    kind = ListedDirectoryWithLastUse if newest.shows_last_use else ListedDirectory
    lines = [as_listed(row) for row in find_listing(session, newest.id).accounts]
    return kind(lines, _known(session, newest, now=now))


def _known(session: Session, listing: Listing, *, now: datetime) -> dict[str, Known]:
    accounts = session.scalars(select(Account).where(Account.system_id == listing.system_id)).all()
    facts = account_facts(session, [account.id for account in accounts], now=now)
    in_hand = accounts_in_hand(session, listing)
    return {
        name_key(account.login_name): Known(
            account.uuid, account.created_at, account.external_id or account.login_name,
            facts[account.id].attributes, books_of(account, facts[account.id].attributes).account,
            account.id in in_hand,
        )
        for account in accounts
    }  # fmt: skip
