"""Decisions reach a real directory, and nothing that dies, comes late or comes twice can undo them."""

import json
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from idm.errors import IllegalTransition
from idm.keys.sealing import new_handover_key
from idm.models.audit import AuditRecord
from idm.models.requests import Grant
from idm.models.systems import CredentialEvent, Handover
from idm.models.work import OutboxTask, TaskState
from idm.operations.passwords import handovers
from idm.vocabulary import CredentialEventKind, Role
from jobs import lifecycle, provision
from tests.jobs.conftest import Office
from tests.unwritable_record import unwritable


def test_approved_application_becomes_a_disabled_account_in_its_groups(office: Office) -> None:
    office.grant("staff", "ledger/account", "ledger/enter")
    office.provision()
    entry = office.entry("u100009")
    assert entry["cn"] == ["青木　一郎"]
    assert entry["employeeNumber"] == ["100009"]
    assert "userPassword" not in entry
    assert office.members("ledger-enter") == {"u100009"}
    with office.cast.database.reading() as session:
        account = office.account(session, "staff")
        assert (account.seen_present, account.seen_enabled) == (True, False)
        assert entry["entryUUID"] == [account.external_id]
        assert entry["idmAccountUuid"] == [str(account.uuid)]


def test_half_approved_application_reaches_no_directory(office: Office) -> None:
    request = office.cast.file("staff", ("staff", "ledger/account"), now=office.clock())
    office.cast.decide("chief", request, Role.CHIEF, now=office.clock())
    assert office.provision() == 0
    assert office.entry("u100009") == {}


def test_handed_over_password_opens_the_account_once_and_must_be_changed(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    login_name, password = office.hand_over("staff")
    assert login_name == "u100009"
    assert office.directory.sign_in(office.dn("u100009"), password)
    assert office.entry("u100009")["pwdReset"] == ["TRUE"]
    with office.cast.database.reading() as session:
        kinds = session.scalars(select(CredentialEvent.kind).order_by(CredentialEvent.id)).all()
    assert kinds == [CredentialEventKind.ISSUED, CredentialEventKind.HANDED_OVER]


def test_temporary_password_is_nowhere_in_clear(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    _, password = office.hand_over("staff")
    office.cast.database.dispose()
    files = [path for path in office.installation.settings.secrets_dir.parent.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert not [path for path in files if password.encode() in path.read_bytes()]


def test_temporary_password_is_shown_once(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    private, public = new_handover_key()
    handover_id = office.ask("staff", public)
    office.provision()
    shown: list[handovers.Shown | None] = []
    for _ in range(2):
        try:
            with office.cast.acting("desk", now=office.clock()) as session:
                shown.append(
                    handovers.show(
                        session, handover_id=handover_id, private_key=private, actor=office.cast.actor("desk"),
                        policy=office.cast.policy, now=office.clock(),
                    )
                )  # fmt: skip
        except IllegalTransition:
            shown.append(None)
    assert [bool(once) for once in shown] == [True, False]
    assert shown[0] is not None
    assert shown[0].password not in repr(shown[0])


def test_second_hand_over_sets_a_new_password(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    _, first = office.hand_over("staff")
    _, second = office.hand_over("staff")
    assert first != second
    assert not office.directory.sign_in(office.dn("u100009"), first)
    assert office.directory.sign_in(office.dn("u100009"), second)


def test_account_deleted_by_hand_and_made_again_needs_a_new_hand_over(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    office.hand_over("staff")
    office.directory.apply(f"dn: {office.dn('u100009')}\nchangetype: delete\n")
    office.grant("staff", "ledger/enter")
    office.provision()
    with office.cast.database.reading() as session:
        account = office.account(session, "staff")
        assert (account.seen_present, account.seen_enabled, account.handed_over_at) == (True, False, None)
    _, password = office.hand_over("staff")
    assert office.directory.sign_in(office.dn("u100009"), password)


def test_known_end_is_the_directorys_own_expiry(office: Office) -> None:
    end = office.clock() + timedelta(days=40)
    office.grant("staff", "ledger/account", valid_until=end)
    office.provision()
    office.hand_over("staff")
    # 00:00 in Tokyo of the day after the last one
    expected = (end.date() - timedelta(days=1)).strftime("%Y%m%d") + "150000Z"
    assert office.entry("u100009")["pwdEndTime"] == [expected]


def test_leaver_is_disabled_and_a_later_password_reset_does_not_undo_it(office: Office) -> None:
    office.grant("staff", "ledger/account", "ledger/enter")
    office.provision()
    office.hand_over("staff")
    office.leave("staff")
    assert lifecycle.run(office.installation).left == 1
    office.provision()
    office.directory.reset_password(office.dn("u100009"), "Help-desk-2026")
    assert not office.directory.sign_in(office.dn("u100009"), "Help-desk-2026")
    assert office.members("ledger-enter") == set()


def test_leaver_without_a_gap_is_not_interrupted(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    _, password = office.hand_over("staff")
    office.leave("staff")
    with office.cast.database.writing() as session:
        ended = office.cast.employment(session, "staff")
        session.add(
            type(ended)(
                person_id=ended.person_id,
                staff_number="200009",
                kind=ended.kind,
                valid_from=ended.valid_until,
                valid_until=None,
            )
        )
    assert lifecycle.run(office.installation).left == 0
    office.provision()
    assert office.directory.sign_in(office.dn("u100009"), password)


def test_leavers_account_is_deleted_after_the_profiles_days(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    office.leave("staff")
    lifecycle.run(office.installation)
    office.provision()
    assert office.entry("u100009")
    office.clock.ahead = timedelta(days=office.cast.policy.personnel.delete_after_days + 1)
    assert lifecycle.run(office.installation).deletions == 1
    office.provision()
    assert office.entry("u100009") == {}
    with office.cast.database.reading() as session:
        assert office.account(session, "staff").seen_present is False
    assert lifecycle.run(office.installation).deletions == 0


def test_revoked_group_goes_and_the_account_stays(office: Office) -> None:
    office.grant("staff", "ledger/account", "ledger/enter")
    office.provision()
    _, password = office.hand_over("staff")
    office.revoke("staff", "ledger/enter")
    office.provision()
    assert office.members("ledger-enter") == set()
    assert office.directory.sign_in(office.dn("u100009"), password)


def test_revoked_account_takes_every_right_of_the_system_with_it(office: Office) -> None:
    office.grant("staff", "ledger/account", "ledger/enter")
    office.provision()
    _, password = office.hand_over("staff")
    office.revoke("staff", "ledger/account")
    office.provision()
    assert not office.directory.sign_in(office.dn("u100009"), password)
    with office.cast.database.reading() as session:
        assert {grant.state.value for grant in session.scalars(select(Grant))} == {"ended"}


def test_right_found_beyond_what_was_granted_is_taken_away(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    group = f"cn=ledger-admin,{office.directory.groups_base}"
    office.directory.apply(f"dn: {group}\nchangetype: modify\nadd: member\nmember: {office.dn('u100009')}\n")
    office.hand_over("staff")
    assert office.members("ledger-admin") == set()


def test_task_of_an_older_decision_does_nothing(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.revoke("staff", "ledger/account")
    office.provision()
    older, newer = office.tasks("staff")
    assert (older.state, older.attempts) == (TaskState.SUPERSEDED, 0)
    assert (newer.state, newer.attempts) == (TaskState.DONE, 1)
    assert "pwdEndTime" in office.entry("u100009") or office.entry("u100009") == {}


def test_unreachable_directory_is_waited_for_and_shown(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.directory.stop()
    try:
        office.provision()
        (task,) = office.tasks("staff")
        assert task.state is TaskState.WAITING
        assert task.attempts == 1
        assert task.last_error
        assert task.due_at > office.clock()
        assert office.provision() == 0, "tried again before its time"
    finally:
        office.directory.start(office.directory.ldaps_port)
    office.clock.ahead = timedelta(hours=1)
    office.provision()
    assert office.entry("u100009")
    assert [task.state for task in office.tasks("staff")] == [TaskState.DONE]


KILLED_AFTER_WRITING = """
import os, signal, sys
from idm.database import Database
from idm.settings import Settings
from jobs import provision
from jobs.installation import Installation

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

provision._finish = die
settings = Settings(database_url=sys.argv[1], secrets_dir=sys.argv[2])
provision.run_due(Installation(settings, Database(settings.database_url)), worker="killed")
"""


def test_worker_killed_between_write_and_commit_finds_it_done(office: Office) -> None:
    office.grant("staff", "ledger/account", "ledger/enter")
    settings = office.installation.settings
    arguments = [settings.database_url, str(settings.secrets_dir)]
    killed = subprocess.run([sys.executable, "-c", KILLED_AFTER_WRITING, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    written = office.entry("u100009")
    assert written
    assert office.tasks("staff")[-1].state is TaskState.CLAIMED
    assert office.provision() == 0, "the lease still holds"
    office.clock.ahead = timedelta(minutes=6)
    office.provision()
    assert office.tasks("staff")[-1].state is TaskState.DONE
    assert office.entry("u100009")["entryUUID"] == written["entryUUID"]
    with office.cast.database.reading() as session:
        done = session.scalars(select(AuditRecord).where(AuditRecord.action == "provision.done")).one()
        assert '"steps":[]' in (done.payload or ""), "nothing was left to do"


def test_no_account_is_made_while_nothing_can_be_recorded(office: Office) -> None:
    office.grant("other", "ledger/account")
    office.provision()  # the day's look at the connection is done and on record
    office.grant("staff", "ledger/account", "ledger/enter")
    with unwritable(office.cast):
        with pytest.raises(SQLAlchemyError):
            office.provision()
        assert office.entry("u100009") == {}, "the directory was written, and no record says so"
    assert office.provision() == 1
    assert office.entry("u100009")


def test_that_a_batch_begins_is_on_record_before_what_became_of_it(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.grant("other", "ledger/account")
    office.provision()
    with office.cast.database.reading() as session:
        records = session.execute(
            select(AuditRecord.action, AuditRecord.payload)
            .where(AuditRecord.action.startswith("provision."))
            .order_by(AuditRecord.id)
        ).all()
        both = sorted(office.account(session, who).id for who in ("staff", "other"))
    assert [action for action, _ in records] == ["provision.begun", "provision.done", "provision.done"]
    assert json.loads(records[0].payload) == {"accounts": both}


def test_worker_killed_after_setting_a_password_sets_another(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    private, public = new_handover_key()
    handover_id = office.ask("staff", public)
    settings = office.installation.settings
    arguments = [settings.database_url, str(settings.secrets_dir)]
    subprocess.run([sys.executable, "-c", KILLED_AFTER_WRITING, *arguments], check=False)
    with office.cast.database.reading() as session:
        assert session.get_one(Handover, handover_id).sealed is None
    office.clock.ahead = timedelta(minutes=6)
    office.provision()
    with office.cast.acting("desk", now=office.clock()) as session:
        shown = handovers.show(
            session, handover_id=handover_id, private_key=private, actor=office.cast.actor("desk"),
            policy=office.cast.policy, now=office.clock(),
        )  # fmt: skip
    assert office.directory.sign_in(office.dn("u100009"), shown.password)


def test_worker_that_lost_its_lease_hands_over_no_password_that_another_has_replaced(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    private, public = new_handover_key()
    handover_id = office.ask("staff", public)
    carry_out = provision._carry_out

    def overtaken(*given: Any) -> None:
        carry_out(*given)
        monkeypatch.setattr(provision, "_carry_out", carry_out)
        office.clock.ahead = timedelta(minutes=6)
        assert office.provision("w2") == 1

    monkeypatch.setattr(provision, "_carry_out", overtaken)
    office.provision("w1")
    with office.cast.acting("desk", now=office.clock()) as session:
        shown = handovers.show(
            session, handover_id=handover_id, private_key=private, actor=office.cast.actor("desk"),
            policy=office.cast.policy, now=office.clock(),
        )  # fmt: skip
    assert office.directory.sign_in(office.dn("u100009"), shown.password)


def test_name_taken_by_somebody_else_is_refused_and_shown_while_others_go_on(office: Office) -> None:
    office.directory.apply(f"dn: {office.dn('u100009')}\nobjectClass: inetOrgPerson\nuid: u100009\ncn: x\nsn: x\n")
    office.grant("staff", "ledger/account")
    office.grant("other", "ledger/account")
    office.provision()
    (refused,) = office.tasks("staff")
    assert refused.state is TaskState.REFUSED
    assert refused.last_error
    assert office.entry("u100010")
    assert office.tasks("other")[-1].state is TaskState.DONE


def test_two_workers_at_once_do_everything_once(office: Office) -> None:
    for who in ("staff", "other", "hr", "auditor"):
        office.grant(who, "ledger/account", "ledger/enter")
    workers = [threading.Thread(target=office.provision, args=(f"w{n}",)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert office.members("ledger-enter") == {"u100009", "u100010", "u100006", "u100008"}
    with office.cast.database.reading() as session:
        per_task = session.execute(
            select(OutboxTask.account_id, func.count())
            .where(OutboxTask.state == TaskState.DONE)
            .group_by(OutboxTask.account_id)
        ).all()
        done = session.scalar(select(func.count()).where(AuditRecord.action == "provision.done"))
    assert [count for _, count in per_task] == [1, 1, 1, 1]
    assert done == 4


def test_missing_credential_is_told_and_another_system_goes_on(office: Office) -> None:
    office.grant("staff", "ledger/account")
    (office.installation.settings.secrets_dir / "ledger.password").unlink()
    office.provision()
    (task,) = office.tasks("staff")
    assert task.state is TaskState.REFUSED
    assert "ledger.password" in (task.last_error or "")


@pytest.mark.parametrize("folded", ["髙橋, 一郎", "﨑 + 花子 #1", "  二重空白"])
def test_names_of_every_shape_arrive_as_they_are(office: Office, folded: str) -> None:
    with office.cast.database.writing() as session:
        person = office.cast.employment(session, "staff").person
        person.name = folded.strip()
    office.grant("staff", "ledger/account")
    office.provision()
    assert office.entry("u100009")["cn"] == [folded.strip()]
