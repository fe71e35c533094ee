"""What an approved line does: grants begin and end, and the outbox learns of it in the same transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, joinedload

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, iso
from idm.errors import InvalidInput
from idm.grant_state import EndReason, GrantEvent, GrantState, after
from idm.models.privileged import PrivilegedUse, PrivilegedUseRight
from idm.models.requests import Grant, GrantSuspension, RequestLine
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.models.systems import Account, Entitlement
from idm.operations.factors import factor_readings
from idm.operations.privileged import holder_changes
from idm.operations.privileged.caps import require_room_for_holders
from idm.operations.rights.accounts import accounts_of, record_taken_over, schedule
from idm.policy import Policy
from idm.privileged_use_state import LIVE as LIVE_USES
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.organisation.lost_posts import judged_posts, post_to_rest_on
from idm.queries.privileged.without_post import rights_without_post
from idm.vocabulary import EntitlementKind, LineEffect


def take_effect(
    session: Session, lines: Sequence[RequestLine], *, actor: Actor, policy: Policy, now: datetime
) -> list[Grant]:
    """Afterwards the lines of one application have given, renewed and ended rights. Returns what is new of them."""
    wanted = [line for line in lines if line.effect is LineEffect.GRANT]
    given, renewed = _give(session, wanted, actor=actor, policy=policy, now=now)
    changed = [grant.account for grant in (*given, *renewed)]
    for account in dict.fromkeys(account for account in changed if account.adopted_at == now):
        record_taken_over(session, account, actor=actor, policy_digest=policy.digest, now=now)
    for grant in (*given, *renewed):
        record_grant(session, "grant.decided", grant, actor=actor, policy=policy, now=now)
    for grant, line in _taken(session, [line for line in lines if line.effect is LineEffect.REVOKE]):
        _end_on(session, grant, line, actor=actor, policy=policy, now=now)
        changed.append(grant.account)
    for account in dict.fromkeys(changed):
        schedule(session, account, now=now)
    holder_changes.follow_begun(session, given, actor=actor, policy=policy, now=now)
    return given


def _give(
    session: Session, lines: Sequence[RequestLine], *, actor: Actor, policy: Policy, now: datetime
) -> tuple[list[Grant], list[Grant]]:
    """What is new, and what goes on with a right that ends on the day on which its line begins."""
    if not lines:
        return [], []
    today = day_of(now)
    accounts = accounts_of(session, lines, rule=organisation_in_force(session, now=now).login_names, now=now)
    holders = {line.subject_id for line in lines if line.entitlement.privileged}
    if holders:
        require_room_for_holders(
            session, lines[0].request_id, lines[0].system_id, holders, actor=actor, policy=policy, now=now
        )
    _require_ours(session, lines, accounts)
    before = _before(session, lines, accounts)
    renewals = {
        before[line.id]: _renew(session, before[line.id], line, actor=actor, policy=policy, now=now)
        for line in lines if line.id in before
    }  # fmt: skip
    renewed = list(renewals.values())
    given = [_grant(line, accounts[line.id], today) for line in lines if line.id not in before]
    for grant in (*renewed, *given):
        _rest_on_post(session, grant, today)
    # The old one has ended before the new one comes: an account never has a right twice (`uq_grants_live`).
    session.flush()
    session.add_all([*renewed, *given])
    session.flush()
    _go_on(session, renewals)
    return given, renewed


def _before(
    session: Session, lines: Sequence[RequestLine], accounts: Mapping[int, Account]
) -> dict[int, Grant]:  # fmt: skip
    """Line id → the right that has begun and that the line goes on with."""
    query = select(Grant).where(
        Grant.account_id.in_([account.id for account in accounts.values()]),
        Grant.state.in_((GrantState.IN_FORCE, GrantState.SUSPENDED)), Grant.valid_until.is_not(None),
        Grant.ended_by_line_id.is_(None),
    ).order_by(Grant.id)  # fmt: skip
    locked = session.scalars(query.with_for_update(of=Grant).execution_options(populate_existing=True))
    live = {(one.account_id, one.entitlement_id, one.valid_until): one for one in locked}
    found = {line.id: live.get((accounts[line.id].id, line.entitlement_id, line.valid_from)) for line in lines}
    return {line_id: grant for line_id, grant in found.items() if grant is not None}


def _renew(
    session: Session, before: Grant, line: RequestLine, *, actor: Actor, policy: Policy, now: datetime
) -> Grant:  # fmt: skip
    """The right under its new line, from today on, so that there is no gap; what holds it back goes on doing so.

    The one before is history under the line that gave it. Nothing begins anew: whoever is in stays in.
    """
    open_reasons = [one for one in before.suspensions if one.until is None]
    renewed = Grant(
        account=before.account, entitlement=before.entitlement, line_id=line.id, valid_from=day_of(now),
        valid_until=line.valid_until, state=before.state,
        suspensions=[GrantSuspension(reason=one.reason, since=one.since, until=None) for one in open_reasons],
    )  # fmt: skip
    before.ended_by_line_id = line.id
    _end(session, before, EndReason.REQUESTED, actor=actor, policy=policy, now=now)
    return renewed


def _go_on(session: Session, renewals: Mapping[Grant, Grant]) -> None:
    """Afterwards whatever is under way with the right before is so with the one that goes on: uses, review lines."""
    live_uses = select(PrivilegedUse.id).where(PrivilegedUse.state.in_(LIVE_USES))
    open_reviews = select(ReviewCampaign.id).where(ReviewCampaign.closed_at.is_(None))
    for before, renewed in renewals.items():
        session.execute(
            update(PrivilegedUseRight)
            .where(PrivilegedUseRight.grant_id == before.id, PrivilegedUseRight.use_id.in_(live_uses))
            .values(grant_id=renewed.id)
        )
        session.execute(
            update(ReviewLine)
            .where(ReviewLine.grant_id == before.id, ReviewLine.decision.is_(None),
                   ReviewLine.campaign_id.in_(open_reviews))
            .values(grant_id=renewed.id)
        )  # fmt: skip


def _require_ours(session: Session, lines: Sequence[RequestLine], accounts: Mapping[int, Account]) -> None:
    """Of an account that was there before us the account itself is approved before any group of it (control A18).

    What an inventory application asks for exists: nothing is made because of it. Raises InvalidInput.
    """
    for line in lines:
        account = accounts[line.id]
        if line.request.adopts and account.adopted_at is None:
            raise InvalidInput(
                f"{line.subject.name} さんの引き継ぐ利用者IDが、棚卸しの記録にありません。"
                "却下し、もう一度棚卸しをしてから申請し直してもらってください。"
            )
    with_account = {accounts[line.id].id for line in lines if line.entitlement.kind is EntitlementKind.ACCOUNT}
    waiting = {
        accounts[line.id].id: line for line in lines
        if accounts[line.id].adopted_at is not None and accounts[line.id].id not in with_account
    }  # fmt: skip
    live = select(Grant.account_id).join(Grant.entitlement).where(
        Grant.account_id.in_(waiting), Grant.state != GrantState.ENDED, Entitlement.kind == EntitlementKind.ACCOUNT,
    )  # fmt: skip
    without = set(waiting) - set(session.scalars(live)) if waiting else set()
    for account_id in sorted(without):
        raise InvalidInput(
            f"{waiting[account_id].subject.name} さんの利用者IDの行が、まだ承認されていません。"
            "先に（又は同時に）利用者IDの行を決裁してください。"
        )


def _grant(line: RequestLine, account: Account, today: date) -> Grant:
    state = GrantState.PLANNED
    if line.valid_from <= today:
        state = after(state, GrantEvent.BEGIN)
    return Grant(
        account=account, entitlement=line.entitlement, line_id=line.id, valid_from=line.valid_from,
        valid_until=line.valid_until, state=state,
    )  # fmt: skip


def _rest_on_post(session: Session, grant: Grant, today: date) -> None:
    """Afterwards a right bound to a post rests on the one that its holder has on its first day, if known (D7, A13)."""
    if not grant.entitlement.bound_to_post or grant.account.person_id is None:
        return
    unit_code = grant.account.system.manager_unit_code
    first = max(today, grant.valid_from)
    post = post_to_rest_on(session, grant.account.person_id, unit_code, first)
    if post is not None:
        grant.rests_on_unit, grant.rests_on_post = post.unit_code, post.title


def rest_on_known_posts(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards rights bound to a post that began before it was told rest on it; returns how many (D7, A13)."""
    found = session.scalars(rights_without_post().with_for_update(of=Grant)).all()
    for grant in found:
        _rest_on_post(session, grant, day_of(now))
    resting = [grant for grant in found if grant.rests_on_post is not None]
    session.flush()
    for grant in resting:
        record_grant(session, "grant.rests_on_post", grant, actor=actor, policy=policy, now=now)
    return len(resting)


def rest_on_successor(
    session: Session, grant: Grant, day: date, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards the right rests on the post that came in the place of its own, if its holder went along by the day."""
    moved = judged_posts(session, day, [grant.account.person_id or 0], now=now).moved.get(grant.id)
    if moved is None:
        return
    before = [grant.rests_on_unit, grant.rests_on_post]
    grant.rests_on_unit, grant.rests_on_post = moved.post.unit_code, moved.post.title
    session.flush()
    record_grant(
        session, "grant.rests_on_successor", grant, {"rested_on": before, "order": moved.line.order}, actor=actor,
        policy=policy, now=now,
    )  # fmt: skip


def _taken(session: Session, lines: Sequence[RequestLine]) -> Iterator[tuple[Grant, RequestLine]]:
    """The live grants that the lines end: taking the daily account takes everything of the system with it.

    Taking the privileged one takes what is privileged, and nothing else (control D8).
    """
    if not lines:
        return
    held: dict[int, list[Grant]] = defaultdict(list)
    subjects = {line.subject_id for line in lines}
    query = live_grants_of(subjects).where(Account.system_id == lines[0].system_id)
    for grant in session.scalars(query.options(joinedload(Grant.account), joinedload(Grant.entitlement))):
        held[grant.account.person_id or 0].append(grant)
    ended: set[int] = set()
    for line in lines:
        for grant in held[line.subject_id]:
            if grant.id not in ended and (
                grant.entitlement_id == line.entitlement_id or hangs_on(grant, line.entitlement)
            ):
                ended.add(grant.id)
                yield grant, line


def hangs_on(grant: Grant, taken: Entitlement) -> bool:
    """Whether a right in the same system goes with what is taken away: it does with the account."""
    return taken.kind is EntitlementKind.ACCOUNT and (grant.entitlement.privileged or not taken.privileged)


def _end_on(session: Session, grant: Grant, line: RequestLine, *, actor: Actor, policy: Policy, now: datetime) -> None:
    grant.ended_by_line_id = line.id
    if line.valid_from > day_of(now):
        until = max(line.valid_from, grant.valid_from)
        grant.valid_until = until if grant.valid_until is None else min(until, grant.valid_until)
        record_grant(session, "grant.end_decided", grant, actor=actor, policy=policy, now=now)
    else:
        _end(session, grant, EndReason.REQUESTED, actor=actor, policy=policy, now=now)
        holder_changes.follow_ended(session, [grant], actor=actor, policy=policy, now=now)


def end_with_what_hangs(
    session: Session, grant: Grant, reason: EndReason, *, actor: Actor, policy: Policy, now: datetime
) -> list[Grant]:
    """Afterwards the grant is history, and with an account every right that hangs on it; returns what ended.

    Raises IllegalTransition.
    """
    query = live_grants_of([grant.account.person_id or 0]).where(Account.system_id == grant.account.system_id)
    held = session.scalars(query.options(joinedload(Grant.account), joinedload(Grant.entitlement)))
    ended = [grant, *(one for one in held if one.id != grant.id and hangs_on(one, grant.entitlement))]
    for one in ended:
        _end(session, one, reason, actor=actor, policy=policy, now=now)
    holder_changes.follow_ended(session, ended, actor=actor, policy=policy, now=now)
    for account in dict.fromkeys(one.account for one in ended):
        schedule(session, account, now=now)
    return ended


def end(session: Session, grant: Grant, reason: EndReason, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the grant is history and a worker will take the right away. Raises IllegalTransition."""
    _end(session, grant, reason, actor=actor, policy=policy, now=now)
    holder_changes.follow_ended(session, [grant], actor=actor, policy=policy, now=now)
    schedule(session, grant.account, now=now)


def _end(session: Session, grant: Grant, reason: EndReason, *, actor: Actor, policy: Policy, now: datetime) -> None:
    grant.state = after(grant.state, GrantEvent.END)
    grant.ended_at, grant.end_reason = now, reason
    session.flush()
    factor_readings.forget_without_rights(session, [grant.account_id], now=now)
    record_grant(session, "grant.ended", grant, actor=actor, policy=policy, now=now)


def begin(session: Session, grant: Grant, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards a planned grant is in force and a worker will give the right. Raises IllegalTransition."""
    grant.state = after(grant.state, GrantEvent.BEGIN)
    if grant.rests_on_post is None:
        _rest_on_post(session, grant, day_of(now))
    schedule(session, grant.account, now=now)
    record_grant(session, "grant.begun", grant, actor=actor, policy=policy, now=now)
    holder_changes.follow_begun(session, [grant], actor=actor, policy=policy, now=now)


def live_grants_of(person_ids: Collection[int]) -> Select[Grant]:
    """The grants of the people that have not ended."""
    return (
        select(Grant)
        .join(Account, Grant.account_id == Account.id)
        .where(Account.person_id.in_(person_ids), Grant.state != GrantState.ENDED)
        .order_by(Grant.id)
    )


def record_grant(
    session: Session, action: str, grant: Grant, more: Mapping[str, object] | None = None, *, actor: Actor,
    policy: Policy, now: datetime,
) -> None:  # fmt: skip
    """Afterwards the audit says what happened to the grant."""
    audit.record(
        session, action=action, actor=actor, obj=("grant", str(grant.id)), now=now, policy_digest=policy.digest,
        payload={
            "account": grant.account.login_name, "person": grant.account.person_id,
            "right": grant.entitlement.code, "system": grant.account.system_id, "line": grant.line_id,
            "from": grant.valid_from.isoformat(), "until": iso(grant.valid_until), "state": grant.state.value,
            "end_reason": grant.end_reason.value if grant.end_reason else None,
            "rests_on": [grant.rests_on_unit, grant.rests_on_post] if grant.rests_on_post is not None else None,
            **(more or {}),
        },
    )  # fmt: skip
