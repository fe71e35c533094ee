"""Opening a campaign: which rights it looks at, as they are now, and who is asked about each (control A10)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, iso
from idm.errors import IllegalTransition, InvalidInput, NotPermitted
from idm.models.requests import Grant
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.models.systems import Entitlement, InformationSystem
from idm.operations.notification.notices import notify
from idm.permissions import Action, everywhere, require
from idm.policy import Policy
from idm.queries.organisation.officers import holders, roles_of
from idm.queries.organisation.reach import systems_reached
from idm.queries.organisation.units import unit_on
from idm.queries.reviews.review_candidates import LIVE, OF_SOMEBODY, Candidate, Wanted, candidates
from idm.queries.reviews.review_lines import ReviewBench, right_of
from idm.reviews.review_rules import next_opening
from idm.vocabulary import ReviewScope, Role
from idm.wareki import format_wareki
from idm.working_days import working_days
from idm.written_text import written


def open_campaign(
    session: Session, wanted: Wanted, title: str, *, answer_until: date | None = None, actor: Actor, policy: Policy,
    now: datetime,
) -> ReviewCampaign:  # fmt: skip
    """Afterwards every right in the scope is a line of a new campaign, and everybody who is asked has been told.

    Raises NotPermitted, InvalidInput (nothing of that name, no right in it, no day left), IllegalTransition while
    another campaign looks at the same.
    """
    day = day_of(now)
    _require_permitted(session, wanted, actor, day)
    named = written(title, field="title", empty="棚卸しの名前を書いてください。")
    until = answer_until or working_days(policy.calendar).on_or_after(day + timedelta(days=policy.reviews.answer_days))
    _require_sound(session, wanted, until, day)
    if answer_until is not None:
        _require_near(answer_until, policy, day)
    found = candidates(session, wanted, rules=policy.dormancy, day=day)
    if not found:
        raise InvalidInput("この範囲には、棚卸しをする権限がありません。", fields={"scope": "対象の権限がありません。"})
    campaign = ReviewCampaign(
        title=named, scope=wanted.scope, system_id=wanted.system_id, unit_code=wanted.unit_code,
        entitlement_id=wanted.entitlement_id, looks_at=_looks_at(wanted), opened_by_id=actor.person_id, opened_at=now,
        answer_until=until,
    )  # fmt: skip
    bench = ReviewBench.on(session, [right_of(one.grant) for one in found], rules=policy.reviews, day=day)
    lines = [_line(campaign, one) for one in found]
    for line in lines:
        line.reviewer_id = next((seat.person_id for seat in bench.asked(line)), None)
    session.add(campaign)
    try:
        session.flush()
    except IntegrityError as another:
        raise IllegalTransition("同じ範囲の棚卸しが、今ほかの人によって始められました。") from another
    _tell(session, campaign, lines, now=now)
    audit.record(
        session, action="review.opened", actor=actor, obj=("review", str(campaign.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "title": named, "scope": wanted.scope.value, "system": wanted.system_id, "unit": wanted.unit_code,
            "right": wanted.entitlement_id, "answer_until": iso(until), "lines": len(lines),
            "reviewers": len({line.reviewer_id for line in lines} - {None}),
            "without_reviewer": sum(line.reviewer_id is None for line in lines),
        },
    )  # fmt: skip
    return campaign


@dataclass(frozen=True)
class Preview:
    """What a campaign of that scope would look at: how many rights, and how many each person would be asked about.

    Person None = nobody may be asked.
    """

    lines: int
    by_reviewer: Mapping[int | None, int]


def preview(session: Session, wanted: Wanted, *, policy: Policy, now: datetime) -> Preview:
    """The campaign that would be opened now. Changes nothing."""
    day = day_of(now)
    rights = [right_of(one.grant) for one in candidates(session, wanted, rules=policy.dormancy, day=day)]
    bench = ReviewBench.on(session, rights, rules=policy.reviews, day=day)
    asked = (next(iter(bench.asked_about(right, wanted.scope, False)), None) for right in rights)
    return Preview(len(rights), Counter(seat.person_id if seat is not None else None for seat in asked))


def open_when_due(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> ReviewCampaign | None:
    """Afterwards the campaign over the whole organisation is open, if so many months have passed since the last one.

    The first one falls due so many months after the oldest right that somebody holds today began. One that was given up
    counts for nothing: what it should have looked at is still due.
    """
    day = day_of(now)
    whole = (ReviewCampaign.scope == ReviewScope.UNIT, ReviewCampaign.unit_code.is_(None))
    if session.scalar(select(ReviewCampaign.id).where(*whole, ReviewCampaign.closed_at.is_(None)).limit(1)):
        return None
    held = ReviewCampaign.withdrawn.is_(False)
    opened = session.scalar(select(func.max(ReviewCampaign.opened_at)).where(*whole, held))
    oldest = session.scalar(
        select(func.min(Grant.valid_from)).join(Grant.account).where(Grant.state.in_(LIVE), OF_SOMEBODY)
    )
    last = day_of(opened) if opened is not None else oldest
    if oldest is None or last is None or day < next_opening(last, policy.reviews.every_months):
        return None
    title = f"定期の棚卸し（{format_wareki(day)}開始）"
    return open_campaign(session, Wanted(ReviewScope.UNIT), title, actor=actor, policy=policy, now=now)


def _line(campaign: ReviewCampaign, one: Candidate) -> ReviewLine:
    return ReviewLine(
        campaign=campaign, grant=one.grant, holder_id=one.holder_id, last_used_at=one.last_used_at,
        last_use_source=one.last_use_source, alike_holding=one.alike_holding, alike=one.alike,
    )  # fmt: skip


def require_reach(session: Session, wanted: Wanted, actor: Actor, day: date) -> None:
    """Afterwards this person may open and close campaigns of that scope. Raises NotPermitted."""
    roles = roles_of(session, actor.person_id or 0, day)
    require(roles, Action.OPEN_REVIEW)
    if everywhere(roles, Action.OPEN_REVIEW):
        return
    system_id = wanted.system_id
    if wanted.entitlement_id is not None:
        system_id = session.scalar(select(Entitlement.system_id).where(Entitlement.id == wanted.entitlement_id))
    if system_id not in systems_reached(session, actor.person_id or 0, Action.OPEN_REVIEW, day):
        raise NotPermitted("棚卸しの開始・終了は、自分が管理する情報システムとその権限に限られます。")


def _require_permitted(session: Session, wanted: Wanted, actor: Actor, day: date) -> None:
    """A job opens what the profile or whoever runs the command asks for: opening decides nothing."""
    if actor.person_id is not None:
        require_reach(session, wanted, actor, day)


def _require_near(until: date, policy: Policy, day: date) -> None:
    """A slip of the keyboard does not keep a campaign, and with it every regular one, open for years."""
    last = day + timedelta(days=policy.reviews.most_answer_days)
    if until > last:
        said = f"回答の期限は、{format_wareki(last)}（{policy.reviews.most_answer_days}日後）までの日にしてください。"
        raise InvalidInput(said, fields={"answer_until": said})


def _require_sound(session: Session, wanted: Wanted, until: date, day: date) -> None:
    fields: dict[str, str] = {}
    if wanted.scope is ReviewScope.SYSTEM and _missing(session, InformationSystem, wanted.system_id):
        fields["system"] = "情報システムを選んでください。"
    if wanted.scope is ReviewScope.ENTITLEMENT and _missing(session, Entitlement, wanted.entitlement_id):
        fields["right"] = "権限を選んでください。"
    if wanted.unit_code is not None and unit_on(session, wanted.unit_code, day) is None:
        fields["unit"] = "所属を選んでください。"
    if until <= day:
        fields["answer_until"] = "回答の期限は、明日以後の日にしてください。"
    if fields:
        raise InvalidInput("\n".join(fields.values()), fields=fields)
    same = select(ReviewCampaign.title).where(
        ReviewCampaign.closed_at.is_(None), ReviewCampaign.looks_at == _looks_at(wanted)
    )
    running = session.scalar(same)
    if running is not None:
        raise IllegalTransition(f"同じ範囲の棚卸し「{running}」がまだ終わっていません。終わってから始めてください。")


def _looks_at(wanted: Wanted) -> str:
    named = wanted.system_id or wanted.unit_code or wanted.entitlement_id or "*"
    return f"{wanted.scope.value}:{named}"


def _missing(session: Session, kind: type[InformationSystem | Entitlement], row_id: int | None) -> bool:
    return row_id is None or session.get(kind, row_id) is None


def _tell(session: Session, campaign: ReviewCampaign, lines: Sequence[ReviewLine], *, now: datetime) -> None:
    """Whoever is asked is told; and those who keep the offices, of what nobody can be asked about."""
    unasked = sum(line.reviewer_id is None for line in lines)
    if unasked:
        keepers = {one for role in (Role.SECURITY, Role.CHIEF) for one in holders(session, role, None, day_of(now))}
        notify(
            session, keepers, now=now, link=f"/reviews/{campaign.id}",
            subject=f"【棚卸し】回答を求められる人のいない権限が{unasked}件あります",
            body=f"「{campaign.title}」で、役職者の登録がないため誰にも回答を求められません。"
                 "役職者の登録を確かめてください。回答を求められるようになるまで、これらの権限は取り消されません。",
        )  # fmt: skip
    counted = Counter(line.reviewer_id for line in lines if line.reviewer_id is not None)
    for person_id, number in sorted(counted.items()):
        notify(
            session, [person_id], now=now, link=f"/reviews/{campaign.id}/answers", asks=True,
            subject=f"【棚卸しの回答のお願い】{campaign.title}（{number}件）",
            body=(
                f"次の棚卸しで、{number}件の権限が今も必要かどうかを回答してください。\n"
                f"・{campaign.title}\n・回答の期限 {format_wareki(campaign.answer_until)}"
            ),
        )  # fmt: skip
