"""Asks one cell after the other: a request through the application, and whether its answer is the expected one.

Nothing is set up per cell. The clock stands still, so whom a token belongs to and which rules are in force are read
once per visitor (`once`); what a page or an operation asks is asked every time. What is obeyed is undone at once.
"""

import atexit
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import event, select, update
from werkzeug.routing import Rule
from werkzeug.test import EnvironBuilder

from idm.models.sign_in import SignIn, WebSession
from idm.operations.signing_in.web_sessions import hash_of, new_token, open_session
from idm.settings import Settings
from idm.vocabulary import Role
from tests.cast import NOW
from tests.web import one_compilation
from tests.web.office import token_in
from tests.web.walk import expectations
from tests.web.walk.expectations import (
    BY_TOKEN,
    CODE,
    DOING,
    FACTOR,
    LOOKING,
    OPEN_HALF_WAY,
    OPEN_TO_STRANGERS,
    Somebody,
)
from tests.web.walk.walked_office import MORE_PEOPLE, NO_ROLE, SINGLE_ROLES, Thing, WalkedOffice, build
from web import session as web_session
from web.app import create_app

HOST = "localhost:8600"
QUERIES = {"calendar.day": "on=2026-04-01"}
WORDS = {
    "token": "x",
    "pushed_id": "x",
    "name": "User",
    "uri": "x",
    "rest": "x",
    "step": "check",
    "code": "password",
    "key": "joiners",
    "filename": "idm.css",
}
PARAMETERS = (
    "campaign_id", "case_id",
    "found_id", "right_id", "checklist_id", "request_id", "person_id", "account_id", "finding_id", "order_id",
    "handover_id", "listing_id", "batch_id", "version_id", "employment_id", "contract_id", "block_id", "standing_id",
    "authenticator_id", "report_id", "use_id", "upload_id", "question_id", "officer_id", "deputy_id", "deputyship_id",
    "exception_id", "service_id", "provider_account_id", "device_id", "official_account_id", "poster_id",
    "stop_id", "violation_id", "record_id",
    "system_id",
)  # fmt: skip
"""The parameters that name an object; the first that a route has is the one it is walked by."""
NO_THING = Thing(0)
REFUSED = frozenset({403, 404, 409})
NOT_OURS = ("audit_", "sign_in_attempts", "web_sessions")
"""Tables that a refusal may write to: the record of it, and of the session that asked."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who comes with a cookie, or with none. `led_to` None = signed in; else where every page leads them."""

    name: str
    who: Somebody
    cookie: str
    led_to: str | None = None


@dataclass
class Walk:
    """The office, who comes to it, and what was asked so far."""

    app: Flask
    office: WalkedOffice
    visitors: list[Visitor]
    form_token: str
    pristine: sqlite3.Connection
    environment: dict[str, Any]
    cells: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    """Those of the last answer."""
    wrong: list[str] = field(default_factory=list)

    @property
    def senders(self) -> list[Visitor]:
        """Who sends forms: of the sessions that are over, one of each person's is enough."""
        return [visitor for visitor in self.visitors if not visitor.name.endswith(("(idle)", "(old)"))]

    def rules(self, method: str) -> list[Rule]:
        """Every route that has the method, in a fixed order."""
        found = [rule for rule in self.app.url_map.iter_rules() if method in (rule.methods or set())]
        return sorted(found, key=lambda rule: (rule.endpoint, rule.rule))

    def addresses(self, rule: Rule) -> Iterator[tuple[str, Thing]]:
        """The route's path for every object it can name."""
        named = next((name for name in PARAMETERS if name in rule.arguments), None)
        for thing in self.office.things[named] if named else [NO_THING]:
            values: dict[str, Any] = {name: 9_999 for name in rule.arguments if name.endswith("_id")}
            values.update({name: word for name, word in WORDS.items() if name in rule.arguments})
            values.update({name: one for name, one in thing.beside.items() if name in rule.arguments})
            if named:
                values[named] = thing.id
            built = rule.build(values)
            assert built is not None, (rule, values)
            yield built[1], thing

    def ask(
        self, method: str, path: str, visitor: Visitor, query: str = "", body: bytes = b"", **environment: str
    ) -> tuple[int, str]:
        """The status and where a redirect leads; `environment` are headers as WSGI names them."""
        said: list[Any] = []
        environ = dict(self.environment, REQUEST_METHOD=method, PATH_INFO=path, QUERY_STRING=query, **environment)
        environ["HTTP_COOKIE"] = visitor.cookie
        environ["wsgi.input"] = BytesIO(body)
        if body:
            environ.update(CONTENT_LENGTH=str(len(body)), CONTENT_TYPE="application/x-www-form-urlencoded")

        def begin(status: str, headers: list[tuple[str, str]], _failure: Any = None) -> Callable[[bytes], object]:
            said.append((status, headers))
            return lambda _written: None

        answer = self.app.wsgi_app(environ, begin)
        b"".join(answer)
        getattr(answer, "close", lambda: None)()
        status, headers = said[0]
        self.headers = dict(headers)
        return int(status[:3]), self.headers.get("Location", "")

    def note(self, expected: bool, cell: str, answer: tuple[int, str]) -> None:
        """Afterwards the cell is counted, and kept when it is wrong."""
        self.cells += 1
        if not expected:
            self.wrong.append(f"{cell}: {answer[0]} {answer[1]}")

    def digest(self) -> str:
        """What all tables hold that a refusal must not touch."""
        found = sha256()
        with self.office.cast.database.reading() as session:
            for table in _tables(self):
                found.update(repr(session.connection().exec_driver_sql(f'SELECT * FROM "{table}"').all()).encode())
        return found.hexdigest()

    def put_back(self) -> None:
        """Afterwards the database holds what it held at the beginning."""
        raw = self.office.cast.database.engine.raw_connection()
        try:
            self.pristine.backup(raw.driver_connection)  # type: ignore[arg-type]
        finally:
            raw.close()


@contextmanager
def asking_once() -> Iterator[None]:
    """While it lasts, who comes and which rules are in force is read once per visitor."""
    names = ("resume_session", "policy_in_force", "organisation_in_force")
    real = {name: getattr(web_session, name) for name in names}
    for name, read in real.items():
        setattr(web_session, name, _KEPT.setdefault(name, once(read)))
    try:
        yield
    finally:
        for name, read in real.items():
            setattr(web_session, name, read)


_KEPT: dict[str, Callable[..., Any]] = {}


@cache
def walk_of_this_process() -> Walk:
    """The walk, prepared once in a process."""
    folder = Path(mkdtemp(prefix="idm-walk-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    return prepared(folder)


def share_of(method: str, part: int, parts: int) -> list[Rule]:
    """Every so-manieth route that has the method: what one file walks."""
    return walk_of_this_process().rules(method)[part::parts]


@cache
def _table_names(path: str) -> tuple[str, ...]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return tuple(name for (name,) in rows if not name.startswith(NOT_OURS))


def _tables(walk: Walk) -> tuple[str, ...]:
    return _table_names(str(walk.office.cast.database.engine.url.database))


def prepared(folder: Path) -> Walk:
    """The walk, ready to begin, with everybody at their browsers."""
    one_compilation.share()
    office = build(folder)
    database = office.cast.database
    database.dispose()
    event.listen(database.engine, "connect", lambda raw, _record: raw.execute("PRAGMA synchronous=OFF"))
    settings = Settings(database_url=database.url, secrets_dir=folder / "secrets", base_url=f"http://{HOST}")
    app = create_app(settings, database, clock=lambda: NOW)
    client = app.test_client()
    form_token = token_in(client.get("/sign-in", base_url=f"http://{HOST}").text)
    forms = client.get_cookie("idm-forms")
    assert forms is not None
    visitors = _visitors(office, f"idm-forms={forms.value}")
    pristine = sqlite3.connect(":memory:", check_same_thread=False)
    raw = database.engine.raw_connection()
    raw.driver_connection.backup(pristine)  # type: ignore[union-attr]
    raw.close()
    environment = EnvironBuilder(path="/", base_url=f"http://{HOST}").get_environ()
    return Walk(app, office, visitors, form_token, pristine, environment)


def once(read: Callable[..., Any]) -> Callable[..., Any]:
    """The reading function, asked once per token: at a clock that stands still it always says the same."""
    kept: dict[str, Any] = {}

    def asked(*args: Any, **named: Any) -> Any:
        key = str(named.get("token", ""))
        if key not in kept:
            kept[key] = read(*args, **named)
        return kept[key]

    return asked


def _visitors(office: WalkedOffice, forms: str) -> list[Visitor]:
    start, cast = "/sign-in", office.cast
    stranger = Somebody("stranger")
    found = [
        Visitor("stranger", stranger, forms, start),
        Visitor("unknown token", stranger, f"{forms}; idm={new_token()}", start),
        Visitor("no token", stranger, f"{forms}; idm=", start),
    ]
    with cast.database.writing() as session:
        for key in (*SINGLE_ROLES, *NO_ROLE, "left", "to_come"):
            secret = None if key in SINGLE_ROLES else b"-"
            sign_in = SignIn(
                person_id=cast.people[key], name=f"u-{key}".replace("_", "-"), password_hash="-", totp_secret=secret,
                last_totp_step=None if secret is None else 0,
            )  # fmt: skip
            session.add(sign_in)
            session.flush()
            opened = [
                open_session(session, sign_in, policy=cast.policy, now=NOW, second_factor=True) for _ in STANDINGS
            ]
            for token, (standing, changed) in zip(opened, STANDINGS.items(), strict=True):
                by_token = update(WebSession).where(WebSession.token_hash == hash_of(token))
                session.execute(by_token.values({"last_seen_at": NOW, **changed}))
                who = Somebody(key, SINGLE_ROLES.get(key), MORE_PEOPLE[key][2] if key in MORE_PEOPLE else "0600")
                led_to = _led_to(key, standing, demanded=key in DEMANDED)
                found.append(Visitor(f"{key} ({standing})", who, f"{forms}; idm={token}", led_to))
        assert session.scalar(select(WebSession.id)) is not None
    return [visitor for visitor in found if visitor.led_to != "?"]


STANDINGS: dict[str, dict[str, Any]] = {
    "signed in": {},
    "half-way": {"second_factor_at": None},
    "ended": {"ended_at": NOW},
    "idle": {"last_seen_at": NOW - timedelta(hours=2)},
    "old": {"created_at": NOW - timedelta(days=9), "expires_at": NOW - timedelta(seconds=1)},
}
DEMANDED = frozenset(key for key, role in SINGLE_ROLES.items() if role not in (Role.SECTION, Role.AUDITOR))
"""Whose role demands a second factor: with none enrolled, they are led to enrolling one."""


def _led_to(key: str, standing: str, *, demanded: bool) -> str | None:
    if key in ("left", "to_come"):
        return "/sign-in"
    if standing == "half-way":
        if key in SINGLE_ROLES:
            return FACTOR if demanded else "?"
        return CODE
    return None if standing == "signed in" else "/sign-in"


# --- cells -----------------------------------------------------------------------------------------------------------


def look(walk: Walk, rule: Rule, methods: tuple[str, ...] = ("GET", "HEAD")) -> None:
    """Afterwards everybody has asked for the page, by every object it can show."""
    query = QUERIES.get(rule.endpoint, "")
    for path, thing in walk.addresses(rule):
        for visitor in walk.visitors:
            for method in methods[:1] if visitor.led_to is None else methods:
                answer = walk.ask(method, path, visitor, query)
                right = _shown_rightly(rule.endpoint, thing, visitor, answer)
                walk.note(right, f"{visitor.name} {method} {path} ({rule.endpoint}, {thing.state})", answer)


def send(walk: Walk, rule: Rule) -> None:
    """Afterwards everybody has sent the form, about every object; where they were refused, nothing has changed."""
    for path, thing in walk.addresses(rule):
        body = urlencode({**FORMS.get(rule.endpoint, {}), **thing.form, "csrf_token": walk.form_token}).encode()
        before = walk.digest()
        sending = walk.visitors[:3] if rule.endpoint in OPEN_TO_STRANGERS else walk.senders
        obeyed = [one for one in sending if _is_obeyed(rule.endpoint, thing, one)]
        for visitor in sending:
            if visitor not in obeyed:
                answer = walk.ask("POST", path, visitor, body=body)
                right = _refused_rightly(rule.endpoint, visitor, answer)
                walk.note(right, f"{visitor.name} POST {path} ({rule.endpoint}, {thing.state})", answer)
        if rule.endpoint in ON_THE_WAY:
            walk.put_back()
        walk.note(walk.digest() == before, f"refused, and yet it changed: POST {path} ({rule.endpoint})", (0, ""))
        for visitor in obeyed[: 1 if rule.endpoint in SLOW else None]:
            answer = walk.ask("POST", path, visitor, body=body)
            right = answer[0] not in {403, 404} and answer[0] < 500 and not answer[1].startswith("/sign-in?")
            walk.note(right, f"{visitor.name} POST {path} ({rule.endpoint}, {thing.state})", answer)
            walk.put_back()


def _shown_rightly(endpoint: str, thing: Thing, visitor: Visitor, answer: tuple[int, str]) -> bool:
    status, location = answer
    if endpoint in BY_TOKEN:
        return status in (401, 429)
    if endpoint in OPEN_TO_STRANGERS:
        return status < 500 or endpoint == "health.ready"
    if visitor.led_to is not None and endpoint not in OPEN_HALF_WAY.get(visitor.led_to, ()):
        return status == 302 and location.split("?")[0] == visitor.led_to
    if visitor.led_to is not None or endpoint not in LOOKING:
        return endpoint in ON_THE_WAY and status < 500
    if not thing.exists or not LOOKING[endpoint](visitor.who, thing):
        return status == 404
    return status in (200, 302, 409, 422) or (status == 403 and endpoint in SWITCHED_OFF)


def _is_obeyed(endpoint: str, thing: Thing, visitor: Visitor) -> bool:
    if endpoint in OPEN_TO_STRANGERS or endpoint in ON_THE_WAY or endpoint in BY_TOKEN:
        return False
    return visitor.led_to is None and thing.exists and DOING[endpoint](visitor.who, thing)


def _refused_rightly(endpoint: str, visitor: Visitor, answer: tuple[int, str]) -> bool:
    status, location = answer
    if endpoint in BY_TOKEN:
        return status in (401, 429)
    if endpoint in OPEN_TO_STRANGERS:
        return status < 500
    if visitor.led_to == "/sign-in":
        return status == 401 or (endpoint == "sign_in.sign_out" and status == 302)
    if visitor.led_to is not None and endpoint not in OPEN_HALF_WAY[visitor.led_to]:
        return status == 302 and location.split("?")[0] == visitor.led_to
    return status in REFUSED or (endpoint in ON_THE_WAY and status < 500)


ON_THE_WAY = frozenset().union(*OPEN_HALF_WAY.values())
SLOW = frozenset({"own_factors.make_codes", "own_password.change"})
"""What hashes a secret for whoever is signed in: one of them is enough."""
SWITCHED_OFF = frozenset({"standing.new"})
"""What the profile of the office does not allow at all."""
FORMS: dict[str, dict[str, str]] = expectations.FORMS
