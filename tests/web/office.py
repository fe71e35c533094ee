"""The cast at their browsers: the pages of the small office, served to Flask's test client at a clock of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from connectors.registry import former_password_counts
from idm.database import Database
from idm.models import everything
from idm.models.sign_in import SignIn
from idm.operations.signing_in.web_sessions import open_session
from idm.settings import Settings
from tests.cast import NOW, Cast
from tests.templates import with_cast
from web.app import create_app
from web.session import cookie_name

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
Fields = Mapping[str, str | int | list[str | int]]


class Browser:
    """One member of the cast, signed in."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def open(self, path: str) -> TestResponse:
        """The page at the path; redirects are not followed."""
        return self.client.get(path)

    def page(self, path: str) -> str:
        """What the page at the path says; it must be there."""
        answer = self.client.get(path)
        assert answer.status_code == 200, (answer.status_code, answer.headers.get("Location"), answer.text)
        return answer.text

    def send(self, to: str, fields: Fields, *, shown: str = "/") -> TestResponse:
        """The answer to a form sent with the token of the page it was shown on."""
        return self.client.post(to, data={**fields, "csrf_token": token_in(self.client.get(shown).text)})

    def send_on(self, page: str, to: str, fields: Fields) -> TestResponse:
        """The answer to the form of a page that is at hand: its hidden fields and what is filled in."""
        filled: dict[str, str | int | list[str | int]] = {}
        for name, value in HIDDEN.findall(page):
            known = filled.setdefault(name, [])
            assert isinstance(known, list)
            known.append(unescape(value))
        return self.client.post(to, data={**filled, **fields})

    def follow(self, answer: TestResponse) -> str:
        """The page a redirect leads to."""
        assert answer.status_code == 302, (answer.status_code, answer.text)
        return self.page(answer.headers["Location"])


@dataclass
class Office:
    """The cast, the application, and the clock both live by."""

    cast: Cast
    app: Flask
    now: datetime = NOW

    @property
    def database(self) -> Database:
        """Where it is all kept."""
        return self.cast.database

    def browser(self, name: str, *, failures: int = 0) -> Browser:
        """The browser of this member of the cast, who has signed in with a second factor, after that many failures."""
        person_id, client = self.cast.people[name], self.app.test_client()
        with self.database.writing() as session:
            sign_in = session.scalar(select(SignIn).where(SignIn.person_id == person_id))
            if sign_in is None:
                sign_in = SignIn(person_id=person_id, name=f"u{person_id}", password_hash="-")
                session.add(sign_in)
                session.flush()
            token = open_session(
                session, sign_in, policy=self.cast.policy, now=self.now, second_factor=True, failures=failures
            )
        with self.app.test_request_context():
            client.set_cookie(cookie_name(), token)
        return Browser(client)

    def pass_by(self, **time: float) -> None:
        """Later by that much (`days=1`)."""
        self.now += timedelta(**time)

    def rows(self) -> dict[str, int]:
        """Table → how many rows it has."""
        with self.database.reading() as session:
            return {
                table.name: session.scalar(select(func.count()).select_from(table)) or 0
                for table in everything.METADATA.sorted_tables
            }


def open_office(folder: Path) -> Office:
    """The office on a fresh database in the folder."""
    cast = with_cast(folder / "office.db")
    settings = Settings(
        database_url=cast.database.url, secrets_dir=folder / "secrets", base_url="http://localhost:8600",
        checkpoint_file=folder / "audit-checkpoints.jsonl",
    )  # fmt: skip
    office: Office
    app = create_app(settings, cast.database, clock=lambda: office.now, former_password=former_password_counts)
    office = Office(cast, app)
    return office


def token_in(page: str) -> str:
    """The form token a page carries."""
    found = TOKEN.search(page)
    assert found is not None, page
    return found[1]
