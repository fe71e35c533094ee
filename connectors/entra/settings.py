"""Which tenant, as which application, and under which names our own ids are kept there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from idm.errors import ConfigurationInvalid

GUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
COUNTRY = re.compile("[A-Z]{2}")
MICROSOFT, GRAPH = "https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0"
PRIVATE_KEY = "-----BEGIN"
KEYS = frozenset({
    "tenant_id", "client_id", "domain", "authority", "graph", "ca_file", "certificate_file", "usage_location",
    "connect_timeout_seconds", "answer_timeout_seconds", "roles", "eligible_roles",
})  # fmt: skip


@dataclass(frozen=True)
class EntraSettings:
    """One tenant. Everything but the secret may be shown.

    `domain` is what new user principal names end with; a login name is what stands before it. With `certificate_file`
    (PEM, public) the credential is its private key; without, a client secret. `authority` and `graph` are Microsoft's,
    but for national clouds. `usage_location` is needed before anybody can have a licence. `roles`,
    `eligible_roles`: we give and take directory roles, and eligibility for them.
    """

    tenant_id: str
    client_id: str
    domain: str
    secret: str = field(repr=False)
    authority: str = MICROSOFT
    graph: str = GRAPH
    ca_file: Path | None = None
    certificate: str | None = None
    usage_location: str = "JP"
    connect_timeout_seconds: int = 5
    answer_timeout_seconds: int = 30
    roles: bool = False
    eligible_roles: bool = False

    def extension(self, name: str) -> str:
        """What Graph calls a directory extension of our application (`extension_<client id>_<name>`)."""
        return f"extension_{self.client_id.replace('-', '')}_{name}"

    @classmethod
    def from_mapping(cls, values: Mapping[str, object], secret: str | None) -> "EntraSettings":
        """The settings of one system in an organisation file.

        Raises ConfigurationInvalid that lists every mistake with its key.
        """
        reader = _Reader(values)
        certificate = reader.certificate("certificate_file")
        read = cls(
            tenant_id=reader.matching("tenant_id", GUID, "テナントIDが必要です"),
            client_id=reader.matching("client_id", GUID, "アプリケーション（クライアント）IDが必要です"),
            domain=reader.matching("domain", DOMAIN, "利用者名の @ の後のドメインが必要です"),
            secret=reader.secret(secret, certificate),
            authority=reader.address("authority", MICROSOFT),
            graph=reader.address("graph", GRAPH),
            ca_file=reader.file("ca_file"),
            certificate=certificate,
            usage_location=reader.matching("usage_location", COUNTRY, "二文字の国コードが必要です", "JP"),
            connect_timeout_seconds=reader.number("connect_timeout_seconds", 1, 120, 5),
            answer_timeout_seconds=reader.number("answer_timeout_seconds", 1, 600, 30),
            roles=reader.switch("roles"),
            eligible_roles=reader.switch("eligible_roles"),
        )
        reader.finish()
        return read


class _Reader:
    """Reads one key after another and remembers every mistake."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self._mistakes: list[str] = []

    def matching(self, key: str, form: re.Pattern[str], problem: str, default: str = "") -> str:
        value = self._values.get(key, default)
        if not isinstance(value, str) or not form.fullmatch(value):
            self._mistakes.append(f"{key}: {problem}")
            return default
        return value

    def address(self, key: str, default: str) -> str:
        value = self._values.get(key, default)
        parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
        surplus = parts.username or parts.password or parts.query or parts.fragment
        if parts.scheme != "https" or not parts.hostname or surplus:
            self._mistakes.append(f"{key}: https:// で始まるアドレスが必要です")
        return str(value).rstrip("/")

    def file(self, key: str) -> Path | None:
        value = self._values.get(key)
        if value is None:
            return None
        path = Path(str(value))
        if not path.is_file():
            self._mistakes.append(f"{key}: ファイル {path} がありません")
        return path

    def certificate(self, key: str) -> str | None:
        path = self.file(key)
        return path.read_text(encoding="ascii") if path is not None and path.is_file() else None

    def secret(self, secret: str | None, certificate: str | None) -> str:
        given = (secret or "").strip()
        if not given:
            self._mistakes.append("credential: クライアントシークレット、又は証明書の秘密鍵のファイルが必要です")
        elif (certificate is not None) is not given.startswith(PRIVATE_KEY):
            self._mistakes.append(
                "credential: certificate_file があるときはその秘密鍵（PEM）、ないときは"
                "クライアントシークレットが必要です"
            )
        return given

    def number(self, key: str, lowest: int, highest: int, default: int) -> int:
        value = self._values.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        self._mistakes.append(f"{key}: {lowest} から {highest} までの整数が必要です")
        return default

    def switch(self, key: str) -> bool:
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            self._mistakes.append(f"{key}: true か false が必要です")
        return value is True

    def finish(self) -> None:
        """Raises ConfigurationInvalid when there was any mistake."""
        self._mistakes += [f"{key}: 知らないキーです" for key in sorted(self._values.keys() - KEYS)]
        if self._mistakes:
            message = "Entra ID との接続の設定に誤りがあります: " + "; ".join(self._mistakes)
            raise ConfigurationInvalid(message, mistakes=tuple(self._mistakes))
