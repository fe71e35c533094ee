"""What the SCIM services of the tests have in common: a process on a free port, its certificate, its token, its users.

The administrator here asks the service by plain requests: what is seen does not depend on our connector.
"""

import secrets
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from tests.servers.certificates import make_certificates
from tests.servers.processes import die_with_parent, free_port, stop, wait_port

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


class ScimService:
    """A service in a folder of its own. `command` starts it, given the port, the certificate, its key and the token."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder, self._path = folder, path
        self.port = free_port()
        self.certificate = make_certificates(folder / "certificates").good
        self.token = secrets.token_urlsafe()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Below which `/Users` is."""
        return f"https://localhost:{self.port}{self._path}"

    @property
    def ca_file(self) -> Path:
        """Who vouches for its certificate."""
        return self.certificate.ca_file

    def command(self) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    def arguments(self) -> list[str]:
        """What every such program is told."""
        return [str(self.port), str(self.certificate.certificate_file), str(self.certificate.key_file), self.token]

    def start(self) -> None:
        """Afterwards it answers."""
        log = self.folder / "service.log"
        with log.open("ab") as output:
            command = die_with_parent(self.command())
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=output, stderr=subprocess.STDOUT)
        wait_port(self._process, self.port, log=log)

    def fall_silent(self) -> None:
        """Afterwards it takes connections and says nothing."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Afterwards it answers again, and holds what it held."""
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)

    def stop(self) -> None:
        """Afterwards it is down, and what it held is lost."""
        if self._process is not None:
            stop(self._process)
            self._process = None


class Administrator:
    """Somebody at the service's own pages."""

    def __init__(self, service: ScimService, url: str | None = None) -> None:
        self.url = url or service.url
        self.http = requests.Session()
        self.http.trust_env, self.http.verify = False, str(service.ca_file)
        self.http.headers.update({"Authorization": f"Bearer {service.token}", "Content-Type": "application/scim+json"})

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The answer, which is no error."""
        answer = self.http.request(method, f"{self.url}/{path}", json=body, timeout=10)
        assert answer.ok, (method, path, answer.status_code, answer.text)
        found = answer.json() if answer.text else {}
        assert isinstance(found, dict)
        return found

    def all_of(self, kind: str) -> list[dict[str, Any]]:
        """Every user or group."""
        found = self.ask("GET", kind).get("Resources", [])
        assert isinstance(found, list)
        return found

    def user(self, login_name: str) -> dict[str, Any] | None:
        """The user of that name."""
        return next((one for one in self.all_of("Users") if one["userName"] == login_name), None)

    def add_user(self, login_name: str, **said: object) -> dict[str, Any]:
        """Afterwards somebody has made a user that can be used."""
        name = {"familyName": login_name, "givenName": "x", "formatted": login_name}
        return self.ask(
            "POST", "Users", {"schemas": [USER], "userName": login_name, "name": name, "active": True, **said}
        )

    def add_group(self, name: str) -> str:
        """Afterwards there is a group with nobody in it. Returns its id."""
        made = self.ask("POST", "Groups", {"schemas": [GROUP], "displayName": name, "members": []})
        return str(made["id"])

    def clear(self) -> None:
        """Afterwards nobody and nothing is left."""
        for kind in ("Groups", "Users"):
            for one in self.all_of(kind):
                self.ask("DELETE", f"{kind}/{quote(one['id'], safe='')}")
