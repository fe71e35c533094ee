"""Words for people, systems, findings, hand-overs, officers and the configuration: title and look of every closed list.

One table; a template writes `{{ value|word }}` and `{{ chip(value|word, value|look) }}`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from flask import Blueprint
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idm.calendar_days import day_of
from idm.directory.correlation import DOUBT_TITLES, RULE_TITLES, Doubt, Rule
from idm.employment_kind import EMPLOYMENT_KIND_TITLES, EmploymentKind
from idm.factors.authenticator_state import STATE_TITLES as AUTHENTICATOR_STATE_TITLES
from idm.factors.authenticator_state import AuthenticatorState
from idm.factors.enrolment_comparison import STANDING_TITLES as ENROLMENT_TITLES
from idm.factors.enrolment_comparison import Standing as Enrolment
from idm.factors.factor_gate import VERDICT_TITLES as GATE_TITLES
from idm.factors.factor_gate import Verdict as GateVerdict
from idm.grant_state import SuspensionReason
from idm.lists.listing_comparison import Verdict
from idm.models.audit import AuditOutcome
from idm.models.work import TaskState
from idm.models.work_orders import STATE_TITLES, WorkOrderState
from idm.ports import LastUseSource
from idm.queries.governance.configuration_history import Change, VersionState
from idm.queries.organisation.people import Presence
from idm.queries.organisation.tenures import Standing
from idm.queries.passwords.handovers import Stage
from idm.queries.rights.account_status import Agreement
from idm.vocabulary import (
    ACCOUNT_KIND_TITLES,
    AUTHENTICATOR_TITLES,
    ENTITLEMENT_KIND_TITLES,
    EXCEPTION_STATE_TITLES,
    EXTERNAL_SERVICE_STATE_TITLES,
    FINDING_STATE_TITLES,
    FINDING_TITLES,
    FOUND_TITLES,
    OFFICIAL_ACCOUNT_STATE_TITLES,
    OWN_DEVICE_END_TITLES,
    OWN_DEVICE_STATE_TITLES,
    PROVIDER_ACCOUNT_END_TITLES,
    STAGE_TITLES,
    VERIFIED_BY_TITLES,
    AccountKind,
    AuthenticatorKind,
    ConfigurationKind,
    CredentialEventKind,
    EntitlementKind,
    ExceptionState,
    ExternalServiceState,
    FindingEventKind,
    FindingKind,
    FindingState,
    FoundState,
    OfficialAccountState,
    OwnDeviceEnd,
    OwnDeviceState,
    ProviderAccountEnd,
    VerifiedBy,
)
from idm.vocabulary import Stage as SystemStage
from web.privileged.privileged_words import PRIVILEGED_WORDS

Word = tuple[LazyString | str, str]
"""The title, and the kind of chip it looks like."""


def _plain(titles: Mapping[Any, str]) -> dict[str, Word]:
    return {kind: (title, "neutral") for kind, title in titles.items()}


WORDS: dict[type[StrEnum], Mapping[str, Word]] = {
    **PRIVILEGED_WORDS,
    EmploymentKind: _plain(EMPLOYMENT_KIND_TITLES),
    AccountKind: _plain(ACCOUNT_KIND_TITLES),
    EntitlementKind: _plain(ENTITLEMENT_KIND_TITLES),
    SystemStage: {
        SystemStage.OBSERVE: (STAGE_TITLES[SystemStage.OBSERVE], "info"),
        SystemStage.ADOPT: (STAGE_TITLES[SystemStage.ADOPT], "warning"),
        SystemStage.ENFORCE: (STAGE_TITLES[SystemStage.ENFORCE], "success"),
    },
    FoundState: {
        FoundState.UNDECIDED: (FOUND_TITLES[FoundState.UNDECIDED], "warning"),
        FoundState.PERSON: (FOUND_TITLES[FoundState.PERSON], "success"),
        FoundState.NOT_PERSONAL: (FOUND_TITLES[FoundState.NOT_PERSONAL], "neutral"),
        FoundState.FINDING: (FOUND_TITLES[FoundState.FINDING], "error"),
    },
    Rule: _plain(RULE_TITLES),
    Doubt: {kind: (title, "warning") for kind, title in DOUBT_TITLES.items()},
    AuthenticatorState: {
        state: (AUTHENTICATOR_STATE_TITLES[state], look)
        for state, look in (
            (AuthenticatorState.ISSUED, "info"),
            (AuthenticatorState.ACTIVE, "success"),
            (AuthenticatorState.LOST, "error"),
            (AuthenticatorState.COLLECTED, "neutral"),
            (AuthenticatorState.DESTROYED, "neutral"),
            (AuthenticatorState.WITHDRAWN, "neutral"),
        )
    },
    AuthenticatorKind: _plain(AUTHENTICATOR_TITLES),
    VerifiedBy: _plain(VERIFIED_BY_TITLES),
    ExceptionState: {
        state: (EXCEPTION_STATE_TITLES[state], look)
        for state, look in (
            (ExceptionState.ASKED, "info"),
            (ExceptionState.PERMITTED, "success"),
            (ExceptionState.REFUSED, "error"),
            (ExceptionState.ENDED, "neutral"),
            (ExceptionState.EXPIRED, "warning"),
        )
    },
    OfficialAccountState: {
        state: (OFFICIAL_ACCOUNT_STATE_TITLES[state], look)
        for state, look in (
            (OfficialAccountState.ASKED, "info"),
            (OfficialAccountState.IN_USE, "success"),
            (OfficialAccountState.REFUSED, "error"),
            (OfficialAccountState.WITHDRAWN, "neutral"),
            (OfficialAccountState.TAKEN_OVER, "error"),
            (OfficialAccountState.ENDED, "warning"),
            (OfficialAccountState.CLOSED, "neutral"),
        )
    },
    OwnDeviceState: {
        state: (OWN_DEVICE_STATE_TITLES[state], look)
        for state, look in (
            (OwnDeviceState.ASKED, "info"),
            (OwnDeviceState.PERMITTED, "success"),
            (OwnDeviceState.REFUSED, "error"),
            (OwnDeviceState.WITHDRAWN, "neutral"),
            (OwnDeviceState.LAPSED, "neutral"),
            (OwnDeviceState.REPLACED, "neutral"),
            (OwnDeviceState.TO_CLEAR, "warning"),
            (OwnDeviceState.CLEARED, "warning"),
            (OwnDeviceState.LOST, "error"),
            (OwnDeviceState.CLOSED, "neutral"),
        )
    },
    ExternalServiceState: {
        state: (EXTERNAL_SERVICE_STATE_TITLES[state], look)
        for state, look in (
            (ExternalServiceState.ASKED, "info"),
            (ExternalServiceState.APPROVED, "success"),
            (ExternalServiceState.REFUSED, "error"),
            (ExternalServiceState.WITHDRAWN, "neutral"),
            (ExternalServiceState.REPLACED, "neutral"),
            (ExternalServiceState.ENDING, "warning"),
            (ExternalServiceState.CLOSED, "neutral"),
        )
    },
    OwnDeviceEnd: _plain(OWN_DEVICE_END_TITLES),
    ProviderAccountEnd: _plain(PROVIDER_ACCOUNT_END_TITLES),
    Enrolment: {
        standing: (ENROLMENT_TITLES[standing], look)
        for standing, look in (
            (Enrolment.AGREES, "success"),
            (Enrolment.CHANGES, "info"),
            (Enrolment.MISSING, "error"),
            (Enrolment.NO_RIGHT, "warning"),
            (Enrolment.UNKNOWN, "warning"),
        )
    },
    GateVerdict: {
        verdict: (title, {GateVerdict.OPEN: "success", GateVerdict.GROWN_OLD: "warning"}.get(verdict, "error"))
        for verdict, title in GATE_TITLES.items()
    },
    FindingKind: {
        kind: (title, "error" if kind in (FindingKind.OUT_OF_BAND, FindingKind.UNREGISTERED_PRIVILEGE) else "warning")
        for kind, title in FINDING_TITLES.items()
    },
    FindingState: {
        state: (FINDING_STATE_TITLES[state], look)
        for state, look in (
            (FindingState.OPEN, "warning"),
            (FindingState.JUSTIFIED, "info"),
            (FindingState.ACCEPTED, "info"),
            (FindingState.REPAIRED, "success"),
        )
    },
    FindingEventKind: {
        FindingEventKind.FOUND: (_("見つかった"), "warning"),
        FindingEventKind.CHANGED: (_("内容が変わった"), "warning"),
        FindingEventKind.ASSIGNED: (_("担当の変更"), "info"),
        FindingEventKind.DUE_MOVED: (_("期限の変更"), "info"),
        FindingEventKind.NOTED: (_("経過の記録"), "neutral"),
        FindingEventKind.REPAIR_ASKED: (_("是正の開始"), "info"),
        FindingEventKind.JUSTIFIED: (_("正当化"), "info"),
        FindingEventKind.ACCEPTED: (_("リスクの受容"), "info"),
        FindingEventKind.ANSWER_ENDED: (_("正当化・受容の終わり"), "warning"),
        FindingEventKind.ESCALATED: (_("期限超過の通知"), "error"),
        FindingEventKind.REPAIRED: (_("解消"), "success"),
    },
    Presence: {
        Presence.EMPLOYED: (_("在職"), "success"),
        Presence.COMING: (_("着任前"), "info"),
        Presence.LEFT: (_("離職"), "neutral"),
    },
    Agreement: {
        Agreement.AGREES: (_("一致"), "success"),
        Agreement.OBSERVED: (_("観察中（まだ反映しません）"), "info"),
        Agreement.WAITING: (_("反映待ち"), "info"),
        Agreement.RETRYING: (_("接続できず再試行中"), "warning"),
        Agreement.REFUSED: (_("拒否されました"), "error"),
        Agreement.DIFFERS: (_("食い違い"), "error"),
        Agreement.NOT_READ: (_("まだ読み取っていません"), "warning"),
        Agreement.HAND_WAITING: (_("承認済み・手作業待ち"), "warning"),
        Agreement.HAND_DONE: (_("作業済み・確認待ち"), "warning"),
        Agreement.COMPLETE: (_("完了"), "success"),
    },
    TaskState: {
        TaskState.WAITING: (_("待機中"), "info"),
        TaskState.CLAIMED: (_("処理中"), "info"),
        TaskState.DONE: (_("完了"), "success"),
        TaskState.REFUSED: (_("拒否されました"), "error"),
        TaskState.SUPERSEDED: (_("新しい決定に置き換え"), "neutral"),
    },
    SuspensionReason: {
        SuspensionReason.LEAVE: (_("休職"), "warning"),
        SuspensionReason.MISSING_FACTOR: (_("認証要素の不足"), "warning"),
        SuspensionReason.LOST_CARD: (_("認証要素の紛失"), "warning"),
        SuspensionReason.NOT_NEEDED: (_("不要の報告"), "warning"),
    },
    CredentialEventKind: {
        CredentialEventKind.ISSUED: (_("仮パスワードを設定"), "neutral"),
        CredentialEventKind.HANDED_OVER: (_("仮パスワードを交付"), "neutral"),
        CredentialEventKind.CHANGED: (_("本人が変更"), "neutral"),
        CredentialEventKind.REPLACED: (_("だれも知らないものに変更"), "warning"),
        CredentialEventKind.ROTATED: (_("預かりパスワードを変更"), "neutral"),
        CredentialEventKind.CHECKED_OUT: (_("預かりパスワードを表示"), "neutral"),
    },
    Standing: {
        Standing.CURRENT: (_("在任"), "success"),
        Standing.WAITING: (_("確認待ち"), "warning"),
        Standing.COMING: (_("就任前"), "info"),
        Standing.OVER: (_("終了"), "neutral"),
    },
    Stage: {
        Stage.PREPARING: (_("準備中"), "info"),
        Stage.READY: (_("表示できます"), "success"),
        Stage.SHOWN: (_("表示済み・受領待ち"), "warning"),
        Stage.RECEIVED: (_("受領済み"), "success"),
        Stage.CLOSED: (_("取りやめ"), "neutral"),
    },
    ConfigurationKind: {
        ConfigurationKind.PROFILE: (_("対策基準のプロファイル"), "neutral"),
        ConfigurationKind.ORGANISATION: (_("団体の設定"), "neutral"),
        ConfigurationKind.FEED: (_("人事データの定義"), "neutral"),
    },
    VersionState: {
        VersionState.PROPOSED: (_("承認待ち"), "warning"),
        VersionState.IN_FORCE: (_("適用中"), "success"),
        VersionState.REPLACED: (_("過去の版"), "neutral"),
        VersionState.REFUSED: (_("却下"), "neutral"),
    },
    Change: {
        Change.KEPT: (_("同じ"), "neutral"),
        Change.ADDED: (_("＋ 追加"), "success"),
        Change.REMOVED: (_("－ 削除"), "error"),
        Change.SKIPPED: (_("（省略）"), "neutral"),
    },
    AuditOutcome: {
        AuditOutcome.DONE: (_("実行"), "neutral"),
        AuditOutcome.REFUSED: (_("拒否"), "error"),
    },
    WorkOrderState: {
        WorkOrderState.ISSUED: (STATE_TITLES[WorkOrderState.ISSUED], "warning"),
        WorkOrderState.DONE: (STATE_TITLES[WorkOrderState.DONE], "info"),
        WorkOrderState.CONFIRMED: (STATE_TITLES[WorkOrderState.CONFIRMED], "success"),
        WorkOrderState.CANCELLED: (STATE_TITLES[WorkOrderState.CANCELLED], "neutral"),
    },
    Verdict: {
        Verdict.AGREES: (_("一致"), "success"),
        Verdict.DIFFERS: (_("食い違い"), "error"),
        Verdict.ORPHAN: (_("台帳にないID"), "error"),
        Verdict.MISSING: (_("一覧にないID"), "error"),
        Verdict.IN_HAND: (_("手作業の途中"), "info"),
    },
    LastUseSource: {
        LastUseSource.PWD_LAST_SUCCESS: (_("pwdLastSuccess（認証成功の日時）"), "neutral"),
        LastUseSource.AUTH_TIMESTAMP: (_("authTimestamp（認証の日時）"), "neutral"),
        LastUseSource.SIGN_IN_ACTIVITY: (_("signInActivity（最後に成功したサインイン）"), "neutral"),
        LastUseSource.LISTING: (_("利用者ID一覧の最終利用日"), "neutral"),
        LastUseSource.MEMORY: (_("試験用のディレクトリ"), "neutral"),
    },
}


def word(value: StrEnum) -> str:
    """What people read for a member of a closed list."""
    return str(WORDS[type(value)][value][0])


def look(value: StrEnum) -> str:
    """How its chip looks. The words say the same without the colour."""
    return WORDS[type(value)][value][1]


def source_title(source: str | None) -> str:
    """Where a last use was read, in words; the source's own name where we have none."""
    if source is None:
        return ""
    return word(LastUseSource(source)) if source in set(LastUseSource) else source


def tokyo_day(moment: datetime) -> date:
    """The day in Tokyo at that moment."""
    return day_of(moment)


def offer(blueprint: Blueprint) -> None:
    """Afterwards every template can use the filters above, each by its own name."""
    for function in (word, look, source_title, tokyo_day):
        blueprint.add_app_template_filter(function, function.__name__)
