"""What a directory's result codes mean to us (RFC 4511 appendix A, RFC 5805)."""

from connectors.ldap.decoding import Result
from idm.errors import TargetError, TargetRefused, TargetUnavailable

SUCCESS = 0
NO_SUCH_ATTRIBUTE = 16
ATTRIBUTE_OR_VALUE_EXISTS = 20
NO_SUCH_OBJECT = 32
CONSTRAINT_VIOLATION = 19
OBJECT_CLASS_VIOLATION = 65
ENTRY_ALREADY_EXISTS = 68

NAMES = {
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

REFERRED = Result(10, "")
"""What a search reference amounts to: part of the answer lies elsewhere, and we do not go there."""

LATER = frozenset((3, 51, 52, 80))
"""The same request may succeed later. `other` is what slapd says of its own trouble, such as a full disk."""

HINTS = {
    4: "接続アカウントの件数上限を解除してください",
    10: "別のサーバーへの紹介には従いません",
    11: "page_size をサーバーの上限以下にしてください",
    32: "設定の people_base と groups_base を確認してください",
    50: "接続アカウントに権限がありません",
    68: "同じ名前の項目があります",
}


def refusal(ended: Result) -> TargetError:
    """The error that a result other than success is."""
    text = "".join(character for character in ended.text[:200] if character.isprintable())
    parts = [f"結果コード {ended.code} {NAMES.get(ended.code, '')}".rstrip(), text, HINTS.get(ended.code, "")]
    said = "、".join(part for part in parts if part)
    if ended.code in LATER:
        return TargetUnavailable(f"ディレクトリは今この要求に応えられません（{said}）。")
    return TargetRefused(f"ディレクトリが要求を拒否しました（{said}）。")
