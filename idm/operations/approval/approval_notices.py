"""Who is told what about an application. A notice carries one link to look at; opening it decides nothing."""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.calendar_days import day_of, start_of
from idm.models.requests import ApprovalStep, Request, RequestLine
from idm.operations.notification.notices import notify
from idm.policy import Policy
from idm.queries.approval.seats import open_steps, seatings
from idm.request_state import TITLES, StepState
from idm.vocabulary import ACTION_TITLES


def submitted(session: Session, request: Request, *, policy: Policy, now: datetime) -> None:
    """Afterwards everyone who may decide a step of the application at this moment has one notice."""
    waiting = open_steps(session, RequestLine.request_id == request.id, ApprovalStep.state == StepState.PENDING)
    found = seatings(session, waiting, day=day_of(now))
    deciders = {seat.person_id for seating in found.values() for seat in seating.seated}
    notify(
        session, deciders, now=now, link=f"/requests/{request.id}", asks=_is_published(request, now),
        subject=f"【承認依頼】{_label(request)}",
        body=f"{_label(request)} の決裁をお願いします。\n内容を次のページで確かめて決裁してください。"
             f"（{policy.applications.lapse_days} 日で失効します）",
    )  # fmt: skip


def settled(session: Session, request: Request, *, now: datetime) -> None:
    """Afterwards the applicant knows the result, and the subject where the application is about one person."""
    _tell_concerned(session, request, f"{_label(request)} は「{TITLES[request.state]}」になりました。", now)


def lapsed(session: Session, request: Request, *, now: datetime) -> None:
    """Afterwards the same people know that nobody decided in time."""
    _tell_concerned(
        session,
        request,
        f"{_label(request)} は期限までに決裁されなかったため失効しました。必要なら申請し直してください。",
        now,
    )


def _tell_concerned(session: Session, request: Request, body: str, now: datetime) -> None:
    """The applicant at once; of an unpublished application (内示), a subject who did not apply when it is published."""
    subjects = {line.subject_id for line in request.lines}
    applicant = {request.applicant_id} if request.applicant_id is not None else set()
    link, subject = f"/requests/{request.id}", f"【申請結果】{_label(request)}"
    notify(session, applicant, now=now, link=link, body=body, subject=subject)
    if len(subjects) == 1:
        published = max(now, start_of(request.published_on)) if request.published_on is not None else now
        for message in notify(session, subjects - applicant, now=now, link=link, body=body, subject=subject):
            message.due_at = published


def _is_published(request: Request, now: datetime) -> bool:
    return request.published_on is None or request.published_on <= day_of(now)


def _label(request: Request) -> str:
    names = sorted({line.subject.name for line in request.lines})
    whose = names[0] if len(names) == 1 else f"{names[0]} ほか{len(names) - 1}名"
    return f"{request.number} {whose} {request.system.name} {ACTION_TITLES[request.action]}"
