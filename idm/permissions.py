"""Role × action × scope, deny by default: who may do what in the product, and how far, on one page.

Deciding on an application is not here: it follows from the seat at the moment of decision (`idm.routing`) and from
`idm.separation_of_duties`; nor is answering an access review (`idm.reviews.review_rules`). What is everybody's own
(one's applications, one's record) needs no role. Which units and systems are somebody's own on a day is answered by
`idm.queries.organisation.reach`, from this very table.
"""

from collections.abc import Mapping
from enum import StrEnum

from idm.errors import NotPermitted
from idm.vocabulary import Role


class Action(StrEnum):
    """What a signed-in person can ask the product to do, beyond looking at what is their own."""

    APPLY_FOR_OWN_UNIT = "apply_for_own_unit"
    APPLY_FOR_ANYONE = "apply_for_anyone"
    SUBMIT_DRAFT = "submit_draft"
    SEE_PEOPLE = "see_people"
    SEE_SYSTEMS = "see_systems"
    SEE_FINDINGS = "see_findings"
    SEE_ALL_REQUESTS = "see_all_requests"
    SEE_FEED = "see_feed"
    SEE_CALENDAR = "see_calendar"
    SEE_OUTSIDE = "see_outside"
    SEE_UNPUBLISHED = "see_unpublished"
    UPLOAD_FEED = "upload_feed"
    ANSWER_FEED = "answer_feed"
    PROPOSE_BATCH = "propose_batch"
    PERMIT_BATCH = "permit_batch"
    REGISTER_OUTSIDE = "register_outside"
    RECORD_CONSENT = "record_consent"
    REPORT_NOT_NEEDED = "report_not_needed"
    SETTLE_LEAVING = "settle_leaving"
    PROPOSE_STANDING = "propose_standing"
    SEE_AUDIT = "see_audit"
    SETTLE_FOUND = "settle_found"
    REPAIR_FINDING = "repair_finding"
    JUSTIFY_FINDING = "justify_finding"
    DO_WORK = "do_work"
    CONFIRM_WORK = "confirm_work"
    UPLOAD_LISTING = "upload_listing"
    UNLOCK_ACCOUNT = "unlock_account"
    HAND_OVER = "hand_over"
    SEE_AUTHENTICATORS = "see_authenticators"
    REPORT_LOSS = "report_loss"
    KEEP_AUTHENTICATORS = "keep_authenticators"
    WITNESS_DESTRUCTION = "witness_destruction"
    CLOSE_LOSS = "close_loss"
    UPLOAD_ENROLMENTS = "upload_enrolments"
    END_SESSIONS = "end_sessions"
    END_EVERYBODYS_SESSIONS = "end_everybodys_sessions"
    INVITE = "invite"
    INVITE_OFFICER = "invite_officer"
    CONFIRM_OFFICER = "confirm_officer"
    NAME_DEPUTY = "name_deputy"
    ACCEPT_DEPUTY = "accept_deputy"
    PROPOSE_CONFIGURATION = "propose_configuration"
    ACCEPT_CONFIGURATION = "accept_configuration"
    PERMIT_EXCEPTION = "permit_exception"
    SEE_PRIVILEGED = "see_privileged"
    PROPOSE_REGISTERED_ID = "propose_registered_id"
    ACCEPT_REGISTERED_ID = "accept_registered_id"
    USE_REGISTERED_ID = "use_registered_id"
    PERMIT_USE = "permit_use"
    STOP_USE = "stop_use"
    CHECK_WORK_REPORT = "check_work_report"
    RECEIVE_EMERGENCY_REPORT = "receive_emergency_report"
    ROTATE_KEPT = "rotate_kept"
    NAME_PRIVILEGE_DEPUTY = "name_privilege_deputy"
    ACCEPT_PRIVILEGE_DEPUTY = "accept_privilege_deputy"
    REPORT_LEAK = "report_leak"
    SIGN_OFF_SWEEP = "sign_off_sweep"
    CARE_FOR_FINDING = "care_for_finding"
    ACCEPT_RISK = "accept_risk"
    OPEN_REVIEW = "open_review"
    SEE_REVIEWS = "see_reviews"
    ASK_EXCEPTION = "ask_exception"
    SEE_EXCEPTIONS = "see_exceptions"
    END_EXCEPTION = "end_exception"
    CHECK_EXCEPTIONS = "check_exceptions"
    ORDER_STOP = "order_stop"
    SEE_STOPS = "see_stops"
    LIFT_STOP = "lift_stop"
    REPORT_VIOLATION = "report_violation"
    STOP_FOR_VIOLATION = "stop_for_violation"
    SEE_NOTICES = "see_notices"
    SIGN_LOG_CHECK = "sign_log_check"
    HOLD_RECORDS = "hold_records"
    SEE_EXTERNAL_SERVICES = "see_external_services"
    ASK_EXTERNAL_SERVICE = "ask_external_service"
    PERMIT_EXTERNAL_SERVICE = "permit_external_service"
    KEEP_EXTERNAL_SERVICES = "keep_external_services"
    SEE_OFFICIAL_ACCOUNTS = "see_official_accounts"
    ASK_OFFICIAL_ACCOUNT = "ask_official_account"
    PERMIT_OFFICIAL_ACCOUNT = "permit_official_account"
    KEEP_OFFICIAL_ACCOUNTS = "keep_official_accounts"
    SEE_OWN_DEVICES = "see_own_devices"
    PERMIT_OWN_DEVICE = "permit_own_device"
    KEEP_OWN_DEVICES = "keep_own_devices"


class Scope(StrEnum):
    """How far a role carries an action."""

    EVERYTHING = "everything"
    OWN_UNIT = "own_unit"
    """The people of the units that the role is held for, and of those below."""
    OWN_SYSTEM = "own_system"
    """The systems that the units manage for which the role is held."""
    OWN_OFFICE = "own_office"
    """The offices that the person holds."""
    OWN_CASES = "own_cases"
    """What this person began: nobody else goes on with it, whatever their role."""


_HEADS = frozenset({Role.CISO, Role.VICE_CISO, Role.CHIEF, Role.SECURITY})
_MANAGERS = frozenset({Role.SECTION, Role.SYSTEM})
_DESKS = frozenset({Role.HR, Role.HANDOVER})


def _all(*roles: Role) -> dict[Role, Scope]:
    return dict.fromkeys(roles, Scope.EVERYTHING)


_OWN_UNIT = {Role.SECTION: Scope.OWN_UNIT}
_OWN_SYSTEM = {Role.SYSTEM: Scope.OWN_SYSTEM}

SCOPES: Mapping[Action, Mapping[Role, Scope]] = {
    Action.APPLY_FOR_OWN_UNIT: _OWN_UNIT,
    Action.APPLY_FOR_ANYONE: _all(Role.HR),
    Action.SUBMIT_DRAFT: _all(Role.HR),
    Action.SEE_PEOPLE: _all(*_HEADS, *_MANAGERS, *_DESKS, Role.AUDITOR),
    Action.SEE_SYSTEMS: _all(*_HEADS, *_MANAGERS, *_DESKS, Role.AUDITOR),
    Action.SEE_FINDINGS: _all(*_HEADS, Role.SYSTEM, Role.AUDITOR),
    Action.SEE_ALL_REQUESTS: _all(*_HEADS, Role.HR, Role.AUDITOR),
    Action.SEE_FEED: _all(*_HEADS, Role.HR, Role.AUDITOR),
    Action.SEE_CALENDAR: {**_OWN_UNIT, **_all(*_HEADS, Role.HR, Role.AUDITOR)},
    Action.SEE_OUTSIDE: {**_OWN_UNIT, **_all(*_HEADS, Role.HR, Role.AUDITOR)},
    Action.SEE_UNPUBLISHED: _all(Role.CISO, Role.HR),
    Action.UPLOAD_FEED: _all(Role.HR),
    Action.ANSWER_FEED: _all(Role.HR),
    Action.PROPOSE_BATCH: _all(Role.HR),
    Action.PERMIT_BATCH: _all(Role.CHIEF),
    Action.REGISTER_OUTSIDE: {**_OWN_UNIT, **_all(Role.HR)},
    Action.RECORD_CONSENT: {**_OWN_UNIT, **_all(Role.HR)},
    Action.REPORT_NOT_NEEDED: {**_OWN_UNIT, **_all(Role.HR)},
    Action.SETTLE_LEAVING: {**_OWN_UNIT, **_all(*_DESKS)},
    Action.PROPOSE_STANDING: _all(Role.HR),
    Action.SEE_AUDIT: _all(*_HEADS, Role.AUDITOR),
    Action.SETTLE_FOUND: {**_OWN_SYSTEM, **_all(Role.SECURITY)},
    Action.REPAIR_FINDING: {**_OWN_SYSTEM, **_all(Role.SECURITY)},
    Action.JUSTIFY_FINDING: _all(Role.SECURITY, Role.CHIEF),
    Action.DO_WORK: {**_OWN_SYSTEM, **_all(Role.HANDOVER)},
    Action.CONFIRM_WORK: {**_OWN_SYSTEM, **_all(Role.SECURITY, Role.CHIEF)},
    Action.UPLOAD_LISTING: {**_OWN_SYSTEM, **_all(Role.HANDOVER)},
    Action.UNLOCK_ACCOUNT: _all(Role.HANDOVER),
    Action.HAND_OVER: {Role.HANDOVER: Scope.OWN_CASES},
    Action.SEE_AUTHENTICATORS: {**_OWN_UNIT, **_all(*_HEADS, Role.SYSTEM, Role.HANDOVER, Role.AUDITOR)},
    Action.REPORT_LOSS: {**_OWN_UNIT, **_all(Role.HANDOVER, Role.SECURITY)},
    Action.KEEP_AUTHENTICATORS: _all(Role.HANDOVER),
    Action.WITNESS_DESTRUCTION: _all(Role.HANDOVER, Role.SYSTEM, Role.SECURITY),
    Action.CLOSE_LOSS: _all(Role.SECURITY, Role.CHIEF),
    Action.UPLOAD_ENROLMENTS: {**_OWN_SYSTEM, **_all(Role.HANDOVER)},
    Action.END_SESSIONS: _all(Role.SECURITY, Role.HANDOVER),
    Action.END_EVERYBODYS_SESSIONS: _all(Role.SECURITY),
    Action.INVITE: _all(Role.HANDOVER),
    Action.INVITE_OFFICER: _all(*_HEADS, Role.HANDOVER),
    Action.CONFIRM_OFFICER: _all(*_HEADS),
    Action.NAME_DEPUTY: dict.fromkeys((Role.CHIEF, Role.SYSTEM), Scope.OWN_OFFICE),
    Action.ACCEPT_DEPUTY: _all(Role.CISO),
    Action.PROPOSE_CONFIGURATION: _all(Role.SECURITY),
    Action.ACCEPT_CONFIGURATION: _all(Role.CISO),
    Action.PERMIT_EXCEPTION: _all(Role.CISO),
    Action.SEE_PRIVILEGED: _all(*_HEADS, Role.SYSTEM, Role.AUDITOR),
    Action.PROPOSE_REGISTERED_ID: {**_OWN_SYSTEM, **_all(Role.SECURITY)},
    Action.ACCEPT_REGISTERED_ID: _all(Role.CHIEF, Role.SECURITY),
    Action.USE_REGISTERED_ID: {**_OWN_SYSTEM, **_all(Role.CHIEF)},
    Action.PERMIT_USE: {**_OWN_SYSTEM, **_all(*_HEADS)},
    Action.STOP_USE: {**_OWN_SYSTEM, **_all(*_HEADS)},
    Action.CHECK_WORK_REPORT: {**_OWN_SYSTEM, **_all(Role.CHIEF, Role.SECURITY)},
    Action.RECEIVE_EMERGENCY_REPORT: _all(Role.CISO, Role.VICE_CISO),
    Action.ROTATE_KEPT: {**_OWN_SYSTEM, **_all(Role.CHIEF, Role.SECURITY)},
    Action.NAME_PRIVILEGE_DEPUTY: {
        Role.CHIEF: Scope.EVERYTHING,
        Role.SECURITY: Scope.EVERYTHING,
        Role.SYSTEM: Scope.OWN_SYSTEM,
    },
    Action.ACCEPT_PRIVILEGE_DEPUTY: _all(Role.CISO),
    Action.REPORT_LEAK: {**_OWN_UNIT, **_all(Role.HANDOVER, Role.SECURITY)},
    Action.SIGN_OFF_SWEEP: {**_OWN_SYSTEM, **_all(*_HEADS)},
    Action.CARE_FOR_FINDING: {**_OWN_SYSTEM, **_all(Role.SECURITY, Role.CHIEF)},
    Action.ACCEPT_RISK: _all(Role.CISO),
    Action.OPEN_REVIEW: {**_OWN_SYSTEM, **_all(Role.SECURITY, Role.CHIEF)},
    Action.SEE_REVIEWS: {**_OWN_SYSTEM, **_all(*_HEADS, Role.AUDITOR)},
    Action.ASK_EXCEPTION: {**_OWN_UNIT, **_OWN_SYSTEM},
    Action.SEE_EXCEPTIONS: _all(*_HEADS, *_MANAGERS, Role.AUDITOR),
    Action.END_EXCEPTION: {**_OWN_UNIT, **_OWN_SYSTEM, **_all(Role.CISO)},
    Action.CHECK_EXCEPTIONS: _all(Role.SECURITY, Role.CHIEF),
    Action.ORDER_STOP: {**_OWN_SYSTEM, **_all(*_HEADS)},
    Action.SEE_STOPS: {**_OWN_SYSTEM, **_all(*_HEADS, Role.AUDITOR)},
    Action.LIFT_STOP: _all(*_HEADS),
    Action.REPORT_VIOLATION: {**_OWN_UNIT, **_all(Role.SECURITY, Role.CHIEF)},
    Action.STOP_FOR_VIOLATION: _all(Role.SECURITY, Role.CHIEF),
    Action.SEE_NOTICES: _all(*_HEADS, Role.AUDITOR),
    Action.SIGN_LOG_CHECK: _all(*_HEADS),
    Action.HOLD_RECORDS: _all(Role.CISO, Role.CHIEF),
    Action.SEE_EXTERNAL_SERVICES: _all(*_HEADS, *_MANAGERS, Role.AUDITOR),
    Action.ASK_EXTERNAL_SERVICE: _all(Role.SECURITY, Role.SECTION),
    Action.PERMIT_EXTERNAL_SERVICE: _all(Role.CISO, Role.CHIEF, Role.SECURITY),
    Action.KEEP_EXTERNAL_SERVICES: _all(Role.SECURITY, Role.CHIEF),
    Action.SEE_OFFICIAL_ACCOUNTS: _all(*_HEADS, *_MANAGERS, Role.AUDITOR),
    Action.ASK_OFFICIAL_ACCOUNT: {**_OWN_UNIT, **_all(Role.SECURITY)},
    Action.PERMIT_OFFICIAL_ACCOUNT: _all(*_HEADS),
    Action.KEEP_OFFICIAL_ACCOUNTS: {**_OWN_UNIT, **_all(Role.SECURITY, Role.CHIEF)},
    Action.SEE_OWN_DEVICES: {**_OWN_UNIT, **_all(*_HEADS, Role.AUDITOR)},
    Action.PERMIT_OWN_DEVICE: {**_OWN_UNIT, **_all(*_HEADS)},
    Action.KEEP_OWN_DEVICES: {**_OWN_UNIT, **_all(Role.SECURITY, Role.CHIEF)},
}
"""The table that decides, and that auditors print."""

PERMISSIONS: Mapping[Action, frozenset[Role]] = {action: frozenset(roles) for action, roles in SCOPES.items()}
"""Action → the roles that allow it, as far as their scope goes."""

SCOPE_TITLES = {
    Scope.EVERYTHING: "すべて",
    Scope.OWN_UNIT: "所管する課（下の係を含む）",
    Scope.OWN_SYSTEM: "所管する情報システム",
    Scope.OWN_OFFICE: "自分の職",
    Scope.OWN_CASES: "自分が始めたもの",
}

TITLES = {
    Action.APPLY_FOR_OWN_UNIT: "所管する課の職員のための申請（プロファイルが認めるとき）",
    Action.APPLY_FOR_ANYONE: "職員のための申請（プロファイルが認めるとき）",
    Action.SUBMIT_DRAFT: "人事異動による申請の提出",
    Action.SEE_PEOPLE: "職員の閲覧",
    Action.SEE_SYSTEMS: "情報システムの閲覧",
    Action.SEE_FINDINGS: "点検結果の閲覧",
    Action.SEE_ALL_REQUESTS: "すべての申請の閲覧",
    Action.SEE_FEED: "人事データの取込状況の閲覧",
    Action.SEE_CALENDAR: "予定表の閲覧",
    Action.SEE_OUTSIDE: "外部者登録簿の閲覧",
    Action.SEE_UNPUBLISHED: "公表前の発令の閲覧",
    Action.UPLOAD_FEED: "人事データの取込み",
    Action.ANSWER_FEED: "人事データの照合と外字の登録",
    Action.PROPOSE_BATCH: "一括処理の計画",
    Action.PERMIT_BATCH: "一括処理の許可",
    Action.REGISTER_OUTSIDE: "外部者・契約の登録、外部者の更新・終了",
    Action.RECORD_CONSENT: "同意書の記録",
    Action.REPORT_NOT_NEEDED: "インターネット・電子メールが不要であることの報告",
    Action.SETTLE_LEAVING: "返却物の確認",
    Action.PROPOSE_STANDING: "包括承認の提案",
    Action.SEE_AUDIT: "監査記録の閲覧",
    Action.SETTLE_FOUND: "引継ぎ前のIDの照合",
    Action.REPAIR_FINDING: "点検結果の是正",
    Action.JUSTIFY_FINDING: "点検結果の正当化",
    Action.DO_WORK: "手作業の実施",
    Action.CONFIRM_WORK: "手作業の確認",
    Action.UPLOAD_LISTING: "利用者ID一覧の取込み",
    Action.UNLOCK_ACCOUNT: "ロックの解除",
    Action.HAND_OVER: "仮パスワードの交付",
    Action.SEE_AUTHENTICATORS: "認証要素の登録簿の閲覧",
    Action.REPORT_LOSS: "ほかの人の認証要素の紛失の届出",
    Action.KEEP_AUTHENTICATORS: "認証要素の交付・使用開始・回収",
    Action.WITNESS_DESTRUCTION: "認証要素の廃棄の立会い",
    Action.CLOSE_LOSS: "紛失の事後処理の完了",
    Action.UPLOAD_ENROLMENTS: "二要素認証製品の登録者一覧の取込み",
    Action.END_SESSIONS: "ほかの人のサインインの終了",
    Action.END_EVERYBODYS_SESSIONS: "全員のサインインの終了",
    Action.INVITE: "サインイン登録の案内",
    Action.INVITE_OFFICER: "決定をする職の人へのサインイン登録の案内（二人で発行）",
    Action.CONFIRM_OFFICER: "責任者の就任の確認",
    Action.NAME_DEPUTY: "代決者の指名",
    Action.ACCEPT_DEPUTY: "代決者の承認",
    Action.PROPOSE_CONFIGURATION: "設定変更の提案",
    Action.ACCEPT_CONFIGURATION: "設定変更の承認",
    Action.PERMIT_EXCEPTION: "例外措置の許可",
    Action.SEE_PRIVILEGED: "特権ID登録簿の閲覧",
    Action.PROPOSE_REGISTERED_ID: "特権・共用・サービスIDの登録の申出",
    Action.ACCEPT_REGISTERED_ID: "特権・共用・サービスIDの登録の承認",
    Action.USE_REGISTERED_ID: "登録された特権・共用・サービスIDの利用の申出",
    Action.PERMIT_USE: "特権IDの利用の許可（プロファイルが定める職）",
    Action.STOP_USE: "特権IDの利用の停止",
    Action.CHECK_WORK_REPORT: "特権IDの作業報告の確認",
    Action.RECEIVE_EMERGENCY_REPORT: "緊急利用の報告の受領",
    Action.ROTATE_KEPT: "預かっているパスワードの変更",
    Action.NAME_PRIVILEGE_DEPUTY: "特権の代行者の指名（プロファイルが定める職）",
    Action.ACCEPT_PRIVILEGE_DEPUTY: "特権の代行者の承認",
    Action.REPORT_LEAK: "職員のパスワード漏えいのおそれの届出",
    Action.SIGN_OFF_SWEEP: "点検結果の確認（プロファイルが定める職）",
    Action.CARE_FOR_FINDING: "点検結果の担当者・期限の変更と経過の記録",
    Action.ACCEPT_RISK: "点検結果のリスクの受容",
    Action.OPEN_REVIEW: "権限の棚卸しの開始・終了",
    Action.SEE_REVIEWS: "権限の棚卸しの閲覧",
    Action.ASK_EXCEPTION: "例外措置の申請（プロファイルが定める職）",
    Action.SEE_EXCEPTIONS: "例外措置台帳の閲覧",
    Action.END_EXCEPTION: "例外措置の終了",
    Action.CHECK_EXCEPTIONS: "例外措置の定期確認",
    Action.ORDER_STOP: "利用の緊急停止",
    Action.SEE_STOPS: "停止命令の閲覧",
    Action.LIFT_STOP: "停止命令の解除（二人で行う）",
    Action.REPORT_VIOLATION: "違反の報告と指導の記録",
    Action.STOP_FOR_VIOLATION: "違反による停止の決定（プロファイルが定める職）",
    Action.SEE_NOTICES: "通知の送信状況の閲覧",
    Action.SIGN_LOG_CHECK: "記録の点検の確認（プロファイルが定める職。その全員についてのことはCISO・副CISO）",
    Action.HOLD_RECORDS: "記録の保存（消去の停止）の指示",
    Action.SEE_EXTERNAL_SERVICES: "外部サービス台帳の閲覧",
    Action.ASK_EXTERNAL_SERVICE: "外部サービスの利用申請（プロファイルが定める職）",
    Action.PERMIT_EXTERNAL_SERVICE: "外部サービスの利用の可否の決定（プロファイルが定める職）",
    Action.KEEP_EXTERNAL_SERVICES: "外部サービスの定期確認と終了の手続",
    Action.SEE_OFFICIAL_ACCOUNTS: "公式アカウントの台帳の閲覧",
    Action.ASK_OFFICIAL_ACCOUNT: "公式アカウントの申請（プロファイルが定める職）",
    Action.PERMIT_OFFICIAL_ACCOUNT: "公式アカウントの承認と責任者の変更（プロファイルが定める職）",
    Action.KEEP_OFFICIAL_ACCOUNTS: "公式アカウントの定期確認、乗っ取り・終了の手続",
    Action.SEE_OWN_DEVICES: "支給以外の端末の台帳の閲覧",
    Action.PERMIT_OWN_DEVICE: "支給以外の端末の利用の許可（プロファイルが定める職）",
    Action.KEEP_OWN_DEVICES: "支給以外の端末の定期確認、終了・紛失の手続",
}


def may(roles: frozenset[Role], action: Action) -> bool:
    """Whether any of the roles allows the action."""
    return bool(roles & PERMISSIONS[action])


def require(roles: frozenset[Role], action: Action) -> None:
    """Afterwards the roles allow the action. Raises NotPermitted."""
    if not may(roles, action):
        raise NotPermitted(f"「{TITLES[action]}」を行う権限がありません。")


def scope_of(roles: frozenset[Role], action: Action) -> frozenset[Scope]:
    """How far these roles carry the action; empty when they do not allow it."""
    return frozenset(scope for role, scope in SCOPES[action].items() if role in roles)


def everywhere(roles: frozenset[Role], action: Action) -> bool:
    """Whether one of the roles allows the action for everything."""
    return Scope.EVERYTHING in scope_of(roles, action)
