"""A real OpenID provider for tests: npm's oidc-provider, with its own pages, on https at a loopback port."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from idm.organisation import SignInProvider
from tests.servers.certificates import make_certificates
from tests.servers.prepared import fingerprint, prepared
from tests.servers.processes import die_with_parent, free_port, program, stop, wait_port

RECIPE = Path(__file__).with_name("oidc")
PARTS = ("package.json", "package-lock.json", "server.mjs")
TENANT = "9f2b3c4d-0000-4000-8000-000000000001"
CLIENT, SECRET = "idm", "a-secret-for-tests-alone"
MOST_HOPS = 20
FORM = re.compile(r'<form[^>]*action="([^"]+)"')
FIELD = re.compile(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"')


@dataclass(frozen=True)
class Application:
    """A program that signs in as itself: with a secret, or with a key whose certificate the provider knows."""

    client_id: str
    permissions: tuple[str, ...]
    secret: str = ""
    key: RSAPrivateKey | None = None

    def described(self) -> dict[str, Any]:
        """The client as the provider is told of it."""
        way: dict[str, Any] = {"token_endpoint_auth_method": "client_secret_post", "client_secret": self.secret}
        if self.key is not None:
            public = {**RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "use": "sig"}
            way = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public]}}
        return {
            "client_id": self.client_id, "grant_types": ["client_credentials"], "response_types": [],
            "redirect_uris": [], **way,
        }  # fmt: skip


class ProviderServer:
    """A provider whose issuer ends in `path`; `people`: name → further claims of whoever signs in by that name."""

    def __init__(
        self, folder: Path, *, answer_at: str, path: str = f"{TENANT}/v2.0",
        people: Mapping[str, Mapping[str, object]] | None = None, applications: Sequence[Application] = (),
    ) -> None:  # fmt: skip
        self.folder, self.answer_at, self.path, self.people = folder, answer_at, path, dict(people or {})
        self.applications = applications
        self.port = free_port()
        self.new_key("the-first")
        self.certificate = make_certificates(folder / "certificates").good
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def issuer(self) -> str:
        """What its ID tokens are from."""
        return f"https://localhost:{self.port}/{self.path}"

    @property
    def ca_file(self) -> Path:
        """Who vouches for its certificate."""
        return self.certificate.ca_file

    def described(self, *, entra: bool = False) -> SignInProvider:
        """The provider as an organisation's file names it."""
        authority = self.issuer.removesuffix("/v2.0") if entra else self.issuer
        return SignInProvider("庁内認証基盤", authority, CLIENT, "provider.secret", entra)

    def start(self) -> None:
        """Afterwards it answers."""
        (self.folder / "provider.json").write_text(json.dumps(self._configuration()), encoding="utf-8")
        log = self.folder / "provider.log"
        with installed() as made, log.open("wb") as output:
            command = die_with_parent([program("node", "nodejs"), str(made / "server.mjs"), "provider.json"])
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=output, stderr=subprocess.STDOUT)
            wait_port(self._process, self.port, log=log)

    def stop(self) -> None:
        """Afterwards it is down."""
        if self._process is not None:
            stop(self._process)
            self._process = None

    def new_key(self, kid: str) -> None:
        """Afterwards it signs with another key, from its next start."""
        self.key, self.kid = generate_private_key(65537, 2048), kid

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer, "port": self.port, "certificate": str(self.certificate.certificate_file),
            "key": str(self.certificate.key_file), "cookie_key": "of-no-use-to-anybody", "people": self.people,
            "keys": {"keys": [private_jwk(self.key, self.kid)]}, "token_seconds": 3600,
            "applications": {one.client_id: list(one.permissions) for one in self.applications},
            "clients": [
                *(one.described() for one in self.applications),
                {
                    "client_id": CLIENT, "client_secret": SECRET, "redirect_uris": [self.answer_at],
                    "token_endpoint_auth_method": "client_secret_post",
                }
            ],
        }  # fmt: skip


class ProviderBrowser:
    """Somebody at the provider's pages, without JavaScript; stays signed in there."""

    def __init__(self, server: ProviderServer) -> None:
        self.server = server
        self.http = requests.Session()
        self.http.trust_env, self.http.verify = False, str(server.ca_file)

    def sign_in(self, address: str, name: str) -> str:
        """The address that the provider sends the browser back to, with its answer."""
        answer = self.http.get(address, allow_redirects=False)
        for _ in range(MOST_HOPS):
            onward = answer.headers.get("Location")
            if onward is not None and onward.startswith(self.server.answer_at):
                return onward
            if onward is not None:
                answer = self.http.get(urljoin(answer.url, onward), allow_redirects=False)
                continue
            form = FORM.search(answer.text)
            assert form is not None, (answer.status_code, answer.text)
            fields = {field: unescape(value) for field, value in FIELD.findall(answer.text)}
            if 'name="login"' in answer.text:
                fields |= {"login": name, "password": "of-any-kind"}
            target = urljoin(answer.url, unescape(form[1]))
            answer = self.http.post(target, data=fields, allow_redirects=False)
        raise AssertionError(f"the provider never came to an end: {answer.url}")


def private_jwk(key: RSAPrivateKey, kid: str) -> dict[str, Any]:
    """A key as providers are given it; `use` says what it is for, not `key_ops` beside it (RFC 7517 4.3)."""
    plain = {name: value for name, value in RSAAlgorithm.to_jwk(key, as_dict=True).items() if name != "key_ops"}
    return {**plain, "kid": kid, "use": "sig", "alg": "RS256"}


@contextmanager
def running(server: ProviderServer) -> Iterator[ProviderServer]:
    """The provider, up."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


def installed() -> AbstractContextManager[Path]:
    """The folder of the server, fetched from npm's registry once in this machine's life."""
    version = fingerprint(*((RECIPE / part).read_text(encoding="utf-8") for part in PARTS))
    return prepared("openid-provider", version, _install)


def _install(folder: Path) -> None:
    """Afterwards the folder holds the server and what it needs, as the lock file says; no script of a package runs."""
    for part in PARTS:
        shutil.copy(RECIPE / part, folder)
    command = [program("npm", "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"npm ci: {done.stderr}")


if __name__ == "__main__":
    with installed():
        pass
