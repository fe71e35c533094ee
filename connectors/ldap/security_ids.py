"""Security identifiers ([MS-DTYP] 2.4.2), and those of an Active Directory's own administrators (tier 0).

Whoever holds one of these groups, or is one of these accounts, holds the domain. They are known by their numbers:
names differ between languages and can be changed. Most are what AdminSDHolder guards ([MS-ADTS] 3.1.1.6.1).
"""

import struct
from collections.abc import Mapping
from types import MappingProxyType

from idm.errors import TargetRefused
from idm.ports import BuiltIn

DOMAIN_GROUPS: Mapping[int, str] = MappingProxyType(
    {
        512: "Domain Admins",
        516: "Domain Controllers",
        517: "Cert Publishers",
        518: "Schema Admins",
        519: "Enterprise Admins",
        520: "Group Policy Creator Owners",
        521: "Read-only Domain Controllers",
        526: "Key Admins",
        527: "Enterprise Key Admins",
    }
)
"""By the last number, below the domain's own identifier ([MS-DTYP] 2.4.2.4)."""

BUILTIN_GROUPS: Mapping[int, str] = MappingProxyType(
    {
        544: "Administrators",
        548: "Account Operators",
        549: "Server Operators",
        550: "Print Operators",
        551: "Backup Operators",
        552: "Replicator",
    }
)
"""By the last number, below S-1-5-32."""

MACHINES = frozenset({516, 517, 521})
"""Groups in which the domain's own machines are: its controllers, and its certification authority."""

BUILT_IN_ACCOUNTS: Mapping[int, BuiltIn] = MappingProxyType(
    {500: BuiltIn.ADMINISTRATOR, 501: BuiltIn.GUEST, 503: BuiltIn.OTHER, 504: BuiltIn.OTHER}
)
"""By the last number: Administrator, Guest, DefaultAccount, WDAGUtilityAccount ([MS-DTYP] 2.4.2.4)."""

DOMAIN_ACCOUNTS: Mapping[int, str] = MappingProxyType({500: "Administrator", 502: "krbtgt"})

_HEAD = 8
_PART = 4


def builtin(number: int) -> bytes:
    """S-1-5-32-number."""
    return bytes((1, 2)) + (5).to_bytes(6, "big") + struct.pack("<II", 32, number)


def below(domain: bytes, number: int) -> bytes:
    """The domain's identifier with one more number."""
    return bytes((domain[0], domain[1] + 1)) + domain[2:] + struct.pack("<I", number)


def last_number(sid: bytes) -> int:
    """The relative identifier. Raises TargetRefused for what is no security identifier."""
    if len(sid) < _HEAD + _PART or len(sid) != _HEAD + _PART * sid[1]:
        raise TargetRefused("ディレクトリの objectSid を読み取れません。")
    return int.from_bytes(sid[-_PART:], "little")


def domain_of(sid: bytes) -> bytes:
    """The identifier of the domain that the identifier belongs to. Raises TargetRefused."""
    last_number(sid)
    return bytes((sid[0], sid[1] - 1)) + sid[2:-_PART]
