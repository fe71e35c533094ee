"""Somebody at a browser: opens pages, fills in forms with the token the page gave, and signs in."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idm.actor import Actor
from idm.factors.one_time_codes import code_at, new_secret, step_of
from idm.keys.sealing import encrypt
from idm.models.sign_in import SignIn
from idm.operations.signing_in.enrolment import issue_enrolment_link
from idm.operations.signing_in.sign_in import totp_context
from idm.passwords.password_hashing import hash_password
from tests.small_town import Town, policy
from web.current import EXTENSION, Site

PASSWORD = "あおばの庭で大きな犬がねむる"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Visitor:
    """One browser."""

    def __init__(self, app: Flask, town: Town, clock: Callable[[], datetime]) -> None:
        self.app, self.town, self.clock = app, town, clock
        self.client: FlaskClient = app.test_client()
        self.secret = new_secret()

    @property
    def site(self) -> Site:
        found: Site = self.app.extensions[EXTENSION]
        return found

    def open(self, path: str) -> TestResponse:
        """The page at the path; redirects are not followed."""
        return self.client.get(path)

    def follow(self, response: TestResponse) -> TestResponse:
        """The page a redirect leads to, through further redirects."""
        while response.status_code in {302, 303}:
            response = self.client.get(response.headers["Location"])
        return response

    def send(self, page: str, fields: Mapping[str, str], *, to: str | None = None) -> TestResponse:
        """The answer to the form of a page, sent with that page's token."""
        shown = self.follow(self.client.get(page))
        return self.client.post(to or page, data={**fields, "csrf_token": token_in(shown)})

    def exists(self, person_id: int, name: str, *, factor: bool = False) -> None:
        """Afterwards this person can sign in with the name, the common password and, if asked, a factor."""
        step = 0 if factor else None
        with self.site.database.writing() as session:
            sealed = encrypt(self.site.factor_key, self.secret, totp_context("totp_secret", person_id))
            session.add(SignIn(person_id=person_id, name=name, password_hash=hash_password(PASSWORD),
                               totp_secret=sealed if factor else None, last_totp_step=step))  # fmt: skip

    def sign_in(self, name: str, password: str = PASSWORD, *, wanted: str = "") -> TestResponse:
        """The answer to name and password."""
        return self.send("/sign-in", {"name": name, "password": password, "next": wanted})

    def give_code(self, code: str | None = None, *, wanted: str = "") -> TestResponse:
        """The answer to a code; the right one unless given."""
        given = self.right_code() if code is None else code
        return self.send("/sign-in/code", {"code": given, "next": wanted})

    def right_code(self) -> str:
        """What the authenticator app shows now."""
        return code_at(self.secret, step_of(self.clock()))

    def link_for(self, person_id: int) -> str:
        """The path of a fresh enrolment link."""
        by_desk = Actor(self.town.inviter, "鈴木 花子")
        actor = Actor.job("idm init") if person_id == self.town.chief else by_desk  # one officer is not enough
        with self.site.database.writing() as session:
            token = issue_enrolment_link(session, person_id=person_id, actor=actor, policy=policy(), now=self.clock())
        return f"/enrol/{token}"


def token_in(page: TestResponse) -> str:
    """The form token a page carries."""
    found = TOKEN.search(page.text)
    assert found is not None, page.text
    return found[1]
