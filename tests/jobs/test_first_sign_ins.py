"""A new installation: nobody can sign in, nobody knows a password, and officers get in by links of their own."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from idm.database import Database
from idm.errors import NotFound, SignInRefused
from idm.models.authenticators import Authenticator
from idm.models.sign_in import EnrolmentLink, Passkey, ProviderIdentity, RecoveryCode, SignIn, WebSession
from idm.operations.signing_in.enrolment import find_enrolment
from idm.operations.signing_in.sign_in import sign_in
from idm.queries.governance.configuration import policy_in_force
from idm.samples import SAMPLE_FEED, SAMPLE_ORGANISATION
from tests.jobs.test_command_line import FEED_PROFILE, Shell
from tests.operations.signing_in.steps import enrol

WAYS_IN = (SignIn, WebSession, Passkey, RecoveryCode, ProviderIdentity, Authenticator, EnrolmentLink)
LINK = re.compile(r"/enrol/([A-Za-z0-9_-]+)$")
OWN = "雨上がりの坂道を自転車で下る"


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample organisation's first record and its people."""
    shell = Shell(tmp_path_factory.mktemp("first-sign-ins"))
    shell.run("init", "--organisation", str(SAMPLE_ORGANISATION), "--feed", str(FEED_PROFILE))
    shell.run("hr", "import", str(SAMPLE_FEED), "--feed", "aoba", "--as-of", "2026-04-01")
    return shell.folder


@pytest.fixture
def office(tmp_path: Path, first_day: Path) -> Shell:
    shutil.copytree(first_day, tmp_path, dirs_exist_ok=True)
    return Shell(tmp_path)


@pytest.fixture
def database(office: Shell) -> Iterator[Database]:
    database = Database(f"sqlite:///{office.folder / 'idm.db'}")
    yield database
    database.dispose()


def links(office: Shell) -> list[str]:
    """The tokens that the command shows."""
    found = [LINK.search(line) for line in office.run("init", "--enrolment-links").stdout.splitlines()]
    assert found
    return [one[1] for one in found if one is not None]


@pytest.mark.asvs("6.3.2")
def test_a_new_installation_has_nobody_who_can_sign_in(database: Database) -> None:
    with database.reading() as session:
        rows = {model.__tablename__: session.scalar(select(func.count()).select_from(model)) for model in WAYS_IN}
    assert set(rows.values()) == {0}, rows


@pytest.mark.asvs("6.3.2")
@pytest.mark.parametrize("name", ["admin", "administrator", "root", "idm", "test", "guest", "000423", "000462"])
def test_the_usual_pairs_open_nothing(database: Database, name: str) -> None:
    now = datetime.now(UTC)
    with database.reading() as session:
        policy = policy_in_force(session, now=now)
    for password in (name, "", "admin", "password", f"{name}{name}"):
        with pytest.raises(SignInRefused):
            sign_in(database, name=name, password=password, source="192.0.2.7", policy=policy, now=now)


@pytest.mark.asvs("6.4.1")
def test_each_first_officer_gets_a_link_of_their_own_that_works_once_and_soon_runs_out(
    office: Shell, database: Database
) -> None:
    tokens = links(office)
    assert len(set(tokens)) == len(tokens) == 12
    assert all(len(token) * 6 >= 256 for token in tokens)
    now = datetime.now(UTC)
    with database.writing() as session:
        policy = policy_in_force(session, now=now)
        hours = timedelta(hours=policy.sign_in.enrolment_hours)
        names = {find_enrolment(session, token=token, now=now).name for token in tokens}
        assert len(names) == len(tokens)
        with pytest.raises(NotFound):
            find_enrolment(session, token=tokens[1], now=now + hours)
        mine = find_enrolment(session, token=tokens[0], now=now).name
        enrol(session, token=tokens[0], password=OWN, policy=policy, now=now)
        with pytest.raises(NotFound):
            enrol(session, token=tokens[0], password=OWN, policy=policy, now=now)
    assert sign_in(database, name=mine, password=OWN, source="192.0.2.7", policy=policy, now=now)


@pytest.mark.asvs("6.4.1")
def test_links_are_kept_nowhere_and_asking_again_voids_those_before(office: Shell, database: Database) -> None:
    before, after = links(office), links(office)
    assert not set(before) & set(after)
    now = datetime.now(UTC)
    with database.reading() as session:
        for token in before:
            with pytest.raises(NotFound):
                find_enrolment(session, token=token, now=now)
        assert find_enrolment(session, token=after[0], now=now)
    kept = b"".join(file.read_bytes() for file in sorted(office.folder.rglob("*")) if file.is_file())
    assert not [token for token in (*before, *after) if token.encode() in kept]
