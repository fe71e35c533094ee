"""A service that lies harms nobody: what it answers is looked at before it is believed."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from connectors.http_times import retry_after
from connectors.scim.connector import ScimConnector, open_scim
from idm.errors import NotOnTarget, TargetError, TargetRefused, TargetUnavailable
from idm.ports import (
    AddMember,
    AdoptAccount,
    CheckVerdict,
    CreateAccount,
    DeleteAccount,
    Outcome,
    RemoveMember,
    SetEnabled,
    Step,
    UpdateAttributes,
)
from tests.connectors.target import attributes
from tests.servers.scim_liar import Asked, Liar, Said

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("liar")


@pytest.fixture
def liar(certificates: Path) -> Iterator[Liar]:
    with Liar(certificates) as running:
        yield running


def speaking_to(liar: Liar, **settings: str | int | bool) -> ScimConnector:
    known = {"url": liar.url, "ca_file": str(liar.certificate.ca_file), "answer_timeout_seconds": 2, **settings}
    return open_scim(known, liar.token, lambda: NOW)


def ours(liar: Liar, login_name: str, **said: object) -> tuple[UUID, str]:
    uuid = uuid4()
    return uuid, liar.add_user(login_name, externalId=str(uuid), name={"familyName": "x"}, **said)


def everybody(liar: Liar) -> None:
    """The service ignores every filter from now on."""

    def lie(asked: Asked) -> Said | None:
        return liar.page(list(liar.users.values()), asked) if asked.query.get("filter") else None

    liar.lie = lie


def test_a_service_that_answers_everybody_has_nobody_else_disabled(liar: Liar) -> None:
    liar.add_user("admin")
    everybody(liar)
    connector = speaking_to(liar)
    assert connector.find([uuid4()]) == {}
    uuid, external_id = ours(liar, "taro")
    assert {found.external_id for found in connector.find([uuid, uuid4()]).values()} == {external_id}
    checks = {check.subject: check for check in connector.examine()}
    assert checks["絞り込み"].verdict is CheckVerdict.WARNING


def test_a_service_that_answers_everybody_gets_no_account_twice(liar: Liar) -> None:
    everybody(liar)
    connector = speaking_to(liar)
    step = CreateAccount(uuid4(), attributes("taro"))
    assert connector.perform([step]) == [Outcome.CHANGED]
    assert connector.perform([step]) == [Outcome.UNCHANGED]
    (refused,) = connector.perform([CreateAccount(uuid4(), attributes("TARO"))])
    assert isinstance(refused, TargetRefused)
    assert len(liar.users) == 1


def test_who_is_on_a_later_page_of_everybody_is_found_all_the_same(liar: Liar) -> None:
    """The first page of a service that ignores the filter need not hold whom we asked for: they are not absent."""
    admin = liar.add_user("admin")
    uuid, taro = ours(liar, "taro")
    liar.lie = lambda asked: (
        Said(200, {"totalResults": 2, "Resources": [liar.users[admin]]}) if asked.query.get("filter") else None
    )
    connector = speaking_to(liar)
    assert connector.find([uuid])[uuid].external_id == taro
    assert connector.perform([CreateAccount(uuid, attributes("taro"))]) == [Outcome.UNCHANGED]
    (refused,) = connector.perform([CreateAccount(uuid4(), attributes("taro"))])
    assert isinstance(refused, TargetRefused)
    assert liar.writes() == []


def test_another_persons_resource_is_nobody(liar: Liar) -> None:
    _, taro = ours(liar, "taro")
    hana = liar.add_user("hana")
    liar.lie = lambda asked: Said(200, liar.users[hana]) if asked.id == taro else None
    connector = speaking_to(liar)
    steps: list[Step] = [
        SetEnabled(taro, enabled=False),
        UpdateAttributes(taro, attributes("taro")),
        DeleteAccount(taro),
    ]
    first, second, third = connector.perform(steps)
    assert isinstance(first, NotOnTarget)
    assert isinstance(second, NotOnTarget)
    assert third is Outcome.UNCHANGED
    assert connector.find_by_own_id([taro]) == {}
    assert liar.writes() == []


def test_an_answer_lost_after_the_write_is_unknown_and_found_done(liar: Liar) -> None:
    liar.afterwards = lambda asked: Said(lost=True) if asked.method == "POST" else None
    connector = speaking_to(liar)
    step, next_one = CreateAccount(uuid4(), attributes("taro")), CreateAccount(uuid4(), attributes("hana"))
    answers = connector.perform([step, next_one])
    assert all(isinstance(answer, TargetUnavailable) for answer in answers)
    assert [asked.body["userName"] for asked in liar.writes()] == ["taro"]  # the next one was not even tried
    liar.afterwards = lambda asked: None
    assert connector.perform([step, next_one]) == [Outcome.UNCHANGED, Outcome.CHANGED]
    assert len(liar.users) == 2


def test_a_service_that_asks_us_to_wait_is_asked_once_and_tells_how_long(liar: Liar) -> None:
    people = [ours(liar, name)[1] for name in ("taro", "hana", "jiro")]
    slow = Said(429, {"schemas": [], "detail": "slow down"}, headers={"Retry-After": "60"})
    liar.lie = lambda asked: slow if asked.method == "PATCH" else None
    answers = speaking_to(liar).perform([SetEnabled(one, enabled=False) for one in people])
    assert len(liar.writes()) == 1
    assert [getattr(answer, "retry_after", None) for answer in answers] == [60.0] * 3
    assert all(isinstance(answer, TargetUnavailable) for answer in answers)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0.0), ("120", 120.0), ("999999999", 86400.0), (format_datetime(NOW + timedelta(seconds=90)), 90.0),
        (format_datetime(NOW - timedelta(seconds=90)), 0.0), ("soon", None), ("-1", None), ("１２", None), (None, None),
    ],
)  # fmt: skip
def test_how_long_we_are_asked_to_wait(said: str | None, seconds: float | None) -> None:
    assert retry_after(said, NOW) == seconds


@pytest.mark.parametrize("told", [0, 1, None, "many"])
def test_a_list_is_read_to_its_end_whatever_its_total_says(liar: Liar, told: object) -> None:
    for number in range(5):
        liar.add_user(f"u{number}")

    def lie(asked: Asked) -> Said | None:
        if asked.kind != "Users":
            return None
        said = liar.page(list(liar.users.values()), asked)
        assert isinstance(said.body, dict)
        return Said(200, {**said.body, "totalResults": told})

    liar.lie = lie
    assert len(list(speaking_to(liar, page_size=2).accounts())) == 5


def test_a_list_that_ends_before_its_total_is_no_list_of_everybody(liar: Liar) -> None:
    for number in range(5):
        liar.add_user(f"u{number}")
    liar.lie = lambda asked: (
        Said(200, {"totalResults": 9, "Resources": list(liar.users.values())[:3]}) if asked.kind == "Users" else None
    )
    with pytest.raises(TargetRefused, match="9件のうち3件"):
        list(speaking_to(liar).accounts())
    assert len(list(speaking_to(liar, totals=False).accounts())) == 3


def test_ids_that_come_twice_count_once_and_pages_that_repeat_end(liar: Liar) -> None:
    liar.add_user("taro")
    liar.add_user("hana")
    twice = [*liar.users.values(), *liar.users.values()]
    liar.lie = lambda asked: Said(200, {"totalResults": 2, "Resources": twice}) if asked.kind == "Users" else None
    assert sorted(one.login_name for one in speaking_to(liar).account_ids()) == ["hana", "taro"]


def test_two_accounts_with_one_of_our_ids_are_told_and_not_chosen_between(liar: Liar) -> None:
    uuid, _ = ours(liar, "taro")
    liar.add_user("jiro", externalId=str(uuid))
    with pytest.raises(TargetRefused, match="二つ"):
        speaking_to(liar).find([uuid])


def test_a_service_that_forgets_our_id_is_told_of(liar: Liar) -> None:
    def forget(asked: Asked) -> Said | None:
        for user in liar.users.values():
            user.pop("externalId", None)
        return None

    liar.afterwards = forget
    (answer,) = speaking_to(liar).perform([CreateAccount(uuid4(), attributes("taro"))])
    assert isinstance(answer, TargetRefused)
    assert "account_uuid_attribute" in str(answer)


def test_a_new_account_that_the_service_made_usable_is_stopped_at_once(liar: Liar) -> None:
    def enable(asked: Asked) -> Said | None:
        for user in liar.users.values() if asked.method == "POST" else ():
            user["active"] = True
        return None

    liar.afterwards = enable
    assert speaking_to(liar).perform([CreateAccount(uuid4(), attributes("taro"))]) == [Outcome.CHANGED]
    assert [user["active"] for user in liar.users.values()] == [False]


def test_a_change_that_was_only_promised_does_not_count(liar: Liar) -> None:
    _, taro = ours(liar, "taro")
    liar.lie = lambda asked: Said(204) if asked.method == "PATCH" else None
    (answer,) = speaking_to(liar).perform([SetEnabled(taro, enabled=False)])
    assert isinstance(answer, TargetUnavailable)
    liar.lie = lambda asked: None
    assert speaking_to(liar).perform([SetEnabled(taro, enabled=False)]) == [Outcome.CHANGED]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (Said(200, "<html>signed out</html>", kind="text/html"), TargetUnavailable),
        (Said(200, "[1, 2]"), TargetUnavailable),
        (Said(302, None, headers={"Location": "https://elsewhere.example/"}), TargetRefused),
        (Said(401, {"detail": "no"}), TargetRefused),
        (Said(403, {"detail": "no"}), TargetRefused),
        (Said(500, "<html>oops</html>", kind="text/html"), TargetUnavailable),
        (Said(503, None), TargetUnavailable),
        (Said(lost=True), TargetUnavailable),
    ],
)  # fmt: skip
def test_whatever_comes_is_one_of_three_errors(liar: Liar, said: Said, error: type[TargetError]) -> None:
    connector = speaking_to(liar)
    list(connector.accounts())
    liar.lie = lambda asked: said
    for call in (lambda: list(connector.accounts()), lambda: connector.find([uuid4()])):
        with pytest.raises(error):
            call()


def test_no_secret_is_in_what_is_told(liar: Liar) -> None:
    connector = speaking_to(liar)
    echo = Said(403, {"schemas": [], "detail": f"Bearer {liar.token} may not"})
    liar.lie = lambda asked: echo
    with pytest.raises(TargetRefused) as caught:
        list(connector.accounts())
    assert "may not" in str(caught.value)
    for thing in (caught.value, connector, connector._conversation.client, connector._settings):
        assert liar.token not in f"{thing!r} {thing!s}"


def test_a_service_that_dribbles_is_given_up(liar: Liar) -> None:
    connector = speaking_to(liar, answer_timeout_seconds=1)
    connector.kept()

    def dribble(asked: Asked) -> Said | None:
        time.sleep(1.5)
        return None

    liar.lie = dribble
    with pytest.raises(TargetUnavailable):
        connector.find([uuid4()])


def test_an_account_is_not_taken_over_that_is_anothers(liar: Liar) -> None:
    _, taro = ours(liar, "taro")
    stranger = liar.add_user("stranger")
    known, _ = ours(liar, "hana")
    connector, new = speaking_to(liar), uuid4()
    refused, taken, done = connector.perform(
        [AdoptAccount(taro, new), AdoptAccount(stranger, known), AdoptAccount(stranger, new)]
    )
    assert isinstance(refused, TargetRefused)
    assert isinstance(taken, TargetRefused)
    assert done is Outcome.CHANGED
    assert liar.users[stranger]["externalId"] == str(new)


def test_the_token_goes_to_nobody_else(liar: Liar) -> None:
    """Where a service says that its users are elsewhere, they are asked for below its own address all the same."""
    user = "urn:ietf:params:scim:schemas:core:2.0:User"
    elsewhere: dict[str, object] = {
        "name": "User", "id": "User", "endpoint": "https://elsewhere.example/Users", "schema": user,
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
    }  # fmt: skip
    schema: dict[str, object] = {
              "id": user, "name": "User", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
              "attributes": [{"name": "userName", "type": "string", "multiValued": False, "required": True,
                              "mutability": "readWrite", "returned": "default", "uniqueness": "server",
                              "caseExact": False}]}  # fmt: skip
    told: dict[str, list[dict[str, object]]] = {"ResourceTypes": [elsewhere], "Schemas": [schema]}
    liar.lie = lambda asked: liar.page(told[asked.kind], asked) if asked.kind in told else None
    liar.add_user("taro")
    connector = speaking_to(liar)
    assert [one.login_name for one in connector.account_ids()] == ["taro"]
    assert connector.kept().attributes == {"login_name"}
    assert json.dumps([asked.kind for asked in liar.asked]).count("Users") >= 1


def test_groups_that_cannot_be_had_are_refused_by_name(liar: Liar) -> None:
    _, taro = ours(liar, "taro")
    connector = speaking_to(liar, groups=False, deletes=False)
    answers = connector.perform([AddMember(taro, "g"), RemoveMember(taro, "g"), DeleteAccount(taro)])
    assert all(isinstance(answer, TargetRefused) for answer in answers)
    assert not {AddMember, RemoveMember, DeleteAccount} & connector.can
