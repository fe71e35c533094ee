"""The life of an external service in the register, and when it may end (FK 11-2, MC 8.2, MT 9(2)). Pure.

    asked ──approved──► approved ──its end is planned──► ending ──nothing is left there──► closed
      ├────refused────► refused   │  ▲                     │
      └───taken back──► withdrawn │  └──called off, before the day
                                  └──a changed application is approved──► replaced

Rights are given while it is approved, and no longer once its end is planned. It closes when its accounts read back as
none, and every account at the provider that no connector looks after was deleted or returned, with a check against its
being used again, by one person and confirmed by another (control I3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from idm.calendar_days import start_of
from idm.errors import IllegalTransition, InvalidInput
from idm.policy import ExternalServiceRules
from idm.vocabulary import EXTERNAL_SERVICE_STATE_TITLES, ExternalServiceState

State = ExternalServiceState


class ServiceEvent(StrEnum):
    """What can happen to an external service."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    REPLACE = "replace"
    PLAN_END = "plan_end"
    CALL_OFF_END = "call_off_end"
    CLOSE = "close"


TRANSITIONS: Mapping[tuple[ExternalServiceState, ServiceEvent], ExternalServiceState] = {
    (State.ASKED, ServiceEvent.APPROVE): State.APPROVED,
    (State.ASKED, ServiceEvent.REFUSE): State.REFUSED,
    (State.ASKED, ServiceEvent.WITHDRAW): State.WITHDRAWN,
    (State.APPROVED, ServiceEvent.REPLACE): State.REPLACED,
    (State.APPROVED, ServiceEvent.PLAN_END): State.ENDING,
    (State.ENDING, ServiceEvent.CALL_OFF_END): State.APPROVED,
    (State.ENDING, ServiceEvent.CLOSE): State.CLOSED,
}

IN_USE = frozenset({State.APPROVED, State.ENDING})
"""What people may be working with."""


def after(state: ExternalServiceState, event: ServiceEvent) -> ExternalServiceState:
    """The state that follows. Raises IllegalTransition when that may not happen to it now."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        title = EXTERNAL_SERVICE_STATE_TITLES[state]
        raise IllegalTransition(f"この外部サービスは「{title}」のため、この操作はできません。")
    return following


def require_answered(questions: Mapping[str, str], answers: Mapping[str, str]) -> None:
    """Afterwards every check of the provider that the profile asks for has an answer. Raises InvalidInput."""
    missing = [code for code in questions if not answers.get(code, "").strip()]
    if missing:
        said = "確かめた結果を書いてください。"
        raise InvalidInput("提供者についての確認が足りません。", fields={f"check_{code}": said for code in missing})


def require_end_day(end_on: date, today: date, rules: ExternalServiceRules) -> None:
    """Afterwards the users of the service have the profile's time to prepare for its end. Raises InvalidInput."""
    first = today + timedelta(days=rules.end_notice_days)
    if end_on < first:
        said = f"利用者に{rules.end_notice_days}日前までに知らせるため、{first.isoformat()}以後の日にしてください。"
        raise InvalidInput(said, fields={"end_on": said})


def review_due(since: date, rules: ExternalServiceRules) -> date:
    """The last day for the next regular check of one that was approved, or checked, on the day."""
    return since + timedelta(days=rules.check_every_days)


@dataclass(frozen=True)
class ServiceFacts:
    """What a night knows of a service that people work with."""

    state: ExternalServiceState
    check_due: date
    administrator_there: bool
    contract_until: date | None
    end_on: date | None


def faults(facts: ServiceFacts, day: date, rules: ExternalServiceRules) -> tuple[str, ...]:
    """What somebody has to put right about it, in sentences."""
    last = facts.contract_until
    found = (
        (facts.check_due < day, "定期確認の期限が過ぎています。"),
        (not facts.administrator_there, "外部サービス管理者が在籍していません。"),
        (last is not None and last <= day, "契約の期間が過ぎています。"),
        (facts.state is State.ENDING and facts.end_on is not None
         and facts.end_on + timedelta(days=rules.end_within_days) <= day, "利用終了の手続が終わっていません。"),
    )  # fmt: skip
    return tuple(said for wrong, said in found if wrong)


@dataclass(frozen=True)
class Remains:
    """What is left of a service whose end was planned, at one moment.

    `accounts`: IDs of ours that its target still shows. `strangers`: what else the nights found there. `read_at`: when
    the target was last examined without fault; None = never, or no target belongs to it (`has_target`).
    """

    end_on: date
    rights: int
    accounts: int
    strangers: int
    registered: int
    has_target: bool
    read_at: datetime | None
    unfinished: int
    """Accounts at the provider whose end nobody has carried out and another confirmed."""
    named: int
    """How many such accounts were named at all; an administrator's there always is."""


def left_to_do(remains: Remains, now: datetime) -> tuple[str, ...]:
    """Why the service cannot be closed yet, in sentences; empty = nothing of it is left."""
    over = start_of(remains.end_on)
    unread = remains.has_target and (remains.read_at is None or remains.read_at < over)
    found = (
        (now < over, "終了の日になっていません。"),
        (remains.rights > 0, f"終わっていない権限が{remains.rights}件あります。"),
        (remains.accounts > 0, f"残っている利用者IDが{remains.accounts}件あります。"),
        (remains.registered > 0, f"登録簿に残っている特権・共用・サービスIDが{remains.registered}件あります。"),
        (remains.strangers > 0, f"この情報システムの未対応の点検結果が{remains.strangers}件あります。"),
        (unread, "終了の日より後の点検（読取り）がまだありません。"),
        (remains.named == 0, "管理者アカウントなど、提供者の側に残るアカウントが一つも書かれていません。"),
        (remains.unfinished > 0, f"削除・返却が確認されていないアカウントが{remains.unfinished}件あります。"),
    )
    return tuple(said for wrong, said in found if wrong)
