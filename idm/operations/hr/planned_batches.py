"""Runs that touch more people than the limits let pass, planned by HR and permitted by another (control A7).

Whoever permits has seen the list itself; the batch covers what it lists for one run of one day, and nothing else. There
is no command that permits: a person does, signed in, and never the one who proposed it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import ContentChanged, IllegalTransition, InvalidInput, NotFound, SeparationOfDuties
from idm.models.people import Employment
from idm.models.safety import PlannedBatch, PlannedItem, RunKind
from idm.operations.hr.safety import DAYS_TO_USE, is_over
from idm.operations.notification.notices import notify
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.hr.planned_batches import KIND_TITLES, BatchState, digest_of, state_of
from idm.queries.organisation.officers import auditing, holders, humans, roles_of
from idm.queries.rights.rehearsal import rehearsal
from idm.step_up import require_fresh_factor
from idm.vocabulary import SAFETY_ACTION_TITLES, Role, SafetyAction
from idm.wareki import format_wareki
from idm.written_text import written

Listed = frozenset[tuple[SafetyAction, str]]
"""(Action, staff number) of everybody a batch is for."""


@dataclass(frozen=True)
class PlannedRun:
    """Exactly which run a batch is for: the day, and for a personnel file its feed and SHA-256."""

    kind: RunKind
    day: date
    feed: str | None = None
    sha256: str | None = None

    @property
    def title(self) -> str:
        """What the run is called."""
        file = f"（{self.feed}）" if self.feed is not None else ""
        return f"{format_wareki(self.day)}分の{KIND_TITLES[self.kind]}{file}"


def propose(
    session: Session, run: PlannedRun, items: Collection[tuple[SafetyAction, str]], *, reason: str, actor: Actor,
    policy: Policy, now: datetime,
) -> PlannedBatch:  # fmt: skip
    """Afterwards the batch waits for the chief's permission. `items` are actions and staff numbers.

    Raises NotPermitted, InvalidInput for an empty list or unknown numbers,
    IllegalTransition while another plan for the same run waits.
    """
    person_id = actor.person_id or 0
    require(roles_of(session, person_id, day_of(now)), Action.PROPOSE_BATCH)
    text = written(reason, field="reason", empty="一度に行わなければならない理由を書いてください。")
    _require_possible(session, run, items, now=now)
    listed = [PlannedItem(action=action, staff_number=number) for action, number in sorted(set(items))]
    batch = PlannedBatch(
        kind=run.kind, feed=run.feed, sha256=run.sha256, day=run.day, reason=text, proposed_by_id=person_id,
        proposed_at=now, items=listed,
    )  # fmt: skip
    session.add(batch)
    session.flush()
    _record(session, "batch.proposed", batch, actor=actor, policy=policy, now=now, reason=text)
    notify(
        session, holders(session, Role.CHIEF, None, day_of(now)), now=now, link=f"/batches/{batch.id}", asks=True,
        subject=f"【一括処理の許可依頼】{run.title}",
        body=f"{run.title}について、次の人数の一括処理が計画されました。一覧を確かめて、許可又は不許可としてください。\n"
             f"{_numbers(batch)}\n理由: {text}",
    )  # fmt: skip
    return batch


def propose_for_day(
    session: Session, day: date, *, shown: str, reason: str, actor: Actor, policy: Policy, now: datetime
) -> PlannedBatch:
    """Afterwards everybody whom the calendar's run of the day would touch is proposed, as the rehearsal listed them.

    `shown` is the digest of the list that the proposer has seen. Raises ContentChanged when it is another one by now,
    and what `propose` raises.
    """
    require(roles_of(session, actor.person_id or 0, day_of(now)), Action.PROPOSE_BATCH)
    items = listed_for_day(session, day, policy=policy, now=now)
    if digest_of(items) != shown:
        raise ContentChanged("見ていた一覧から変わりました。もう一度、一覧を確かめてから計画してください。")
    run = PlannedRun(RunKind.LIFECYCLE, day)
    return propose(session, run, items, reason=reason, actor=actor, policy=policy, now=now)


def listed_for_day(session: Session, day: date, *, policy: Policy, now: datetime) -> Listed:
    """Everybody whom the calendar's run of the day would touch, as everything stands now."""
    found = rehearsal(session, day, policy=policy, now=now).touched
    return frozenset((one.action, one.staff_number) for one in found)


def permit(
    session: Session, batch_id: int, *, shown: str, comment: str = "", actor: Actor, policy: Policy, now: datetime
) -> PlannedBatch:
    """Afterwards a run for exactly that day or file may touch everybody listed, until seven days after its day.

    Raises NotPermitted, SeparationOfDuties for the proposer, auditors and contractors, ContentChanged,
    IllegalTransition, FreshFactorNeeded.
    """
    batch = _to_answer(session, batch_id, actor=actor, now=now)
    if digest_of([(item.action, item.staff_number) for item in batch.items]) != shown:
        raise ContentChanged("見ていた一覧と違います。もう一度、一覧を確かめてください。")
    if is_over(batch.day, now=now):
        raise IllegalTransition(f"この一括処理の日から {DAYS_TO_USE} 日を過ぎたため、許可しても使えません。")
    require_fresh_factor(actor, policy=policy, now=now)
    text = written(comment, field="comment", empty="") if comment.strip() else ""
    batch.approved_at, batch.approved_by_id = now, actor.person_id
    session.flush()
    _record(session, "batch.permitted", batch, actor=actor, policy=policy, now=now, comment=text)
    _tell_proposer(session, batch, f"許可されました。{text}", now=now)
    return batch


def refuse(
    session: Session, batch_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> PlannedBatch:  # fmt: skip
    """Afterwards the batch never lets anybody pass. Raises what `permit` raises, InvalidInput without a reason."""
    batch = _to_answer(session, batch_id, actor=actor, now=now)
    text = written(reason, field="comment", empty="不許可とする理由を書いてください。")
    batch.refused_at = now
    _record(session, "batch.refused", batch, actor=actor, policy=policy, now=now, comment=text)
    _tell_proposer(session, batch, f"不許可となりました。理由: {text}", now=now)
    return batch


def _require_possible(
    session: Session, run: PlannedRun, items: Collection[tuple[SafetyAction, str]], *, now: datetime
) -> None:
    if not items:
        raise InvalidInput("上限の対象になる人がいないため、一括処理を計画する必要はありません。")
    if is_over(run.day, now=now):
        problem = f"その日から {DAYS_TO_USE} 日を過ぎたため、一括処理を計画できません。"
        raise InvalidInput(problem, fields={"day": problem})
    if (run.kind is RunKind.FEED) != (run.feed is not None and run.sha256 is not None):
        raise InvalidInput("人事データの一括処理には、取り込むファイルを指定してください。")
    known = set(session.scalars(select(Employment.staff_number)))
    unknown = sorted({number for _, number in items} - known)
    if unknown:
        raise InvalidInput(f"登録のない職員番号が含まれています: {'、'.join(unknown[:10])}")
    same = select(PlannedBatch).where(PlannedBatch.kind == run.kind, PlannedBatch.day == run.day)
    for other in session.scalars(same):
        if (other.feed, other.sha256) == (run.feed, run.sha256) and state_of(other) is BatchState.WAITING:
            raise IllegalTransition(f"同じ処理の計画（第{other.id}号）が許可を待っています。その答えを待ってください。")


def _to_answer(session: Session, batch_id: int, *, actor: Actor, now: datetime) -> PlannedBatch:
    """The batch as it is now, for somebody who may answer it."""
    person_id, day = actor.person_id or 0, day_of(now)
    require(roles_of(session, person_id, day), Action.PERMIT_BATCH)
    batch = session.scalar(
        select(PlannedBatch)
        .where(PlannedBatch.id == batch_id)
        .options(selectinload(PlannedBatch.items))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if batch is None:
        raise NotFound("一括処理の計画が見つかりません。")
    human = humans(session, [person_id])[person_id]
    if human.is_one_of(frozenset({batch.proposed_by_id})):
        raise SeparationOfDuties("自分の計画を自分で許可することはできません。（SOD-1）", code="SOD-1")
    if auditing(session, human.rows, day):
        raise SeparationOfDuties("監査を行う者は、一括処理を許可することができません。（SOD-6）", code="SOD-6")
    if state_of(batch) is not BatchState.WAITING:
        raise IllegalTransition("この計画には、すでに答えが出ています。")
    return batch


def _tell_proposer(session: Session, batch: PlannedBatch, answer: str, *, now: datetime) -> None:
    title = PlannedRun(batch.kind, batch.day, batch.feed, batch.sha256).title
    notify(
        session, [batch.proposed_by_id], now=now, link=f"/batches/{batch.id}", subject=f"【一括処理】{title}",
        body=f"計画した{title}（第{batch.id}号）は、{answer}",
    )  # fmt: skip


def _numbers(batch: PlannedBatch) -> str:
    counted = {action: sum(item.action is action for item in batch.items) for action in SafetyAction}
    return "\n".join(f"・{SAFETY_ACTION_TITLES[action]} {people} 人" for action, people in counted.items() if people)


def _record(
    session: Session, action: str, batch: PlannedBatch, *, actor: Actor, policy: Policy, now: datetime, **words: str
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("batch", str(batch.id)), now=now, policy_digest=policy.digest,
        payload={
            "kind": batch.kind.value, "day": batch.day.isoformat(), "feed": batch.feed, "sha256": batch.sha256,
            "items": sorted([item.action.value, item.staff_number] for item in batch.items), **words,
        },
    )  # fmt: skip
