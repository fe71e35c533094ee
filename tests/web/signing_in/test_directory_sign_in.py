"""Signing in to the pages with the password of a real directory: OpenLDAP and an Active Directory (control F4)."""

import re
from base64 import b32decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from connectors.registry import open_directory
from idm.factors.one_time_codes import code_at, step_of
from idm.models.officers import Officer
from idm.models.sign_in import SignIn
from idm.models.systems import Account, InformationSystem
from idm.passwords.password_hashing import hash_password
from idm.ports import CreateAccount, Outcome, SetEnabled, SetTemporaryPassword, Writes
from idm.settings import Settings
from idm.vocabulary import Role
from jobs.installation import Installation
from jobs.passwords.directory_passwords import password_checker
from tests.connectors.target import attributes
from tests.servers.openldap import OpenLDAP
from tests.servers.samba_ad import SambaAD, filetime
from tests.web.office import Browser, Office, token_in

TEMPORARY, PASSWORD, WRONG = "Temporary-1234", "Chosen-by-me-9012", "Not-the-password-1"
SAME = "利用者名またはパスワードが正しくありません"


class Server(Protocol):
    """A real directory with people at it."""

    kind: str

    def settings(self) -> dict[str, object]: ...
    def secret(self) -> str: ...
    def chooses(self, name: str) -> None: ...
    def off(self, name: str) -> None: ...
    def ended(self, name: str) -> None: ...
    def made_anew(self, name: str) -> None: ...
    def stop(self) -> None: ...
    def start(self) -> None: ...


class OfOpenLdap:
    """See `Server`."""

    kind = "openldap"

    def __init__(self, server: OpenLDAP) -> None:
        self.server = server

    def dn(self, name: str) -> str:
        return f"uid={name},{self.server.people_base}"

    def settings(self) -> dict[str, object]:
        return self.server.connector_settings()

    def secret(self) -> str:
        return self.server.service_password()

    def chooses(self, name: str) -> None:
        self._set(name, f"replace: userPassword\nuserPassword: {PASSWORD}\n")
        self._set(name, "replace: pwdReset\n")  # set by who is not the person; now they have chosen it

    def off(self, name: str) -> None:
        self._set(name, "replace: pwdEndTime\npwdEndTime: 19700101000000Z\n")

    def ended(self, name: str) -> None:
        self._set(name, f"replace: pwdEndTime\npwdEndTime: {yesterday():%Y%m%d%H%M%S}Z\n")

    def made_anew(self, name: str) -> None:
        self.server.apply(f"dn: {self.dn(name)}\nchangetype: delete\n")
        self.server.apply(
            f"dn: {self.dn(name)}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: x\nsn: x\nuserPassword: {PASSWORD}\n"
        )

    def stop(self) -> None:
        self.server.stop()

    def start(self) -> None:
        self.server.start(self.server.ldaps_port)

    def _set(self, name: str, change: str) -> None:
        self.server.apply(f"dn: {self.dn(name)}\nchangetype: modify\n{change}", "-e", "relax")


class OfActiveDirectory:
    """See `Server`."""

    kind = "active_directory"

    def __init__(self, server: SambaAD) -> None:
        self.server = server

    def dn(self, name: str) -> str:
        return f"CN={name},{self.server.people_ou}"

    def settings(self) -> dict[str, object]:
        return {
            "host": self.server.host, "ca_file": str(self.server.ca_file), "bind_dn": self.server.service_dn,
            "people_base": self.server.people_ou, "groups_base": self.server.groups_ou,
            "upn_suffix": self.server.domain,
        }  # fmt: skip

    def secret(self) -> str:
        return self.server.service_password()

    def chooses(self, name: str) -> None:
        self.server.reset_password(self.dn(name), PASSWORD)

    def off(self, name: str) -> None:
        self.server.replace(self.dn(name), "userAccountControl", "514")

    def ended(self, name: str) -> None:
        self.server.replace(self.dn(name), "accountExpires", str(filetime(yesterday())))

    def made_anew(self, name: str) -> None:
        self.server.apply(f"dn: {self.dn(name)}\nchangetype: delete\n")
        self.server.add_user(name, PASSWORD)

    def stop(self) -> None:
        self.server.stop()

    def start(self) -> None:
        self.server.start()


def yesterday() -> datetime:
    return datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def openldap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = OpenLDAP(tmp_path_factory.mktemp("slapd"))
    server.build()
    server.start()
    yield OfOpenLdap(server)
    server.stop()


@pytest.fixture(scope="module")
def active_directory() -> Iterator[Server]:
    server = SambaAD()
    server.build()
    server.start()
    yield OfActiveDirectory(server)
    server.discard()


@dataclass
class Desk:
    """The office, whose ledger is a real directory that people sign in with, and a browser before it."""

    office: Office
    server: Server

    @property
    def login(self) -> str:
        """青木's name in the directory."""
        with self.office.database.reading() as session:
            return session.scalars(select(Account.login_name)).one()

    def arrive(self, name: str, password: str, client: FlaskClient | None = None) -> TestResponse:
        """The answer to name and password."""
        browser = client or self.office.app.test_client()
        token = token_in(browser.get("/sign-in").text)
        return browser.post("/sign-in", data={"name": name, "password": password, "csrf_token": token})


@pytest.fixture(params=["openldap", "active_directory"])
def desk(office: Office, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    server: Server = request.getfixturevalue(request.param)
    secrets = tmp_path / "directory-secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "ledger.password").write_text(server.secret(), encoding="utf-8")
    settings = Settings(database_url=office.database.url, secrets_dir=secrets)
    site = office.app.extensions["idm"]
    checker = password_checker(Installation(settings, office.database))
    office.app.extensions["idm"] = replace(site, check_password=checker)
    account = _account(office, server)
    directory = open_directory(server.kind, server.settings(), server.secret())
    assert isinstance(directory, Writes)
    steps = [CreateAccount(account.uuid, attributes(account.login_name))]
    assert directory.perform(steps) == [Outcome.CHANGED]
    found = directory.find([account.uuid])[account.uuid].external_id
    directory.perform([SetTemporaryPassword(found, TEMPORARY)])
    directory.perform([SetEnabled(found, enabled=True)])
    with office.database.writing() as session:
        session.get_one(Account, account.id).external_id = found
    yield Desk(office, server)
    _remove_everybody(server, directory)
    directory.close()


def _account(office: Office, server: Server) -> Account:
    """青木's account row; the ledger is the server from now on."""
    office.cast.approve(office.cast.file("hr", ("staff", "ledger/account")))
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector, system.connector_settings, system.for_sign_in = server.kind, server.settings(), True
        account = session.scalars(select(Account)).one()
        account.seen_present, account.handed_over_at = True, office.now
        return account


def _remove_everybody(server: Server, directory: object) -> None:
    if isinstance(server, OfOpenLdap):
        for dn in server.server.people():
            server.server.apply(f"dn: {dn}\nchangetype: delete\n")
    if isinstance(server, OfActiveDirectory):
        for dn in server.server.search(server.server.people_ou, "(objectClass=user)", "cn"):
            server.server.apply(f"dn: {dn}\nchangetype: delete\n")


def same_text(one: TestResponse, other: TestResponse) -> bool:
    """Whether two pages say the same, apart from the name that was typed and the form's own token."""
    pages = [re.sub(r'value="[^"]*"', "", page.text) for page in (one, other)]
    return pages[0] == pages[1] and one.status_code == other.status_code


def test_the_page_says_whose_password_it_asks_for(desk: Desk) -> None:
    page = desk.office.app.test_client().get("/sign-in").text
    assert "会計システムの利用者名とパスワード" in page
    assert "パソコンのサインインと同じもの" in page


def test_the_right_password_leads_in_and_both_spellings_of_the_name_are_one(desk: Desk) -> None:
    desk.server.chooses(desk.login)
    client = desk.office.app.test_client()
    answer = desk.arrive(desk.login.upper(), PASSWORD, client)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/"), answer.text
    page = client.get("/").text
    assert "青木　一郎" in page
    assert "なし（初回）" in page
    person = desk.office.browser("desk").page(f"/people/{desk.office.cast.people['staff']}")
    assert "ディレクトリのパスワードで利用" in person


def test_an_officer_enrols_the_second_factor_by_a_link_of_two_officers_and_not_by_the_password_alone(
    desk: Desk,
) -> None:
    desk.server.chooses(desk.login)
    office, person = desk.office, desk.office.cast.people["staff"]
    with office.database.writing() as session:
        record = session.scalars(select(Officer.first_record_id).where(Officer.first_record_id.is_not(None))).first()
        session.add(Officer(role=Role.CHIEF, person_id=person, valid_from=date(2026, 4, 1), first_record_id=record))
    alone = Browser(office.app.test_client())
    assert desk.arrive(desk.login, PASSWORD, alone.client).status_code == 302
    told = alone.client.get("/people", follow_redirects=True)
    assert told.request.path == "/sign-in/second-factor"
    assert "登録用リンクの発行を" in told.text
    assert "QRコード" not in told.text
    refused = alone.send("/sign-in/second-factor/new", {}, shown="/sign-in/second-factor")
    assert refused.status_code == 403
    assert "FACTOR-BY-LINK" in refused.text

    assert "/enrol/" not in office.browser("desk").send(f"/people/{person}/invitation", {}).text
    office.pass_by(seconds=1)
    issued = office.browser("security").send(f"/people/{person}/invitation", {}).text
    link = re.search(r"/enrol/[\w-]+", issued)
    assert link is not None, issued
    assert "パソコンと同じパスワード" in issued

    browser = Browser(office.app.test_client())
    before = browser.page(link[0])
    assert "まず、パソコンと同じ利用者名とパスワードでサインイン" in before
    assert 'type="password"' not in before
    token = token_in(browser.page("/sign-in"))
    came = browser.client.post(
        "/sign-in", data={"name": desk.login, "password": PASSWORD, "next": link[0], "csrf_token": token}
    )
    assert came.headers["Location"] == link[0]
    browser.send(f"{link[0]}/second-factor/new", {}, shown=link[0])
    shown = browser.page(link[0])
    key = re.search(r'class="code secret">([A-Z2-7 ]+)<', shown)
    assert key is not None, shown
    assert "前に登録した認証アプリは使えなくなります" in shown
    wrong = browser.send(f"{link[0]}/second-factor", {"code": "12"}, shown=link[0])
    assert wrong.status_code == 422
    secret = b32decode(key[1].replace(" ", "") + "=" * (-len(key[1].replace(" ", "")) % 8))
    code = code_at(secret, step_of(office.now))
    done = browser.send(f"{link[0]}/second-factor", {"code": code}, shown=link[0])
    assert browser.follow(done)
    assert browser.page("/approvals")
    with office.database.reading() as session:
        ours = session.scalars(select(SignIn).where(SignIn.person_id == person)).one()
        assert (ours.password_hash, ours.totp_secret is None) == (None, False)
    assert alone.client.get("/people").headers["Location"].startswith("/sign-in")


def test_the_link_of_somebody_who_comes_by_the_directory_is_not_for_another_who_is_signed_in(desk: Desk) -> None:
    desk.server.chooses(desk.login)
    desk.arrive(desk.login, PASSWORD)
    issued = desk.office.browser("desk").send(f"/people/{desk.office.cast.people['staff']}/invitation", {}).text
    link = re.search(r"/enrol/[\w-]+", issued)
    assert link is not None
    other = desk.office.browser("other")
    assert "別の人がサインインしています" in other.page(link[0])
    assert other.send(f"{link[0]}/second-factor/new", {}).status_code == 404
    password = {"password": PASSWORD, "password_again": PASSWORD}
    assert desk.office.app.test_client().get(link[0]).status_code == 200
    assert other.send(link[0], password).headers["Location"] == link[0]


def test_a_wrong_password_an_unknown_name_and_a_blank_one_are_one_answer(desk: Desk) -> None:
    desk.server.chooses(desk.login)
    wrong, unknown = desk.arrive(desk.login, WRONG), desk.arrive("u999999", WRONG)
    assert SAME in wrong.text
    assert wrong.status_code == 401
    assert same_text(wrong, unknown)
    assert same_text(wrong, desk.arrive(desk.login, ""))
    assert same_text(wrong, desk.arrive("u999999", "\u200b"))


def test_a_temporary_password_must_be_changed_elsewhere_first(desk: Desk) -> None:
    answer = desk.arrive(desk.login, TEMPORARY)
    assert answer.status_code == 401
    assert "パソコンのサインイン画面で新しいパスワードに変えて" in answer.text
    assert same_text(desk.arrive(desk.login, WRONG), desk.arrive("u999999", WRONG))


@pytest.mark.parametrize(("state", "told"), [("off", "無効になっています"), ("ended", "利用期間が終わっています")])
def test_an_account_that_lets_nobody_in_is_explained_only_after_the_right_password(
    desk: Desk, state: str, told: str
) -> None:
    desk.server.chooses(desk.login)
    change: Callable[[str], None] = getattr(desk.server, state)
    change(desk.login)
    answer = desk.arrive(desk.login, PASSWORD)
    assert answer.status_code == 401
    # OpenLDAP tells the state of an account to anybody: then nobody is told, not even its person.
    assert (told in answer.text) is (desk.server.kind == "active_directory")
    assert same_text(desk.arrive(desk.login, WRONG), desk.arrive("u999999", WRONG))


def test_our_page_never_locks_an_account_of_the_directory(desk: Desk) -> None:
    """The directory's lock ends what we would otherwise allow; ours comes first where it is set up as it should be."""
    desk.server.chooses(desk.login)
    with desk.office.database.writing() as session:
        limit = desk.office.cast.policy.sign_in.attempts
        assert session.scalars(select(SignIn)).all() == []
    for _ in range(limit):
        page = desk.arrive(desk.login, WRONG)
    assert "一時的に停止" in page.text
    asked: list[str] = []
    site = desk.office.app.extensions["idm"]
    desk.office.app.extensions["idm"] = replace(site, check_password=lambda *given: asked.append(given[1]))
    assert "一時的に停止" in desk.arrive(desk.login, PASSWORD).text
    assert asked == []


def test_an_account_made_anew_under_the_same_name_is_nobodys(desk: Desk) -> None:
    desk.server.chooses(desk.login)
    desk.server.made_anew(desk.login)
    answer = desk.arrive(desk.login, PASSWORD)
    assert answer.status_code == 401
    assert "登録されているものと一致しません" in answer.text


def test_without_the_directory_the_page_says_so_and_the_products_own_passwords_work(desk: Desk) -> None:
    desk.server.chooses(desk.login)
    with desk.office.database.writing() as session:
        session.add(
            SignIn(person_id=desk.office.cast.people["other"], name="100010", password_hash=hash_password(PASSWORD))
        )
    desk.server.stop()
    try:
        away = desk.arrive(desk.login, PASSWORD)
        assert away.status_code == 503
        assert "失敗にも数えていません" in away.text
        assert same_text(away, desk.arrive("u999999", WRONG))
        assert desk.arrive("100010", PASSWORD).status_code == 302
    finally:
        desk.server.start()
    assert desk.arrive(desk.login, PASSWORD).status_code == 302


def test_the_password_is_on_no_page(desk: Desk) -> None:
    for password in (PASSWORD, TEMPORARY, WRONG):
        assert password not in desk.arrive(desk.login, password).text
