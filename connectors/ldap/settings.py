"""Where a directory is, as whom to speak to it, and which attributes carry what."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from idm.errors import ConfigurationInvalid
from idm.ports import LastUseSource

OWN_TEXTS = frozenset({"placeholder_member_dn", "password_policy_dn", "upn_suffix"})
OWN_LISTS = frozenset({"domain_controllers"})
"""What only some kinds of directory are told."""

TRANSPORTS = {"ldaps": 636, "starttls": 389}
"""How the connection is protected, and the port that goes with it. There is no third way."""

ATTRIBUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")


@dataclass(frozen=True)
class Defaults:
    """What a kind of directory takes for granted, and what it must or may be told besides what all are told.

    The first of `last_use_sources` is the usual one.
    """

    account_uuid_attribute: str
    account_object_classes: tuple[str, ...]
    login_attribute: str
    last_use_sources: tuple[LastUseSource, ...]
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LdapSettings:
    """One directory. Everything but the password may be shown.

    People are looked for below `people_base` and `more_people_bases` (such as where leavers are kept), groups below
    `groups_base`; new accounts are made in `people_base`. Accounts are entries of the first of
    `account_object_classes` and are created with all of them. The server should index its own ids,
    `account_uuid_attribute`, `login_attribute`, member and `last_use_attribute` for equality, and give `bind_dn` no
    size limit.

    OpenLDAP: a group that must not be empty keeps `placeholder_member_dn`, behind which nothing need stand;
    `password_policy_dn` is the policy for everybody (ppolicy_default). Active Directory: `upn_suffix` is what new
    user principal names end with; `domain_controllers` are all of them, each asked when accounts were last used.
    """

    host: str
    ca_file: Path
    bind_dn: str
    people_base: str
    groups_base: str
    password: str = field(repr=False)
    more_people_bases: tuple[str, ...] = ()
    placeholder_member_dn: str = ""
    password_policy_dn: str = ""
    upn_suffix: str = ""
    domain_controllers: tuple[str, ...] = ()
    transport: str = "ldaps"
    port: int = 636
    account_uuid_attribute: str = "idmAccountUuid"
    account_object_classes: tuple[str, ...] = ("inetOrgPerson", "idmAccount")
    login_attribute: str = "uid"
    employee_number_attribute: str = "employeeNumber"
    last_use_attribute: LastUseSource = LastUseSource.AUTH_TIMESTAMP
    connect_timeout_seconds: int = 5
    answer_timeout_seconds: int = 30
    page_size: int = 1000

    @property
    def account_class(self) -> str:
        """The object class by which accounts are recognised, ours and others'."""
        return self.account_object_classes[0]

    @property
    def people_bases(self) -> tuple[str, ...]:
        """Everywhere accounts are."""
        return (self.people_base, *self.more_people_bases)

    @classmethod
    def from_mapping(cls, values: Mapping[str, object], password: str | None, defaults: Defaults) -> "LdapSettings":
        """The settings of one system in a configuration file.

        Raises ConfigurationInvalid that lists every mistake with its key.
        """
        reader = _Reader(values)
        transport = reader.one_of("transport", tuple(TRANSPORTS), "ldaps")
        read: dict[str, object] = {
            "host": reader.text("host"),
            "ca_file": reader.file("ca_file"),
            "bind_dn": reader.text("bind_dn"),
            "people_base": reader.text("people_base"),
            "groups_base": reader.text("groups_base"),
            "more_people_bases": reader.texts("more_people_bases"),
            "transport": transport,
            "port": reader.number("port", 1, 65535, TRANSPORTS.get(transport, 636)),
            "account_uuid_attribute": reader.attribute("account_uuid_attribute", defaults.account_uuid_attribute),
            "account_object_classes": reader.names("account_object_classes", defaults.account_object_classes),
            "login_attribute": reader.attribute("login_attribute", defaults.login_attribute),
            "employee_number_attribute": reader.attribute("employee_number_attribute", "employeeNumber"),
            "last_use_attribute": LastUseSource(
                reader.one_of("last_use_attribute", defaults.last_use_sources, defaults.last_use_sources[0])
            ),
            "connect_timeout_seconds": reader.number("connect_timeout_seconds", 1, 120, 5),
            "answer_timeout_seconds": reader.number("answer_timeout_seconds", 1, 3600, 30),
            "page_size": reader.number("page_size", 1, 100_000, 1000),
            "password": reader.password(password),
            **{key: reader.text(key) for key in OWN_TEXTS & (defaults.required | reader.given(defaults.optional))},
            **{key: reader.texts(key) for key in OWN_LISTS & reader.given(defaults.optional)},
        }
        reader.finish(known=read.keys() - {"password"})
        return cls(**read)  # type: ignore[arg-type]  # each value was checked by its reader


class _Reader:
    """Reads one key after another and remembers every mistake."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self._mistakes: list[str] = []

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if isinstance(value, str) and value.strip():
            return value.strip()
        self._mistakes.append(f"{key}: 文字列が必要です")
        return ""

    def attribute(self, key: str, default: str) -> str:
        value = self.text(key, default)
        if value and not ATTRIBUTE_NAME.match(value):
            self._mistakes.append(f"{key}: 「{value}」は属性名ではありません")
        return value

    def names(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self._values.get(key, default)
        if isinstance(value, Sequence) and not isinstance(value, str) and value:
            names = tuple(name for name in value if isinstance(name, str) and ATTRIBUTE_NAME.match(name))
            if len(names) == len(value):
                return names
        self._mistakes.append(f"{key}: 一つ以上の名前の一覧が必要です")
        return default

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key, ())
        if isinstance(value, Sequence) and not isinstance(value, str):
            texts = tuple(text.strip() for text in value if isinstance(text, str) and text.strip())
            if len(texts) == len(value):
                return texts
        self._mistakes.append(f"{key}: 文字列の一覧が必要です")
        return ()

    def given(self, keys: frozenset[str]) -> frozenset[str]:
        return keys & self._values.keys()

    def number(self, key: str, lowest: int, highest: int, default: int) -> int:
        value = self._values.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        self._mistakes.append(f"{key}: {lowest} から {highest} までの整数が必要です")
        return default

    def one_of(self, key: str, choices: Sequence[str], default: str) -> str:
        value = self._values.get(key, default)
        if isinstance(value, str) and value in choices:
            return value
        self._mistakes.append(f"{key}: {'、'.join(choices)} のいずれかが必要です")
        return default

    def file(self, key: str) -> Path:
        value = self._values.get(key)
        path = value if isinstance(value, Path) else Path(self.text(key))
        if path != Path() and not path.is_file():
            self._mistakes.append(f"{key}: ファイル {path} がありません")
        return path

    def password(self, password: str | None) -> str:
        if password is None or not password.strip() or "\0" in password:
            self._mistakes.append("password: 空でないパスワードが必要です（空では匿名接続になります）")
        return password or ""

    def finish(self, known: set[str]) -> None:
        """Raises ConfigurationInvalid when there was any mistake."""
        self._mistakes += [f"{key}: 知らないキーです" for key in sorted(self._values.keys() - known)]
        if self._mistakes:
            message = "ディレクトリ接続の設定に誤りがあります: " + "; ".join(self._mistakes)
            raise ConfigurationInvalid(message, mistakes=tuple(self._mistakes))
