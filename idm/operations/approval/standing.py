"""Standing approvals (包括承認): proposed by HR, approved once by both seats of the route (controls A1, A4).

Off unless the profile cites the rule that allows them (`standing.rule`). Proposer and approvers are three different
people. `follow` and `use` are its other two verbs, each in a file of its own.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import ContentChanged, IllegalTransition, InvalidInput, NotFound, NotPermitted, NotSeated
from idm.models.people import Person
from idm.models.standing import StandingApproval, StandingRight
from idm.models.systems import InformationSystem
from idm.operations.approval.standing_lapse import close, follow
from idm.operations.approval.standing_notices import concerned, record, tell, tell_ended
from idm.operations.approval.standing_use import use
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.approval.bench import Bench
from idm.queries.approval.standing_facts import (
    approvers,
    basis_given,
    basis_now,
    digest_of,
    open_seats,
    represented_by,
    rights_of_system,
    seat_facts,
)
from idm.queries.organisation.officers import auditing, contracted, humans, roles_of
from idm.routing import Seated
from idm.separation_of_duties import Decision
from idm.separation_of_duties import require as require_separated
from idm.standing_rules import Seats, seats_of, stop
from idm.vocabulary import Role, Zone
from idm.written_text import written

__all__ = ["approve", "end", "find", "follow", "propose", "refuse", "require_on", "use"]


def require_on(policy: Policy) -> Seats:
    """Afterwards the organisation's profile allows standing approvals; returns their two seats. Raises NotPermitted."""
    if not policy.standing.rule:
        raise NotPermitted(
            "包括承認は使えません。プロファイルの standing.rule に、包括承認を認める規程の条項が書かれていません。"
        )
    seats = seats_of(policy.applications.route)
    if seats is None:
        raise NotPermitted("包括承認は、決裁の経路（applications.route）が二つの職であるときだけ使えます。")
    return seats


def find(session: Session, standing_id: int, *, lock: bool = False) -> StandingApproval:
    """The standing approval; with `lock`, as it is now, and until this transaction ends. Raises NotFound."""
    query = select(StandingApproval).where(StandingApproval.id == standing_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NotFound("包括承認が見つかりません。")
    return found


def propose(
    session: Session, system_id: int, reason: str, *, actor: Actor, policy: Policy, now: datetime
) -> StandingApproval:
    """Afterwards a standing approval for the system's rights by post waits for both seats of the route.

    Raises NotPermitted, NotFound, InvalidInput, IllegalTransition while the system has another one.
    """
    seats = require_on(policy)
    person_id = _person(actor)
    require(roles_of(session, person_id, day_of(now)), Action.PROPOSE_STANDING)
    reason = written(reason, field="reason", empty="包括承認を受ける理由を書いてください。")
    system = session.get(InformationSystem, system_id)
    if system is None:
        raise NotFound("情報システムが見つかりません。")
    _require_none_open(session, system)
    standing = StandingApproval(
        system=system, rule=policy.standing.rule, reason=reason, proposed_by_id=person_id, proposed_at=now, uses=0,
        rules_digest=basis_now(session, system, policy=policy, now=now).rules_digest,
        rights=[StandingRight(entitlement_id=right) for right in _coverable(session, system, now)],
    )  # fmt: skip
    session.add(standing)
    session.flush()
    record(session, "standing.proposed", standing, actor=actor, policy=policy, now=now, reason=reason)
    waiting = open_seats(Bench.on(session, day_of(now)), standing, seats)
    tell(
        session, {one.person_id for seated in waiting.values() for one in seated}, standing, now=now,
        subject="承認依頼", body="人事担当者から提案されました。対象の権限を確かめて、承認又は却下してください。",
    )  # fmt: skip
    return standing


def _require_none_open(session: Session, system: InformationSystem) -> None:
    open_one = select(StandingApproval.id).where(
        StandingApproval.system_id == system.id, StandingApproval.ended_at.is_(None)
    )
    number = session.scalar(open_one)
    if number is not None:
        raise IllegalTransition(
            f"{system.name}には、終わっていない包括承認 第{number}号があります。終わらせてから提案してください。"
        )


def _coverable(session: Session, system: InformationSystem, now: datetime) -> list[int]:
    if system.zone is Zone.MYNUMBER:
        raise InvalidInput("マイナンバー利用事務系の情報システムでは、包括承認を使えません。")
    rights = [right.entitlement_id for right in rights_of_system(session, system, now=now) if right.bar is None]
    if not rights:
        raise InvalidInput("この情報システムには、包括承認の対象にできる権限がありません。")
    return rights


def approve(
    session: Session, standing_id: int, *, shown_digest: str, actor: Actor, policy: Policy, now: datetime
) -> StandingApproval:
    """Afterwards the actor's seat has approved what they were shown; with both, it is in force.

    Raises NotPermitted, NotFound, IllegalTransition, ContentChanged, SeparationOfDuties, NotSeated.
    """
    standing, seats = find(session, standing_id, lock=True), require_on(policy)
    _require_waiting(standing)
    _require_as_shown(session, standing, shown_digest, seats, policy, now)
    role, seated = _seat_of(session, standing, seats, _person(actor), approves=True, now=now)
    if role is seats.chief:
        standing.chief_id, standing.chief_at, standing.chief_for_id = seated.person_id, now, seated.acting_for
    else:
        standing.manager_id, standing.manager_at, standing.manager_for_id = seated.person_id, now, seated.acting_for
    if standing.chief_id is not None and standing.manager_id is not None:
        standing.in_force_at = now
    session.flush()
    record(
        session, "standing.approved", standing, actor=actor, policy=policy, now=now, seat=role.value,
        rung=seated.rung.value, acting_for=seated.acting_for, shown=shown_digest,
        in_force=standing.in_force_at is not None,
    )  # fmt: skip
    if standing.in_force_at is not None:
        tell(
            session, concerned(session, standing, day_of(now)), standing, now=now, subject="効力が生じました",
            body="二つの職の承認がそろい、効力が生じました。使われるたびにお知らせします。",
        )  # fmt: skip
    return standing


def refuse(
    session: Session, standing_id: int, reason: str, *, actor: Actor, policy: Policy, now: datetime
) -> StandingApproval:
    """Afterwards the proposal has ended without effect. Raises what `approve` raises but ContentChanged."""
    standing, seats = find(session, standing_id, lock=True), require_on(policy)
    _require_waiting(standing)
    role, seated = _seat_of(session, standing, seats, _person(actor), approves=False, now=now)
    reason = written(reason, field="reason", empty="却下の理由を書いてください。")
    close(standing, f"却下（{session.get_one(Person, seated.person_id).name}）：{reason}", now=now)
    session.flush()
    record(
        session, "standing.refused", standing, actor=actor, policy=policy, now=now, seat=role.value,
        rung=seated.rung.value, acting_for=seated.acting_for, reason=reason,
    )  # fmt: skip
    tell_ended(session, standing, now=now)
    return standing


def end(
    session: Session, standing_id: int, reason: str, *, actor: Actor, policy: Policy, now: datetime
) -> StandingApproval:
    """Afterwards it covers nothing any more, from this moment; what it approved stays approved.

    For either approver, the CISO and HR, whatever the profile says. Raises NotPermitted, NotFound, IllegalTransition,
    InvalidInput.
    """
    standing, person_id = find(session, standing_id, lock=True), _person(actor)
    if not may_end(session, standing, person_id, now=now):
        raise NotPermitted("包括承認を終わらせることができるのは、承認した人、CISO又は人事担当者です。")
    if standing.ended_at is not None:
        raise IllegalTransition("この包括承認はすでに終わっています。")
    reason = written(reason, field="reason", empty="終わらせる理由を書いてください。")
    close(standing, f"{session.get_one(Person, person_id).name}が終了：{reason}", now=now)
    session.flush()
    record(session, "standing.ended", standing, actor=actor, policy=policy, now=now, why="by_person", reason=reason)
    tell_ended(session, standing, now=now)
    return standing


def may_end(session: Session, standing: StandingApproval, person_id: int, *, now: datetime) -> bool:
    """Whether this person is either approver, under any row of theirs, the CISO or HR."""
    human = humans(session, [person_id])[person_id]
    roles = roles_of(session, person_id, day_of(now))
    return human.is_one_of(approvers(standing)) or bool(roles & {Role.CISO, Role.HR})


def _person(actor: Actor) -> int:
    if actor.person_id is None:
        raise NotPermitted("包括承認は、名前のある人だけが提案し、承認し、終わらせることができます。")
    return actor.person_id


def _require_waiting(standing: StandingApproval) -> None:
    if standing.ended_at is not None:
        raise IllegalTransition("この包括承認はすでに終わっています。")
    if standing.in_force_at is not None:
        raise IllegalTransition("この包括承認はすでに承認されています。")


def _require_as_shown(
    session: Session, standing: StandingApproval, shown_digest: str, seats: Seats, policy: Policy, now: datetime
) -> None:
    """What was shown is what the rows say, and the rule and the rights by post are those of the proposal (A4)."""
    if shown_digest != digest_of(standing):
        raise ContentChanged("表示された内容と、現在の提案の内容が異なります。もう一度内容を確かめてください。")
    current = basis_now(session, standing.system, policy=policy, now=now)
    over = stop(basis_given(standing), current, seats=seats, lapses_on=None, day=day_of(now))
    coverable = {r.entitlement_id for r in rights_of_system(session, standing.system, now=now) if r.bar is None}
    if over is not None or not {right.entitlement_id for right in standing.rights} <= coverable:
        raise ContentChanged("提案の後に、根拠の条項又は権限の定めが変わりました。提案し直してもらってください。")


def _seat_of(
    session: Session, standing: StandingApproval, seats: Seats, person_id: int, *, approves: bool, now: datetime
) -> tuple[Role, Seated]:
    """The open seat by which this person may decide. The separation rules speak first: their refusal names the rule."""
    day = day_of(now)
    bench, human = Bench.on(session, day), humans(session, [person_id])[person_id]
    mine = [
        (role, one)
        for role, seated in open_seats(bench, standing, seats).items()
        for one in seated
        if one.person_id == person_id
    ]
    acting_for = None
    if mine:
        role, one = mine[0]
        holders = seat_facts(bench, standing, role, seats).holders
        acting_for = next((holder for holder in holders if holder.person_id == one.acting_for), None)
    require_separated(
        Decision(
            decider=human,
            applicant=standing.proposed_by_id,
            subject=standing.proposed_by_id,
            other_deciders=approvers(standing) | represented_by(standing),
            acting_for=acting_for,
            decider_audits=bool(auditing(session, human.rows, day)),
            decider_is_contractor=bool(contracted(session, human.rows, day)),
            approves=approves,
        )
    )
    if not mine:
        raise NotSeated("この包括承認を承認する職にありません。")
    return mine[0]
