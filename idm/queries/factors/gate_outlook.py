"""What the gate would say of rights that are only asked for: told before anybody applies or decides (B1, B2)."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.factors.factor_gate import LETS_IN, Verdict
from idm.models.authenticators import Authenticator, AuthenticatorUse
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.policy import Policy
from idm.queries.factors.factor_gate import contractors_among, counting, facts_of, is_gated, judged, verdicts
from idm.vocabulary import AccountKind, AuthenticatorKind, Zone

STILL_NEEDED = {
    Verdict.GROWN_OLD: "二要素認証の新しい確認結果",
    Verdict.FORBIDDEN: "この系の情報システムを使うという定め",
    Verdict.NOTHING_VERIFIES: "このシステムで二要素認証を確かめる仕組み",
    Verdict.FACTOR_MISSING: "二つの種類の認証要素の登録",
    Verdict.NOT_ENFORCED: "二要素認証が必須になっていること",
    Verdict.NOT_SHOWN: "二要素認証が必須になっていること",
}
"""What has to be shown before the right takes effect, for the sentence 「…が確認できるまで有効になりません」."""

Wanted = tuple[int, int]
"""A person and a right, by their ids."""


@dataclass(frozen=True)
class _Right:
    system_id: int
    zone: Zone
    external_access: bool
    privileged: bool
    verification: Mapping[str, Any] | None

    def is_gated(self, *, contractor: bool) -> bool:
        return is_gated(self.zone, self.external_access, self.privileged, contractor=contractor)


def gate_outlook(
    session: Session, wanted: Collection[Wanted], *, policy: Policy, now: datetime
) -> dict[Wanted, Verdict]:
    """Of every right that needs factors and would be held back if it were given at `now`: what the gate says."""
    found: dict[Wanted, Verdict] = {}
    rights = _rights(session, {right for _, right in wanted})
    for people in in_chunks(sorted({person for person, _ in wanted})):
        found |= _outlook(session, [one for one in wanted if one[0] in set(people)], rights, policy, now)
    return found


def _outlook(
    session: Session, wanted: Collection[Wanted], rights: Mapping[int, _Right], policy: Policy, now: datetime
) -> dict[Wanted, Verdict]:
    contractors = contractors_among(session, {person for person, _ in wanted}, day_of(now))
    gated = [one for one in wanted if rights[one[1]].is_gated(contractor=one[0] in contractors)]
    if not gated:
        return {}
    people = {person for person, _ in gated}
    accounts, registered = _accounts(session, people), _registered(session, people)
    said = verdicts(session, accounts.values(), policy=policy, now=now)
    found = {}
    for person, right in gated:
        system, kind = rights[right].system_id, _kind_for(privileged=rights[right].privileged)
        account = accounts.get((person, system, kind))
        verdict = (
            said[account] if account is not None
            else _without_account(rights[right], registered[person, system], policy, now)
        )  # fmt: skip
        if verdict not in LETS_IN:
            found[person, right] = verdict
    return found


def _without_account(
    right: _Right, registered: Collection[AuthenticatorKind], policy: Policy, now: datetime
) -> Verdict:
    """Of somebody who has no account there yet, of which nothing can have been read back."""
    forbidden = policy.zones.mynumber_forbidden and right.zone is Zone.MYNUMBER
    facts = facts_of(right.verification, registered, None, forbidden=forbidden)
    return judged(facts, policy=policy, now=now)


def _rights(session: Session, ids: Collection[int]) -> dict[int, _Right]:
    rows = session.execute(
        select(
            Entitlement.id, Entitlement.system_id, InformationSystem.zone, Entitlement.external_access,
            Entitlement.privileged, InformationSystem.verification,
        )
        .join(InformationSystem, Entitlement.system_id == InformationSystem.id)
        .where(Entitlement.id.in_(ids))
    )  # fmt: skip
    return {
        right_id: _Right(system_id, zone, external_access, privileged, verification)
        for right_id, system_id, zone, external_access, privileged, verification in rows
    }


def _kind_for(*, privileged: bool) -> AccountKind:
    """Which of somebody's accounts the right would be on (control D8)."""
    return AccountKind.PRIVILEGED if privileged else AccountKind.PERSONAL


def _accounts(session: Session, people: Collection[int]) -> dict[tuple[int, int, AccountKind], int]:
    rows = session.execute(
        select(Account.person_id, Account.system_id, Account.kind, Account.id).where(Account.person_id.in_(people))
    )
    return {(person_id or 0, system_id, kind): account_id for person_id, system_id, kind, account_id in rows}


def _registered(session: Session, people: Collection[int]) -> dict[tuple[int, int], set[AuthenticatorKind]]:
    columns = (Authenticator.person_id, AuthenticatorUse.system_id, Authenticator.kind)
    rows = session.execute(counting(*columns).where(Authenticator.person_id.in_(people)))
    found: dict[tuple[int, int], set[AuthenticatorKind]] = defaultdict(set)
    for person_id, system_id, kind in rows:
        found[person_id, system_id].add(kind)
    return found
