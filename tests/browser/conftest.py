"""The demonstration, started as a user starts it, and a real browser without JavaScript in front of it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState, ViewportSize, sync_playwright

from idm.factors.one_time_codes import STEP_SECONDS, code_at, secret_from_text, step_of
from jobs.child_processes import free_port, stop
from jobs.demo.cases import Player, players
from jobs.demo.directory import LocalDirectory
from tests.servers.openldap import OpenLDAP

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZE: ViewportSize = {"width": 1366, "height": 768}


@dataclass
class Demonstration:
    """A running `idm demo`."""

    folder: Path
    address: str
    players: dict[str, Player]
    directory: OpenLDAP
    shots: Path | None
    sessions: dict[str, StorageState] = field(default_factory=dict)
    """Role → the cookies of its browser, once somebody in it has signed in."""

    def idm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The finished command, run by hand beside the demonstration."""
        environment = {**os.environ, "IDM_SETTINGS": str(self.folder / "settings.toml")}
        command = [sys.executable, "-m", "jobs", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def entry(self, login_name: str) -> dict[str, list[str]]:
        """An account as the directory's administrator sees it; empty when there is none."""
        return self.directory.read(f"uid={login_name},{LocalDirectory.people_base}", "*", "+")

    def wait_for_entry(self, login_name: str, attribute: str = "uid") -> dict[str, list[str]]:
        """The account, once the running worker has brought it that far."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            entry = self.entry(login_name)
            if attribute in entry:
                return entry
            time.sleep(0.2)
        raise AssertionError(f"{login_name} never got {attribute}: {self.entry(login_name)}")

    def code(self, player: Player) -> str:
        """A one-time code of the player that was not used yet: waits for the next one where it must."""
        secret = secret_from_text(player.code_secret or "")
        mark = self.folder / f"used-{player.name}"
        while mark.exists() and step_of(datetime.now(UTC)) <= int(mark.read_text()):
            time.sleep(STEP_SECONDS / 20)
        step = step_of(datetime.now(UTC))
        mark.write_text(str(step))
        return code_at(secret, step)

    def shoot(self, page: Page, name: str) -> None:
        """Keeps a picture of the page, where pictures are wanted."""
        if self.shots is not None:
            self.shots.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=self.shots / f"{name}.png")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Demonstration]:
    """`idm demo`, running."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    log = folder.parent / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs", "demo", "--folder", str(folder), "--port", str(free_port())],
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _wait_until_introduced(process, log)
        ports = json.loads((folder / "ports.json").read_text())
        directory = OpenLDAP(folder / "directory")
        directory.ldaps_port = ports["ldaps"]
        shots = request.config.getoption("--screenshots")
        yield Demonstration(
            folder, f"http://localhost:{ports['web']}", {p.role: p for p in players(folder / "sign-ins.json")},
            directory, Path(shots) if shots else None,
        )  # fmt: skip
    finally:
        stop(process)


def _wait_until_introduced(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        if "idm audit verify" in log.read_text(encoding="utf-8"):
            return
        time.sleep(0.2)
    raise AssertionError(f"the demonstration did not start:\n{log.read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Desk:
    """One person at one browser. Without JavaScript, as the product promises to work."""

    def __init__(self, browser: Browser, demo: Demonstration) -> None:
        self.browser, self.demo = browser, demo

    @contextmanager
    def signed_in(self, role: str, *, at: str = "/") -> Iterator[Page]:
        """A page on which this role is signed in, opened at the address: once by hand, later in the same session."""
        context = self.browser.new_context(
            locale="ja-JP", timezone_id="Asia/Tokyo", viewport=SIZE, java_script_enabled=False,
            storage_state=self.demo.sessions.get(role),
        )  # fmt: skip
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.goto(self.demo.address + at)
        if page.get_by_label("パスワード").count():
            self._sign_in(page, self.demo.players[role])
        try:
            yield page
            self.demo.sessions[role] = context.storage_state()
        finally:
            context.close()

    def _sign_in(self, page: Page, player: Player) -> None:
        page.get_by_label("利用者名").fill(player.name)
        page.get_by_label("パスワード").fill(player.password)
        page.get_by_role("button", name="サインイン").click()
        if player.code_secret is not None:
            page.get_by_label("確認コード").fill(self.demo.code(player))
            page.get_by_role("button", name="確認").click()


@pytest.fixture
def desk(chromium: Browser, demo: Demonstration) -> Desk:
    """A desk with a browser."""
    return Desk(chromium, demo)


def accessibility_faults(browser: Browser, demo: Demonstration, html: str, address: str) -> list[str]:
    """Serious and critical findings of axe on a page's HTML (axe itself needs JavaScript, the page does not)."""
    context = browser.new_context(locale="ja-JP", viewport=SIZE, bypass_csp=True)
    page = context.new_page()
    page.route(address, lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    page.goto(address)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    context.close()
    return [
        f"{fault['id']}: {node['html'][:120]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
