"""Account names made from staff numbers: stable through marriage and transfer, and without personal data.

A name that a directory or a mail system would not take, or would quietly change, is refused; nothing is mended, because
a mended name may be someone else's. The limits are the narrowest of OpenLDAP (uid), Active Directory (sAMAccountName)
and a mail address's local part (RFC 5321 4.5.3.1.1, RFC 5322 3.4.1).
"""

import re
from dataclasses import dataclass, field

from idm.errors import InvalidInput

MAXIMUM_LENGTH = 20
"""sAMAccountName of a user holds no more characters."""

RESERVED = frozenset(
    {
        "administrator", "admin", "root", "guest", "krbtgt", "system", "operator", "backup", "daemon", "nobody",
        "postmaster", "hostmaster", "webmaster", "abuse", "security", "support", "info", "mail", "test", "user",
        "soumu", "shichou", "chouchou", "jimukyoku", "con", "prn", "aux", "nul",
    }
)  # fmt: skip
"""Names that systems, offices or attackers expect to belong to no single person."""

_STAFF_NUMBER = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True)
class LoginNameRule:
    """How an organisation names personal accounts: a prefix and the staff number."""

    prefix: str = "u"
    reserved: frozenset[str] = field(default=RESERVED)


def login_name(staff_number: str, rule: LoginNameRule = LoginNameRule()) -> str:
    """The account name of a staff number, ASCII lower-case, such as u012345.

    Raises InvalidInput when the staff number is not plain letters and digits or the name is not one `check_login_name`
    lets pass.
    """
    if not _STAFF_NUMBER.fullmatch(staff_number):
        raise _refusal("職員番号が半角の英数字ではないため、利用者IDを作れません。人事の登録を確かめてください。")
    name = f"{rule.prefix}{staff_number.lower()}"
    check_login_name(name, rule)
    return name


def check_login_name(name: str, rule: LoginNameRule = LoginNameRule()) -> None:
    """Nothing, where every kind of directory takes the name unchanged. Raises InvalidInput with the reason."""
    if not name:
        raise _refusal("利用者IDが空です。")
    if len(name) > MAXIMUM_LENGTH:
        raise _refusal(f"利用者IDは{MAXIMUM_LENGTH}文字までです（{len(name)}文字あります）。")
    if not _NAME.fullmatch(name):
        raise _refusal(
            "利用者IDに使えるのは半角の英小文字と数字、およびその間の「.」「_」「-」だけです。"
            "記号で始まるもの、「.」や「$」などで終わるもの、記号が続くものは使えません。"
        )
    if name in rule.reserved:
        raise _refusal(f"「{name}」は個人の利用者IDには使えない予約語です。")


def _refusal(message: str) -> InvalidInput:
    return InvalidInput(message, fields={"login_name": message})
