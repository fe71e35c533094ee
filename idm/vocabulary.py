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
    """What can be granted: the account itself, or membership of a group of the target."""

    ACCOUNT = "account"
    GROUP = "group"


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
    """What the nightly sweep can find (controls C1, A9)."""

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


class CredentialEventKind(StrEnum):
    """What happened to a credential; the secret itself is never recorded (FK 6-2(9))."""

    ISSUED = "issued"
    HANDED_OVER = "handed_over"
    CHANGED = "changed"


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
ENTITLEMENT_KIND_TITLES = {EntitlementKind.ACCOUNT: "利用者ID", EntitlementKind.GROUP: "グループ"}
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
}
