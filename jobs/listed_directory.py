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
from idm.listing import Listed, name_key
from idm.models.systems import Account, InformationSystem
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
from idm.queries.listings import age_in_days, as_listed, find_listing, newest_listing
from idm.wareki import format_wareki


@dataclass(frozen=True)
class Known:
    """An account of ours that a line may be about."""

    uuid: UUID
    created_at: datetime


class ListedDirectory:
    """The lines of one list, and which of them are accounts of ours."""

    def __init__(self, lines: Iterable[Listed], known: Mapping[str, Known]) -> None:
        self._lines = tuple(lines)
        self._known = known

    def accounts(self) -> Iterator[TargetAccount]:
        """Every line, without groups."""
        return (replace(self._account(line), groups=None) for line in self._lines)

    def account_ids(self) -> Iterator[AccountId]:
        """Every line's identity."""
        return (AccountId(line.login_name, self._uuid(line), line.login_name) for line in self._lines)

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """Those of the accounts that are on the list."""
        wanted = set(account_uuids)
        return {
            uuid: self._account(line)
            for line in self._lines
            if (uuid := self._uuid(line)) is not None and uuid in wanted
        }

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

    def _uuid(self, line: Listed) -> UUID | None:
        known = self._known.get(name_key(line.login_name))
        return known.uuid if known is not None else None

    def _account(self, line: Listed) -> TargetAccount:
        name = line.display_name or line.login_name
        attributes = Attributes(line.login_name, name, "", "", line.employee_number, None, None)
        # An ID is taken for usable where the list does not say: the worse case is the one to look at.
        return TargetAccount(
            line.login_name, self._uuid(line), attributes, line.enabled is not False, None, line.groups
        )


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
            known = self._known.get(name_key(line.login_name))
            if line.last_used is None and (known is None or known.created_at < created_before):
                yield replace(self._last_use(line, None), known=known is not None)

    def _last_use(self, line: Listed, at: datetime | None) -> LastUse:
        return LastUse(line.login_name, self._uuid(line), line.login_name, at, LastUseSource.LISTING)


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
    return kind(lines, _known(session, system.id))


def _known(session: Session, system_id: int) -> dict[str, Known]:
    rows = session.execute(
        select(Account.login_name, Account.uuid, Account.created_at).where(Account.system_id == system_id)
    )
    return {name_key(name): Known(uuid, created_at) for name, uuid, created_at in rows}
