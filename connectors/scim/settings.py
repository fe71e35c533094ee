"""Where a service is, how it departs from the standard, and in which attribute our own id is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from connectors.scim.quirks import NAMES, SERVICES, STANDARD, Quirks
from idm.errors import ConfigurationInvalid

UUID_ATTRIBUTES = ("externalId", "nickName", "profileUrl", "title", "employeeNumber", "costCenter", "division")
"""Where our own id may be kept: the first is what the standard has for it (RFC 7643 3.1)."""
LONGEST_TOKEN = 8192
KEYS = frozenset(
    {"url", "ca_file", "service", "account_uuid_attribute", "page_size", "connect_timeout_seconds",
     "answer_timeout_seconds"}
)  # fmt: skip


@dataclass(frozen=True)
class ScimSettings:
    """One service. Everything but the token may be shown.

    `url` is the address below which `/Users` is. `ca_file` None = the authorities that this machine trusts: services on
    the internet have their certificates from those.
    """

    url: str
    token: str = field(repr=False)
    ca_file: Path | None = None
    service: str = "standard"
    quirks: Quirks = STANDARD
    account_uuid_attribute: str = UUID_ATTRIBUTES[0]
    page_size: int = 100
    connect_timeout_seconds: int = 5
    answer_timeout_seconds: int = 30

    @classmethod
    def from_mapping(cls, values: Mapping[str, object], token: str | None) -> "ScimSettings":
        """The settings of one system in an organisation file.

        Raises ConfigurationInvalid that lists every mistake with its key.
        """
        reader = _Reader(values)
        service = reader.one_of("service", tuple(SERVICES), "standard")
        read = cls(
            url=reader.address("url"),
            token=reader.token(token),
            ca_file=reader.file("ca_file"),
            service=service,
            quirks=replace(SERVICES[service], **reader.switches()),
            account_uuid_attribute=reader.one_of("account_uuid_attribute", UUID_ATTRIBUTES, UUID_ATTRIBUTES[0]),
            page_size=reader.number("page_size", 1, 1000, 100),
            connect_timeout_seconds=reader.number("connect_timeout_seconds", 1, 120, 5),
            answer_timeout_seconds=reader.number("answer_timeout_seconds", 1, 600, 30),
        )
        reader.finish()
        return read


class _Reader:
    """Reads one key after another and remembers every mistake."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self._mistakes: list[str] = []

    def address(self, key: str) -> str:
        value = self._values.get(key)
        parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
        surplus = parts.username or parts.password or parts.query or parts.fragment
        if parts.scheme != "https" or not parts.hostname or surplus:
            self._mistakes.append(f"{key}: https:// で始まる、/Users の手前までのアドレスが必要です")
            return ""
        return str(value).rstrip("/")

    def file(self, key: str) -> Path | None:
        value = self._values.get(key)
        if value is None:
            return None
        path = Path(str(value))
        if not path.is_file():
            self._mistakes.append(f"{key}: ファイル {path} がありません")
        return path

    def one_of(self, key: str, choices: tuple[str, ...], default: str) -> str:
        value = self._values.get(key, default)
        if isinstance(value, str) and value in choices:
            return value
        self._mistakes.append(f"{key}: {'、'.join(choices)} のいずれかが必要です")
        return default

    def number(self, key: str, lowest: int, highest: int, default: int) -> int:
        value = self._values.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        self._mistakes.append(f"{key}: {lowest} から {highest} までの整数が必要です")
        return default

    def switches(self) -> dict[str, bool]:
        said = {key: value for key, value in self._values.items() if key in NAMES}
        self._mistakes += [
            f"{key}: true か false が必要です" for key, value in said.items() if not isinstance(value, bool)
        ]
        return {key: value for key, value in said.items() if isinstance(value, bool)}

    def token(self, token: str | None) -> str:
        given = (token or "").strip()
        if not given or not given.isascii() or not given.isprintable() or " " in given or len(given) > LONGEST_TOKEN:
            self._mistakes.append("credential: サービスが発行したトークンが、一つだけ書かれたファイルが必要です")
        return given

    def finish(self) -> None:
        """Raises ConfigurationInvalid when there was any mistake."""
        self._mistakes += [f"{key}: 知らないキーです" for key in sorted(self._values.keys() - KEYS - NAMES)]
        if self._mistakes:
            message = "SCIM のサービスとの接続の設定に誤りがあります: " + "; ".join(self._mistakes)
            raise ConfigurationInvalid(message, mistakes=tuple(self._mistakes))
