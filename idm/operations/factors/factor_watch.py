"""What an examination of a directory means for the gate: readings are kept, the gate is applied, and what is wrong is
found (controls B1, B2, C1).

Two kinds of finding come of it:

* FACTOR_MISSING: an account behind the gate that can be signed in to on its target, while the gate does not let its
  rights be; what is being disabled at this moment is among them until that has been seen. An ordinary account is in use
  rightly while a further right of its owner's is held back. And a system with such rights that names nothing
  that verifies factors, or whose group that demands them is not there.
* FACTOR_UNSHOWN: rights in effect whose read-back has grown too old. They stay; nobody new gets in.

Nobody can answer for either (`idm.operations.sweep.finding_answers`): nobody is ever excused from factors.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.factors.factor_gate import KEEPS, VERDICT_TITLES, Verdict
from idm.models.systems import InformationSystem
from idm.operations.factors import factor_gate, factor_readings
from idm.operations.sweep.findings import Found, SweepResult
from idm.policy import Policy
from idm.queries.factors.factor_holders import Holder, holders_behind_gate
from idm.stopping import Stopping, stopping
from idm.vocabulary import FindingKind, VerifiedBy

WHO_STOPS = {
    Stopping.BY_US: "自動で行います",
    Stopping.BY_HAND: "手作業の指示書により行ってください",
    Stopping.NOT_BY_US: "まだ観察の段階のため、自動では止まりません。情報システムの管理者が止めてください",
}
"""How an account comes to be stopped, in the words of a finding's repair."""


def follow(
    session: Session, result: SweepResult, *, only: Collection[int] | None = None, actor: Actor, policy: Policy,
    now: datetime,
) -> SweepResult:  # fmt: skip
    """Afterwards what was read is kept and every right there is held back or not, as the gate says; the result says
    what is wrong. `only`: the accounts that were looked at, None = all."""
    if result.read_at is not None:
        factor_readings.record(session, result.system_id, result.shown, now=result.read_at)
        factor_readings.still_so(session, result.still_so, now=result.read_at)
    if only is None:
        factor_gate.apply_to_all(session, system_id=result.system_id, actor=actor, policy=policy, now=now)
    else:
        factor_gate.apply(session, only, actor=actor, policy=policy, now=now)
    return found_in(session, result, only=only, policy=policy, now=now)


def found_in(
    session: Session, result: SweepResult, *, only: Collection[int] | None = None, policy: Policy, now: datetime
) -> SweepResult:
    """The result with what is wrong with factors in the system; nothing is changed."""
    system = session.get_one(InformationSystem, result.system_id)
    holders = holders_behind_gate(session, system_id=system.id, account_ids=only, policy=policy, now=now)
    findings = (
        *_of_system(system, holders),
        *_of_accounts(result, holders, now, stopping(system.stage, system.connector)),
    )
    return replace(result, found=(*result.found, *findings))


def _of_system(system: InformationSystem, holders: Collection[Holder]) -> Iterator[Found]:
    verification = system.verification or {}
    if not holders or (verification.get("by") != VerifiedBy.GROUP and verification):
        return
    if not verification:
        reason, repair = VERDICT_TITLES[Verdict.NOTHING_VERIFIES], "組織設定に verification（確かめる仕組み）を書く"
    elif system.factor_group_id is None:
        reason = f"二要素認証を必須にするグループ「{verification.get('group')}」をディレクトリで確かめていません"
        repair = "ディレクトリにグループを作るか、組織設定の名前を直す"
    else:
        return
    details: dict[str, object] = {"reason": f"{reason}。", "repair": repair, "differences": [["nothing_verifies", ""]]}
    yield Found(FindingKind.FACTOR_MISSING, f"system:{system.code}", system.name, None, details)


def _of_accounts(
    result: SweepResult, holders: Collection[Holder], now: datetime, stops: Stopping
) -> Iterator[Found]:  # fmt: skip
    for one in holders:
        shown = result.shown.get(one.account_id)
        enabled = shown.enabled if shown is not None else bool(one.enabled)
        if enabled and (one.opens or one.in_effect) and one.verdict not in KEEPS:
            yield _found(
                FindingKind.FACTOR_MISSING, one, "使える状態になっています", f"IDを止める（{WHO_STOPS[stops]}）"
            )
        elif one.in_effect and one.verdict is Verdict.GROWN_OLD:
            yield _found(FindingKind.FACTOR_UNSHOWN, one, _age(one, now), "ディレクトリ又は製品の一覧から読み取り直す")


def _age(one: Holder, now: datetime) -> str:
    days = (now - one.read_at).days if one.read_at is not None else 0
    return f"最後の読取りから {days} 日たっています"


def _found(kind: FindingKind, one: Holder, what: str, repair: str) -> Found:
    details: dict[str, object] = {
        "reason": f"{VERDICT_TITLES[one.verdict]}。{what}。", "repair": repair,
        "differences": [["gate", one.verdict.value]], "more": kind is FindingKind.FACTOR_MISSING,
    }  # fmt: skip
    return Found(kind, one.key, one.login_name, one.account_id, details)
