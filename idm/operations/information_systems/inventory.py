"""The inventory of a system: every account that is there and not ours, kept as it was seen, with whose it is (A18).

Taken again it updates: what is gone is marked, what a person settled stays settled, and what only the machine had
decided is judged anew. An inventory that misses too much of the last one is refused: it looked in the wrong place.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.database import in_chunks
from idm.directory.correlation import Found, Match, correlate
from idm.errors import SafetyLimit
from idm.models.going_live import FoundAccount, SystemProgress
from idm.models.systems import Account, InformationSystem
from idm.operations.rights.accounts import follow_matches, lock_names
from idm.policy import Policy, ReconciliationRules
from idm.ports import ExternalId, TargetAccount
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.organisation.known_people import known_people, number_widths
from idm.vocabulary import AccountKind, FoundState

ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Inventory:
    """What one inventory saw. `examined` counts all accounts, ours too; the rest those that are not ours."""

    system_code: str
    examined: int
    new: int
    gone: int
    matched: int
    undecided: int
    not_personal: int
    left_as_findings: int
    adopted: int


def record_inventory(
    session: Session, system: InformationSystem, seen: Iterable[TargetAccount], *, gone_is_right: bool = False,
    actor: Actor, policy: Policy, now: datetime,
) -> Inventory:  # fmt: skip
    """Afterwards every account that is not ours is on record as it is now, and each has its owner or its doubt.

    `seen` is read once, as it streams; its `groups` are those that stand for a right. Raises SafetyLimit when more of
    what was known has disappeared than the profile lets one run miss, unless somebody says that this is right.
    """
    lock_names(session, system.id, organisation_in_force(session, now=now).login_names)
    ours = _Ours.of(session, system.id)
    examined = new = 0
    for some in in_chunks(seen, ROWS_AT_ONCE):
        examined += len(some)
        new += _keep(session, system.id, [one for one in some if not ours.is_ours(one)], now)
    gone = _mark_gone(session, system.id, policy.reconciliation, gone_is_right=gone_is_right, now=now)
    _correlate(session, system, now=now)
    follow_matches(session, system.id, actor=actor, policy=policy, now=now)
    progress = progress_of(session, system.id)
    progress.inventoried_at, progress.asked_at, progress.failure = now, None, None
    session.flush()
    result = _result(session, system, examined, new, gone)
    audit.record(
        session, action="inventory.recorded", actor=actor, obj=("system", str(system.id)), now=now,
        policy_digest=policy.digest,
        payload={"examined": examined, "new": new, "gone": gone, "matched": result.matched,
                 "undecided": result.undecided},
    )  # fmt: skip
    return result


def progress_of(session: Session, system_id: int) -> SystemProgress:
    """How far the system is; written from the first asking on."""
    found = session.get(SystemProgress, system_id)
    if found is None:
        found = SystemProgress(system_id=system_id)
        session.add(found)
    return found


def too_many(accounts: int, of: int, rules: ReconciliationRules) -> bool:
    """Whether so many accounts of so many are more than one run may touch; a single one never is."""
    return accounts > rules.most_accounts or (accounts > 1 and accounts > Fraction(str(rules.most_share)) * of)


@dataclass(frozen=True)
class _Ours:
    """By what an account of the target is known to be ours."""

    uuids: Collection[UUID]
    external_ids: Collection[ExternalId]

    @classmethod
    def of(cls, session: Session, system_id: int) -> "_Ours":
        rows = session.execute(select(Account.uuid, Account.external_id).where(Account.system_id == system_id)).all()
        return cls({uuid for uuid, _ in rows}, {external for _, external in rows if external is not None})

    def is_ours(self, account: TargetAccount) -> bool:
        return account.account_uuid in self.uuids or account.external_id in self.external_ids


def _keep(session: Session, system_id: int, seen: Collection[TargetAccount], now: datetime) -> int:
    """How many of them were new. Each is afterwards on record as it was seen."""
    known = {
        one.external_id: one
        for one in session.scalars(
            select(FoundAccount).where(
                FoundAccount.system_id == system_id,
                FoundAccount.external_id.in_([account.external_id for account in seen]),
            )
        )
    }
    before, taken = len(known), _present_people(session, system_id, known.values())
    for account in seen:
        row = known.get(account.external_id)
        if row is None:
            row = known[account.external_id] = FoundAccount(
                system_id=system_id, external_id=account.external_id, first_seen_at=now, state=FoundState.UNDECIDED,
                candidates=[],
            )  # fmt: skip
            session.add(row)
        elif row.gone_at is not None and (row.person_id, row.kind) in taken:
            # It is back, and its person has another meanwhile: whose it is, is judged anew.
            _apply(row, Match(None, None, None, ()))
            row.settled_by_id, row.settled_at, row.reason = None, None, None
        elif row.gone_at is not None and row.person_id is not None:
            taken.add((row.person_id, row.kind))
        _describe(row, account, now)
    session.flush()
    return len(known) - before


Whose = tuple[int, AccountKind | None]
"""A person, and as which of their accounts: None = the daily one."""


def _present_people(session: Session, system_id: int, known: Iterable[FoundAccount]) -> set[Whose]:
    """Of the people whose accounts were gone, those who have another of that kind that is there."""
    people = {row.person_id for row in known if row.gone_at is not None and row.person_id is not None}
    query = select(FoundAccount.person_id, FoundAccount.kind).where(
        FoundAccount.system_id == system_id, FoundAccount.gone_at.is_(None), FoundAccount.person_id.in_(people)
    )
    return {(person_id or 0, kind) for person_id, kind in session.execute(query)} if people else set()


def _describe(row: FoundAccount, account: TargetAccount, now: datetime) -> None:
    said = account.attributes
    row.login_name, row.display_name, row.employee_number = said.login_name, said.display_name, said.employee_number
    row.mail, row.unit_name, row.container = said.mail, said.unit_name, account.container
    row.enabled, row.expires_at, row.protected = account.enabled, account.expires_at, account.protected
    row.marked, row.groups = account.account_uuid is not None, sorted(account.groups or ())
    row.last_seen_at, row.gone_at = now, None


def _mark_gone(
    session: Session, system_id: int, rules: ReconciliationRules, *, gone_is_right: bool, now: datetime
) -> int:
    there = _waiting(session, system_id)
    gone = [row for row in there if row.last_seen_at < now]
    if not gone_is_right and too_many(len(gone), len(there), rules):
        raise SafetyLimit(
            f"前回の棚卸しにあった {len(there)} 件のうち {len(gone)} 件が見当たらないため、何も記録していません。"
            "接続先の設定（アカウントを探す場所など）を確かめてください。"
            "本当に消えたのであれば、idm system inventory に --gone-is-right を付けて行ってください。"
        )
    for row in gone:
        row.gone_at = now
    session.flush()
    return len(gone)


def _waiting(session: Session, system_id: int) -> list[FoundAccount]:
    """What is there, as far as we know, and not taken over."""
    query = select(FoundAccount).where(
        FoundAccount.system_id == system_id, FoundAccount.gone_at.is_(None), FoundAccount.account_id.is_(None)
    )
    return list(session.scalars(query.order_by(FoundAccount.id)))


def _correlate(session: Session, system: InformationSystem, *, now: datetime) -> None:
    rows = {row.external_id: row for row in _waiting(session, system.id) if row.settled_by_id is None}
    known = known_people(session, system, now=now)
    prefix = organisation_in_force(session, now=now).login_names.privileged_prefix
    matches = correlate(_facts(rows.values(), prefix), known, number_widths=number_widths(session, now=now))
    # First nobody's: two of them may change owners, and the database lets nobody have two for a moment either.
    for key, match in matches.items():
        if rows[key].person_id not in (None, match.person_id):
            _apply(rows[key], Match(None, None, None, ()))
    session.flush()
    for key, match in matches.items():
        _apply(rows[key], match)


def _facts(rows: Iterable[FoundAccount], prefix: str) -> Iterator[Found]:
    for row in rows:
        yield Found(
            row.external_id, row.login_name, row.display_name, row.unit_name, row.employee_number, row.mail,
            protected=row.protected, marked=row.marked, privileged=row.login_name.lower().startswith(prefix),
        )  # fmt: skip


def _apply(row: FoundAccount, match: Match) -> None:
    row.person_id, row.kind = match.person_id, None
    row.state = FoundState.UNDECIDED if match.person_id is None else FoundState.PERSON
    row.rule = match.rule.value if match.rule is not None else None
    row.doubt = match.doubt.value if match.doubt is not None else None
    row.candidates = [{"person": one.person_id, "rules": [r.value for r in one.rules]} for one in match.candidates]


def _result(session: Session, system: InformationSystem, examined: int, new: int, gone: int) -> Inventory:
    states = [row.state for row in _waiting(session, system.id)]
    adopted = select(FoundAccount.id).where(FoundAccount.system_id == system.id, FoundAccount.account_id.is_not(None))
    return Inventory(
        system_code=system.code, examined=examined, new=new, gone=gone,
        matched=states.count(FoundState.PERSON), undecided=states.count(FoundState.UNDECIDED),
        not_personal=states.count(FoundState.NOT_PERSONAL), left_as_findings=states.count(FoundState.FINDING),
        adopted=len(session.scalars(adopted).all()),
    )  # fmt: skip
