"""The run of the calendar as a whole: broken off and resumed, within the limits, and as it was rehearsed."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from sqlite3 import connect

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.calendar_days import start_of
from idm.database import Database
from idm.errors import InvalidInput, SafetyLimit
from idm.grant_state import EndReason, GrantState
from idm.models.audit import AuditRecord
from idm.models.people import Absence, OrganisationUnit
from idm.models.requests import Grant, GrantSuspension
from idm.models.safety import PlannedBatch, PlannedItem, RunKind, SafetyCount
from idm.models.systems import Account
from idm.models.work import OutboxTask
from idm.operations.rights import lifecycle as operations
from idm.personnel.due_changes import Due
from idm.personnel_event import AbsenceKind, LeavingKind
from idm.queries.rights.due import DueRight
from idm.queries.rights.rehearsal import Rehearsal
from idm.settings import Settings
from idm.vocabulary import SafetyAction
from jobs import lifecycle
from jobs.commands.rehearsal_file import HEADINGS, as_data, csv_bytes
from jobs.installation import Installation
from tests.cast import NOW, TODAY, Cast, add_person

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


@dataclass
class Office:
    """The cast's office, its installation, and a calendar that tests turn."""

    cast: Cast
    installation: Installation
    clock: list[datetime]

    def on(self, day: date) -> "Office":
        """At the first moment of the day, or now on the first day."""
        self.clock[0] = max(start_of(day), NOW)
        return self

    def give(self, who: str, *rights: str, valid_from: date = TODAY, valid_until: date | None = None) -> None:
        request_id = self.cast.file(
            "hr", *((who, right) for right in rights), valid_from=valid_from, valid_until=valid_until
        )
        for line in range(len(rights)):
            self.cast.approve(request_id, line=line)

    def leave(self, who: str, end: date, how: LeavingKind = LeavingKind.RETIREMENT) -> None:
        with self.cast.database.writing() as session:
            employment = self.cast.employment(session, who)
            employment.valid_until, employment.leaving = end, how

    def away(self, who: str, begins: date, ends: date | None) -> None:
        with self.cast.database.writing() as session:
            employment = self.cast.employment(session, who)
            employment.absences.append(Absence(kind=AbsenceKind.CHILDCARE, valid_from=begins, valid_until=ends))

    def crowd(self, people: int, unit_code: str = "0600") -> list[str]:
        """So many more people of the unit, each with an account: their staff numbers."""
        names = [f"crowd{number}" for number in range(len(self.cast.people), len(self.cast.people) + people)]
        with self.cast.database.writing() as session:
            unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == unit_code)).one()
            for number, name in enumerate(names, len(self.cast.people)):
                person = add_person(session, f"5{number:05d}", f"群衆　{number}", "グンシュウ", unit, "主事")
                self.cast.people[name] = person.id
        for name in names:
            self.give(name, "ledger/account")
        return names

    def number(self, who: str) -> str:
        with self.cast.database.reading() as session:
            return self.cast.employment(session, who).staff_number

    def permit(self, day: date, items: list[tuple[SafetyAction, str]]) -> None:
        """A batch of the day, proposed by 薬院 and permitted by 天神."""
        with self.cast.database.writing() as session:
            batch = PlannedBatch(
                kind=RunKind.LIFECYCLE, day=day, reason="年度末の退職", proposed_at=NOW, approved_at=NOW,
                proposed_by_id=self.cast.people["hr"], approved_by_id=self.cast.people["chief"],
            )  # fmt: skip
            batch.items = [PlannedItem(action=action, staff_number=number) for action, number in items]
            session.add(batch)

    def stopped(self) -> int:
        """How many people a departure has stopped."""
        with self.cast.database.reading() as session:
            query = select(func.count(func.distinct(Account.person_id))).join(Grant, Grant.account_id == Account.id)
            return session.scalar(query.where(Grant.end_reason == EndReason.LEFT)) or 0


@pytest.fixture
def office(cast: Cast, tmp_path: Path) -> Office:
    clock = [NOW]
    installation = Installation(Settings(secrets_dir=tmp_path), cast.database, clock=lambda: clock[0])
    return Office(cast, installation, clock)


def a_busy_day(office: Office, *, permitted: bool = True) -> None:
    """On the first of May: three leave, two are away, one is back, two begin, one right ends, one waits too long."""
    for who in ("staff", "other", "desk"):
        office.give(who, "ledger/account", "ledger/enter")
        office.leave(who, MAY)
    office.give("security", "ledger/account")
    office.away("security", MAY, None)
    office.give("auditor", "ledger/account", "ledger/enter", valid_from=MAY)
    office.away("auditor", MAY - timedelta(days=10), JUNE)
    office.give("vice", "ledger/account")
    office.away("vice", TODAY, MAY)
    office.give("hr", "ledger/account", valid_until=MAY)
    office.give("ciso", "ledger/account", valid_from=MAY, valid_until=JUNE)
    office.cast.file("hr", ("chief", "ledger/account"), now=NOW - timedelta(hours=12))
    if permitted:
        items = [(SafetyAction.STOP, office.number(who)) for who in ("staff", "other", "desk")]
        items += [(SafetyAction.SUSPEND, office.number(who)) for who in ("security", "auditor")]
        office.permit(MAY, items)
    lifecycle.run(office.on(TODAY).installation)


def everything(session: Session) -> list[tuple[object, ...]]:
    """Every row that a run writes, without its number."""
    grants = session.execute(
        select(Grant.id, Grant.state, Grant.end_reason, Grant.ended_at, Account.generation).join(
            Account, Grant.account_id == Account.id
        )
    )
    suspensions = session.execute(
        select(GrantSuspension.grant_id, GrantSuspension.reason, GrantSuspension.since, GrantSuspension.until)
    )
    tasks = session.execute(select(OutboxTask.account_id, OutboxTask.generation, OutboxTask.state))
    records = session.execute(
        select(AuditRecord.action, AuditRecord.object_kind, AuditRecord.object_id).where(
            AuditRecord.action != "lifecycle.carried_out"
        )
    )
    counted = session.execute(
        select(SafetyCount.action, SafetyCount.unit_code, func.sum(SafetyCount.people)).group_by(
            SafetyCount.action, SafetyCount.unit_code
        )
    )
    rows: list[tuple[object, ...]] = []
    for some in (grants, suspensions, tasks, records, counted):
        rows += sorted((tuple(row) for row in some), key=repr)
    return rows


# --- stages ----------------------------------------------------------------------------------------------------------


def test_every_stage_is_carried_out_once(office: Office) -> None:
    a_busy_day(office)
    result = lifecycle.run(office.on(MAY).installation)
    assert (result.left, result.suspended, result.resumed, result.begun, result.expired, result.lapsed) == (
        3, 3, 1, 3, 1, 1,
    )  # fmt: skip
    again = lifecycle.run(office.installation)
    assert {name: number for name, number in vars(again).items() if number} == {"day": MAY, "batch_id": 1}


def test_the_audit_says_what_a_run_did_and_nothing_of_one_that_did_nothing(office: Office) -> None:
    a_busy_day(office)
    lifecycle.run(office.on(MAY).installation)
    lifecycle.run(office.installation)
    with office.cast.database.reading() as session:
        records = session.scalars(select(AuditRecord).where(AuditRecord.action == "lifecycle.carried_out")).all()
        assert [record.object_id for record in records] == ["2026-04-01", "2026-05-01"]
        assert '"left":3' in (records[-1].payload or "")


def test_progress_tells_stage_and_people_after_every_transaction(office: Office) -> None:
    a_busy_day(office)
    told: list[tuple[str, int, int]] = []
    lifecycle.run(
        office.on(MAY).installation, people_at_once=2, progress=lambda *state: told.append(state)
    )  # fmt: skip
    assert [done for _, done, _ in told] == [2, 3, 5, 6, 8, 9]
    assert {total for *_, total in told} == {9}
    assert told[0][0] == "離職による停止"


def test_a_day_to_come_does_not_run(office: Office) -> None:
    with pytest.raises(InvalidInput, match="まだ来ていません"):
        lifecycle.run(office.installation, as_of=MAY)


# --- broken off and run again ----------------------------------------------------------------------------------------


class Killed(Exception):
    """The machine went off."""


@contextmanager
def killed_in(monkeypatch: pytest.MonkeyPatch, at: int, *, before: bool) -> Iterator[None]:
    """The process dies in that transaction of the run, before its work or with all of it done and not committed."""
    real, calls = operations.carry_out, 0

    def dying(session: Session, *arguments: object, **named: object) -> list[DueRight]:
        nonlocal calls
        calls += 1
        if calls == at and before:
            raise Killed
        done = real(session, *arguments, **named)  # type: ignore[arg-type]
        if calls == at:
            raise Killed
        return done

    with monkeypatch.context() as patched:
        patched.setattr(operations, "carry_out", dying)
        yield


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at", range(1, 10))
def test_a_run_that_was_broken_off_ends_in_the_same_place(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at: int, before: bool
) -> None:
    a_busy_day(office)
    with closing(connect(tmp_path / "idm.db")) as source, closing(connect(tmp_path / "twin.db")) as copy:
        source.backup(copy)
    office.on(MAY)
    with killed_in(monkeypatch, at, before=before), pytest.raises(Killed):
        lifecycle.run(office.installation, people_at_once=1)
    lifecycle.run(office.installation, people_at_once=1)
    twin = Database(f"sqlite:///{tmp_path / 'twin.db'}")
    lifecycle.run(replace(office.installation, database=twin))
    with office.cast.database.reading() as broken, twin.reading() as whole:
        assert everything(broken) == everything(whole)
    twin.dispose()


def test_a_resumed_run_counts_nobody_twice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    names = office.crowd(30)
    for name in names:
        office.leave(name, MAY)
    office.permit(MAY, [(SafetyAction.STOP, office.number(name)) for name in names])
    office.on(MAY)
    with killed_in(monkeypatch, 3, before=False), pytest.raises(Killed):
        lifecycle.run(office.installation, people_at_once=4)
    assert office.stopped() == 8
    assert lifecycle.run(office.installation, people_at_once=4).left == 22
    with office.cast.database.reading() as session:
        assert session.scalar(select(func.sum(SafetyCount.people))) == 30


def test_a_run_broken_off_before_midnight_is_finished_under_the_same_batch(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = office.crowd(30)
    for name in names:
        office.leave(name, MAY)
    office.permit(MAY, [(SafetyAction.STOP, office.number(name)) for name in names])
    with killed_in(monkeypatch, 2, before=True), pytest.raises(Killed):
        lifecycle.run(office.on(MAY).installation, people_at_once=10)
    result = lifecycle.run(office.on(MAY + timedelta(days=2)).installation)
    assert (result.left, result.batch_id) == (20, 1)


def test_what_is_done_meanwhile_by_somebody_else_is_not_done_again(office: Office) -> None:
    office.give("staff", "ledger/account")
    office.leave("staff", MAY)
    office.on(MAY)
    with office.cast.database.reading() as session:
        planned = operations.begin_run(session, MAY, policy=office.cast.policy, now=office.clock[0])
    office.leave("staff", JUNE)  # the leaving is put off while the run is on its way
    with office.cast.database.writing() as session:
        done = operations.carry_out(
            session, planned, Due.STOP, planned.holders(Due.STOP), actor=lifecycle.ACTOR, policy=office.cast.policy,
            now=office.clock[0],
        )  # fmt: skip
    assert (done, office.stopped()) == ([], 0)


# --- limits ----------------------------------------------------------------------------------------------------------


def test_too_many_leavers_stop_the_run_before_its_first_change(office: Office) -> None:
    names = office.crowd(30)
    for name in names:
        office.leave(name, MAY)
    office.give("other", "ledger/account", valid_from=MAY)
    with pytest.raises(SafetyLimit) as refused:
        lifecycle.run(office.on(MAY).installation)
    assert "全体で 30 人" in refused.value.message
    assert "情報システム課で 30 人" in refused.value.message
    with office.cast.database.reading() as session:
        assert set(session.scalars(select(Grant.state))) == {GrantState.IN_FORCE, GrantState.PLANNED}
        refusal = session.scalars(select(AuditRecord).where(AuditRecord.code == "SAFETY-LIMIT")).one()
        assert (refusal.action, refusal.object_id) == ("lifecycle.run", "2026-05-01")


def test_a_run_that_is_refused_has_still_said_on_which_posts_privileged_rights_rest(office: Office) -> None:
    office.give("staff", "ledger/account", "ledger/admin-account", "ledger/admin", valid_until=JUNE)
    with office.cast.database.writing() as session:
        for grant in session.scalars(select(Grant)):
            grant.rests_on_unit = grant.rests_on_post = None
    for name in office.crowd(30):
        office.leave(name, MAY)
    with pytest.raises(SafetyLimit):
        lifecycle.run(office.on(MAY).installation)
    with office.cast.database.reading() as session:
        rests_on = session.scalars(select(Grant.rests_on_post).where(Grant.rests_on_unit == "0100")).all()
    assert rests_on == ["主事", "主事"]


def test_ten_small_runs_of_one_day_stop_no_more_than_one_big_one(office: Office) -> None:
    names = office.crowd(40)
    office.on(MAY)
    passed = 0
    for at, name in enumerate(names[:10]):
        office.leave(name, MAY)
        office.clock[0] += timedelta(minutes=at)
        try:
            passed += lifecycle.run(office.installation).left
        except SafetyLimit:
            break
    assert passed == 2  # 5% of 51 people


def test_the_permitted_batch_covers_whom_it_lists_and_one_person_more_counts(office: Office) -> None:
    names = office.crowd(30)
    for name in names:
        office.leave(name, MAY)
    listed = [(SafetyAction.STOP, office.number(name)) for name in names]
    office.permit(MAY, listed[:-3])
    with pytest.raises(SafetyLimit, match="今回 3 人"):
        lifecycle.run(office.on(MAY).installation)
    assert office.stopped() == 0
    office.permit(MAY, listed[:-1])
    result = lifecycle.run(office.installation)
    assert (result.left, result.batch_id) == (30, 2)
    with office.cast.database.reading() as session:
        rows = session.execute(select(SafetyCount.people, SafetyCount.batch_id).order_by(SafetyCount.people)).all()
        assert [tuple(row) for row in rows] == [(1, None), (29, 2)]


# --- rehearsal -------------------------------------------------------------------------------------------------------

Told = Counter[tuple[Due, int]]


def told(rehearsed: Rehearsal) -> Told:
    """(What, which right or line) of everything the rehearsal lists."""
    return Counter((one.due, one.row_id) for one in rehearsed.changes)


def done_by_run(office: Office, monkeypatch: pytest.MonkeyPatch) -> Told:
    """The same of what a run does."""
    done: Told = Counter()
    real: Callable[..., list[DueRight]] = operations.carry_out

    def watched(*arguments: object, **named: object) -> list[DueRight]:
        found = real(*arguments, **named)
        done.update((one.due, one.grant_id) for one in found)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(operations, "carry_out", watched)
        lifecycle.run(office.installation)
    return done


def test_the_rehearsal_lists_what_the_run_on_that_day_then_does(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_busy_day(office)
    with office.cast.database.reading() as session:
        before = everything(session)
    rehearsed = lifecycle.rehearse(office.installation, as_of=MAY).rehearsal
    with office.cast.database.reading() as session:
        assert everything(session) == before
    done = done_by_run(office.on(MAY), monkeypatch)
    listed = told(rehearsed)
    assert {one: listed[one] for one in listed if one[0] in operations.STAGES} == done
    assert [one.because for one in rehearsed.changes if one.due is Due.LAPSE] == [
        "申請 R7-000001 が 30 日のうちに決裁されませんでした"
    ]


def test_the_rehearsal_says_who_where_what_and_because_of_what(office: Office) -> None:
    a_busy_day(office)
    changes = lifecycle.rehearse(office.installation, as_of=MAY).rehearsal.changes
    found = {
        (one.due, one.person_name, one.staff_number, one.unit_name, one.system_name, one.right_name, one.day,
         one.because)
        for one in changes
    }  # fmt: skip
    assert (
        Due.STOP, "青木　一郎", "100009", "総務課", "会計システム", "伝票入力", MAY,
        "2026-04-30 限りの離職（定年・勧奨退職）",
    ) in found  # fmt: skip
    assert (
        Due.SUSPEND, "香椎　宮子", "100005", "総務課", "会計システム", "利用者ID", MAY, "2026-05-01 からの育児休業",
    ) in found  # fmt: skip
    assert (
        Due.BEGIN, "大濠　公子", "100001", "事務局", "会計システム", "利用者ID", MAY, "申請 R8-000008",
    ) in found  # fmt: skip
    assert (
        Due.EXPIRE, "薬院　大通", "100006", "総務課人事係", "会計システム", "利用者ID", MAY,
        "2026-04-30 までの権限（申請 R8-000007）",
    ) in found  # fmt: skip


def test_the_rehearsal_counts_people_per_department_and_says_whether_a_batch_is_needed(office: Office) -> None:
    a_busy_day(office, permitted=False)
    found = lifecycle.rehearse(office.installation, as_of=MAY)
    assert found.rehearsal.people_by_due[Due.STOP] == 3
    assert found.rehearsal.people_by_unit["0100", "総務課"][Due.STOP] == 2
    assert [excess.action for excess in found.excesses] == [SafetyAction.STOP, SafetyAction.SUSPEND]
    office.permit(MAY, sorted((one.action, one.staff_number) for one in found.rehearsal.touched))
    permitted = lifecycle.rehearse(office.installation, as_of=MAY)
    assert (permitted.excesses, permitted.batch_id) == ((), 1)


def test_a_deletion_is_rehearsed_as_it_happens(office: Office) -> None:
    office.give("staff", "ledger/account")
    office.leave("staff", MAY)
    lifecycle.run(office.on(MAY).installation)
    with office.cast.database.writing() as session:
        session.scalars(select(Account)).one().seen_present = True
        for task in session.scalars(select(OutboxTask)):
            session.delete(task)
    last = MAY + timedelta(days=office.cast.policy.personnel.delete_after_days)
    assert [one.due for one in lifecycle.rehearse(office.installation, as_of=last).rehearsal.changes] == [Due.DELETE]
    assert lifecycle.rehearse(office.installation, as_of=last - timedelta(days=1)).rehearsal.changes == ()
    assert lifecycle.run(office.on(last).installation).deletions == 1


# --- files -----------------------------------------------------------------------------------------------------------


def test_the_csv_opens_in_a_spreadsheet_as_text(office: Office) -> None:
    with office.cast.database.writing() as session:
        person = office.cast.employment(session, "staff").person
        person.name = '=HYPERLINK("http://example.jp")'
    a_busy_day(office)
    data = csv_bytes(lifecycle.rehearse(office.installation, as_of=MAY))
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[0] == list(HEADINGS)
    assert len(rows) == 1 + sum(told(lifecycle.rehearse(office.installation, as_of=MAY).rehearsal).values())
    assert [row[0] for row in rows if "HYPERLINK" in row[0]] == ['\'=HYPERLINK("http://example.jp")'] * 2


def test_the_plain_data_has_every_change_and_the_limits(office: Office) -> None:
    a_busy_day(office, permitted=False)
    data = as_data(lifecycle.rehearse(office.installation, as_of=MAY))
    assert (data["batch_needed"], data["batch"], data["day"]) == (True, None, "2026-05-01")
    assert isinstance(data["changes"], list)
    assert data["changes"][0]["due"] == "stop"
