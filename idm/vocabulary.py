"""The closed lists of the field: roles, zones and kinds that the written standards name.

Japanese titles of the roles are the profile's (FK, MT and KT each call them differently); titles of kinds stand here.
"""

from enum import StrEnum


class Role(StrEnum):
    """Who an officer is (FK 1-2; controls, "The people")."""

    CISO = "ciso"
    VICE_CISO = "vice_ciso"
    CHIEF = "chief"
    SECURITY = "security"
    SECTION = "section"
    SYSTEM = "system"
    HR = "hr"
    HANDOVER = "handover"
    AUDITOR = "auditor"


class Zone(StrEnum):
    """The three networks that do not talk to each other (FK 3)."""

    MYNUMBER = "mynumber"
    LGWAN = "lgwan"
    INTERNET = "internet"


class EntitlementKind(StrEnum):
    """What can be granted: the account itself, membership of a group of the target, or the use of a shared ID."""

    ACCOUNT = "account"
    GROUP = "group"
    SHARED_ID = "shared_id"
    """To be one of those who use one registered shared ID (A13); nothing in the directory follows from it."""


class Stage(StrEnum):
    """How far a system is on its way into the product's care (control A18).

    Observed: read only, nothing is ever written. Adopting: what already exists is taken over by one application; only
    what is ours is written. Enforced: the target shows what was approved, and what differs is a finding.
    """

    OBSERVE = "observe"
    ADOPT = "adopt"
    ENFORCE = "enforce"


class FoundState(StrEnum):
    """What an account that was there before us was taken for."""

    UNDECIDED = "undecided"
    PERSON = "person"
    NOT_PERSONAL = "not_personal"
    FINDING = "finding"


BY_HAND = "work_order"
"""The connector of a system without an interface: a person does what was approved, another confirms it (control G2)."""


class AccountKind(StrEnum):
    """Whose an account is."""

    PERSONAL = "personal"
    PRIVILEGED = "privileged"
    SHARED = "shared"
    SERVICE = "service"
    CONTRACTOR = "contractor"


class Factor(StrEnum):
    """A kind of factor: what one knows, has or is (知識・所持・存在, FK 3(1)②ア). Two means two different kinds."""

    KNOWLEDGE = "knowledge"
    POSSESSION = "possession"
    INHERENCE = "inherence"


class AuthenticatorKind(StrEnum):
    """What somebody proves with that they are who they say (認証要素, FK 5-4(1))."""

    IC_CARD = "ic_card"
    SMART_CARD = "smart_card"
    HARDWARE_TOKEN = "hardware_token"
    BIOMETRIC = "biometric"
    CLOUD_MFA = "cloud_mfa"
    TOTP = "totp"
    PASSKEY = "passkey"


FACTORS_OF: dict[AuthenticatorKind, frozenset[Factor]] = {
    AuthenticatorKind.IC_CARD: frozenset({Factor.POSSESSION}),
    # The directory asks for the card's PIN before the card answers.
    AuthenticatorKind.SMART_CARD: frozenset({Factor.POSSESSION, Factor.KNOWLEDGE}),
    AuthenticatorKind.HARDWARE_TOKEN: frozenset({Factor.POSSESSION}),
    AuthenticatorKind.BIOMETRIC: frozenset({Factor.INHERENCE}),
    AuthenticatorKind.CLOUD_MFA: frozenset({Factor.POSSESSION}),
    AuthenticatorKind.TOTP: frozenset({Factor.POSSESSION}),
    AuthenticatorKind.PASSKEY: frozenset({Factor.POSSESSION}),
}
OWN_SIGN_IN_KINDS = frozenset({AuthenticatorKind.TOTP, AuthenticatorKind.PASSKEY})
"""Kinds that people enrol themselves for the product's own sign-in; there they open nothing but the product (B1)."""
ISSUED_KINDS = frozenset(AuthenticatorKind) - OWN_SIGN_IN_KINDS
"""Kinds that the desk issues."""
THINGS = frozenset({AuthenticatorKind.IC_CARD, AuthenticatorKind.SMART_CARD, AuthenticatorKind.HARDWARE_TOKEN})
"""Kinds that are a thing with a number on it: handed out, given back, destroyed."""


class VerifiedBy(StrEnum):
    """What verifies the second factor inside a system's zone (control B2)."""

    SMART_CARD = "smart_card"
    GROUP = "group"
    PRODUCT = "product"


class LossOutcome(StrEnum):
    """How the follow-up of a loss ended."""

    REPLACED = "replaced"
    FOUND = "found"
    GIVEN_UP = "given_up"


class SignInWay(StrEnum):
    """By what somebody signs in to the product: one way for each person."""

    PASSWORD = "password"
    DIRECTORY = "directory"
    PROVIDER = "provider"


class RequestAction(StrEnum):
    """What an application asks for (利用者登録・変更・抹消, FK 6-2(1)①)."""

    REGISTER = "register"
    CHANGE = "change"
    REMOVE = "remove"


class LineEffect(StrEnum):
    """What one approved line does."""

    GRANT = "grant"
    REVOKE = "revoke"


class Service(StrEnum):
    """What can be reported as not needed for somebody's work (FK 5-1(2)③)."""

    INTERNET = "internet"
    MAIL = "mail"


class LongVowels(StrEnum):
    """How a long o or u is written: once (passport), doubled, or a long o with h (a passport allows it on request)."""

    DROP = "drop"
    OO = "oo"
    OH = "oh"


class SafetyAction(StrEnum):
    """What a run can do to people that a safety limit counts."""

    STOP = "stop"
    SUSPEND = "suspend"
    REVOKE = "revoke"


class HeldKind(StrEnum):
    """Why something in a personnel file waits for a human."""

    ROW = "row"
    MISSING = "missing"
    MATCH = "match"
    GAIJI = "gaiji"
    DOUBT = "doubt"


class FindingKind(StrEnum):
    """What the nightly sweep can find (controls C1, A9, D1-D9, E2, E5)."""

    DORMANT = "dormant"
    NEVER_USED = "never_used"
    LAST_USE_UNKNOWN = "last_use_unknown"
    ORPHAN = "orphan"
    LEFT = "left"
    CHECK_FAILED = "check_failed"
    UNADOPTED = "unadopted"
    MISSING = "missing"
    DRIFT = "drift"
    EXTRA_MEMBER = "extra_member"
    WORK_OVERDUE = "work_overdue"
    FACTOR_MISSING = "factor_missing"
    FACTOR_UNSHOWN = "factor_unshown"
    DEFAULT_NAME = "default_name"
    OUT_OF_BAND = "out_of_band"
    UNREGISTERED_PRIVILEGE = "unregistered_privilege"
    PASSWORD_RULES = "password_rules"
    TEMPORARY_OVERDUE = "temporary_overdue"
    PASSWORD_OVERDUE = "password_overdue"
    ROTATION_OVERDUE = "rotation_overdue"
    REPORT_OVERDUE = "report_overdue"
    OWNER_GONE = "owner_gone"
    CONTRACT_ENDED = "contract_ended"
    EXCEPTION_EXPIRED = "exception_expired"
    SHARED_USER_LEFT = "shared_user_left"
    NOT_CHECKED = "not_checked"
    """One check, though not the whole examination, is not possible there."""
    STOP_NOT_REACHED = "stop_not_reached"
    AFTER_HOURS = "after_hours"
    BURST = "burst"
    REFUSED_ATTEMPTS = "refused_attempts"
    QUICK_DECISIONS = "quick_decisions"
    SUDDEN_USE = "sudden_use"
    CLOCK_DRIFT = "clock_drift"
    EXPORT_LATE = "export_late"
    """The collector of the audit record does not take what waits for it."""
    CHANGE_DUE = "change_due"
    """An access review said that a right needs changing, and it is as it was."""
    SERVICE_UNCARED = "service_uncared"
    """An external service is not looked after: its check, administrator or contract, or its end, is overdue."""
    FACTOR_UNREGISTERED = "factor_unregistered"
    """The target itself says that no usable second factor is registered for whoever needs one there."""
    OWN_DEVICE_UNCARED = "own_device_uncared"
    """A device that was not issued is not looked after: its check or its clearing is overdue."""
    OWN_DEVICE_LOST = "own_device_lost"
    OFFICIAL_ACCOUNT_UNCARED = "official_account_uncared"
    """An official social-media account is taken over, or nobody looks after it as was approved."""
    OFFICIAL_ACCOUNT_TAKEN_OVER = "official_account_taken_over"
    """Nobody has confirmed that the take-over of an official account is over."""
    STOP_UNCONFIRMED = "stop_unconfirmed"
    """An operator stopped something at the command line, and no officer has confirmed it."""


LOG_FINDINGS = frozenset({
    FindingKind.AFTER_HOURS, FindingKind.BURST, FindingKind.REFUSED_ATTEMPTS, FindingKind.QUICK_DECISIONS,
    FindingKind.SUDDEN_USE, FindingKind.CLOCK_DRIFT,
})  # fmt: skip
"""What comes of checking our own record (controls G4, G5): of no system where it is about the product itself."""


class FindingState(StrEnum):
    """Where a finding stands in its life (`idm.oversight.finding_state`)."""

    OPEN = "open"
    JUSTIFIED = "justified"
    """An exception (例外措置) covers it, or somebody other than the holder answers for it, until a day."""
    ACCEPTED = "accepted"
    """The CISO has accepted the risk until a day."""
    REPAIRED = "repaired"
    """The fact is gone: it was not seen any more."""


class FindingEventKind(StrEnum):
    """What can happen to a finding."""

    FOUND = "found"
    CHANGED = "changed"
    """What exactly was found changed."""
    ASSIGNED = "assigned"
    DUE_MOVED = "due_moved"
    NOTED = "noted"
    REPAIR_ASKED = "repair_asked"
    JUSTIFIED = "justified"
    ACCEPTED = "accepted"
    ANSWER_ENDED = "answer_ended"
    """A justification, an exception or an accepted risk came to its end: it is open again."""
    ESCALATED = "escalated"
    REPAIRED = "repaired"


class DormancyStage(StrEnum):
    """How far an unused ID has come (control C1, `idm.oversight.dormancy`)."""

    WARNED = "warned"
    DISABLED = "disabled"
    DELETED = "deleted"
    CLOSED = "closed"
    """Used again, given back, exempted, or whatever made it a case is gone."""


class StopKind(StrEnum):
    """What one order stops (control H5)."""

    PERSON = "person"
    CARD = "card"
    SYSTEM = "system"
    ACCOUNTS = "accounts"
    """The accounts of an incident's list."""


class StopCause(StrEnum):
    """Why it is stopped."""

    INCIDENT = "incident"
    VIOLATION = "violation"


class ReviewScope(StrEnum):
    """What a campaign of access reviews (棚卸し) goes by."""

    SYSTEM = "system"
    UNIT = "unit"
    ENTITLEMENT = "entitlement"


class ReviewDecision(StrEnum):
    """What a reviewer says of one line."""

    KEEP = "keep"
    REMOVE = "remove"
    CHANGE = "change"
    """Needed, but not as it is: the reason says what, and an application follows."""


class ExceptionState(StrEnum):
    """State of an exception (例外措置) of the register."""

    ASKED = "asked"
    PERMITTED = "permitted"
    REFUSED = "refused"
    ENDED = "ended"
    """Ended early by somebody."""
    EXPIRED = "expired"


class ExceptionScope(StrEnum):
    """What an exception of the register covers."""

    ACCOUNT = "account"
    PERSON = "person"
    SYSTEM = "system"
    UNIT = "unit"
    ORGANISATION = "organisation"


class ExternalServiceState(StrEnum):
    """State of an external service in the register (`idm.registers.external_service_state`)."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    """Another application about the same service was approved."""
    ENDING = "ending"
    CLOSED = "closed"


class OwnDeviceState(StrEnum):
    """State of a device that the body did not issue (`idm.registers.own_device_state`)."""

    ASKED = "asked"
    PERMITTED = "permitted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """Nobody had answered when its period was over, or its holder had left or moved."""
    REPLACED = "replaced"
    """Another application about the same device was permitted."""
    TO_CLEAR = "to_clear"
    CLEARED = "cleared"
    LOST = "lost"
    CLOSED = "closed"


class OwnDeviceEnd(StrEnum):
    """Why a device is used no longer."""

    PERIOD_OVER = "period_over"
    NOT_NEEDED = "not_needed"
    TAKEN_BACK = "taken_back"
    """Whoever keeps the register took the permit back."""
    MOVED = "moved"
    LEFT = "left"
    FOUND_AGAIN = "found_again"


class OfficialAccountState(StrEnum):
    """State of an official social-media account (`idm.registers.official_account_state`)."""

    ASKED = "asked"
    IN_USE = "in_use"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    TAKEN_OVER = "taken_over"
    ENDED = "ended"
    """Given up; nobody has confirmed that yet."""
    CLOSED = "closed"


class ProviderAccountEnd(StrEnum):
    """What became of an account at a provider."""

    DELETED = "deleted"
    RETURNED = "returned"


class CredentialEventKind(StrEnum):
    """What happened to a credential; the secret itself is never recorded (FK 6-2(9))."""

    ISSUED = "issued"
    HANDED_OVER = "handed_over"
    CHANGED = "changed"
    REPLACED = "replaced"
    """By a random one that nobody knows: a temporary one was not changed in time, or one may have leaked."""
    ROTATED = "rotated"
    CHECKED_OUT = "checked_out"


class HandoverWay(StrEnum):
    """How a temporary password reaches its owner (control E3)."""

    SCREEN = "screen"
    """Shown once to the officer, or saved once as a sealed notice."""
    ZONE_PRINTER = "zone_printer"
    """Made and printed by the worker inside a closed zone: it is in no database."""


class UseState(StrEnum):
    """State of one use of a privileged ID (`idm.privileged_use_state`)."""

    ASKED = "asked"
    APPROVED = "approved"
    OPEN = "open"
    ENDING = "ending"
    ENDED = "ended"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class UseEnd(StrEnum):
    """Why a use of a privileged ID ended."""

    RETURNED = "returned"
    TIME_UP = "time_up"
    STOPPED = "stopped"
    """By an officer."""
    RIGHT_LOST = "right_lost"
    """The right, the post, the contract or the deputyship behind it is gone."""


class RotationReason(StrEnum):
    """Why a kept password is replaced (control D4)."""

    FIRST = "first"
    """The product takes the password into its keeping."""
    INTERVAL = "interval"
    RETURNED = "returned"
    HOLDER_CHANGED = "holder_changed"
    SUSPECTED = "suspected"
    BY_HAND = "by_hand"
    """Somebody asked for it."""


class RotationState(StrEnum):
    """How far a rotation has come: each step is committed before the next is taken."""

    ASKED = "asked"
    SEALED = "sealed"
    """The new value is sealed in our books; the directory may or may not have it."""
    SET = "set"
    """The directory has answered that it took it."""
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class VerifiedHow(StrEnum):
    """How it was proven that a directory has the value we hold."""

    SIGN_IN = "sign_in"
    CHANGE_TIME = "change_time"
    """By the directory's own time of change: an account that is switched off lets nobody try."""


class PasswordRuleset(StrEnum):
    """Which school of rules ordinary passwords follow (controls E4, E5)."""

    NIST_2025 = "nist-2025"
    STANDARD = "standard"
    LEGACY_PERIODIC = "legacy-periodic"


class ConfigurationKind(StrEnum):
    """What is governed by two people rather than by whoever can edit a file (control A16)."""

    PROFILE = "profile"
    ORGANISATION = "organisation"
    FEED = "feed"


ZONE_TITLES = {
    Zone.MYNUMBER: "マイナンバー利用事務系",
    Zone.LGWAN: "LGWAN接続系",
    Zone.INTERNET: "インターネット接続系",
}
STAGE_TITLES = {Stage.OBSERVE: "観察（読取りのみ）", Stage.ADOPT: "引継ぎ中", Stage.ENFORCE: "運用中"}
FOUND_TITLES = {
    FoundState.UNDECIDED: "照合待ち",
    FoundState.PERSON: "持ち主を確認",
    FoundState.NOT_PERSONAL: "個人のIDではない",
    FoundState.FINDING: "点検結果として残す",
}
FACTOR_TITLES = {Factor.KNOWLEDGE: "知識", Factor.POSSESSION: "所持", Factor.INHERENCE: "存在（生体）"}
AUTHENTICATOR_TITLES = {
    AuthenticatorKind.IC_CARD: "ICカード",
    AuthenticatorKind.SMART_CARD: "スマートカード（ディレクトリ）",
    AuthenticatorKind.HARDWARE_TOKEN: "ハードウェアトークン",
    AuthenticatorKind.BIOMETRIC: "生体認証",
    AuthenticatorKind.CLOUD_MFA: "クラウドの多要素認証",
    AuthenticatorKind.TOTP: "認証アプリ",
    AuthenticatorKind.PASSKEY: "パスキー",
}
VERIFIED_BY_TITLES = {
    VerifiedBy.SMART_CARD: "ディレクトリのスマートカード必須",
    VerifiedBy.GROUP: "多要素認証のグループ",
    VerifiedBy.PRODUCT: "端末の二要素認証製品",
}
LOSS_OUTCOME_TITLES = {
    LossOutcome.REPLACED: "代わりのものに取り替えた",
    LossOutcome.FOUND: "見つかった",
    LossOutcome.GIVEN_UP: "見つからず、代わりも出さない",
}
ENTITLEMENT_KIND_TITLES = {
    EntitlementKind.ACCOUNT: "利用者ID", EntitlementKind.GROUP: "グループ",
    EntitlementKind.SHARED_ID: "共用IDの利用",
}  # fmt: skip
ACCOUNT_KIND_TITLES = {
    AccountKind.PERSONAL: "個人ID",
    AccountKind.PRIVILEGED: "特権ID",
    AccountKind.SHARED: "共用ID",
    AccountKind.SERVICE: "サービスID",
    AccountKind.CONTRACTOR: "委託事業者ID",
}
ACTION_TITLES = {RequestAction.REGISTER: "登録", RequestAction.CHANGE: "変更", RequestAction.REMOVE: "抹消"}
EFFECT_TITLES = {LineEffect.GRANT: "付与", LineEffect.REVOKE: "取消し"}
SERVICE_TITLES = {Service.INTERNET: "インターネット", Service.MAIL: "電子メール"}
SAFETY_ACTION_TITLES = {
    SafetyAction.STOP: "利用の終了",
    SafetyAction.SUSPEND: "利用の停止（休職等）",
    SafetyAction.REVOKE: "権限の取消し",
}
FINDING_TITLES = {
    FindingKind.DORMANT: "長期間使われていないID",
    FindingKind.NEVER_USED: "一度も使われていないID",
    FindingKind.LAST_USE_UNKNOWN: "最終利用日が不明のID",
    FindingKind.ORPHAN: "持ち主のないID",
    FindingKind.LEFT: "離職者のID",
    FindingKind.CHECK_FAILED: "点検できなかったシステム",
    FindingKind.UNADOPTED: "引継ぎの済んでいないID",
    FindingKind.MISSING: "承認されたのに見当たらないID",
    FindingKind.DRIFT: "承認と異なる状態のID",
    FindingKind.EXTRA_MEMBER: "承認のないグループ所属",
    FindingKind.WORK_OVERDUE: "期限を過ぎた手作業",
    FindingKind.FACTOR_MISSING: "二つの認証要素が確かめられないID",
    FindingKind.FACTOR_UNSHOWN: "認証要素の確認が古くなったID",
    FindingKind.DEFAULT_NAME: "初期設定のままの特権ID",
    FindingKind.OUT_OF_BAND: "承認のない特権の所属",
    FindingKind.UNREGISTERED_PRIVILEGE: "登録簿にない特権ID",
    FindingKind.PASSWORD_RULES: "規則と異なるパスワード設定",
    FindingKind.TEMPORARY_OVERDUE: "変更されていない仮パスワード",
    FindingKind.PASSWORD_OVERDUE: "変更期限を過ぎたパスワード",
    FindingKind.ROTATION_OVERDUE: "変更できていない特権等のパスワード",
    FindingKind.REPORT_OVERDUE: "作業報告のない特権の利用",
    FindingKind.OWNER_GONE: "管理責任者のいない登録ID",
    FindingKind.CONTRACT_ENDED: "契約の終わった外部者のID",
    FindingKind.EXCEPTION_EXPIRED: "期限の過ぎた例外措置",
    FindingKind.SHARED_USER_LEFT: "離職者・異動者が利用者に残る共用ID",
    FindingKind.NOT_CHECKED: "できない点検項目",
    FindingKind.STOP_NOT_REACHED: "まだ届いていない停止命令",
    FindingKind.AFTER_HOURS: "時間外の操作",
    FindingKind.BURST: "短時間に集中した操作",
    FindingKind.REFUSED_ATTEMPTS: "繰り返し拒否された操作",
    FindingKind.QUICK_DECISIONS: "数秒での決裁",
    FindingKind.SUDDEN_USE: "長く使われていなかったIDの突然の利用",
    FindingKind.CLOCK_DRIFT: "時計のずれ",
    FindingKind.EXPORT_LATE: "監査記録の外部送信の遅れ",
    FindingKind.CHANGE_DUE: "棚卸しで変更が必要とされた権限",
    FindingKind.SERVICE_UNCARED: "管理の行き届いていない外部サービス",
    FindingKind.FACTOR_UNREGISTERED: "二要素認証の登録がないID",
    FindingKind.OWN_DEVICE_UNCARED: "管理の行き届いていない支給以外の端末",
    FindingKind.OFFICIAL_ACCOUNT_UNCARED: "管理の行き届いていない公式アカウント",
    FindingKind.OWN_DEVICE_LOST: "失くした・盗まれた支給以外の端末",
    FindingKind.OFFICIAL_ACCOUNT_TAKEN_OVER: "乗っ取られた公式アカウント",
    FindingKind.STOP_UNCONFIRMED: "確認されていないコマンドでの停止",
}
FINDING_STATE_TITLES = {
    FindingState.OPEN: "未対応",
    FindingState.JUSTIFIED: "例外措置等による",
    FindingState.ACCEPTED: "リスクを受容",
    FindingState.REPAIRED: "解消",
}
DORMANCY_STAGE_TITLES = {
    DormancyStage.WARNED: "本人に通知済み",
    DormancyStage.DISABLED: "利用停止",
    DormancyStage.DELETED: "抹消",
    DormancyStage.CLOSED: "終了",
}
STOP_KIND_TITLES = {
    StopKind.PERSON: "人",
    StopKind.CARD: "カード・トークン",
    StopKind.SYSTEM: "情報システム",
    StopKind.ACCOUNTS: "事案のID一覧",
}
STOP_CAUSE_TITLES = {StopCause.INCIDENT: "事案への対応", StopCause.VIOLATION: "違反への対応"}
REVIEW_SCOPE_TITLES = {
    ReviewScope.SYSTEM: "情報システム別",
    ReviewScope.UNIT: "所属別",
    ReviewScope.ENTITLEMENT: "権限別",
}
REVIEW_DECISION_TITLES = {
    ReviewDecision.KEEP: "必要",
    ReviewDecision.REMOVE: "不要",
    ReviewDecision.CHANGE: "変更が必要",
}
EXCEPTION_STATE_TITLES = {
    ExceptionState.ASKED: "許可待ち",
    ExceptionState.PERMITTED: "許可",
    ExceptionState.REFUSED: "不許可",
    ExceptionState.ENDED: "終了",
    ExceptionState.EXPIRED: "期限切れ",
}
EXCEPTION_SCOPE_TITLES = {
    ExceptionScope.ACCOUNT: "利用者ID",
    ExceptionScope.PERSON: "職員",
    ExceptionScope.SYSTEM: "情報システム",
    ExceptionScope.UNIT: "所属",
    ExceptionScope.ORGANISATION: "団体全体",
}
EXTERNAL_SERVICE_STATE_TITLES = {
    ExternalServiceState.ASKED: "審査中",
    ExternalServiceState.APPROVED: "利用中",
    ExternalServiceState.REFUSED: "不承認",
    ExternalServiceState.WITHDRAWN: "取下げ",
    ExternalServiceState.REPLACED: "変更により差替え",
    ExternalServiceState.ENDING: "終了の手続中",
    ExternalServiceState.CLOSED: "終了",
}
OWN_DEVICE_STATE_TITLES = {
    OwnDeviceState.ASKED: "審査中",
    OwnDeviceState.PERMITTED: "許可",
    OwnDeviceState.REFUSED: "不許可",
    OwnDeviceState.WITHDRAWN: "取下げ",
    OwnDeviceState.LAPSED: "失効（未決定）",
    OwnDeviceState.REPLACED: "更新により差替え",
    OwnDeviceState.TO_CLEAR: "終了・情報の削除待ち",
    OwnDeviceState.CLEARED: "終了・削除の確認待ち",
    OwnDeviceState.LOST: "紛失・盗難",
    OwnDeviceState.CLOSED: "完了",
}
OWN_DEVICE_END_TITLES = {
    OwnDeviceEnd.PERIOD_OVER: "期間の満了",
    OwnDeviceEnd.NOT_NEEDED: "必要なくなった",
    OwnDeviceEnd.TAKEN_BACK: "許可の取消し",
    OwnDeviceEnd.MOVED: "異動",
    OwnDeviceEnd.LEFT: "離職",
    OwnDeviceEnd.FOUND_AGAIN: "紛失した端末の発見",
}
OFFICIAL_ACCOUNT_STATE_TITLES = {
    OfficialAccountState.ASKED: "審査中",
    OfficialAccountState.IN_USE: "利用中",
    OfficialAccountState.REFUSED: "不承認",
    OfficialAccountState.WITHDRAWN: "取下げ",
    OfficialAccountState.TAKEN_OVER: "乗っ取り",
    OfficialAccountState.ENDED: "終了・確認待ち",
    OfficialAccountState.CLOSED: "終了",
}
PROVIDER_ACCOUNT_END_TITLES = {
    ProviderAccountEnd.DELETED: "削除",
    ProviderAccountEnd.RETURNED: "返却",
}
USE_STATE_TITLES = {
    UseState.ASKED: "承認待ち",
    UseState.APPROVED: "承認済み（開始前）",
    UseState.OPEN: "利用中",
    UseState.ENDING: "終了処理中",
    UseState.ENDED: "終了",
    UseState.REFUSED: "却下",
    UseState.WITHDRAWN: "取下げ",
    UseState.LAPSED: "失効",
}
USE_END_TITLES = {
    UseEnd.RETURNED: "返却",
    UseEnd.TIME_UP: "時間切れ",
    UseEnd.STOPPED: "責任者による停止",
    UseEnd.RIGHT_LOST: "権限・職・契約の終了",
}
ROTATION_REASON_TITLES = {
    RotationReason.FIRST: "預入れ",
    RotationReason.INTERVAL: "定期変更",
    RotationReason.RETURNED: "利用後の変更",
    RotationReason.HOLDER_CHANGED: "利用者の異動等",
    RotationReason.SUSPECTED: "漏えいの疑い",
    RotationReason.BY_HAND: "責任者の求め",
}
ROTATION_STATE_TITLES = {
    RotationState.ASKED: "処理待ち",
    RotationState.SEALED: "設定中",
    RotationState.SET: "確認中",
    RotationState.CONFIRMED: "完了",
    RotationState.CANCELLED: "取止め",
}
VERIFIED_HOW_TITLES = {
    VerifiedHow.SIGN_IN: "サインインで確認",
    VerifiedHow.CHANGE_TIME: "ディレクトリの変更時刻で確認",
}
PASSWORD_RULESET_TITLES = {
    PasswordRuleset.NIST_2025: "長さと推測されにくさ（定期変更なし）",
    PasswordRuleset.STANDARD: "長さと文字種",
    PasswordRuleset.LEGACY_PERIODIC: "定期変更あり（団体の規程による）",
}
