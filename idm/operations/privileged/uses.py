"""The uses of privileged IDs: asked for a task, open for so many hours, ended by the clock (FK 6-2(10), MT 7-2(4); D6).

An approved privileged right makes its holder eligible, and gives nothing by itself: the ID sleeps, disabled and in no
group. Whoever asks has just given a second factor; another human permits (`use_decisions`), or the profile does where
it asks for no permission; an emergency use begins at once, and two people are told in the same transaction. A
contractor works only while a named member of staff is there (control D3).

Every step locks the account and then the use: of two at once, one comes first and the other sees it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import (
    DecidedMeanwhile,
    IllegalTransition,
    InvalidInput,
    NotFound,
    NotPermitted,
    SeparationOfDuties,
)
from idm.keys.sealing import KEY_BYTES
from idm.models.privileged import PrivilegedUse, PrivilegedUseRight
from idm.models.systems import Account
from idm.operations.information_systems.going_live import require_not_only_observed
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.outbox import claimed_accounts
from idm.operations.privileged.use_notices import (
    ask_to_permit,
    tell_of_emergency,
    tell_opened,
    to_tell_of_emergency,
)
from idm.operations.privileged.use_steps import (
    WAITING,
    drop_use,
    end_use,
    locked_account,
    locked_use,
    open_use,
    person_of,
    record,
    why_lapsed,
)
from idm.operations.rights.accounts import schedule
from idm.permissions import Action
from idm.policy import Policy
from idm.privileged_use_state import BEFOREHAND, HOLDING, UNDER_WAY, UseEvent, after, is_attended
from idm.queries.privileged.eligibility import Basis, basis, basis_of_use, is_contractor, require_attendant
from idm.queries.privileged.read_back import rotation_open, shown_closed, shown_open
from idm.queries.privileged.uses import overlapping, owes_report, taken_by, uses_to_carry_on
from idm.step_up import require_fresh_factor
from idm.vocabulary import UseEnd, UseState
from idm.written_text import written

TOLERANCE = timedelta(minutes=10)
"""A beginning that lies so far back is taken as now: the form was filled in meanwhile."""
FARTHEST = timedelta(days=31)
"""Nobody plans the use of a privileged ID further ahead than this."""
LONGEST_TICKET = 100


@dataclass(frozen=True)
class WantedUse:
    """What somebody asks for. `person_id` None = for themself; another's = a contractor whom the manager names.

    `grant_ids` are the rights to activate; the right to the ID itself goes without saying. `public_key` is the asking
    browser's; None = no password is wanted. `attended_by_id`: who is there while a contractor works.
    """

    account_id: int
    purpose: str
    hours: int
    wanted_from: datetime
    person_id: int | None = None
    grant_ids: tuple[int, ...] = ()
    ticket: str = ""
    public_key: bytes | None = None
    attended_by_id: int | None = None


def ask(session: Session, wanted: WantedUse, *, actor: Actor, policy: Policy, now: datetime) -> PrivilegedUse:
    """Afterwards the use waits for another human's permission, or for its time where the profile asks for none.

    Raises FreshFactorNeeded, NotPermitted, NotFound, InvalidInput (hours, purpose, beginning, rights, who attends),
    IllegalTransition (one waits for the same time or has it, a work report is overdue), SeparationOfDuties.
    """
    use, _ = _asked(session, wanted, emergency=False, actor=actor, policy=policy, now=now)
    _require_no_debt(session, use.person_id, now=now)
    if not use.approval_needed:
        _require_time(session, use, now=now)
        use.state = after(use.state, UseEvent.APPROVE)
    _save(session, use, wanted.grant_ids, now=now)
    record(session, "privileged_use.asked", use, actor=actor, policy=policy, now=now)
    if use.approval_needed:
        ask_to_permit(session, use, policy=policy, now=now)
    return use


def ask_in_emergency(
    session: Session, wanted: WantedUse, *, actor: Actor, policy: Policy, now: datetime
) -> PrivilegedUse:
    """Afterwards the use is open, and two people who are not its user have been told (FK 8(2)).

    A permitted use of the ID that has not begun gives way where their times overlap. Raises what `ask` raises, and
    NotPermitted where two people cannot be told, or for a contractor: nobody could attend.
    """
    use, rests_on = _asked(session, wanted, emergency=True, actor=actor, policy=policy, now=now)
    if use.attendance_needed or use.named_by_id is not None:
        raise NotPermitted("委託事業者は、緊急利用をすることができません。職員が行ってください。")
    told = to_tell_of_emergency(session, use.account.system, use.person_id, now=now)
    for waiting in overlapping(session, use, (UseState.APPROVED,), now=now):
        note = "同じIDの緊急利用が始まったため、取り止めになりました。"
        drop_use(session, waiting, UseEvent.LAPSE, note, actor=actor, policy=policy, now=now)
    _require_free(session, use)
    use.state = after(use.state, UseEvent.APPROVE)
    open_use(use, rests_on.until, now=now)
    _save(session, use, wanted.grant_ids, now=now)
    _follow_opening(session, use, now=now)
    record(session, "privileged_use.emergency", use, actor=actor, policy=policy, now=now, told=told)
    tell_of_emergency(session, use, told, now=now)
    return use


def withdraw(session: Session, use_id: int, *, actor: Actor, policy: Policy, now: datetime) -> PrivilegedUse:
    """Afterwards a use that has not begun never will. Raises NotFound for another's, IllegalTransition once begun."""
    use = _own(session, use_id, actor, also_named=True)
    drop_use(session, use, UseEvent.WITHDRAW, None, actor=actor, policy=policy, now=now)
    return use


def give_back(session: Session, use_id: int, *, actor: Actor, policy: Policy, now: datetime) -> PrivilegedUse:
    """Afterwards the use is over before its time, because its user is done. Raises NotFound, IllegalTransition."""
    use = _own(session, use_id, actor)
    end_use(session, use, UseEnd.RETURNED, actor=actor, policy=policy, now=now)
    return use


def stop(
    session: Session, use_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> PrivilegedUse:  # fmt: skip
    """Afterwards the use is over, or never begins, because an officer or whoever attends it said so, and why.

    Stopping never waits: it asks for no second factor. Raises NotPermitted, NotFound, InvalidInput, IllegalTransition.
    """
    person_id, use = person_of(actor), locked_use(session, use_id)
    if person_id != use.attended_by_id:
        require_for_system(session, use.account.system, Action.STOP_USE, person_id=person_id, day=day_of(now))
    note = written(reason, field="reason", empty="停止する理由を書いてください。")
    if use.state in WAITING:
        drop_use(session, use, UseEvent.WITHDRAW, note, actor=actor, policy=policy, now=now)
    else:
        end_use(session, use, UseEnd.STOPPED, note=note, actor=actor, policy=policy, now=now)
    return use


def attend(session: Session, use_id: int, *, actor: Actor, policy: Policy, now: datetime) -> PrivilegedUse:
    """Afterwards the named member of staff has said, in their own name, that they are there; the use may begin (D3).

    Raises NotFound for anybody else, FreshFactorNeeded, SeparationOfDuties, IllegalTransition before the permission,
    long before the time, or twice; what was said long ago, while nothing was opened, is said again.
    """
    person_id, use = person_of(actor), locked_use(session, use_id)
    if use.attended_by_id != person_id:
        raise NotFound("この利用は見つかりません。")
    require_fresh_factor(actor, policy=policy, now=now)
    require_attendant(session, person_id, use.person_id, now=now)
    if use.state is not UseState.APPROVED or is_attended(use.attended_at, now=now):
        raise IllegalTransition("この利用は、立会いの開始を記録できる状態ではありません。")
    if now < use.wanted_from - BEFOREHAND:
        minutes = int(BEFOREHAND.total_seconds()) // 60
        raise IllegalTransition(f"立会いの開始は、利用の開始の{minutes}分前から記録できます。")
    use.attended_at = now
    session.flush()
    record(session, "privileged_use.attended", use, actor=actor, policy=policy, now=now)
    return use


# --- by the clock, and by what changes elsewhere ---------------------------------------------------------------------


def carry_on(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards every use is where the clock, and what it rests on, have brought it. Returns how many moved.

    Unanswered ones lapse, permitted ones open when their time has come (somebody attends, where that is needed, and the
    use before is over) or lapse when it has passed, open ones end on the second, and at once when what they rest on is
    gone.
    """
    moving = [locked_use(session, use_id) for use_id in uses_to_carry_on(session, policy=policy, now=now)]
    return sum([_carry(session, use, actor=actor, policy=policy, now=now) for use in moving])


def _carry(session: Session, use: PrivilegedUse, *, actor: Actor, policy: Policy, now: datetime) -> bool:
    """Whether the use moved."""
    if use.state is UseState.ENDING:
        return _follow_one(session, use, actor=actor, policy=policy, now=now)
    if use.state is UseState.OPEN:
        return _carry_open(session, use, actor=actor, policy=policy, now=now)
    if use.state not in WAITING:
        return False
    lapsed = why_lapsed(use, policy=policy, now=now)
    if lapsed is not None:
        drop_use(session, use, UseEvent.LAPSE, lapsed, actor=actor, policy=policy, now=now)
        return True
    ready = use.state is UseState.APPROVED and now >= use.wanted_from
    if not ready or taken_by(session, use.account_id, UNDER_WAY):
        return False
    if use.attendance_needed and not is_attended(use.attended_at, now=now):
        return False
    rests_on = basis_of_use(session, use, now=now)
    if rests_on is None:
        note = "利用の根拠となる権限・職・契約・立会いなどがなくなったため、開始しませんでした。"
        drop_use(session, use, UseEvent.LAPSE, note, actor=actor, policy=policy, now=now)
        return True
    open_use(use, rests_on.until, now=now)
    _follow_opening(session, use, now=now)
    record(session, "privileged_use.opened", use, actor=actor, policy=policy, now=now)
    tell_opened(session, use, now=now)
    return True


def _carry_open(session: Session, use: PrivilegedUse, *, actor: Actor, policy: Policy, now: datetime) -> bool:
    if use.ends_at is not None and use.ends_at <= now:
        end_use(session, use, UseEnd.TIME_UP, actor=actor, policy=policy, now=now)
        return True
    if basis_of_use(session, use, now=now) is None:
        end_use(session, use, UseEnd.RIGHT_LOST, actor=actor, policy=policy, now=now)
        return True
    # What was read back by other ways than the worker's own: a list, a work order.
    return _follow_one(session, use, actor=actor, policy=policy, now=now)


def end_resting_on(
    session: Session, *, grant_ids: Collection[int] = (), person_ids: Collection[int] = (),
    account_ids: Collection[int] = (), actor: Actor, policy: Policy, now: datetime,
) -> int:  # fmt: skip
    """Afterwards no use goes on, or waits, that rests on these rights, people or IDs. Returns how many that were.

    Open ones end (RIGHT_LOST), waiting ones are withdrawn.
    """
    with_right = select(PrivilegedUseRight.use_id).where(PrivilegedUseRight.grant_id.in_(grant_ids))
    resting = session.scalars(
        select(PrivilegedUse.id)
        .where(
            PrivilegedUse.state.in_((*WAITING, UseState.OPEN)),
            or_(
                PrivilegedUse.id.in_(with_right), PrivilegedUse.person_id.in_(person_ids),
                PrivilegedUse.account_id.in_(account_ids),
            ),
        )
        .order_by(PrivilegedUse.account_id, PrivilegedUse.id)
    ).all()  # fmt: skip
    for use_id in resting:
        use = locked_use(session, use_id)
        if use.state is UseState.OPEN:
            end_use(session, use, UseEnd.RIGHT_LOST, actor=actor, policy=policy, now=now)
        elif use.state in WAITING:
            note = "利用の根拠となる権限・職・契約・立会いなどがなくなったため、取り止めになりました。"
            drop_use(session, use, UseEvent.WITHDRAW, note, actor=actor, policy=policy, now=now)
    return len(resting)


def follow(session: Session, account_ids: Collection[int], *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards uses of these IDs are opened or closed as far as was read back and proven. Returns how many moved.

    A use of somebody's own ID is opened when its directory showed it enabled in the groups, and closed when it showed
    it disabled in none of them, after the end; where its password was handed out, the rotation is confirmed as well.
    """
    following = session.scalars(
        select(PrivilegedUse.id)
        .where(PrivilegedUse.account_id.in_(account_ids), PrivilegedUse.state.in_((UseState.OPEN, UseState.ENDING)))
        .order_by(PrivilegedUse.account_id)
    ).all()
    uses = [locked_use(session, use_id) for use_id in following]
    return sum([_follow_one(session, use, actor=actor, policy=policy, now=now) for use in uses])


def _follow_one(session: Session, use: PrivilegedUse, *, actor: Actor, policy: Policy, now: datetime) -> bool:
    """Whether the use moved."""
    if use.state is UseState.OPEN and use.opened_at is None and shown_open(session, use):
        use.opened_at = now
        record(session, "privileged_use.shown_open", use, actor=actor, policy=policy, now=now)
        return True
    done = use.state is UseState.ENDING and shown_closed(session, use)
    changing = claimed_accounts(session, [use.account_id], now=now)  # what was read may be undone at this moment
    if done and not changing and not rotation_open(session, use.account_id):
        use.state, use.closed_at = after(use.state, UseEvent.CLOSE), now
        session.flush()
        record(session, "privileged_use.closed", use, actor=actor, policy=policy, now=now)
        return True
    return False


# --- what is asked, and by whom --------------------------------------------------------------------------------------


def _asked(
    session: Session, wanted: WantedUse, *, emergency: bool, actor: Actor, policy: Policy, now: datetime
) -> tuple[PrivilegedUse, Basis]:
    """The use as it would be, and on what it rests; nothing is written yet."""
    actor_id = person_of(actor)
    require_fresh_factor(actor, policy=policy, now=now)
    account = locked_account(session, wanted.account_id)
    require_not_only_observed(account.system)
    user_id = actor_id if wanted.person_id is None else wanted.person_id
    contractor = is_contractor(session, user_id, day_of(now))
    named_by_id = _naming(session, account, user_id, actor_id, contractor=contractor, now=now)
    named = named_by_id is not None
    rests_on = basis(session, account, user_id, wanted.grant_ids, named=named, now=now)
    wanted_from = now if emergency else _beginning(wanted.wanted_from, rests_on, now=now)
    attended_by_id = _attendant(session, wanted, user_id, now=now) if contractor else None
    use = PrivilegedUse(
        account_id=account.id, system_id=account.system_id, account=account, person_id=user_id,
        named_by_id=named_by_id, state=UseState.ASKED, emergency=emergency, purpose=_purpose(wanted.purpose),
        ticket=_ticket(wanted.ticket), hours=_hours(wanted.hours, policy=policy), asked_at=now, wanted_from=wanted_from,
        approval_needed=not emergency and (policy.privileged.use_approval or contractor),
        attendance_needed=attended_by_id is not None, attended_by_id=attended_by_id,
        deputyship_id=rests_on.deputyship_id, public_key=_key(wanted.public_key),
    )  # fmt: skip
    return use, rests_on


def _naming(
    session: Session, account: Account, user_id: int, actor_id: int, *, contractor: bool, now: datetime
) -> int | None:
    """Who asks in the user's stead; None = the user. Raises NotPermitted, SeparationOfDuties, InvalidInput."""
    if user_id == actor_id:
        return None
    day = day_of(now)
    if is_contractor(session, actor_id, day):
        raise SeparationOfDuties("委託事業者は、ほかの人の利用を申し出ることができません。（SOD-7）", code="SOD-7")
    require_for_system(session, account.system, Action.USE_REGISTERED_ID, person_id=actor_id, day=day)
    if account.person_id is not None or not contractor:
        problem = "ほかの人のために申し出られるのは、委託事業者による登録された特権IDの利用だけです。"
        raise InvalidInput(problem, fields={"person": problem})
    return actor_id


def _attendant(session: Session, wanted: WantedUse, user_id: int, *, now: datetime) -> int:
    if wanted.attended_by_id is None:
        problem = "委託事業者の利用には、立ち会う職員を選んでください。"
        raise InvalidInput(problem, fields={"attended_by": problem})
    require_attendant(session, wanted.attended_by_id, user_id, now=now)
    return wanted.attended_by_id


def _beginning(wanted_from: datetime, rests_on: Basis, *, now: datetime) -> datetime:
    problem = None
    if wanted_from.tzinfo is None or wanted_from < now - TOLERANCE:
        problem = "開始の日時が過ぎています。今より後の日時にしてください。"
    elif wanted_from > now + FARTHEST:
        problem = f"開始の日時は、{FARTHEST.days}日先までにしてください。"
    elif rests_on.until is not None and wanted_from >= rests_on.until:
        problem = "開始の日時が、利用の根拠となる権限・契約などの期限より後です。"
    if problem is not None:
        raise InvalidInput(problem, fields={"wanted_from": problem})
    return max(wanted_from, now).astimezone(UTC)


def _hours(hours: int, *, policy: Policy) -> int:
    if not 1 <= hours <= policy.privileged.use_hours:
        problem = f"利用時間は、1時間から{policy.privileged.use_hours}時間までにしてください。"
        raise InvalidInput(problem, fields={"hours": problem})
    return hours


def _purpose(purpose: str) -> str:
    return written(purpose, field="purpose", empty="利用の目的（行う作業）を書いてください。")


def _ticket(ticket: str) -> str | None:
    if not ticket.strip():
        return None
    if len(ticket) > LONGEST_TICKET:
        problem = f"作業番号は{LONGEST_TICKET}文字までにしてください。"
        raise InvalidInput(problem, fields={"ticket": problem})
    return written(ticket, field="ticket", empty="")


def _key(public_key: bytes | None) -> bytes | None:
    if public_key is not None and len(public_key) != KEY_BYTES:
        raise InvalidInput("受け渡しのための鍵の形が正しくありません。画面を開き直してください。")
    return public_key


def _require_no_debt(session: Session, user_id: int, *, now: datetime) -> None:
    if owes_report(session, user_id, now=now):
        raise IllegalTransition(
            "期限を過ぎた作業報告があるため、新しい利用を申し出られません。先に作業報告を書いてください。"
        )


def _require_time(session: Session, use: PrivilegedUse, *, now: datetime) -> None:
    if overlapping(session, use, HOLDING, now=now):
        raise IllegalTransition(
            "このIDには、時間の重なる、許可済み又は利用中の利用があります。別の時間にするか、それが終わってからにしてください。"
        )


def _require_free(session: Session, use: PrivilegedUse) -> None:
    if taken_by(session, use.account_id, UNDER_WAY):
        raise IllegalTransition("このIDは、利用中又は終了の処理中です。それが終わってからにしてください。")


def _save(session: Session, use: PrivilegedUse, grant_ids: Collection[int], *, now: datetime) -> None:
    """Afterwards the use has its row. Raises IllegalTransition where its user waits for the same time already."""
    asked = overlapping(session, use, (UseState.ASKED,), now=now)
    if not use.emergency and any(one.person_id == use.person_id for one in asked):
        raise IllegalTransition(
            "このIDの、時間の重なる利用をすでに申し出ています。許可を待つか、取り下げてから申し出てください。"
        )
    use.rights = [PrivilegedUseRight(grant_id=grant_id) for grant_id in sorted({*grant_ids})]
    session.add(use)
    try:
        session.flush()
    except IntegrityError as failure:
        raise DecidedMeanwhile(
            "このIDは、たった今ほかの利用が始まりました。最新の状況を確かめてください。"
        ) from failure


def _follow_opening(session: Session, use: PrivilegedUse, *, now: datetime) -> None:
    """A worker makes the directory so; of an ID that is nobody's own, nothing is changed there."""
    if use.account.person_id is not None:
        schedule(session, use.account, now=now)
    else:
        use.opened_at = now
    session.flush()


def _own(session: Session, use_id: int, actor: Actor, *, also_named: bool = False) -> PrivilegedUse:
    """The actor's use, locked. Raises NotFound: another's is nobody's business here."""
    person_id, use = person_of(actor), locked_use(session, use_id)
    if person_id != use.person_id and not (also_named and person_id == use.named_by_id):
        raise NotFound("この利用は見つかりません。")
    return use
