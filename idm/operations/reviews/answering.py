"""Answering lines of a campaign: the office, who may not, and what was shown, at this moment (control A10).

Any number of lines are answered in one act; each is judged by itself, and one that is refused refuses the act.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import (
    ContentChanged,
    DecidedMeanwhile,
    IllegalTransition,
    InvalidInput,
    NotFound,
    NotPermitted,
    NotSeated,
    SeparationOfDuties,
)
from idm.grant_state import GrantState
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.operations.notification.notices import notify
from idm.operations.reviews.removal import remove
from idm.operations.rights.grants import hangs_on
from idm.policy import Policy
from idm.queries.organisation.officers import humans, never_deciding
from idm.queries.reviews.review_lines import ReviewBench, campaign_of, lines_of, right_of, rows_of
from idm.reviews.review_rows import is_sealed
from idm.reviews.review_rules import BAR_SENTENCES, Bar, bar_of
from idm.routing import Seated
from idm.separation_of_duties import Human
from idm.step_up import matters_most, require_fresh_factor
from idm.vocabulary import ReviewDecision
from idm.written_text import written

RULE_OF = {Bar.HOLDER: "SOD-2", Bar.APPROVER: "SOD-4", Bar.NEVER: "SOD-6"}
"""The rule of the separation of duties that a bar stands for."""


@dataclass(frozen=True)
class Answered:
    """What somebody says of one line, and the seal over what they were shown."""

    decision: ReviewDecision
    reason: str
    seal: str


@dataclass(frozen=True)
class Shown:
    """When it was shown to who answers, whether in a file, and the key of the seals."""

    at: datetime
    key: bytes
    by_file: bool = False


def answer(
    session: Session, campaign_id: int, answers: Mapping[int, Answered], *, shown: Shown, actor: Actor, policy: Policy,
    now: datetime,
) -> Counter[ReviewDecision]:  # fmt: skip
    """Afterwards every one of these lines is answered (line id → answer), in one act; what is not needed has ended.

    Returns how many of each. Raises NotFound, IllegalTransition, InvalidInput (a reason is missing), DecidedMeanwhile,
    SeparationOfDuties, NotSeated, ContentChanged, FreshFactorNeeded for a right that matters most (`idm.step_up`).
    """
    if actor.person_id is None:
        raise NotPermitted("棚卸しの回答は、名前のある人だけができます。")
    campaign = _open(session, campaign_id)
    if not answers:
        raise InvalidInput("回答する行を選んでください。", fields={"answers": "1行以上回答してください。"})
    reasons = _reasons(answers)
    lines = lines_of(session, campaign.id, line_ids=answers, lock=True)
    if len(lines) != len(answers):
        raise NotFound("この棚卸しに、その行はありません。")
    judgement = _Judgement.of(session, lines, actor, policy=policy, day=day_of(now))
    rows = rows_of(session, lines, day=day_of(now))
    for line in lines:
        _require_open(line)
        seat = judgement.seat_of(line)
        given = answers[line.id]
        cells = rows[line.id].cells
        if not is_sealed(shown.key, campaign.id, actor.person_id, shown.at, cells, given.seal):
            raise ContentChanged(f"{_named(line)}: 表示された後に内容が変わりました。もう一度内容を確かめてください。")
        _require_factor(line, actor, policy=policy, now=now)
        line.shown = asdict(rows[line.id])
        line.decision, line.reason, line.decided_by_id = given.decision, reasons[line.id], actor.person_id
        line.acting_for_id, line.decided_at, line.shown_at, line.by_file = seat.acting_for, now, shown.at, shown.by_file
    _require_consistent(lines)
    session.flush()
    for line in lines:
        _record(session, line, actor=actor, policy=policy, now=now)
    unneeded = [line for line in lines if line.decision is ReviewDecision.REMOVE]
    remove(session, unneeded, actor=actor, policy=policy, now=now)
    _tell_of_changes(session, [line for line in lines if line.decision is ReviewDecision.CHANGE], now=now)
    return Counter(given.decision for given in answers.values())


@dataclass(frozen=True)
class _Judgement:
    """One person before any number of lines."""

    human: Human
    bench: ReviewBench
    never: bool

    @classmethod
    def of(
        cls, session: Session, lines: Sequence[ReviewLine], actor: Actor, *, policy: Policy, day: date
    ) -> "_Judgement":
        human = humans(session, [actor.person_id or 0])[actor.person_id or 0]
        bench = ReviewBench.on(session, [right_of(line.grant) for line in lines], rules=policy.reviews, day=day)
        return cls(human, bench, bool(never_deciding(session, [human], day)))

    def seat_of(self, line: ReviewLine) -> Seated:
        """How this person comes to answer. Raises SeparationOfDuties, which speaks first, and NotSeated."""
        facts = self.bench.facts(right_of(line.grant), line.campaign.scope)
        bar = Bar.NEVER if self.never else bar_of(self.human, facts)
        if bar is not None:
            raise SeparationOfDuties(f"{_named(line)}: {BAR_SENTENCES[bar]}", code=RULE_OF[bar])
        seat = next((one for one in self.bench.asked(line) if one.person_id == self.human.person_id), None)
        if seat is None:
            raise NotSeated(f"{_named(line)}: この権限の棚卸しに回答する職にありません。")
        return seat


def _open(session: Session, campaign_id: int) -> ReviewCampaign:
    campaign = campaign_of(session, campaign_id, lock=True)
    if campaign is None:
        raise NotFound("この棚卸しは見つかりません。")
    if campaign.closed_at is not None:
        raise IllegalTransition("この棚卸しはすでに終わっています。")
    return campaign


def _reasons(answers: Mapping[int, Answered]) -> dict[int, str | None]:
    """Line → its reason; keeping needs none. Raises InvalidInput with every one that is missing or wrong."""
    found: dict[int, str | None] = {}
    wrong: dict[str, str] = {}
    for line_id, given in answers.items():
        if given.decision is ReviewDecision.KEEP and not given.reason.strip():
            found[line_id] = None
            continue
        try:
            found[line_id] = written(
                given.reason, field=f"reason-{line_id}", empty="「不要」「変更が必要」には理由を書いてください。"
            )
        except InvalidInput as mistake:
            wrong |= mistake.fields
    if wrong:
        raise InvalidInput("理由を確かめてください。", fields=wrong)
    return found


def _require_open(line: ReviewLine) -> None:
    if line.decision is not None:
        raise DecidedMeanwhile(f"{_named(line)}: すでに回答されています。")
    if line.grant.state is GrantState.ENDED:
        raise IllegalTransition(f"{_named(line)}: この権限はすでに終わっています。回答は要りません。")


def _require_factor(line: ReviewLine, actor: Actor, *, policy: Policy, now: datetime) -> None:
    right = line.grant.entitlement
    if matters_most(line.grant.account.system.zone, privileged=right.privileged, external_access=right.external_access):
        require_fresh_factor(actor, policy=policy, now=now)


def _require_consistent(lines: Sequence[ReviewLine]) -> None:
    """No account is taken from somebody whose rights on it are kept in the same breath. Raises InvalidInput."""
    taken: dict[tuple[int, int], list[ReviewLine]] = defaultdict(list)
    for line in lines:
        if line.decision is ReviewDecision.REMOVE:
            taken[_place(line)].append(line)
    for other in lines:
        if other.decision is not ReviewDecision.REMOVE and any(
            _goes_with(other, line) for line in taken[_place(other)]
        ):
            message = f"{_named(other)}: 利用者IDを「不要」とするときは、そのIDの権限も「不要」にしてください。"
            raise InvalidInput(message, fields={f"decision-{other.id}": message})


def _place(line: ReviewLine) -> tuple[int, int]:
    """Whose it is, and in which system: nothing hangs on anything elsewhere."""
    return line.holder_id, line.grant.account.system_id


def _goes_with(line: ReviewLine, taken: ReviewLine) -> bool:
    return hangs_on(line.grant, taken.grant.entitlement)


def _named(line: ReviewLine) -> str:
    return f"{line.holder.name} さんの「{line.grant.entitlement.name}」（{line.grant.account.system.name}）"


def _tell_of_changes(session: Session, lines: Sequence[ReviewLine], *, now: datetime) -> None:
    """What is needed, but not as it is, goes on until an application changes it: the holder is told."""
    by_holder: dict[int, list[ReviewLine]] = defaultdict(list)
    for line in lines:
        by_holder[line.holder_id].append(line)
    for person_id, theirs in sorted(by_holder.items()):
        said = "\n".join(
            f"・{line.grant.account.system.name}「{line.grant.entitlement.name}」 {line.reason}" for line in theirs
        )
        notify(
            session, [person_id], now=now, link="/me", subject=f"【権限の変更】棚卸しの結果（{len(theirs)}件）",
            body=f"棚卸しで、次の権限は変更が必要とされました。所属の課長に相談のうえ、変更を申請してください。\n{said}",
        )  # fmt: skip


def _record(session: Session, line: ReviewLine, *, actor: Actor, policy: Policy, now: datetime) -> None:
    audit.record(
        session, action="review.answered", actor=actor, obj=("review", str(line.campaign_id)), now=now,
        policy_digest=policy.digest,
        payload={
            "line": line.id, "grant": line.grant_id, "person": line.holder_id, "right": line.grant.entitlement.code,
            "system": line.grant.account.system_id, "decision": line.decision.value if line.decision else None,
            "reason": line.reason, "acting_for": line.acting_for_id, "by_file": line.by_file,
        },
    )  # fmt: skip
