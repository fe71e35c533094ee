"""Another human's decision on a use of a privileged ID that was asked for (D6, D8; four eyes).

The officers whom the profile names decide, the manager of a system only there, or an accepted deputy (代決) of one of
them. Never the user, nor whoever asked for a contractor, under any of their rows; no auditor and no contractor.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import DecidedMeanwhile, IllegalTransition, NotSeated
from idm.models.privileged import PrivilegedUse
from idm.operations.privileged.use_notices import tell_decided
from idm.operations.privileged.use_steps import locked_use, person_of, record, why_lapsed
from idm.policy import Policy
from idm.privileged_use_state import HOLDING, UseEvent, after
from idm.queries.organisation.officers import auditing, contracted, humans
from idm.queries.privileged.eligibility import basis_of_use
from idm.queries.privileged.permitters import PermitSeat, concerned, permitters
from idm.queries.privileged.uses import overlapping
from idm.separation_of_duties import Decision, require
from idm.step_up import require_fresh_factor
from idm.vocabulary import UseState
from idm.written_text import written


def permit(
    session: Session, use_id: int, *, comment: str, actor: Actor, policy: Policy, now: datetime
) -> PrivilegedUse:  # fmt: skip
    """Afterwards the use opens when its time comes, and everybody concerned knows.

    Raises FreshFactorNeeded, SeparationOfDuties, NotSeated, NotFound, InvalidInput, DecidedMeanwhile, and
    IllegalTransition where it has lapsed, another holds some of its time or what the use rests on is gone.
    """
    use = _decided(session, use_id, UseEvent.APPROVE, comment, actor=actor, policy=policy, now=now)
    session.flush()
    record(session, "privileged_use.permitted", use, actor=actor, policy=policy, now=now)
    tell_decided(session, use, permitted=True, now=now)
    return use


def refuse(
    session: Session, use_id: int, *, comment: str, actor: Actor, policy: Policy, now: datetime
) -> PrivilegedUse:  # fmt: skip
    """Afterwards the use is refused, and everybody concerned knows why. Raises what `permit` raises."""
    use = _decided(session, use_id, UseEvent.REFUSE, comment, actor=actor, policy=policy, now=now)
    session.flush()
    record(session, "privileged_use.refused", use, actor=actor, policy=policy, now=now)
    tell_decided(session, use, permitted=False, now=now)
    return use


def _decided(
    session: Session, use_id: int, event: UseEvent, comment: str, *, actor: Actor, policy: Policy, now: datetime
) -> PrivilegedUse:
    person_id = person_of(actor)
    use = locked_use(session, use_id)
    seat = _seat(session, use, person_id, policy=policy, now=now)
    require_fresh_factor(actor, policy=policy, now=now)
    if use.state is not UseState.ASKED and use.decided_at is not None:
        raise DecidedMeanwhile("この申出は、すでにほかの人が決めました。最新の内容を確かめてください。")
    following = after(use.state, event)
    if event is UseEvent.APPROVE:
        _require_possible(session, use, policy=policy, now=now)
    use.state, use.decided_at = following, now
    use.approver_id, use.acting_for_id = seat.person_id, seat.acting_for
    use.decision_comment = written(comment, field="comment", empty="許可又は却下の理由を書いてください。")
    return use


def _seat(session: Session, use: PrivilegedUse, person_id: int, *, policy: Policy, now: datetime) -> PermitSeat:
    """How the person comes to decide. Raises SeparationOfDuties, NotSeated."""
    day, human = day_of(now), humans(session, [person_id])[person_id]
    seats = permitters(session, use.account.system, concerned(use), policy=policy, day=day)
    seat = next((one for one in seats if one.person_id == person_id), None)
    acting_for = seat.acting_for if seat is not None else None
    require(
        Decision(
            decider=human, applicant=use.named_by_id or use.person_id, subject=use.person_id,
            acting_for=humans(session, [acting_for])[acting_for] if acting_for is not None else None,
            decider_audits=bool(auditing(session, human.rows, day)),
            decider_is_contractor=bool(contracted(session, human.rows, day)),
        )
    )  # fmt: skip
    if seat is None:
        raise NotSeated("この利用を許可できるのは、プロファイルが定める職にある人と、承認されたその代決者だけです。")
    return seat


def _require_possible(session: Session, use: PrivilegedUse, *, policy: Policy, now: datetime) -> None:
    # By the clock, whether or not a worker has come round to say so.
    lapsed = why_lapsed(use, policy=policy, now=now)
    if lapsed is not None:
        raise IllegalTransition(f"この申出は許可できません。{lapsed}もう一度申し出てもらってください。")
    if overlapping(session, use, HOLDING, now=now):
        raise IllegalTransition(
            "このIDには、時間の重なる、許可済み又は利用中の利用があります。それが終わってから許可するか、"
            "却下して別の時間で申し出てもらってください。"
        )
    if basis_of_use(session, use, now=now) is None:
        raise IllegalTransition("利用の根拠となる権限・職・契約などが、今は有効ではありません。却下してください。")
