"""Accounts that a sweep finds by their name, their number, or the directory's own guard (controls D5, D9)."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.directory.default_names import is_default_name, privilege_found
from idm.directory.out_of_band import OVER_REASON, OVER_REPAIR, Registered
from idm.models.systems import Account
from idm.operations.sweep.findings import Found
from idm.ports import AccountId, Directory, ExternalId, KnowsProtected, Sighting
from idm.vocabulary import AccountKind, FindingKind

WORDS: Mapping[FindingKind, tuple[str, str]] = {
    FindingKind.DEFAULT_NAME: (
        "だれでも思いつく初期設定の名前のまま、使える状態です（名前を変えるか、止めるまで）。",
        "名前を変え、登録簿に載せるか、ディレクトリで止める",
    ),
    FindingKind.UNREGISTERED_PRIVILEGE: (
        "特権のあるIDが、登録簿に載らないまま使える状態です。",
        "登録簿に載せる（二人で確認）か、特権を外す。使っていなければ止める",
    ),
}


@dataclass
class PrivilegedAccounts:
    """Whoever stands out while a directory is streamed; only these are kept."""

    kind_of_directory: str
    registered: Mapping[ExternalId, Registered]
    ours: Mapping[UUID, tuple[int, AccountKind]]
    """Account uuid → the account of ours and its kind."""
    standing_out: dict[ExternalId, AccountId] = field(default_factory=dict)

    def note(self, account: AccountId | Sighting) -> None:
        """Afterwards it is remembered, if there is anything about it."""
        if account.protected or account.built_in is not None or self._by_name(account):
            self.standing_out[account.external_id] = account.account_id() if isinstance(account, Sighting) else account

    def note_guarded(self, directory: Directory) -> None:
        """The same for those the directory guards, or was born with, wherever they are. Raises TargetError."""
        if isinstance(directory, KnowsProtected):
            for account in directory.protected_accounts():
                self.note(account)

    def found(self, told: Collection[ExternalId]) -> Iterator[Found]:
        """What is found of them; `told`: whose privilege is explained, or told of, by a group they are in."""
        for account in self.standing_out.values():
            mine = self.ours.get(account.account_uuid) if account.account_uuid is not None else None
            account_id, kind = mine if mine is not None else (None, None)
            registered = self.registered.get(account.external_id)
            over = registered is not None and registered.over
            found = privilege_found(
                account, self.kind_of_directory, registered=registered is not None and not over, ours=kind,
                told=account.external_id in told,
            )  # fmt: skip
            if found is not None:
                by_register = over and found is FindingKind.UNREGISTERED_PRIVILEGE
                reason, repair = (OVER_REASON, OVER_REPAIR) if by_register else WORDS[found]
                details: dict[str, object] = {"reason": reason, "repair": repair}
                if account.built_in is not None:
                    details["reason"] = f"{reason}ディレクトリに最初からあるIDです（{account.built_in.value}）。"
                yield Found(found, account.external_id, account.login_name, account_id, details)

    def _by_name(self, account: AccountId | Sighting) -> bool:
        return is_default_name(account.login_name, self.kind_of_directory)


def accounts_of_ours(
    session: Session, system_id: int, account_uuids: Collection[UUID]
) -> dict[UUID, tuple[int, AccountKind]]:
    """Account uuid → the account and its kind, for those of them that are somebody's."""
    found: dict[UUID, tuple[int, AccountKind]] = {}
    for some in in_chunks(account_uuids):
        rows = session.execute(
            select(Account.uuid, Account.id, Account.kind).where(
                Account.system_id == system_id, Account.person_id.is_not(None), Account.uuid.in_(some)
            )
        )
        found.update((uuid, (account_id, kind)) for uuid, account_id, kind in rows)
    return found
