"""What a standing approval leaves behind: an audit record of every act, and notices to those who answer for it (A1)."""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, end_to_last_day, iso
from idm.models.requests import Request
from idm.models.standing import StandingApproval
from idm.operations.notification.notices import notify
from idm.policy import Policy
from idm.queries.approval.standing_facts import approvers, digest_of
from idm.queries.organisation.officers import holders
from idm.vocabulary import ACTION_TITLES, Role
from idm.wareki import format_wareki


def tell(
    session: Session, people: Iterable[int], standing: StandingApproval, *, subject: str, body: str, now: datetime
) -> None:
    """Afterwards each of the people has a notice with a link to the standing approval."""
    title = f"{standing.system.name}の包括承認 第{standing.id}号"
    notify(
        session, people, now=now, link=f"/standing/{standing.id}", subject=f"【包括承認】{subject}：{title}",
        body=f"{title}：{body}",
    )  # fmt: skip


def concerned(session: Session, standing: StandingApproval, day: date) -> set[int]:
    """Both approvers, who proposed it, and everyone who is HR on the day."""
    return {*approvers(standing), standing.proposed_by_id, *holders(session, Role.HR, None, day)}


def tell_lapsing(session: Session, standing: StandingApproval, *, now: datetime) -> None:
    """Afterwards HR and both approvers know that an approver changed, and until when it holds."""
    last = end_to_last_day(standing.lapses_on) or day_of(now)
    tell(
        session, concerned(session, standing, day_of(now)), standing, now=now, subject="承認した人が職を離れました",
        body=f"承認した人が職を離れたため、{format_wareki(last)}までで効力がなくなります。続けるには、終わらせたうえで、"
             "人事担当者が改めて提案し、現在の決裁者の承認を受けてください。",
    )  # fmt: skip


def tell_ended(session: Session, standing: StandingApproval, *, now: datetime) -> None:
    """Afterwards HR and both approvers know that it has ended, and why."""
    tell(
        session, concerned(session, standing, day_of(now)), standing, now=now, subject="終わりました",
        body=f"終わりました。理由：{standing.end_reason}\n以後の人事異動の申請は、通常の決裁になります。",
    )  # fmt: skip


def tell_used(session: Session, standing: StandingApproval, request: Request, *, now: datetime) -> None:
    """Afterwards both approvers and HR know of this use, with a link to the application. Nobody's name is in it."""
    notify(
        session, concerned(session, standing, day_of(now)), now=now, link=f"/requests/{request.id}",
        subject=f"【包括承認の使用】第{standing.id}号 {standing.uses}回目 {request.number}",
        body=f"包括承認 第{standing.id}号により、次の申請が承認されました（{standing.uses}回目）。\n"
             f"{request.number} {request.system.name} {ACTION_TITLES[request.action]} {len(request.lines)}行\n"
             "内容を確かめてください。誤りがあるときは、包括承認のページで終わらせることができます。",
    )  # fmt: skip


def record(
    session: Session, action: str, standing: StandingApproval, *, actor: Actor, policy: Policy, now: datetime,
    **details: object,
) -> None:  # fmt: skip
    """Afterwards the audit says what happened to the standing approval."""
    audit.record(
        session, action=action, actor=actor, obj=("standing", str(standing.id)), now=now, policy_digest=policy.digest,
        payload={
            "system": standing.system.code, "rule": standing.rule, "rules_digest": standing.rules_digest,
            "content": digest_of(standing), "rights": sorted(r.entitlement.code for r in standing.rights),
            "proposed_by": standing.proposed_by_id, "chief": standing.chief_id, "manager": standing.manager_id,
            "lapses_on": iso(standing.lapses_on), **details,
        },
    )  # fmt: skip


def record_use(
    session: Session, standing: StandingApproval, request: Request, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards the audit of the application says by which standing approval, and which use of it, it was approved."""
    audit.record(
        session, action="standing.used", actor=actor, obj=("request", str(request.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "standing": standing.id, "use": standing.uses, "rule": standing.rule, "applicant": request.applicant_id,
            "approvers": [
                {"person": standing.chief_id, "at": iso(standing.chief_at)},
                {"person": standing.manager_id, "at": iso(standing.manager_at)},
            ],
            "number": request.number, "action": request.action.value, "system": request.system.code,
            "content_hash": request.content_hash, "state": request.state.value,
            "lines": [
                {"line": line.id, "subject": line.subject_id, "right": line.entitlement.code,
                 "effect": line.effect.value}
                for line in request.lines
            ],
        },
    )  # fmt: skip
