"""A tenant as tests see it (`target.Target`): the emulator of Graph behind a real token service, and its people."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from connectors.entra.connector import EntraConnector, open_entra
from connectors.entra.decoding import Decoder
from connectors.entra.examination import FOR_ELIGIBILITY, FOR_ROLES, NEEDED
from connectors.entra.settings import EntraSettings
from tests.connectors.target import Facts, RichConnector
from tests.servers.cutting_proxy import CuttingProxy
from tests.servers.graph_emulator.server import GraphEmulator
from tests.servers.graph_emulator.tenant import Tenant, stamp
from tests.servers.oidc_provider import TENANT, Application

BY_CERTIFICATE, BY_SECRET = "11111111-2222-4333-8444-555555555555", "11111111-2222-4333-8444-666666666666"
GIVES_ROLES = "11111111-2222-4333-8444-888888888888"
BADLY_SET_UP = "11111111-2222-4333-8444-777777777777"
SECRET = "a-client-secret-for-tests"
PERMISSIONS = tuple(NEEDED)
FACTS = Facts(
    last_use_lag=timedelta(days=1), ends_accounts=False, awkward_names=("o'hara.k-1", "a!b#c^d~e_f", "x"),
)  # fmt: skip


def now() -> datetime:
    """The tenant's own time."""
    return datetime.now(UTC)


class OwnCertificate:
    """What our application signs in with: `certificate.pem` in the folder, and its private key."""

    def __init__(self, folder: Path) -> None:
        self.key, self.file = generate_private_key(65537, 2048), folder / "application.pem"
        name, moment = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idm-connector")]), now()
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(moment - timedelta(days=1))
            .not_valid_after(moment + timedelta(days=30)).sign(self.key, SHA256())
        )  # fmt: skip
        self.file.write_bytes(made.public_bytes(Encoding.PEM))

    @property
    def private(self) -> str:
        """The key as a credential file holds it."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def applications(key: RSAPrivateKey) -> tuple[Application, ...]:
    """Ours, by certificate, by secret and with roles to give, and one that may too little and too much."""
    return (
        Application(BY_CERTIFICATE, PERMISSIONS, key=key), Application(BY_SECRET, PERMISSIONS, secret=SECRET),
        Application(GIVES_ROLES, (*PERMISSIONS, FOR_ROLES[0], FOR_ELIGIBILITY[0]), secret=SECRET),
        Application(BADLY_SET_UP, ("User.Read.All", "RoleManagement.ReadWrite.Directory"), secret=SECRET),
    )  # fmt: skip


@dataclass
class EntraTarget:
    """One tenant, empty at first."""

    emulator: GraphEmulator
    closing: ExitStack
    own: OwnCertificate
    settings: dict[str, object] = field(default_factory=dict)
    facts: Facts = FACTS

    def __post_init__(self) -> None:
        self.emulator.tenant = Tenant(page_size=3)
        for client_id in (BY_CERTIFICATE, BY_SECRET, GIVES_ROLES, BADLY_SET_UP):
            settings = EntraSettings(TENANT, client_id, self.tenant.domain, "")
            self.tenant.extensions |= set(Decoder(settings).properties)

    @property
    def tenant(self) -> Tenant:
        """What it holds."""
        return self.emulator.tenant

    def connector(self, *, clock: Callable[[], datetime] | None = None) -> RichConnector:
        return cast(RichConnector, self.opened(clock=clock))

    def opened(
        self, *, graph: str | None = None, clock: Callable[[], datetime] | None = None, **changes: object
    ) -> EntraConnector:
        """A connector, closed at the end of the test."""
        values = self.values(**({"graph": graph} if graph else {}), **changes)
        secret = self.own.private if values["client_id"] == BY_CERTIFICATE else SECRET
        connector = open_entra(values, secret, clock or now)
        self.closing.callback(connector.close)
        return connector

    def values(self, **changes: object) -> dict[str, object]:
        """The settings as an organisation file has them."""
        values = {
            "tenant_id": TENANT, "client_id": BY_CERTIFICATE, "domain": self.tenant.domain,
            "authority": f"https://localhost:{self.emulator.provider.port}", "graph": self.emulator.address,
            "ca_file": str(self.emulator.certificate.ca_file), "connect_timeout_seconds": 5,
            "answer_timeout_seconds": 10, **self.settings, **changes,
        }  # fmt: skip
        by_key = values["client_id"] == BY_CERTIFICATE
        return values | ({"certificate_file": str(self.own.file)} if by_key else {})

    def forgetful_connector(self, *, done: Callable[[], bool]) -> RichConnector:
        proxy = self.closing.enter_context(CuttingProxy(self.emulator.port))
        proxy.cut_when = done
        there = self.emulator.address.replace(f":{self.emulator.port}", f":{proxy.port}")
        return cast(RichConnector, self.opened(graph=there))

    def exists(self, login_name: str) -> bool:
        return self.tenant.named(f"{login_name}@{self.tenant.domain}") is not None

    def add_group(self, name: str) -> None:
        self.tenant.add_group(name)

    def everybodys_groups(self) -> frozenset[str]:
        return frozenset()

    def put_into_group(self, outer: str, inner: str) -> None:
        groups = {one.name: one for one in self.tenant.groups.values()}
        groups[outer].members.append(groups[inner].id)

    def add_foreign_account(self, login_name: str) -> None:
        self.tenant.add_user(login_name)

    def choose_password(self, login_name: str, old: str, new: str) -> None:
        user = self._user(login_name)
        assert self.tenant.passwords[user["id"]].text == old
        self.tenant.set_password(user, new, must_change=False)

    def sign_in(self, login_name: str, password: str) -> bool:
        return self.tenant.sign_in(login_name, password)

    def reset_password(self, login_name: str, password: str) -> None:
        self.tenant.set_password(self._user(login_name), password, must_change=True)

    def set_last_use(self, login_name: str, moment: datetime) -> None:
        self._user(login_name)["signInActivity"] = {"lastSuccessfulSignInDateTime": stamp(moment.astimezone(UTC))}

    def stop(self) -> None:
        self.emulator.stop()
        self.closing.callback(lambda: None)

    def start(self) -> None:
        self.emulator.start()

    def _user(self, login_name: str) -> dict[str, Any]:
        user = self.tenant.named(f"{login_name}@{self.tenant.domain}")
        assert user is not None
        return user
