"""People pushed by another system: the line of a personnel file, with everything that a file meets; never a right."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from idm.actor import Actor
from idm.errors import ConfigurationInvalid, InvalidInput
from idm.feed.pushed_line import EMPLOYMENT, ENTERPRISE
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.feeds import FeedRun, FeedSource, HeldRow
from idm.models.people import Employment, Person
from idm.models.pushes import PushedPerson, PushToken
from idm.models.requests import Grant
from idm.models.safety import PlannedBatch
from idm.models.work import MailMessage
from idm.operations.hr import push_tokens
from tests.feed_office import add_feed
from tests.web.office import Office

JOB = Actor.job("tests")
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class Pusher:
    """A system that pushes people, with its token."""

    client: FlaskClient
    secret: str

    def ask(self, method: str, path: str, body: object = None, *, secret: str | None = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {secret if secret is not None else self.secret}"}
        return self.client.open(f"/scim/v2{path}", method=method, json=body, headers=headers)

    def push(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.ask("POST", "/Users", body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.get_json(force=True)
        return found


@pytest.fixture
def office(office: Office) -> Office:
    add_feed(office.database, "scim")
    return office


@pytest.fixture
def pusher(office: Office) -> Pusher:
    return Pusher(office.browser("staff").client.application.test_client(), new_token(office))


def new_token(office: Office, *, feed: str = "scim", days: int = 30) -> str:
    with office.database.writing() as session:
        return push_tokens.make(
            session,
            feed=feed,
            name="人事給与システム",
            days=days,
            actor=JOB,
            policy=office.cast.policy,
            now=office.now,
        ).secret


def person(
    number: str = "700001", name: str = "青空　太郎", kana: str = "アオゾラ　タロウ", **employment: str
) -> dict[str, Any]:
    return {
        "schemas": [USER, ENTERPRISE, EMPLOYMENT],
        "userName": f"u{number}",
        "externalId": f"hr-{number}",
        "name": {"formatted": name},
        "title": "主事",
        "active": True,
        "emails": [{"value": f"u{number}@town.example.jp", "type": "work"}],
        ENTERPRISE: {"employeeNumber": number, "department": "総務課"},
        EMPLOYMENT: {
            "kana": kana, "birthDate": "1990-05-05", "unitCode": "0100", "employmentKind": "regular",
            "employedFrom": "2026-04-01", "assignedFrom": "2026-04-01", **employment,
        },
    }  # fmt: skip


def employment(office: Office, number: str) -> Employment | None:
    with office.database.reading() as session:
        return session.scalars(select(Employment).where(Employment.staff_number == number)).first()


def test_a_person_who_is_pushed_is_employed_as_told_and_has_no_right(office: Office, pusher: Pusher) -> None:
    told = pusher.push(person())
    found = employment(office, "700001")
    assert found is not None
    assert (found.valid_from, found.valid_until) == (date(2026, 4, 1), None)
    with office.database.reading() as session:
        known = session.get_one(Person, found.person_id)
        assert (known.name, known.kana) == ("青空　太郎", "アオゾラ　タロウ")
        assert session.scalar(select(func.count()).select_from(Grant)) == 0
        [run] = session.scalars(select(FeedRun))
        assert (run.source, run.joiners, run.row_count) == (FeedSource.SCIM, 1, 1)
    assert "birthDate" not in str(told)
    with office.database.reading() as session:
        assert "1990" not in str(session.scalars(select(PushedPerson.resource)).one())


def test_who_is_not_active_any_more_leaves_at_the_end_of_the_day_and_comes_back(office: Office, pusher: Pusher) -> None:
    path = f"/Users/{pusher.push(person())['id']}"
    off = {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    answer = pusher.ask("PATCH", path, off)
    assert answer.status_code == 200, answer.text
    today = office.now.astimezone().date()
    found = employment(office, "700001")
    assert found is not None
    assert found.valid_until is not None
    assert found.valid_until > date(2026, 4, 1)
    assert (found.valid_until - today).days in (0, 1, 2)
    on = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": True}]}
    assert pusher.ask("PATCH", path, on).get_json(force=True)["active"] is True
    again = employment(office, "700001")
    assert again is not None
    assert again.valid_until is None


def test_an_end_that_is_told_is_the_last_day(office: Office, pusher: Pusher) -> None:
    path = f"/Users/{pusher.push(person())['id']}"
    told = person(leftOn="2027-03-31", leaving="retirement")
    assert pusher.ask("PUT", path, told).status_code == 200
    found = employment(office, "700001")
    assert found is not None
    assert found.valid_until == date(2027, 4, 1)


def test_a_deleted_person_leaves_and_is_kept_in_the_records(office: Office, pusher: Pusher) -> None:
    path = f"/Users/{pusher.push(person())['id']}"
    assert pusher.ask("DELETE", path).status_code == 204
    assert pusher.ask("GET", path).status_code == 404
    assert pusher.ask("DELETE", path).status_code == 404
    found = employment(office, "700001")
    assert found is not None
    assert found.valid_until is not None
    assert pusher.ask("GET", "/Users").get_json(force=True)["totalResults"] == 0


def test_what_a_file_would_be_refused_for_is_refused_with_the_attribute(office: Office, pusher: Pusher) -> None:
    before = office.rows()
    answer = pusher.ask("POST", "/Users", person(employedFrom="2026-13-40"))
    told = answer.get_json(force=True)
    assert (answer.status_code, told["scimType"]) == (400, "invalidValue")
    assert "employment.employedFrom" in told["detail"]
    with_number = person(name="123456789012")
    assert "個人番号" in pusher.ask("POST", "/Users", with_number).get_json(force=True)["detail"]
    after = office.rows()
    assert {name for name in after if after[name] != before[name]} <= {"audit_records", "audit_unsealed"}


def test_what_a_file_would_be_held_for_is_held_until_it_is_put_right(office: Office, pusher: Pusher) -> None:
    path = f"/Users/{pusher.push(person(employmentKind='astronaut'))['id']}"
    pusher.push(person("700002", "星野　花子", "ホシノ　ハナコ"))
    assert employment(office, "700001") is None
    page = office.browser("hr").page("/hr")
    assert "700001" in page
    assert "astronaut" in page
    assert pusher.ask("PUT", path, person()).status_code == 200
    assert employment(office, "700001") is not None
    assert "astronaut" not in office.browser("hr").page("/hr")
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(HeldRow)) == 1


@pytest.mark.parametrize("attribute", ["roles", "entitlements", "groups", "Roles"])
def test_no_right_comes_in_with_a_person(office: Office, pusher: Pusher, attribute: str) -> None:
    answer = pusher.ask("POST", "/Users", {**person(), attribute: [{"value": "admin"}]})
    assert answer.status_code == 403
    assert "申請と承認" in answer.get_json(force=True)["detail"]
    path = f"/Users/{pusher.push(person())['id']}"
    for operation in (
        {"op": "add", "path": attribute, "value": [{"value": "admin"}]},
        {"op": "add", "path": f'{attribute}[value eq "x"].value', "value": "admin"},
        {"op": "add", "path": f"{USER}:{attribute}", "value": [{"value": "admin"}]},
        {"op": "add", "value": {attribute: [{"value": "admin"}]}},
    ):
        assert pusher.ask("PATCH", path, {"schemas": [PATCH], "Operations": [operation]}).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/Groups"), ("PUT", "/Groups/1"), ("PATCH", "/Groups/1"), ("DELETE", "/Groups/1")]
)
def test_groups_are_refused_and_that_is_on_record(office: Office, pusher: Pusher, method: str, path: str) -> None:
    answer = pusher.ask(method, path, {"displayName": "admins"})
    assert answer.status_code == 403
    assert answer.content_type == "application/scim+json"
    with office.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "push.group")).one()
        assert record.outcome is AuditOutcome.REFUSED
    assert pusher.ask("GET", "/Groups").get_json(force=True)["totalResults"] == 0


def test_a_password_is_never_taken(pusher: Pusher) -> None:
    assert pusher.ask("POST", "/Users", {**person(), "password": "secret"}).status_code == 403


def test_a_name_or_number_that_is_there_is_a_conflict(pusher: Pusher) -> None:
    pusher.push(person())
    for same in (person(), {**person("700009"), "userName": "U700001"}, {**person(), "userName": "other"}):
        answer = pusher.ask("POST", "/Users", same)
        assert (answer.status_code, answer.get_json(force=True)["scimType"]) == (409, "uniqueness")


def test_a_number_cannot_be_given_to_somebody_else(pusher: Pusher) -> None:
    path = f"/Users/{pusher.push(person())['id']}"
    assert pusher.ask("PUT", path, person("700002")).status_code == 409


# --- the safety limits -----------------------------------------------------------------------------------------------


def test_pushes_beyond_a_safety_limit_wait_for_hr_who_take_them_up_as_a_file(office: Office, pusher: Pusher) -> None:
    people = [
        person(f"70{number:04d}", f"大勢　太{number}", "オオゼイ　タロウ", birthDate=f"1990-01-{number + 1:02d}")
        for number in range(12)
    ]
    ids = [pusher.push(one)["id"] for one in people]
    waiting = []
    for one in ids:
        answer = pusher.ask("PATCH", f"/Users/{one}", {
            "schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}],
        })  # fmt: skip
        assert answer.status_code == 200, answer.text
        waiting.append(bool(answer.get_json(force=True)[EMPLOYMENT].get("waiting")))
    done = waiting.count(False)
    assert 1 <= done < 12  # as many as the limits of a day let through
    assert left(office) == done
    with office.database.reading() as session:
        told = [one for one in session.scalars(select(MailMessage.subject)) if "上限" in one]
        assert len(told) == 1  # one notice to the one HR officer, not one for each person
    browser = office.browser("hr")
    page = browser.page("/hr")
    assert f"{12 - done}人を確かめる" in page
    path = browser.send_on(page, "/hr/pushed/upload", {"feed": "scim"}).headers["Location"]
    preview = browser.page(path)
    refused = browser.send_on(preview, f"{path}/confirmation", {})
    assert (refused.status_code, left(office)) == (409, done)
    planned = browser.send_on(browser.page(path), f"{path}/batch", {"reason": "組織の廃止"})
    assert planned.status_code == 302
    with office.database.writing() as session:
        batch = session.scalars(select(PlannedBatch)).one()
        batch.approved_at, batch.approved_by_id = office.now, office.cast.people["chief"]
    assert browser.send_on(browser.page(path), f"{path}/confirmation", {}).status_code == 302
    assert left(office) == 12
    assert "人を確かめる" not in browser.page("/hr")
    assert EMPLOYMENT in pusher.ask("GET", f"/Users/{ids[-1]}").get_json(force=True)
    assert "waiting" not in pusher.ask("GET", f"/Users/{ids[-1]}").get_json(force=True)[EMPLOYMENT]


def left(office: Office) -> int:
    """How many of the crowd have an end."""
    with office.database.reading() as session:
        ends = select(Employment.id).where(Employment.staff_number.like("70%"), Employment.valid_until.is_not(None))
        return len(session.scalars(ends).all())


def test_nobody_takes_up_what_does_not_wait_or_is_not_theirs(office: Office, pusher: Pusher) -> None:
    browser = office.browser("hr")
    assert browser.send("/hr/pushed/upload", {"feed": "scim"}).status_code == 404
    assert office.browser("staff").send("/hr/pushed/upload", {"feed": "scim"}).status_code == 403


# --- who may push ----------------------------------------------------------------------------------------------------


def test_without_a_good_token_nothing_is_told(office: Office, pusher: Pusher) -> None:
    for secret in ("", "idm_wrong", "x" * 5000):
        answer = pusher.ask("GET", "/Users", secret=secret)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.content_type == "application/scim+json"
    assert "Set-Cookie" not in answer.headers
    with office.database.reading() as session:
        recorded = session.scalars(select(AuditRecord).where(AuditRecord.action == "push.sign_in")).all()
        assert len(recorded) == 1  # not one for each


def test_a_cookie_is_nobody_here(office: Office) -> None:
    browser = office.browser("hr")
    assert browser.client.get("/scim/v2/Users").status_code == 401
    assert browser.client.post("/scim/v2/Users", json=person()).status_code == 401


def test_who_goes_on_without_a_token_is_slowed_down(office: Office, pusher: Pusher) -> None:
    statuses = [pusher.ask("GET", "/Users", secret="idm_wrong").status_code for _ in range(25)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert pusher.ask("GET", "/Users").status_code == 200  # a good token from there is heard all the same
    office.pass_by(minutes=2)
    assert pusher.ask("GET", "/Users", secret="idm_wrong").status_code == 401


def test_a_system_that_runs_wild_is_slowed_down(
    office: Office, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_tokens, "MOST_IN_A_MINUTE", 3)
    statuses = [pusher.ask("GET", "/Users").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    office.pass_by(minutes=2)
    assert pusher.ask("GET", "/Users").status_code == 200


def test_a_token_ends_and_can_be_withdrawn(office: Office, pusher: Pusher) -> None:
    assert pusher.ask("GET", "/Users").status_code == 200
    other = new_token(office)
    with office.database.writing() as session:
        newest = session.scalars(select(PushToken).order_by(PushToken.id.desc())).first()
        assert newest is not None
        push_tokens.withdraw(session, newest.id, actor=JOB, policy=office.cast.policy, now=office.now)
    assert pusher.ask("GET", "/Users", secret=other).status_code == 401
    office.pass_by(days=31)
    assert pusher.ask("GET", "/Users").status_code == 401


def test_a_token_is_nowhere_but_with_its_system(office: Office, pusher: Pusher) -> None:
    with office.database.reading() as session:
        kept = session.scalars(select(PushToken)).one()
        assert pusher.secret not in str(vars(kept))
        assert kept.last_used_at is None
        for record in session.scalars(select(AuditRecord)):
            assert pusher.secret not in str(vars(record))
        told = session.scalars(select(MailMessage.body)).all()
        assert any("人事給与システム" in body for body in told)
        assert all(pusher.secret not in body for body in told)


@pytest.mark.parametrize("feed", ["aoba", "nowhere"])
def test_a_token_is_only_for_a_feed_that_people_can_be_pushed_into(office: Office, feed: str) -> None:
    add_feed(office.database)
    with pytest.raises(ConfigurationInvalid):
        new_token(office, feed=feed)


@pytest.mark.parametrize("days", [0, 401])
def test_a_token_has_an_end_within_bounds(office: Office, days: int) -> None:
    with pytest.raises(InvalidInput):
        new_token(office, days=days)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_people_are_found_by_name_and_by_the_other_systems_id(pusher: Pusher) -> None:
    first = pusher.push(person())
    pusher.push(person("700002", "星野　花子", "ホシノ　ハナコ"))

    def find(text: str) -> list[str]:
        listed = pusher.ask("GET", f"/Users?filter={text}").get_json(force=True)
        return [one["id"] for one in listed["Resources"]]

    assert find('userName eq "U700001"') == [first["id"]]
    assert find('externalId eq "hr-700001"') == [first["id"]]
    assert find('externalId eq "HR-700001"') == []
    for other in ('userName sw "u"', "userName eq u", 'title eq "x"', 'userName eq "a" or userName eq "b"'):
        answer = pusher.ask("GET", f"/Users?filter={other}")
        assert (answer.status_code, answer.get_json(force=True)["scimType"]) == (400, "invalidFilter")


def test_a_list_has_pages(pusher: Pusher) -> None:
    for number in range(5):
        pusher.push(person(f"70000{number}", f"名前　{number}太", f"ナマエ　{'アイウエオ'[number]}タ"))
    seen = []
    for start in (1, 3, 5, 7):
        page = pusher.ask("GET", f"/Users?startIndex={start}&count=2").get_json(force=True)
        assert page["totalResults"] == 5
        seen += [one["userName"] for one in page.get("Resources", [])]
    assert sorted(seen) == [f"u70000{number}" for number in range(5)]
    assert pusher.ask("GET", "/Users?count=0").get_json(force=True).get("Resources", []) == []
    assert pusher.ask("GET", "/Users?count=x").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/Users", [1]), ("POST", "/Users", {}), ("POST", "/Users", {**person(), "nonsense": 1}),
        ("PATCH", "/Users/x", {"Operations": 3}), ("PUT", "/Users/x", person()), ("GET", "/Users/x", None),
        ("GET", "/nothing", None), ("POST", "/Bulk", {}), ("PATCH", "/Users", {}), ("GET", "/Schemas/x", None),
    ],
)  # fmt: skip
def test_whatever_is_asked_is_answered_in_scim(pusher: Pusher, method: str, path: str, body: object) -> None:
    answer = pusher.ask(method, path, body)
    assert 400 <= answer.status_code < 500
    assert answer.content_type == "application/scim+json"
    assert answer.get_json(force=True)["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
