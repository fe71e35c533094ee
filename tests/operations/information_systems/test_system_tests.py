"""Examinations of connections on record: the newest one that reached its target decides."""

from datetime import timedelta

from sqlalchemy import select

from idm.actor import Actor
from idm.models.audit import AuditRecord
from idm.models.system_tests import SystemTest
from idm.models.systems import InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.operations.information_systems.system_tests import GOOD_FOR, is_due, newest_test, record_test, worst
from idm.ports import Check, CheckVerdict
from tests.carried_out import carry_out
from tests.cast import NOW, Cast

FINE = Check("接続", CheckVerdict.FINE, "つながりました")
WARNING = Check("証明書", CheckVerdict.WARNING, "あと10日です", "更新してください")
TOO_MUCH = Check("権限", CheckVerdict.FAILED, "Domain Admins に属しています", "外してください", stops_writing=True)


def examined(
    office: Cast, *checks: Check, reached: bool = True, later: timedelta = timedelta()
) -> SystemTest:  # fmt: skip
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        return record_test(
            session, system, checks, reached=reached, actor=Actor.job("tests"), policy=office.policy, now=NOW + later
        )


def test_the_worst_check_is_the_verdict() -> None:
    assert worst([]) is CheckVerdict.FINE
    assert worst([FINE, WARNING, FINE]) is CheckVerdict.WARNING
    assert worst([WARNING, TOO_MUCH, FINE]) is CheckVerdict.FAILED


def test_every_check_is_kept_and_what_was_not_fine_is_audited(office: Cast) -> None:
    examined(office, FINE, WARNING)
    with office.database.reading() as session:
        kept = session.scalars(select(SystemTest)).one()
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "system.tested")).one()
    assert [check["subject"] for check in kept.checks] == ["接続", "証明書"]
    assert (kept.verdict, kept.stops_writing) == (CheckVerdict.WARNING, None)
    assert '"証明書"' in (record.payload or "")
    assert record.object_id == "ledger"


def test_too_many_rights_stop_writing_with_a_sentence_that_says_which(office: Cast) -> None:
    sentence = examined(office, FINE, TOO_MUCH).stops_writing
    assert sentence is not None
    assert "Domain Admins" in sentence
    assert "idm system test" in sentence


def test_the_newest_that_reached_its_target_counts_for_a_day(office: Cast) -> None:
    with office.database.reading() as session:
        assert is_due(newest_test(session, 1), now=NOW)
    first = examined(office, FINE)
    examined(office, FINE, reached=False, later=timedelta(hours=1))
    with office.database.reading() as session:
        newest = newest_test(session, first.system_id)
    assert newest is not None
    assert newest.id == first.id
    assert not is_due(newest, now=NOW + GOOD_FOR - timedelta(seconds=1))
    assert is_due(newest, now=NOW + GOOD_FOR)


def test_what_was_refused_for_too_many_rights_is_tried_again_once_they_are_gone(office: Cast) -> None:
    examined(office, TOO_MUCH)
    office.approve(office.file("hr", ("staff", "ledger/account")))
    carry_out(office, refused="必要以上の権限があるため")
    examined(office, FINE, later=timedelta(hours=1))
    with office.database.reading() as session:
        assert session.scalars(select(OutboxTask.state)).all() == [TaskState.WAITING]
