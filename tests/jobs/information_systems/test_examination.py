"""Examinations by the worker and by hand: nothing is written through a connection that may do too much (D10)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.memory.connector import MemoryConnector
from connectors.memory.directory import Fault, MemoryDirectory
from connectors.registry import KINDS
from idm.models.audit import AuditRecord
from idm.models.sign_in import SignIn
from idm.models.system_tests import SystemTest
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.operations.information_systems import own_service_accounts
from idm.ports import Check, CheckVerdict
from idm.settings import Settings
from jobs import provision
from jobs.information_systems import examination
from jobs.installation import Installation
from tests.cast import NOW, Cast

RIGHTS = "接続アカウントの権限"
TOO_MUCH = Check(RIGHTS, CheckVerdict.FAILED, "すべて書き換えられます", "減らしてください", stops_writing=True)
FINE = Check(RIGHTS, CheckVerdict.FINE, "必要なものだけです")


class SelfAware(MemoryConnector):
    """A connector that can look itself over, and says what the test says."""

    says: tuple[Check, ...] = (FINE,)
    times = 0

    def examine(self) -> Iterator[Check]:
        type(self).times += 1
        return iter(self.says)


class World:
    """The cast's ledger on a directory in memory, and a clock."""

    def __init__(self, cast: Cast, folder: Path, name: str) -> None:
        self.cast, self.now, self.directory = cast, NOW, MemoryDirectory.named(name)
        (folder / "secrets").mkdir(mode=0o700)
        (folder / "secrets" / "ledger.password").write_text("x")
        settings = Settings(database_url=cast.database.url, secrets_dir=folder / "secrets")
        self.installation = Installation(settings, cast.database, lambda: self.now)
        for group in ("ledger-enter", "ledger-approve", "ledger-admin"):
            self.directory.add_group(group)
        with cast.database.writing() as session:
            self.system(session).connector_settings = {"name": name}

    def system(self, session) -> InformationSystem:  # type: ignore[no-untyped-def]
        found: InformationSystem = session.scalars(
            select(InformationSystem).where(InformationSystem.code == "ledger")
        ).one()
        return found

    def provision(self) -> list[tuple[TaskState, str | None]]:
        provision.run_due(self.installation, worker="w1")
        with self.cast.database.reading() as session:
            return [(task.state, task.last_error) for task in session.scalars(select(OutboxTask))]

    def test(self) -> SystemTest:
        with self.cast.database.reading() as session:
            system = self.system(session)
        return examination.examine(self.installation, system)

    def tests(self) -> int:
        with self.cast.database.reading() as session:
            return len(session.scalars(select(SystemTest)).all())


@pytest.fixture
def world(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> World:
    def opened(settings, password, clock):  # type: ignore[no-untyped-def]
        return SelfAware(MemoryDirectory.named(str(settings["name"])), clock=clock)

    monkeypatch.setitem(KINDS, "memory", opened)
    monkeypatch.setattr(SelfAware, "says", (FINE,))
    monkeypatch.setattr(SelfAware, "times", 0)
    return World(cast, tmp_path, request.node.name)


@pytest.fixture
def approved(world: World) -> World:
    """青木's account waits to be made."""
    world.cast.approve(world.cast.file("hr", ("staff", "ledger/account")))
    return world


def test_the_worker_examines_by_itself_before_it_writes_and_once_a_day(approved: World) -> None:
    assert approved.provision() == [(TaskState.DONE, None)]
    assert (SelfAware.times, approved.tests()) == (1, 1)
    approved.cast.approve(approved.cast.file("hr", ("other", "ledger/account")))
    approved.provision()
    assert SelfAware.times == 1
    approved.now += timedelta(days=1)
    approved.cast.approve(approved.cast.file("hr", ("vice", "ledger/account"), now=approved.now), now=approved.now)
    approved.provision()
    assert SelfAware.times == 2


def test_with_more_rights_than_needed_nothing_is_written_and_the_sentence_says_so(
    approved: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SelfAware, "says", (TOO_MUCH,))
    [(state, said)] = approved.provision()
    assert state is TaskState.REFUSED
    assert said is not None
    assert "すべて書き換えられます" in said
    assert approved.directory.accounts == {}


def test_a_newer_examination_by_hand_lets_the_waiting_work_go_on(
    approved: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SelfAware, "says", (TOO_MUCH,))
    approved.provision()
    monkeypatch.setattr(SelfAware, "says", (FINE,))
    approved.now += timedelta(minutes=5)
    assert approved.test().stops_writing is None
    assert approved.provision() == [(TaskState.DONE, None)]
    assert len(approved.directory.accounts) == 1


def test_a_failure_of_another_kind_does_not_stop_the_work(approved: World, monkeypatch: pytest.MonkeyPatch) -> None:
    late = Check("証明書", CheckVerdict.FAILED, "あと1日です", "更新してください")
    monkeypatch.setattr(SelfAware, "says", (late,))
    assert approved.provision() == [(TaskState.DONE, None)]


def test_a_directory_that_is_away_was_not_examined_and_is_when_it_is_back(approved: World) -> None:
    approved.directory.fault = Fault.UNAVAILABLE
    [(state, _)] = approved.provision()
    assert (state, approved.tests()) == (TaskState.WAITING, 0)
    approved.directory.fault = None
    approved.now += timedelta(hours=1)
    assert approved.provision() == [(TaskState.DONE, None)]
    assert approved.tests() == 1


def test_a_connector_that_cannot_look_itself_over_is_used_and_the_test_says_so(
    approved: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(settings, password, clock):  # type: ignore[no-untyped-def]
        return MemoryConnector(MemoryDirectory.named(str(settings["name"])), clock=clock)

    monkeypatch.setitem(KINDS, "memory", opened)
    assert approved.provision() == [(TaskState.DONE, None)]
    assert checks(approved)["自己点検"].verdict is CheckVerdict.WARNING


def checks(world: World) -> dict[str, Check]:
    return {
        str(c["subject"]): Check(str(c["subject"]), CheckVerdict(str(c["verdict"])), str(c["found"]), str(c["remedy"]))
        for c in world.test().checks
    }


def test_every_group_of_a_right_must_be_there_and_what_is_missing_is_named(world: World) -> None:
    gone = next(group for group in world.directory.groups.values() if group.name == "ledger-admin")
    del world.directory.groups[gone.external_id]
    found = checks(world)
    assert found["権限「伝票入力」のグループ ledger-enter"].verdict is CheckVerdict.FINE
    missing = found["権限「システム管理」のグループ ledger-admin"]
    assert (missing.verdict, bool(missing.remedy)) == (CheckVerdict.FAILED, True)


def test_our_own_account_must_be_on_the_register_of_privileged_ids(world: World) -> None:
    assert checks(world)["接続アカウントの登録"].verdict is CheckVerdict.WARNING
    with world.cast.database.writing() as session:
        world.system(session).service_account = "svc-idm"
    assert checks(world)["接続アカウントの登録"].verdict is CheckVerdict.FINE
    with world.cast.database.writing() as session:
        system = world.system(session)
        system.connector_settings = {**system.connector_settings, "bind_dn": "cn=other"}
    subject = examination._subject(world.installation, _system(world))
    [check] = examination._service_account(SelfAware(world.directory, clock=world.installation.clock), subject)
    assert check.verdict is CheckVerdict.WARNING


def _system(world: World) -> InformationSystem:
    with world.cast.database.reading() as session:
        return world.system(session)


def test_an_examination_learns_which_account_is_our_own_and_keeps_what_it_learned(world: World) -> None:
    title = "接続アカウントの見分け方"
    assert "名前で見分けます" in checks(world)[title].found
    world.directory.signed_in_as = "the-id-of-ours"
    assert "番号で見分けます" in checks(world)[title].found
    world.directory.signed_in_as = None
    world.test()
    with world.cast.database.reading() as session:
        assert world.system(session).service_account_id == "the-id-of-ours"
        actions = session.scalars(select(AuditRecord.action).where(AuditRecord.action == "system.own_account")).all()
    assert len(actions) == 1


def test_what_was_learned_by_other_settings_is_not_believed(world: World) -> None:
    with world.cast.database.reading() as session:
        asked = world.system(session)
    with world.cast.database.writing() as session:
        world.system(session).connector_settings = {"name": "elsewhere"}
    with world.cast.database.writing() as session:
        own_service_accounts.recognise(
            session, asked, "an-id", actor=examination.ACTOR, policy=world.cast.policy, now=NOW
        )
        assert world.system(session).service_account_id is None


def test_names_that_mean_two_people_are_pointed_out_where_people_sign_in(approved: World) -> None:
    approved.provision()
    with approved.cast.database.writing() as session:
        approved.system(session).for_sign_in = True
        login = session.scalars(select(Account.login_name)).one()
        session.add(SignIn(person_id=approved.cast.people["other"], name=login, password_hash="-"))
    found = checks(approved)
    assert found["サインインの利用者名"].verdict is CheckVerdict.WARNING
    assert login in found["サインインの利用者名"].found


def test_the_whole_list_is_read_and_its_length_is_told(approved: World) -> None:
    approved.provision()
    assert "1 件" in checks(approved)["一覧の読取り"].found


def test_wrong_settings_are_a_failure_with_every_mistake(world: World) -> None:
    with world.cast.database.writing() as session:
        world.system(session).credential = "nowhere.password"
    done = world.test()
    assert (done.verdict, done.reached) == (CheckVerdict.FAILED, False)
    assert "nowhere.password" in str(done.checks[0]["found"])


def test_looking_over_changes_nothing_on_the_target(approved: World, monkeypatch: pytest.MonkeyPatch) -> None:
    approved.provision()
    before = str(approved.directory.accounts) + str(approved.directory.groups)

    def never(self: MemoryConnector, steps: object) -> list[object]:
        raise AssertionError("an examination writes nothing")

    monkeypatch.setattr(MemoryConnector, "perform", never)
    approved.test()
    assert str(approved.directory.accounts) + str(approved.directory.groups) == before
    with approved.cast.database.reading() as session:
        assert session.scalars(select(Entitlement.external_id).where(Entitlement.code == "account")).all() == [None] * 2
    assert isinstance(approved.now, datetime)


@pytest.mark.parametrize(
    ("verification", "group", "subject", "verdict"),
    [
        ({"by": "smart_card"}, None, "二要素認証（スマートカード）", CheckVerdict.FINE),
        ({"by": "group", "group": "two"}, "two", "二要素認証を必須にするグループ two", CheckVerdict.FINE),
        ({"by": "group", "group": "two"}, None, "二要素認証を必須にするグループ two", CheckVerdict.FAILED),
        ({"by": "product"}, None, "二要素認証", None),
        (None, None, "二要素認証", None),
    ],
)
def test_what_should_demand_factors_is_looked_for(
    world: World, verification: dict[str, object] | None, group: str | None, subject: str, verdict: CheckVerdict | None
) -> None:
    if group is not None:
        world.directory.add_group(group)
    with world.cast.database.writing() as session:
        world.system(session).verification = verification
    said = [check["verdict"] for check in world.test().checks if str(check["subject"]).startswith(subject)]
    assert said == ([verdict] if verdict is not None else [])
