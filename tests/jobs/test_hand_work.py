"""Where there is no interface, from the approval to the finding: orders, two people, lists, and what is overdue.

The ledger is a directory in memory: what real directories make of single steps is tested where they are real.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.memory.directory import Account as DirectoryAccount
from connectors.memory.directory import MemoryDirectory
from idm.calendar_days import day_of, start_of
from idm.errors import FeedRefused, NotFound, NotPermitted, SeparationOfDuties
from idm.models.going_live import FoundAccount
from idm.models.people import Employment
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import Finding, MailMessage, OutboxTask, TaskState
from idm.models.work_orders import Listing, WorkOrder, WorkOrderState
from idm.operations.hand_work import work_order_notices
from idm.operations.rights.accounts import schedule
from idm.queries.rights.account_status import Agreement, accounts_of_person
from idm.settings import Settings
from idm.vocabulary import FindingKind, FoundState, Role, Stage
from jobs import hand_work, lifecycle, provision, worker
from jobs.command_line import idm as command
from jobs.installation import Installation
from jobs.sweep import sweep
from tests.cast import NOW, Cast
from tests.hand_office import SYSTEM, add_system, confirm, do, kinds, orders, seat

HEADING = "利用者ID,氏名,職員番号,状態,最終利用日,権限\r\n"


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: datetime = field(default=NOW)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        """Later by that much."""
        self.now += timedelta(**time)


@dataclass
class Town:
    """The cast with a system that has no interface, its jobs and its clock."""

    cast: Cast
    installation: Installation
    clock: Clock

    def apply(self, who: str, *rights: str) -> None:
        """HR applied for the rights of the person and both officers approved; the worker has been by."""
        request = self.cast.file("hr", *((who, right) for right in rights), now=self.clock())
        for line in range(len(rights)):
            self.cast.approve(request, now=self.clock(), line=line)
        provision.run_due(self.installation, worker="w1")

    def status(self, who: str = "staff") -> Agreement:
        """What people read of the person's account."""
        with self.cast.database.reading() as session:
            rows = accounts_of_person(session, self.cast.people[who], now=self.clock(), delete_after_days=90)
        return next(row.agreement for row in rows if row.system_name == "戸籍附票システム")

    def findings(self) -> set[tuple[FindingKind, str]]:
        """The open findings of the system, besides what no list of user IDs can show."""
        sweep.sweep(self.installation, system_code=SYSTEM)
        with self.cast.database.reading() as session:
            rows = session.scalars(select(Finding).where(Finding.resolved_at.is_(None)))
            return {(row.kind, row.label) for row in rows if row.kind is not FindingKind.NOT_CHECKED}

    def mails(self, subject: str) -> list[str]:
        """Who was sent a notice with that subject."""
        with self.cast.database.reading() as session:
            return sorted(session.scalars(select(MailMessage.recipient).where(MailMessage.subject == subject)))


@pytest.fixture
def town(cast: Cast, tmp_path: Path) -> Town:
    add_system(cast)
    clock = Clock()
    settings = Settings(database_url=cast.database.url, secrets_dir=tmp_path / "secrets",
                        checkpoint_file=tmp_path / "checkpoints.jsonl")  # fmt: skip
    settings.secrets_dir.mkdir(mode=0o700)
    (settings.secrets_dir / "ledger.password").write_text("x", encoding="utf-8")
    with cast.database.writing() as session:
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        ledger.connector_settings = {"name": f"hand-{tmp_path.name}"}
    return Town(cast, Installation(settings, cast.database, clock), clock)


def listing(town: Town, tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "ids.csv"
    file.write_bytes((HEADING + "".join(f"{line}\r\n" for line in lines)).encode("cp932"))
    return file


def bring(town: Town, file: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    monkeypatch.setattr("jobs.commands.listing.installation", lambda: town.installation)
    as_of = day_of(town.clock()).isoformat()
    command.main(
        ["listing", "import", str(file), "--system", SYSTEM, "--as-of", as_of, *options], standalone_mode=False
    )


def test_from_joiner_to_the_list_that_contradicts(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cast, clock = town.cast, town.clock
    seat(cast, "desk", Role.SECURITY)
    town.apply("staff", f"{SYSTEM}/account", f"{SYSTEM}/view")
    assert town.status() is Agreement.HAND_WAITING
    (order,) = orders(cast)
    assert kinds(order) == ["create", "add", "password", "open"]

    do(cast, order, who="desk", now=clock())
    assert town.status() is Agreement.HAND_DONE
    with pytest.raises(SeparationOfDuties, match="自分が行った作業"):
        confirm(cast, order, who="desk", now=clock())
    assert town.status() is Agreement.HAND_DONE
    confirm(cast, order, who="system", now=clock())
    assert town.status() is Agreement.COMPLETE

    clock.pass_by(days=30)
    with cast.database.writing() as session:
        session.scalars(
            select(Employment).where(Employment.person_id == cast.people["staff"])
        ).one().valid_until = day_of(clock())
    lifecycle.run(town.installation)
    provision.run_due(town.installation, worker="w1")
    urgent = orders(cast)[-1]
    assert (kinds(urgent), urgent.urgent) == (["stop", "remove"], True)
    assert town.mails(work_order_notices.URGENT_SUBJECT)
    assert town.status() is Agreement.HAND_WAITING

    clock.pass_by(hours=cast.policy.work_orders.urgent_hours)
    assert hand_work.escalate(town.installation) == 1
    assert hand_work.escalate(town.installation) == 0
    assert town.mails(work_order_notices.OVERDUE_SUBJECT) == ["u100004@example.jp"]
    assert (FindingKind.WORK_OVERDUE, "u100009") in town.findings()

    do(cast, urgent, who="other", handed_to="", now=clock())
    confirm(cast, urgent, who="system", now=clock())
    assert town.status() is Agreement.COMPLETE
    assert (FindingKind.WORK_OVERDUE, "u100009") not in town.findings()

    clock.pass_by(days=1)
    bring(town, listing(town, tmp_path, "u100009,青木　一郎,100009,有効,R8.5.1,K-view"), monkeypatch)
    assert town.status() is Agreement.DIFFERS
    assert town.findings() == {(FindingKind.LEFT, "u100009"), (FindingKind.DRIFT, "u100009")}


def test_running_the_job_again_issues_nothing_more(town: Town) -> None:
    town.apply("staff", f"{SYSTEM}/account")
    provision.run_due(town.installation, worker="w2")
    assert len(orders(town.cast)) == 1
    with town.cast.database.reading() as session:
        tasks = session.scalars(select(OutboxTask)).all()
    assert [task.state for task in tasks] == [TaskState.DONE]


def test_operators_have_one_notice_for_a_whole_batch(town: Town) -> None:
    requests = [town.cast.file("hr", (who, f"{SYSTEM}/account")) for who in ("staff", "security", "auditor")]
    for request in requests:
        town.cast.approve(request)
    provision.run_due(town.installation, worker="w1")
    assert len(orders(town.cast)) == 3
    assert town.mails(work_order_notices.SUBJECT) == ["u100004@example.jp", "u100007@example.jp", "u100010@example.jp"]


def test_no_work_is_asked_for_in_a_system_that_is_only_observed(town: Town) -> None:
    with town.cast.database.writing() as session:
        session.scalars(select(InformationSystem).where(InformationSystem.code == SYSTEM)).one().stage = Stage.OBSERVE
    town.apply("staff", f"{SYSTEM}/account")
    assert orders(town.cast) == []


def test_nobody_is_asked_to_make_an_account_beside_one_that_may_be_theirs(town: Town) -> None:
    def at(session: Session, stage: Stage) -> int:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == SYSTEM)).one()
        system.stage = stage
        return system.id

    with town.cast.database.writing() as session:
        at(session, Stage.OBSERVE)
    town.apply("staff", f"{SYSTEM}/account")
    with town.cast.database.writing() as session:
        there = FoundAccount(
            system_id=at(session, Stage.ADOPT), external_id="aoki", login_name="aoki", display_name="青木", groups=[],
            enabled=True, protected=False, marked=False, first_seen_at=NOW, last_seen_at=NOW,
            state=FoundState.UNDECIDED, candidates=[{"person": town.cast.people["staff"], "rules": ["mail"]}],
        )  # fmt: skip
        session.add(there)
    provision.run_due(town.installation, worker="w1")
    assert orders(town.cast) == []
    with town.cast.database.writing() as session:
        task = session.scalars(select(OutboxTask)).one()
        assert (task.state, "aoki" in (task.last_error or "")) == (TaskState.WAITING, True)
        session.scalars(select(FoundAccount)).one().state = FoundState.FINDING
    town.clock.pass_by(hours=1)
    provision.run_due(town.installation, worker="w1")
    (order,) = orders(town.cast)
    assert kinds(order)[0] == "create"


def test_the_worker_tells_of_what_is_overdue(town: Town) -> None:
    town.apply("staff", f"{SYSTEM}/account")
    town.clock.pass_by(days=30)
    worker.one_round(town.installation, worker.Rounds(), worker="w1")
    assert town.mails(work_order_notices.OVERDUE_SUBJECT)


# --- groups changed by hand in a system with a connector -------------------------------------------------------------


def test_a_tier_0_group_is_changed_by_hand_and_everything_else_by_the_connector(town: Town) -> None:
    cast = town.cast
    with cast.database.writing() as session:
        session.scalars(select(Entitlement).where(Entitlement.code == "approve")).one().by_hand = True
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        directory = MemoryDirectory.named(str(ledger.connector_settings["name"]))
    for group in ("ledger-enter", "ledger-approve", "ledger-admin"):
        directory.add_group(group)
    town.apply("staff", "ledger/account", "ledger/approve")
    (order,) = orders(cast)
    assert kinds(order) == ["add"]
    assert "伝票承認" in order.steps[0].instruction
    with cast.database.reading() as session:
        account = session.scalars(select(Account)).one()
        assert (account.seen_present, account.seen_groups) == (True, [])
    do(cast, order, handed_to="")
    confirm(cast, order, who="security")
    provision.run_due(town.installation, worker="w1")
    again = orders(cast)[-1]
    assert (again.id != order.id, kinds(again)) == (True, ["add"]), "confirmed, but the directory does not show it"


def test_a_right_that_makes_an_administrator_is_read_back_and_taken_away_by_hand_again(town: Town) -> None:
    cast, clock = town.cast, town.clock
    with cast.database.writing() as session:
        session.scalars(select(Entitlement).where(Entitlement.code == "approve")).one().by_hand = True
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        directory = MemoryDirectory.named(str(ledger.connector_settings["name"]))
    for group in ("ledger-enter", "ledger-admin"):
        directory.add_group(group)
    admins = directory.add_group("ledger-approve", protected=True).external_id
    town.apply("staff", "ledger/account", "ledger/approve")
    (order,) = orders(cast)
    directory.groups[admins].members |= set(directory.accounts)
    do(cast, order, handed_to="")
    confirm(cast, order, who="security")
    provision.run_due(town.installation, worker="w1")
    with cast.database.reading() as session:
        assert session.scalars(select(Account)).one().seen_groups == [admins]
        assert session.scalars(select(OutboxTask).order_by(OutboxTask.id)).all()[-1].state is TaskState.DONE
    assert len(orders(cast)) == 1, "what was done is seen, and not asked for again"

    clock.pass_by(days=30)
    with cast.database.writing() as session:
        employed = session.scalars(select(Employment).where(Employment.person_id == cast.people["staff"])).one()
        employed.valid_until = day_of(clock())
    lifecycle.run(town.installation)
    provision.run_due(town.installation, worker="w1")
    urgent = orders(cast)[-1]
    assert (kinds(urgent), urgent.urgent) == (["remove"], True)


# --- accounts that the directory guards as administrators' -----------------------------------------------------------


@dataclass
class Administrator:
    """青木, whose account in the ledger's directory was opened by the connector and is an administrator's since."""

    town: Town
    directory: MemoryDirectory
    account: DirectoryAccount

    def groups(self) -> set[str]:
        """The names of the groups it is in."""
        return {one.name for one in self.directory.groups.values() if self.account.external_id in one.members}

    def state(self) -> tuple[bool, set[str]]:
        """Whether it is switched off, and its groups."""
        return self.account.switched_off, self.groups()

    def look(self) -> None:
        """The connector has been by."""
        with self.town.cast.database.writing() as session:
            schedule(session, session.scalars(select(Account)).one(), now=self.town.clock())
        provision.run_due(self.town.installation, worker="w1")

    def leave(self) -> None:
        """青木 left, and the connector has been by."""
        self.town.clock.pass_by(days=30)
        with self.town.cast.database.writing() as session:
            who = self.town.cast.people["staff"]
            employed = session.scalars(select(Employment).where(Employment.person_id == who)).one()
            employed.valid_until = day_of(self.town.clock())
        lifecycle.run(self.town.installation)
        provision.run_due(self.town.installation, worker="w1")

    def task(self) -> TaskState:
        """How the newest task about it ended."""
        with self.town.cast.database.reading() as session:
            return session.scalars(select(OutboxTask).order_by(OutboxTask.id)).all()[-1].state

    def report(self, order: WorkOrder) -> None:
        """Two people say that the order is done, and the connector has been by."""
        do(self.town.cast, order, handed_to="", now=self.town.clock())
        confirm(self.town.cast, order, who="security", now=self.town.clock())
        provision.run_due(self.town.installation, worker="w1")


@pytest.fixture
def administrator(town: Town) -> Administrator:
    with town.cast.database.reading() as session:
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        directory = MemoryDirectory.named(str(ledger.connector_settings["name"]))
    for group in ("ledger-enter", "ledger-approve", "ledger-admin"):
        directory.add_group(group)
    town.apply("staff", "ledger/account", "ledger/enter")
    found = Administrator(town, directory, next(iter(directory.accounts.values())))
    with town.cast.database.writing() as session:
        session.scalars(select(Account)).one().handed_over_at = NOW
    found.look()
    assert found.state() == (False, {"ledger-enter"})
    found.account.protected = True
    return found


def test_an_administrator_who_left_is_stopped_by_hand_and_the_connector_reads_back(
    administrator: Administrator,
) -> None:
    town, cast = administrator.town, administrator.town.cast
    administrator.leave()
    (order,) = orders(cast)
    assert (kinds(order), order.urgent) == (["stop", "remove"], True)
    assert (administrator.state(), administrator.task()) == ((False, {"ledger-enter"}), TaskState.DONE)
    administrator.look()
    assert [one.id for one in orders(cast)] == [order.id], "the same is not asked for twice"
    town.clock.pass_by(hours=cast.policy.work_orders.urgent_hours)
    assert hand_work.escalate(town.installation) == 1

    administrator.report(order)
    again = orders(cast)[-1]
    assert (again.id != order.id, kinds(again)) == (True, ["stop", "remove"]), "said to be done, and still open"
    administrator.account.switched_off = True
    for group in administrator.directory.groups.values():
        group.members.clear()
    administrator.look()
    assert orders(cast)[-1].state is WorkOrderState.ISSUED, "who did it still says so, and another confirms"
    administrator.report(again)
    assert [one.state for one in orders(cast)] == [WorkOrderState.CONFIRMED] * 2
    assert administrator.task() is TaskState.DONE
    with cast.database.reading() as session:
        (row,) = accounts_of_person(session, cast.people["staff"], now=town.clock(), delete_after_days=90)
    assert row.agreement is Agreement.AGREES


def test_the_connector_goes_on_by_itself_once_the_account_is_guarded_no_more(administrator: Administrator) -> None:
    administrator.leave()
    administrator.account.protected = False
    administrator.look()
    assert [order.state for order in orders(administrator.town.cast)] == [WorkOrderState.CANCELLED]
    assert (administrator.state(), administrator.task()) == ((True, set()), TaskState.DONE)


def test_an_administrator_opened_again_is_stopped_by_a_new_order_though_one_is_open(
    administrator: Administrator,
) -> None:
    administrator.account.switched_off = True
    administrator.leave()
    assert [kinds(order) for order in orders(administrator.town.cast)] == [["remove"]]
    administrator.account.switched_off = False
    administrator.look()
    first, second = orders(administrator.town.cast)
    assert (first.state, kinds(second)) == (WorkOrderState.CANCELLED, ["stop", "remove"])


def test_an_administrator_is_opened_by_hand_only_if_the_account_was_handed_over(administrator: Administrator) -> None:
    cast = administrator.town.cast
    administrator.account.switched_off = True
    administrator.look()
    (order,) = orders(cast)
    assert (kinds(order), order.urgent, order.hands_over) == (["open"], False, False)
    with cast.database.writing() as session:
        session.scalars(select(Account)).one().handed_over_at = None
    administrator.look()
    assert [one.state for one in orders(cast)] == [WorkOrderState.CANCELLED]
    administrator.account.switched_off = False
    administrator.look()
    assert kinds(orders(cast)[-1]) == ["stop"]
    assert administrator.state() == (False, {"ledger-enter"})


# --- lists -----------------------------------------------------------------------------------------------------------


def test_work_under_way_or_done_since_the_list_is_no_finding(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(town, listing(town, tmp_path, "shokuin1,,,停止,R8.3.31,"), monkeypatch)
    town.apply("staff", f"{SYSTEM}/account")
    assert town.findings() == {(FindingKind.ORPHAN, "shokuin1")}
    (order,) = orders(town.cast)
    do(town.cast, order, now=town.clock())
    confirm(town.cast, order, now=town.clock())
    assert town.findings() == {(FindingKind.ORPHAN, "shokuin1")}


def test_what_was_confirmed_and_is_not_on_a_later_list_is_missing(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.apply("staff", f"{SYSTEM}/account")
    (order,) = orders(town.cast)
    do(town.cast, order, now=town.clock())
    confirm(town.cast, order, now=town.clock())
    town.clock.pass_by(days=2)
    bring(town, listing(town, tmp_path, "shokuin1,,,停止,R8.3.31,"), monkeypatch)
    assert (FindingKind.MISSING, "u100009") in town.findings()


def test_a_system_without_a_list_or_with_an_old_one_was_not_examined(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert town.findings() == {(FindingKind.CHECK_FAILED, "戸籍附票システム")}
    bring(town, listing(town, tmp_path, "u100009,,,停止,,"), monkeypatch)
    assert (FindingKind.CHECK_FAILED, "戸籍附票システム") not in town.findings()
    town.clock.pass_by(days=town.cast.policy.work_orders.listing_days + 1)
    assert (FindingKind.CHECK_FAILED, "戸籍附票システム") in town.findings()


def test_the_sweep_finds_on_the_list_what_it_finds_in_a_directory(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.apply("staff", f"{SYSTEM}/account")
    (order,) = orders(town.cast)
    do(town.cast, order, now=town.clock())
    confirm(town.cast, order, now=town.clock())
    town.clock.pass_by(days=200)
    bring(town, listing(town, tmp_path, "U100009,青木　一郎,100009,有効,R8.4.10,", "shokuin1,,,有効,,"), monkeypatch)
    assert town.findings() == {
        (FindingKind.DORMANT, "U100009"), (FindingKind.ORPHAN, "shokuin1"), (FindingKind.LAST_USE_UNKNOWN, "shokuin1"),
    }  # fmt: skip
    with town.cast.database.reading() as session:
        dormant = session.scalars(select(Finding).where(Finding.kind == FindingKind.DORMANT)).one()
    assert (dormant.details["source"], dormant.account_id) == ("listing", order.account_id)
    assert dormant.details["last_used_at"] == start_of(datetime(2026, 4, 10, tzinfo=UTC).date()).isoformat()


def test_a_dry_run_shows_the_comparison_and_keeps_nothing(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bring(town, listing(town, tmp_path, "shokuin1,,,有効,,"), monkeypatch, "--dry-run", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["dry_run"], told["counts"]["orphan"], told["lines"][0]["verdict"]) == (True, 1, "orphan")
    with town.cast.database.reading() as session:
        assert session.scalars(select(Listing)).all() == []


def test_a_broken_list_and_an_unknown_system_are_refused(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FeedRefused, match="2行目にもあります"):
        bring(town, listing(town, tmp_path, "a,,,有効,,", "A,,,有効,,"), monkeypatch)
    monkeypatch.setattr("tests.jobs.test_hand_work.SYSTEM", "nothing")
    with pytest.raises(NotFound):
        bring(town, listing(town, tmp_path, "a,,,有効,,"), monkeypatch)
    with town.cast.database.reading() as session:
        assert session.scalars(select(Listing)).all() == []


def test_nobody_but_a_second_person_makes_it_complete(town: Town) -> None:
    town.apply("staff", f"{SYSTEM}/account")
    (order,) = orders(town.cast)
    do(town.cast, order, now=town.clock())
    with pytest.raises(NotPermitted):
        confirm(town.cast, order, who="hr", now=town.clock())
    assert town.status() is Agreement.HAND_DONE
