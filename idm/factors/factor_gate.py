"""The gate: whether a right that needs two kinds of factor may take effect (FK 3(1)②ア, 6-2(5), 6-5(1)⑦). Pure.

Enrolment is not enforcement. A right that needs factors takes effect only when

* the system names what inside its zone verifies them,
* two different kinds of factor are enrolled there,
* what demands them is switched on for this very account, and
* all of that has been read back, not too long ago.

Everything else is a reason to hold the right back; the reason says what is missing. A factor of the product's own
sign-in is none of these facts, so it can never count. A gate that is open does not close because a reading has grown
old (nobody switched anything off); it says so, and does not open for anybody new.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from idm.employment_kind import EmploymentKind
from idm.ports import ExternalId, TargetAccount
from idm.vocabulary import FACTOR_TITLES, FACTORS_OF, AuthenticatorKind, Factor, VerifiedBy, Zone

TWO = 2
"""Kinds of factor that are needed, different ones."""


@dataclass(frozen=True)
class GatedRight:
    """What decides whether a right needs factors at all. `holder` is the kind of the holder's employment."""

    zone: Zone
    external_access: bool
    privileged: bool
    holder: EmploymentKind | None


def needs_factors(right: GatedRight) -> bool:
    """Whether the right stands behind the gate: My Number zone, external access, a contractor's cloud privileges."""
    contractor = right.holder is EmploymentKind.CONTRACTOR
    cloud_administration = right.privileged and right.zone is Zone.INTERNET and contractor
    return right.zone is Zone.MYNUMBER or right.external_access or cloud_administration


@dataclass(frozen=True)
class Reading:
    """What was last read back of the account. `kinds` None = what was read says nothing of what is enrolled."""

    required: bool
    kinds: frozenset[AuthenticatorKind] | None
    read_at: datetime


@dataclass(frozen=True)
class GateFacts:
    """Everything that decides about one account behind the gate.

    `by` None = the system names nothing that verifies. `verifiable`: the kinds that it can verify at all
    (`idm.factors.verifiable_kinds`). `registered` are the kinds of the owner's active authenticators confirmed in that
    system. `lists`: what is enrolled is printed by the product, and has to stand there as well.
    """

    forbidden: bool
    by: VerifiedBy | None
    password: bool
    lists: bool
    verifiable: frozenset[AuthenticatorKind]
    registered: frozenset[AuthenticatorKind]
    reading: Reading | None


class Verdict(StrEnum):
    """What the gate says of an account."""

    OPEN = "open"
    GROWN_OLD = "grown_old"
    """It was shown, but longer ago than the profile allows: nobody new gets in, and it is a finding."""
    FORBIDDEN = "forbidden"
    NOTHING_VERIFIES = "nothing_verifies"
    FACTOR_MISSING = "factor_missing"
    NOT_ENFORCED = "not_enforced"
    NOT_SHOWN = "not_shown"


LETS_IN = frozenset({Verdict.OPEN})
KEEPS = frozenset({Verdict.OPEN, Verdict.GROWN_OLD})
"""Verdicts under which what is in effect already stays so."""

VERDICT_TITLES = {
    Verdict.OPEN: "二つの種類の認証要素を確認済み",
    Verdict.GROWN_OLD: "認証要素の確認が古くなっています",
    Verdict.FORBIDDEN: "この系の情報システムは使いません",
    Verdict.NOTHING_VERIFIES: "二要素認証を確かめる仕組みが登録されていません",
    Verdict.FACTOR_MISSING: "認証要素が足りません",
    Verdict.NOT_ENFORCED: "二要素認証が必須になっていません",
    Verdict.NOT_SHOWN: "二要素認証が必須であることをまだ確認できていません",
}


def judge(facts: GateFacts, *, now: datetime, longest: timedelta) -> Verdict:
    """What the gate says at `now`; a reading older than `longest` shows nothing new. What is missing goes first."""
    if facts.forbidden:
        return Verdict.FORBIDDEN
    if facts.by is None:
        return Verdict.NOTHING_VERIFIES
    if len(enrolled(facts)) < TWO:
        return Verdict.FACTOR_MISSING
    if facts.reading is None:
        return Verdict.NOT_SHOWN
    if not facts.reading.required:
        return Verdict.NOT_ENFORCED
    return Verdict.OPEN if now - facts.reading.read_at <= longest else Verdict.GROWN_OLD


def enrolled(facts: GateFacts) -> frozenset[Factor]:
    """The kinds of factor that somebody has there, and that what verifies them asks for.

    What cannot be verified there does not count, whatever verified it once. The account's own password, which nobody
    but its owner knows, is the factor of knowledge where it is asked for as well.
    """
    kinds = facts.registered & facts.verifiable
    if facts.lists:
        kinds &= (facts.reading.kinds if facts.reading is not None else None) or frozenset()
    factors = {factor for kind in kinds for factor in FACTORS_OF[kind]}
    return frozenset(factors | {Factor.KNOWLEDGE} if facts.password else factors)


def demand_shown(by: VerifiedBy, group: ExternalId | None, seen: TargetAccount) -> bool | None:
    """Whether the directory, as the account was read, lets its owner in with two factors only; None = it does not say.

    `group` is the target's id of the group whose members are asked for a second one.
    """
    if by is VerifiedBy.SMART_CARD:
        return seen.card_required
    if by is not VerifiedBy.GROUP or group is None or seen.groups is None:
        return None
    return group in seen.groups


def holds_back(verdict: Verdict, *, in_effect: bool) -> bool:
    """Whether the right is held back; what is `in_effect` stays so while the verdict keeps it."""
    return verdict not in (KEEPS if in_effect else LETS_IN)


def in_words(factors: Iterable[Factor]) -> str:
    """The kinds in words, in the order in which they are always named: 知識・所持."""
    have = set(factors)
    return "・".join(title for factor, title in FACTOR_TITLES.items() if factor in have)
