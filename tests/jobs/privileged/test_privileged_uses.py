"""A whole use of a privileged ID on real directories: it works in its window only, whatever dies or is away (D6)."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from idm.models.audit import AuditRecord
from idm.models.privileged import PrivilegedUse
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding
from idm.operations.rights.accounts import schedule
from idm.settings import MailSettings, Settings
from idm.vocabulary import FindingKind, UseEnd, UseState
from jobs import provision
from jobs.installation import Installation
from jobs.privileged import privileged_uses
from jobs.sweep import reconcile
from tests.cast import Cast
from tests.connectors.conftest import now
from tests.connectors.samba_target import SambaTarget
from tests.jobs.conftest import Clock, Office
from tests.servers.samba_ad import SambaAD
from tests.use_office import Uses

PASSWORD = "Checked-out-7Rk2-2026"
OUT_OF_ORDER = (FindingKind.DRIFT, FindingKind.MISSING)


@dataclass
class Running:
    """The office with a real directory behind its ledger system; what is seen there of 青木's privileged ID."""

    uses: Uses
    clock: Clock
    installation: Installation
    sign_in: Callable[[str, str], bool]
    set_password: Callable[[str, str], None]
    members: Callable[[], set[str]]

    @property
    def login_name(self) -> str:
        """As it is called there."""
        with self.uses.cast.database.reading() as session:
            return session.get_one(Account, self.uses.account_id()).login_name

    def made(self) -> None:
        """The right is approved and the account made; somebody has checked its password out of the vault."""
        self.uses.now = self.clock()
        self.uses.approve("staff")
        self.round()
        self.set_password(self.login_name, PASSWORD)

    def permitted(self, **changes: Any) -> int:
        """A use that another has permitted, and that no worker has seen."""
        self.uses.now = self.clock()
        use_id = self.uses.ask(**changes)
        self.uses.permit(use_id)
        return use_id

    def round(self, **later: float) -> None:
        """So much later, one round of the worker."""
        self.clock.ahead += timedelta(**later)
        privileged_uses.run_due(self.installation)
        provision.run_due(self.installation, worker="w1")

    def use(self, use_id: int) -> PrivilegedUse:
        """The use as it is."""
        return self.uses.use(use_id)

    @property
    def lets_in(self) -> bool:
        """Whether the directory lets somebody in who knows the password."""
        return self.sign_in(self.login_name, PASSWORD)

    @property
    def asleep(self) -> bool:
        """Whether nothing of a use is left: nobody is let in, and the ID is in no group."""
        return not self.lets_in and self.login_name not in self.members()

    def drift(self) -> list[Finding]:
        """What a comparison finds to differ from what was approved."""
        assert not [one.failure for one in reconcile.reconcile(self.installation, system_code="ledger") if one.failure]
        with self.uses.cast.database.reading() as session:
            found = session.scalars(select(Finding).where(Finding.resolved_at.is_(None))).all()
            return [one for one in found if one.kind in OUT_OF_ORDER]


@pytest.fixture
def ldap(office: Office) -> Running:
    """On OpenLDAP."""
    directory = office.directory
    return Running(
        Uses(office.cast), office.clock, office.installation,
        lambda name, password: directory.sign_in(office.dn(name), password),
        lambda name, password: directory.reset_password(office.dn(name), password),
        lambda: office.members("ledger-admin"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def samba() -> Iterator[SambaAD]:
    """A running domain controller, one for all tests of the module."""
    server = SambaAD()
    server.build()
    server.start()
    yield server
    server.discard()


@pytest.fixture
def domain(cast: Cast, samba: SambaAD, tmp_path: Path) -> Iterator[Running]:
    """On an Active Directory domain."""
    with ExitStack() as closing:
        target = SambaTarget(samba, closing, now)
        for group in ("ledger-enter", "ledger-approve", "ledger-admin"):
            target.add_group(group)
        secrets = tmp_path / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "ledger.password").write_text(samba.service_password(), encoding="utf-8")
        with cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            system.connector, system.connector_settings = "active_directory", target.connector_settings()
        settings = Settings(
            database_url=cast.database.url, secrets_dir=secrets, checkpoint_file=tmp_path / "checkpoints.jsonl",
            base_url="https://idm.example.jp", mail=MailSettings(),
        )  # fmt: skip
        clock = Clock()
        installation = Installation(settings, cast.database, clock)

        def members() -> set[str]:
            found = samba.search(samba.base_dn, "(cn=ledger-admin)", "member")
            dns = [dn for entry in found.values() for dn in entry.get("member", [])]
            names = [samba.read(dn, "sAMAccountName")["sAMAccountName"][0] for dn in dns]
            return set(names)

        yield Running(Uses(cast), clock, installation, target.sign_in, target.reset_password, members)


@pytest.fixture(params=["ldap", "domain"])
def running(request: pytest.FixtureRequest) -> Running:
    """On each of the two kinds of directory."""
    found: Running = request.getfixturevalue(request.param)
    return found


# --- the whole use ---------------------------------------------------------------------------------------------------


def test_a_privileged_id_lets_nobody_in_before_and_after_its_use_and_is_in_its_group_only_then(
    running: Running,
) -> None:
    running.made()
    assert running.asleep
    use_id = running.permitted(hours=2)
    running.round()
    assert running.lets_in
    assert running.members() == {running.login_name}
    assert running.use(use_id).opened_at is not None
    running.round(hours=2)
    assert running.asleep
    use = running.use(use_id)
    assert (use.state, use.end_reason) == (UseState.ENDED, UseEnd.TIME_UP)
    assert use.closed_at is not None


def test_what_is_given_back_or_stopped_is_closed_in_the_same_round(running: Running) -> None:
    running.made()
    for how, who, values in (("give_back", "staff", {}), ("stop", "chief", {"reason": "不審"})):
        use_id = running.permitted()
        running.round()
        assert running.lets_in
        running.uses.act(how, use_id, who, **values)
        running.round()
        assert running.asleep
        assert running.use(use_id).state is UseState.ENDED


def test_the_directory_itself_ends_the_use_though_no_worker_runs(running: Running) -> None:
    # The office's clock goes behind by so much that an hour there ends in a few seconds of the directory's.
    running.clock.ahead = timedelta(seconds=10) - timedelta(hours=1)
    running.made()
    use_id = running.permitted(hours=1)
    running.round()
    assert running.use(use_id).state is UseState.OPEN
    deadline = time.monotonic() + 60
    while running.lets_in and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not running.lets_in, "no worker has been there"
    running.round(hours=1)
    assert running.asleep
    assert running.use(use_id).state is UseState.ENDED
    # Switched off, not merely past its end: the directory would let nobody in after any other end either.
    running.clock.ahead = timedelta()
    assert running.drift() == []


def test_a_sleeping_id_is_right_and_one_that_somebody_woke_is_not(ldap: Running, office: Office) -> None:
    ldap.made()
    assert ldap.drift() == []
    group = f"cn=ledger-admin,{office.directory.groups_base}"
    office.directory.apply(f"dn: {group}\nchangetype: modify\nadd: member\nmember: {office.dn(ldap.login_name)}\n")
    office.directory.apply(f"dn: {office.dn(ldap.login_name)}\nchangetype: modify\ndelete: pwdEndTime\n")
    assert FindingKind.DRIFT in {one.kind for one in ldap.drift()}
    assert ldap.members() == set(), "taken out in the same run, as the profile says"


def test_an_id_in_use_is_right_too(ldap: Running) -> None:
    ldap.made()
    ldap.permitted()
    ldap.round()
    assert ldap.drift() == []


def test_a_use_does_not_go_on_with_another_entry_put_in_the_place_of_the_id(ldap: Running, office: Office) -> None:
    ldap.made()
    use_id = ldap.permitted()
    ldap.round()
    office.directory.apply(f"dn: {office.dn(ldap.login_name)}\nchangetype: delete\n")
    with office.cast.database.writing() as session:
        schedule(session, session.get_one(Account, ldap.uses.account_id()), now=office.clock())
    ldap.round()
    assert ldap.use(use_id).end_reason is UseEnd.RIGHT_LOST
    with office.cast.database.reading() as session:
        done = session.scalars(select(AuditRecord.payload).where(AuditRecord.action == "provision.done")).all()
    made, opened, made_anew, *rest = [json.loads(payload or "{}")["steps"] for payload in done]
    assert "AddMember" in opened
    assert made_anew == made == ["CreateAccount"], "never opened, not for a moment"
    assert rest == [[]]
    ldap.set_password(ldap.login_name, PASSWORD)
    ldap.round()
    assert ldap.asleep


# --- dying and being away --------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from datetime import timedelta
from idm.database import Database
from idm.settings import Settings
from jobs import provision
from jobs.privileged import privileged_uses
from jobs.installation import Installation, utc_now

point, ahead = sys.argv[3], timedelta(seconds=float(sys.argv[4]))

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

count = 0
perform = provision._perform
def performing(directory, wave):
    global count
    count += 1
    if point == f"before {count}":
        die()
    perform(directory, wave)
    if point == f"after {count}":
        die()
provision._perform = performing
if point == "finish":
    provision._finish = die
settings = Settings(database_url=sys.argv[1], secrets_dir=sys.argv[2])
installation = Installation(settings, Database(settings.database_url), lambda: utc_now() + ahead)
privileged_uses.run_due(installation)
if point == "decided":
    die()
provision.run_due(installation, worker="killed")
"""
POINTS = ("decided", "before 1", "after 1", "before 2", "after 2", "finish")


def killed(running: Running, point: str) -> None:
    """A worker of its own process, killed at that point of its round."""
    settings = running.installation.settings
    arguments = [settings.database_url, str(settings.secrets_dir), point, str(running.clock.ahead.total_seconds())]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_it_opens_leaves_nothing_beyond_the_end(ldap: Running, point: str) -> None:
    ldap.made()
    use_id = ldap.permitted(hours=1)
    killed(ldap, point)
    if ldap.lets_in:
        with ldap.uses.cast.database.reading() as session:
            ends_at = session.get_one(PrivilegedUse, use_id).ends_at
        assert ends_at is not None, "what is open is boxed"
    ldap.round(minutes=6)
    assert ldap.lets_in, "opened by the next worker"
    assert ldap.use(use_id).opened_at is not None
    ldap.round(hours=1)
    assert ldap.asleep
    assert ldap.use(use_id).state is UseState.ENDED


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_it_closes_is_followed_by_one_that_does(ldap: Running, point: str) -> None:
    ldap.made()
    use_id = ldap.permitted(hours=1)
    ldap.round()
    assert ldap.lets_in
    ldap.clock.ahead += timedelta(hours=1)
    killed(ldap, point)
    assert ldap.use(use_id).state is UseState.ENDING, "decided before anything was asked of the directory"
    ldap.round(seconds=61)
    assert ldap.asleep
    assert ldap.use(use_id).state is UseState.ENDED


def test_a_directory_that_was_away_for_three_days_keeps_nothing_beyond_its_time(ldap: Running, office: Office) -> None:
    ldap.made()
    use_id = ldap.permitted(hours=2)
    ldap.round()
    assert ldap.lets_in
    office.directory.stop()
    try:
        for _ in range(9):
            ldap.round(hours=8)
        use = ldap.use(use_id)
        assert (use.state, use.closed_at) == (UseState.ENDING, None), "decided, and not forgotten"
        assert use.ended_at is not None
        assert use.opens_at is not None
    finally:
        office.directory.start(office.directory.ldaps_port)
    ldap.round(seconds=1)
    ldap.round(minutes=1)
    assert ldap.asleep, "within a minute of its return"
    assert ldap.use(use_id).state is UseState.ENDED
