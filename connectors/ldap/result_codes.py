"""What a directory's result codes mean to us (RFC 4511 appendix A; [MS-ADTS] 3.1.1.3.1.9): one table for every verb.

Active Directory begins its texts with a system error code in hexadecimal, which says more than the result code.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from connectors.ldap.decoding import Result
from idm.errors import TargetError, TargetRefused, TargetUnavailable

SUCCESS = 0
PROTOCOL_ERROR = 2
NO_SUCH_ATTRIBUTE = 16
CONSTRAINT_VIOLATION = 19
ATTRIBUTE_OR_VALUE_EXISTS = 20
NO_SUCH_OBJECT = 32
INVALID_CREDENTIALS = 49
BUSY = 51
UNAVAILABLE = 52
UNWILLING_TO_PERFORM = 53
OBJECT_CLASS_VIOLATION = 65
ENTRY_ALREADY_EXISTS = 68
OTHER = 80

NAMES: Mapping[int, str] = MappingProxyType(
    {
        1: "operationsError",
        2: "protocolError",
        3: "timeLimitExceeded",
        4: "sizeLimitExceeded",
        8: "strongerAuthRequired",
        10: "referral",
        11: "adminLimitExceeded",
        12: "unavailableCriticalExtension",
        13: "confidentialityRequired",
        16: "noSuchAttribute",
        17: "undefinedAttributeType",
        18: "inappropriateMatching",
        19: "constraintViolation",
        20: "attributeOrValueExists",
        21: "invalidAttributeSyntax",
        32: "noSuchObject",
        34: "invalidDNSyntax",
        48: "inappropriateAuthentication",
        49: "invalidCredentials",
        50: "insufficientAccessRights",
        51: "busy",
        52: "unavailable",
        53: "unwillingToPerform",
        64: "namingViolation",
        65: "objectClassViolation",
        66: "notAllowedOnNonLeaf",
        67: "notAllowedOnRDN",
        68: "entryAlreadyExists",
        69: "objectClassModsProhibited",
        71: "affectsMultipleDSAs",
        80: "other",
    }
)

REFERRED = Result(10, "")
"""What a search reference amounts to: part of the answer lies elsewhere, and we do not go there."""


class Verb(StrEnum):
    """What was asked for; a code may mean different things to different verbs."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    SWITCH = "switch"
    PASSWORD = "password"  # noqa: S105  # a verb, not a secret
    RENAME = "rename"
    MOVE = "move"
    JOIN = "join"
    LEAVE = "leave"
    DELETE = "delete"


class Meaning(StrEnum):
    """What an answer comes to."""

    DONE = "done"
    ALREADY = "already"
    """It is so already."""
    PERHAPS_ALREADY = "perhaps already"
    """It may be so already: look."""
    LAST_MEMBER = "last member"
    """A group that must not be empty would be."""
    READ_AGAIN = "read again"
    """What was read a moment ago has changed since: only another reading can tell."""
    LATER = "later"
    """The same request may succeed later."""
    REFUSED = "refused"


MEANINGS: Mapping[int, Meaning] = MappingProxyType(
    {
        SUCCESS: Meaning.DONE,
        3: Meaning.LATER,
        BUSY: Meaning.LATER,
        UNAVAILABLE: Meaning.LATER,
        OTHER: Meaning.LATER,  # what slapd says of its own trouble, such as a full disk
    }
)
"""For every verb. What is not here is refused."""

MEANINGS_OF_VERBS: Mapping[tuple[Verb, int], Meaning] = MappingProxyType(
    {
        (Verb.JOIN, ATTRIBUTE_OR_VALUE_EXISTS): Meaning.ALREADY,
        (Verb.JOIN, ENTRY_ALREADY_EXISTS): Meaning.PERHAPS_ALREADY,  # Active Directory
        (Verb.LEAVE, NO_SUCH_ATTRIBUTE): Meaning.ALREADY,
        (Verb.LEAVE, UNWILLING_TO_PERFORM): Meaning.PERHAPS_ALREADY,  # Active Directory
        (Verb.LEAVE, OBJECT_CLASS_VIOLATION): Meaning.LAST_MEMBER,
        (Verb.SWITCH, NO_SUCH_ATTRIBUTE): Meaning.READ_AGAIN,  # userAccountControl is not what it was
        **{(verb, NO_SUCH_OBJECT): Meaning.READ_AGAIN for verb in Verb if verb not in (Verb.READ, Verb.CREATE)},
    }
)

LATER_SYSTEM_ERRORS = frozenset({0x4DC, 0x200E, 0x200F, 0x2024, 0x21B5})
"""Not signed in any more, busy, unavailable, server is going down or not ready ([MS-ERREF] 2.2)."""

SYSTEM_ERRORS: Mapping[int, str] = MappingProxyType(
    {
        0x5: "アクセスが拒否されました",
        0x56: "現在のパスワードが違います",
        0x57: "値が正しくありません",
        0x523: "名前の形式が正しくありません",
        0x524: "同じ名前のアカウントがあります",
        0x525: "アカウントがありません",
        0x529: "最後の管理者は外せません",
        0x52D: "パスワードがないか、ドメインのパスワードの規則（長さ・複雑さ・履歴・変更禁止期間）に合いません",
        0x55D: "プライマリグループからは外せません",
        0x561: "グループのメンバーではありません",
        0x562: "すでにグループのメンバーです",
        0x2071: "同じ名前の項目があります",
        0x2082: "値が長すぎるか、範囲の外です",
        0x2098: "接続アカウントに権限がありません",
        0x21C7: "同じサービス名（SPN）があります",
        0x21C8: "同じユーザープリンシパル名（UPN）があります",
    }
)
"""By the number at the beginning of Active Directory's text ([MS-ERREF] 2.2)."""

SYSTEM_ERROR = re.compile(r"([0-9A-Fa-f]{8}): ")

HINTS: Mapping[int, str] = MappingProxyType(
    {
        4: "接続アカウントの件数上限を解除してください",
        10: "別のサーバーへの紹介には従いません",
        11: "page_size をサーバーの上限以下にしてください",
        32: "設定の people_base と groups_base を確認してください",
        50: "接続アカウントに権限がありません",
        66: "下に別の項目があるため削除できません",
        68: "同じ名前の項目があります",
    }
)

RIGHTS: Mapping[Verb, str] = MappingProxyType(
    {
        Verb.CREATE: "アカウントの作成",
        Verb.CHANGE: "アカウントの属性の書き込み",
        Verb.SWITCH: "アカウントの有効・無効と期限の書き込み",
        Verb.PASSWORD: "パスワードのリセットと変更の強制",
        Verb.RENAME: "アカウントの名前の変更",
        Verb.MOVE: "移動元からの削除と移動先での作成",
        Verb.JOIN: "グループの member の書き込み",
        Verb.LEAVE: "グループの member の書き込み",
        Verb.DELETE: "アカウントの削除",
    }
)
"""What the service account lacks when a verb ends with insufficientAccessRights."""

INSUFFICIENT_RIGHTS = 50


def meaning(ended: Result, verb: Verb) -> Meaning:
    """What the end of a request comes to."""
    system_error = _system_error(ended.text)
    if ended.code != SUCCESS and system_error in LATER_SYSTEM_ERRORS:
        return Meaning.LATER
    if ended.code == OTHER and system_error is not None:
        return Meaning.REFUSED  # Active Directory gives this code to requests that no other fits
    return MEANINGS_OF_VERBS.get((verb, ended.code)) or MEANINGS.get(ended.code, Meaning.REFUSED)


def refusal(ended: Result, verb: Verb = Verb.READ) -> TargetError:
    """The error that a result other than success is."""
    known = meaning(ended, verb)
    if known is Meaning.READ_AGAIN:
        return TargetUnavailable("対象の項目が処理の間に変更、移動または削除されました。読み直して再実行してください。")
    if known is Meaning.LATER:
        return TargetUnavailable(f"ディレクトリは今この要求に応えられません（{described(ended, verb)}）。")
    return TargetRefused(f"ディレクトリが要求を拒否しました（{described(ended, verb)}）。")


def unexpected_sign_in(code: int, text: str) -> TargetError:
    """The error for an answer to a person's sign-in that says nothing of the password."""
    return refusal(Result(code, text))


def described(ended: Result, verb: Verb = Verb.READ) -> str:
    """A result in words: its code, what the server said, and what we know of it."""
    text = "".join(character for character in ended.text[:200] if character.isprintable())
    system_error = _system_error(ended.text)
    hint = SYSTEM_ERRORS.get(system_error) if system_error is not None else None
    lacking = f"必要な権限: {RIGHTS[verb]}" if ended.code == INSUFFICIENT_RIGHTS and verb in RIGHTS else ""
    code = f"結果コード {ended.code} {NAMES.get(ended.code, '')}".rstrip()
    return "、".join(part for part in (code, text, hint or HINTS.get(ended.code, ""), lacking) if part)


def _system_error(text: str) -> int | None:
    found = SYSTEM_ERROR.match(text)
    return int(found[1], 16) if found else None
