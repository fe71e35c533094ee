"""A temporary password is changed in time, as the directory itself says, or it is locked and unknown (E2)."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pypdf import PdfReader
from sqlalchemy import select

from connectors.ldap.connector import LdapConnector
from idm.keys.sealing import new_handover_key
from idm.models.privileged import LeakReport
from idm.models.systems import Account, CredentialEvent, Handover
from idm.models.work import MailMessage
from idm.operations.passwords import handovers, leaks
from idm.ports import ExternalId, PasswordState
from idm.queries.passwords.temporary_passwords import overdue_temporaries
from idm.settings import NoticeSettings
from idm.vocabulary import CredentialEventKind, HandoverWay
from jobs import provision
from jobs.command_line import idm
from jobs.installation import Installation
from jobs.passwords import temporary_passwords
from jobs.passwords.temporary_passwords import Result
from tests.jobs.conftest import Office

OWN = "Onl-y-mine-4711"


def handed_over(office: Office) -> str:
    """青木 has an ID, and this temporary password of it."""
    office.grant("staff", "ledger/account")
    office.provision()
    return office.hand_over("staff")[1]


def choose_password(office: Office, old: str, new: str = OWN) -> str:
    """青木 has replaced the temporary password by this one of their own; at a later second, as people do."""
    set_at = office.entry("u100009")["pwdChangedTime"]
    for _ in range(200):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(old)
            file.flush()
            done = office.directory.run("ldappasswd", office.dn("u100009"), Path(file.name), "-s", new)
        assert done.returncode == 0, done.stderr.decode()
        if office.entry("u100009")["pwdChangedTime"] > set_at:
            return new
        old, new = new, f"{new}+"
    raise AssertionError("the directory's clock stands still")


def one_round(office: Office) -> Result:
    """One round of the worker: the directories are asked, and what follows is carried out."""
    said = temporary_passwords.run_due(office.installation)
    office.provision()
    return said


def is_let_in(office: Office, password: str) -> bool:
    return office.directory.sign_in(office.dn("u100009"), password)


def newest(office: Office) -> Handover:
    with office.cast.database.reading() as session:
        return session.scalars(select(Handover).order_by(Handover.id.desc())).first() or Handover()


def happened(office: Office) -> list[CredentialEventKind]:
    with office.cast.database.reading() as session:
        return list(session.scalars(select(CredentialEvent.kind).order_by(CredentialEvent.id)))


def account_of(office: Office) -> Account:
    with office.cast.database.reading() as session:
        return office.account(session, "staff")


def late(office: Office) -> None:
    """The hours are over."""
    office.clock.ahead += timedelta(hours=office.cast.policy.passwords.temporary_hours, minutes=1)


def test_the_hours_run_from_the_moment_at_which_the_directory_took_it(office: Office) -> None:
    handed_over(office)
    handover = newest(office)
    assert handover.sealed_at is not None
    hours = timedelta(hours=office.cast.policy.passwords.temporary_hours)
    assert handover.change_by == handover.sealed_at + hours
    assert handover.set_time is not None, "what the directory says of when it was set"


def test_a_change_is_known_from_the_directory_itself(office: Office) -> None:
    password = handed_over(office)
    assert one_round(office) == Result(asked=1)
    choose_password(office, password)
    assert one_round(office) == Result(asked=1, changed=1)
    handover = newest(office)
    assert handover.changed_at is not None
    assert handover.set_time is not None
    assert handover.changed_at > handover.set_time
    assert happened(office)[-1] is CredentialEventKind.CHANGED
    late(office)
    assert one_round(office) == Result()


def test_what_was_not_changed_in_time_is_locked_and_replaced(office: Office) -> None:
    password = handed_over(office)
    late(office)
    assert one_round(office) == Result(asked=1, overdue=1)
    assert not is_let_in(office, password)
    office.directory.apply(f"dn: {office.dn('u100009')}\nchangetype: modify\ndelete: pwdEndTime\n")
    assert not is_let_in(office, password), "not only locked: the password is another one"
    handover = newest(office)
    assert handover.overdue_at is not None
    assert handover.replaced_at is not None
    assert happened(office)[-1] is CredentialEventKind.REPLACED
    assert account_of(office).handed_over_at is None
    assert account_of(office).seen_enabled is False
    assert one_round(office) == Result()


def test_officer_and_section_manager_are_told_without_any_password(office: Office) -> None:
    password = handed_over(office)
    late(office)
    one_round(office)
    with office.cast.database.reading() as session:
        mails = session.scalars(select(MailMessage).where(MailMessage.link == "/handovers/overdue")).all()
    assert {mail.recipient for mail in mails} == {"u100007@example.jp", "u100005@example.jp"}
    assert all("u100009" in mail.body and password not in mail.body for mail in mails)


def test_handed_over_anew_it_opens_again_and_is_overdue_no_more(office: Office) -> None:
    handed_over(office)
    late(office)
    one_round(office)
    with office.cast.database.reading() as session:
        assert [row.login_name for row in overdue_temporaries(session, now=office.clock())] == ["u100009"]
    _, password = office.hand_over("staff")
    assert is_let_in(office, password)
    with office.cast.database.reading() as session:
        assert overdue_temporaries(session, now=office.clock()) == []
    assert one_round(office) == Result(asked=1)


def test_what_was_never_shown_is_replaced_like_any_other(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    office.ask("staff", new_handover_key()[1])
    office.provision()
    assert newest(office).sealed is not None
    late(office)
    assert one_round(office).overdue == 1
    handover = newest(office)
    assert (handover.sealed, handover.shown_at) == (None, None)
    assert handover.closed_at is not None
    assert handover.replaced_at is not None
    assert account_of(office).seen_enabled is False


def test_a_forgotten_password_handed_over_anew_is_gone_at_once_and_counted_from_then(office: Office) -> None:
    first = handed_over(office)
    own = choose_password(office, first)
    assert one_round(office).changed == 1
    _, second = office.hand_over("staff")
    assert not is_let_in(office, own)
    assert is_let_in(office, second)
    assert one_round(office) == Result(asked=1)
    late(office)
    assert one_round(office).overdue == 1


def test_of_two_hand_overs_only_the_newer_one_is_asked_about(office: Office) -> None:
    handed_over(office)
    _, second = office.hand_over("staff")
    choose_password(office, second)
    assert one_round(office) == Result(asked=1, changed=1)
    late(office)
    assert one_round(office) == Result()
    with office.cast.database.reading() as session:
        assert overdue_temporaries(session, now=office.clock()) == []


def test_a_demand_that_somebody_took_away_is_no_change(office: Office) -> None:
    password = handed_over(office)
    office.directory.apply(f"dn: {office.dn('u100009')}\nchangetype: modify\ndelete: pwdReset\n")
    assert one_round(office) == Result(asked=1)
    late(office)
    assert one_round(office).overdue == 1
    assert not is_let_in(office, password)


def test_what_is_demanded_again_is_not_changed_though_it_was_set_later(office: Office) -> None:
    own = choose_password(office, handed_over(office))
    office.directory.apply(f"dn: {office.dn('u100009')}\nchangetype: modify\nadd: pwdReset\npwdReset: TRUE\n")
    assert one_round(office) == Result(asked=1)
    late(office)
    assert one_round(office).overdue == 1
    assert not is_let_in(office, own)


def test_what_is_changed_in_time_while_others_are_asked_is_not_judged_by_the_clock_afterwards(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = handed_over(office)
    change_by = newest(office).change_by
    assert change_by is not None
    office.clock.ahead += change_by - office.clock() - timedelta(seconds=30)
    own = []
    asking = LdapConnector.password_state

    def slowly(directory: LdapConnector, external_id: ExternalId) -> PasswordState:
        answer = asking(directory, external_id)
        own.append(choose_password(office, password))
        office.clock.ahead += timedelta(seconds=60)
        return answer

    with monkeypatch.context() as slow:
        slow.setattr(LdapConnector, "password_state", slowly)
        assert temporary_passwords.run_due(office.installation) == Result(asked=1)
    assert one_round(office) == Result(asked=1, changed=1)
    assert is_let_in(office, own[0])


def test_while_the_directory_is_away_nothing_is_assumed_and_it_is_done_when_it_is_back(office: Office) -> None:
    password = handed_over(office)
    late(office)
    port = office.directory.ldaps_port
    office.directory.stop()
    try:
        assert temporary_passwords.run_due(office.installation) == Result(unreachable=("ledger",))
        assert newest(office).overdue_at is None
        assert account_of(office).handed_over_at is not None
    finally:
        office.directory.start(port)
    assert one_round(office).overdue == 1
    assert not is_let_in(office, password)
    assert newest(office).replaced_at is not None


@pytest.mark.parametrize(
    ("changed_by_owner", "proof", "overdue"), [(False, True, 1), (True, True, 0), (True, False, 0)]
)
def test_a_dry_run_counts_what_the_directory_says_is_overdue_and_records_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, changed_by_owner: bool, proof: bool, overdue: int
) -> None:
    password = handed_over(office)
    if changed_by_owner:
        choose_password(office, password)
    late(office)
    if not proof:
        silent = lambda *_: PasswordState(must_change=False, changed_at=None)  # noqa: E731
        monkeypatch.setattr(LdapConnector, "password_state", silent)
    monkeypatch.setattr("jobs.commands.credentials.installation", lambda: office.installation)
    done = CliRunner().invoke(idm, ["credentials", "rotate", "--temporary", "--dry-run", "--json"])
    assert json.loads(done.output) == {"dry_run": True, "temporary": overdue}
    assert (newest(office).overdue_at, newest(office).changed_at) == (None, None)
    assert temporary_passwords.run_due(office.installation).overdue == overdue


def test_what_is_decided_is_tried_until_the_directory_has_it(office: Office) -> None:
    password = handed_over(office)
    late(office)
    assert temporary_passwords.run_due(office.installation).overdue == 1
    port = office.directory.ldaps_port
    office.directory.stop()
    try:
        office.provision()
        assert newest(office).replaced_at is None
    finally:
        office.directory.start(port)
    office.clock.ahead += timedelta(hours=1)
    office.provision()
    assert newest(office).replaced_at is not None
    assert not is_let_in(office, password)


DYING = """
import os, signal, sys
from datetime import timedelta, datetime, UTC
from idm.database import Database
from idm.ports import SetEnabled, SetTemporaryPassword
from idm.settings import Settings
from jobs import provision
from jobs.passwords import password_issue, temporary_passwords
from jobs.command_line import idm
from jobs.installation import Installation

where, ahead = sys.argv[3], float(sys.argv[4])

def die(*_given, **_named):
    os.kill(os.getpid(), signal.SIGKILL)

if where == "before anything is decided":
    temporary_passwords.temporary_passwords.overdue = die
if where == "decided, not locked":
    provision._carry_out = die
if where == "locked, not replaced":
    provision.replace_by_unknown = die
if where == "replaced, not recorded":
    provision._finish = die
settings = Settings(database_url=sys.argv[1], secrets_dir=sys.argv[2])
there = Installation(settings, Database(settings.database_url), lambda: datetime.now(UTC) + timedelta(seconds=ahead))
temporary_passwords.run_due(there)
provision.run_due(there, worker="dying")
"""


@pytest.mark.parametrize(
    "where", ["before anything is decided", "decided, not locked", "locked, not replaced", "replaced, not recorded"]
)
def test_a_worker_that_dies_at_any_step_leaves_work_that_ends_the_same(office: Office, where: str) -> None:
    password = handed_over(office)
    late(office)
    settings = office.installation.settings
    ahead = str(office.clock.ahead.total_seconds())
    arguments = [settings.database_url, str(settings.secrets_dir), where, ahead]
    died = subprocess.run([sys.executable, "-c", DYING, *arguments], check=False, env={**os.environ})
    assert died.returncode == -signal.SIGKILL
    assert newest(office).replaced_at is None, "nothing is claimed that was not read back"
    locked = where in ("locked, not replaced", "replaced, not recorded")
    assert is_let_in(office, password) is not locked, "locked first, replaced then"
    office.clock.ahead += timedelta(minutes=6)
    one_round(office)
    assert not is_let_in(office, password)
    assert newest(office).replaced_at is not None
    assert happened(office).count(CredentialEventKind.REPLACED) == 1
    assert account_of(office).seen_enabled is False
    _, again = office.hand_over("staff")
    assert is_let_in(office, again)


# --- a leak ----------------------------------------------------------------------------------------------------------


def report(office: Office, who: str = "staff") -> None:
    now, person_id = office.clock(), office.cast.people["staff"]
    with office.cast.acting(who, now=now) as session:
        leaks.report(
            session, leaks.Wanted(person_id), note="", actor=office.cast.stale(who), policy=office.cast.policy, now=now
        )


def test_a_leaked_password_opens_nothing_after_the_next_pass(office: Office) -> None:
    password = handed_over(office)
    own = choose_password(office, password)
    one_round(office)
    assert is_let_in(office, own)
    report(office)
    office.provision()
    assert not is_let_in(office, own)
    with office.cast.database.reading() as session:
        one = session.scalars(select(LeakReport)).one()
        assert one.replaced_at is not None
        assert one.replaced_at >= one.reported_at
    assert account_of(office).seen_enabled is False
    _, again = office.hand_over("staff")
    assert is_let_in(office, again)
    assert not is_let_in(office, own)


def test_a_leak_of_a_temporary_password_is_one_replacement_and_no_overdue_one(office: Office) -> None:
    handed_over(office)
    report(office)
    office.provision()
    assert newest(office).replaced_at is not None
    late(office)
    assert one_round(office) == Result()
    with office.cast.database.reading() as session:
        assert overdue_temporaries(session, now=office.clock()) == []


def test_a_hand_over_under_way_when_the_leak_is_reported_is_not_shown(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over(office)
    office.ask("staff", new_handover_key()[1])
    carry_out = provision._carry_out

    def reported_meanwhile(*given: Any) -> None:
        carry_out(*given)
        monkeypatch.setattr(provision, "_carry_out", carry_out)
        report(office)

    monkeypatch.setattr(provision, "_carry_out", reported_meanwhile)
    office.provision()
    office.provision()
    handover = newest(office)
    assert handover.sealed is None
    assert handover.closed_at is not None
    assert account_of(office).seen_enabled is False


# --- printed inside its zone -----------------------------------------------------------------------------------------


@pytest.fixture
def inside(office: Office, tmp_path: Path) -> Office:
    """The office whose ledger system is in a zone that prints its own; 青木 has an ID there."""
    notices = NoticeSettings(zones=("lgwan",), folder=tmp_path / "printer")
    settings = office.installation.settings.model_copy(update={"notices": notices})
    office.installation = Installation(settings, office.installation.database, office.clock)
    office.grant("staff", "ledger/account")
    office.provision()
    return office


def ask_inside(office: Office) -> int:
    with office.cast.acting("desk", now=office.clock()) as session:
        return handovers.ask(
            session, account_id=office.account(session, "staff").id, public_key=None, way=HandoverWay.ZONE_PRINTER,
            actor=office.cast.actor("desk"), policy=office.cast.policy, now=office.clock(),
        ).id  # fmt: skip


def printed_in(office: Office) -> dict[str, str]:
    """File name → what stands on the notice."""
    folder = office.installation.settings.notices.folder
    assert folder is not None
    return {path.name: PdfReader(path).pages[0].extract_text() for path in folder.iterdir()}


def password_on(text: str) -> str:
    found = re.search(r"仮パスワード\s*([!-~]{12,})", text)
    assert found is not None, text
    return found[1]


@pytest.mark.asvs("16.2.5")
def test_what_is_printed_inside_a_zone_is_in_no_database_and_no_log(
    inside: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    handover_id = ask_inside(inside)
    inside.provision()
    ((name, text),) = printed_in(inside).items()
    password = password_on(text)
    assert name == f"notice-{handover_id}.pdf"
    assert all(said in text for said in ("u100009", "会計システム", "青木", "西新", "受領者"))
    assert is_let_in(inside, password)
    assert inside.entry("u100009")["pwdReset"] == ["TRUE"]
    inside.cast.database.dispose()
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pdf"]
    assert any(path.suffix == ".db" for path in kept)
    assert not [path for path in kept if password.encode() in path.read_bytes()]
    assert password not in caplog.text
    handover = newest(inside)
    assert (handover.sealed, handover.public_key) == (None, None)
    assert handover.shown_at is not None


def test_a_notice_is_readable_by_the_products_own_user_alone(inside: Office) -> None:
    ask_inside(inside)
    inside.provision()
    folder = inside.installation.settings.notices.folder
    assert folder is not None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


def test_in_such_a_zone_nothing_is_sealed_to_a_screen(inside: Office) -> None:
    inside.ask("staff", new_handover_key()[1])
    inside.provision()
    assert newest(inside).sealed is None
    assert "区域の中で印刷" in (inside.tasks("staff")[-1].last_error or "")
    assert account_of(inside).seen_enabled is False


def test_without_a_folder_that_is_closed_to_others_nothing_is_printed(inside: Office) -> None:
    folder = inside.installation.settings.notices.folder
    assert folder is not None
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    ask_inside(inside)
    inside.provision()
    assert list(folder.iterdir()) == []
    assert "chmod 700" in (inside.tasks("staff")[-1].last_error or "")
    assert account_of(inside).seen_enabled is False


def test_a_notice_that_was_received_or_given_up_is_not_kept(inside: Office) -> None:
    handover_id = ask_inside(inside)
    inside.provision()
    one_round(inside)
    assert printed_in(inside)
    with inside.cast.acting("desk", now=inside.clock()) as session:
        handovers.receive(
            session, handover_id=handover_id, received_by="庶務　係", actor=inside.cast.actor("desk"),
            policy=inside.cast.policy, now=inside.clock(),
        )  # fmt: skip
    one_round(inside)
    assert printed_in(inside) == {}
    assert newest(inside).received_by == "庶務　係"


def test_what_was_printed_has_its_hours_too(inside: Office) -> None:
    ask_inside(inside)
    inside.provision()
    password = password_on(next(iter(printed_in(inside).values())))
    late(inside)
    assert one_round(inside).overdue == 1
    assert not is_let_in(inside, password)
    assert one_round(inside) == Result()
    assert printed_in(inside) == {}
