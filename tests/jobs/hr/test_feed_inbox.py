"""The drop folder: real files in real folders, each applied once whatever happens in between, and never half a file."""

import base64
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from idm.database import Database
from idm.errors import ConfigurationInvalid
from idm.feed.profiles import FEEDS
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.feeds import FeedRun, FeedSource
from idm.models.officers import ConfigurationVersion
from idm.models.people import Employment
from idm.models.safety import PlannedBatch, PlannedItem, RunKind
from idm.models.work import MailMessage
from idm.operations.hr.feed_import import prepare
from idm.queries.governance.configuration import policy_in_force
from idm.settings import InboxSettings, Settings
from idm.vocabulary import ConfigurationKind
from jobs import worker
from jobs.hr import feed_folders, feed_inbox
from jobs.hr.feed_folders import Folders, Room
from jobs.hr.feed_inbox import Round
from jobs.hr.feed_report import Fate
from jobs.hr.hr_feed import import_feed
from jobs.installation import Installation
from tests.cast import Cast
from tests.feed.files import Sheet, staff, text_file

FIRST_DAY = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that tests move."""

    now: datetime = field(default=FIRST_DAY)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Office:
    """An installation whose HR system delivers files of the shipped feed `aoba`."""

    cast: Cast
    installation: Installation
    clock: Clock
    folders: Folders
    age: float = 3600
    """How old, in seconds, everything in the folder is taken to be."""

    @property
    def inbox(self) -> Path:
        return self.folders.of(Room.INBOX, "aoba")

    def deliver(self, data: bytes, name: str = "staff.csv") -> Path:
        """The HR system puts a file there."""
        path = self.inbox / name
        path.write_bytes(data)
        return path

    def look(self) -> Round:
        """One run over the folder."""
        return feed_inbox.collect(self.installation, machine_time=self.machine_time)

    def machine_time(self) -> float:
        return datetime.now(UTC).timestamp() + self.age

    def fates(self) -> list[Fate]:
        return [outcome.fate for outcome in self.look().outcomes]

    def files(self, room: Room) -> list[str]:
        """What lies in a room, without the stamp."""
        return sorted(path.name[16:] for path in self.folders.of(room, "aoba").iterdir())

    def report(self, room: Room) -> dict[str, Any]:
        """The only report for machines in a room."""
        (path,) = self.folders.of(room, "aoba").glob("*.report.json")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def report_text(self, room: Room) -> str:
        (path,) = self.folders.of(room, "aoba").glob("*.report.txt")
        return path.read_text(encoding="utf-8")

    def runs(self) -> list[FeedRun]:
        with self.cast.database.reading() as session:
            return list(session.scalars(select(FeedRun).order_by(FeedRun.id)))

    def mails(self) -> list[str]:
        with self.cast.database.reading() as session:
            query = select(MailMessage.subject).where(MailMessage.subject.startswith("【人事データ】"))
            return list(session.scalars(query.order_by(MailMessage.id)))

    def refusals(self) -> list[str]:
        with self.cast.database.reading() as session:
            query = select(AuditRecord.code).where(AuditRecord.outcome == AuditOutcome.REFUSED)
            return [str(code) for code in session.scalars(query.order_by(AuditRecord.id))]

    def ask_for(self, more: str, *, instead_of: str = "\n[limits]\n") -> None:
        """Afterwards the profile of the feed says this too, or instead of something."""
        with self.cast.database.writing() as session:
            query = select(ConfigurationVersion).where(ConfigurationVersion.kind == ConfigurationKind.FEED)
            version = session.scalars(query).one()
            assert instead_of in version.content
            version.content = version.content.replace(
                instead_of, more if "=" in instead_of else f"\n{more}\n{instead_of}"
            )


def add_feed(database: Database) -> None:
    """The first record holds the shipped profile."""
    content, day_before = (FEEDS / "aoba.toml").read_text(encoding="utf-8"), FIRST_DAY - timedelta(days=1)
    with database.writing() as session:
        session.add(
            ConfigurationVersion(
                kind=ConfigurationKind.FEED, name="aoba", version=1, content=content, digest="0" * 64, reason="試験",
                proposed_at=day_before, accepted_at=day_before,
            )
        )  # fmt: skip


@pytest.fixture
def office(cast: Cast, tmp_path: Path) -> Office:
    add_feed(cast.database)
    settings = Settings(
        database_url=cast.database.url, secrets_dir=tmp_path / "secrets", checkpoint_file=tmp_path / "points.jsonl",
        inbox=InboxSettings(folder=tmp_path / "hr-files"),
    )  # fmt: skip
    clock = Clock()
    folders = Folders(tmp_path / "hr-files")
    folders.prepare(["aoba"])
    return Office(cast, Installation(settings, cast.database, clock), clock, folders)


def sample(count: int = 6, **left: str) -> bytes:
    """The first people of the invented organisation; `left` says 退職日 by staff number."""
    sheet = Sheet(staff().heading, staff().rows[:count])
    place, number = sheet.column("退職日"), sheet.column("職員番号")
    rows = tuple(
        (*row[:place], left.get(f"n{row[number]}", row[place]), *row[place + 1 :]) for row in sheet.rows
    )  # fmt: skip
    return text_file(replace(sheet, rows=rows).lines())


def everyone_leaves(count: int = 6) -> bytes:
    numbers = [row[staff().column("職員番号")] for row in staff().rows[:count]]
    return sample(count, **{f"n{number}": "令和8年4月30日" for number in numbers})


# --- the ordinary way ------------------------------------------------------------------------------------------------


def test_a_file_is_applied_kept_with_reports_and_told_to_hr(office: Office) -> None:
    office.deliver(sample())
    looked = office.look()
    assert [(outcome.fate, outcome.name) for outcome in looked.outcomes] == [(Fate.APPLIED, "staff.csv")]
    assert looked.exit_code == 0
    assert office.files(Room.PROCESSED) == ["staff.csv", "staff.csv.report.json", "staff.csv.report.txt"]
    assert office.files(Room.CLAIMED) == office.files(Room.INBOX) == []
    (run,) = office.runs()
    assert (run.source, run.joiners > 0, run.sha256) == (FeedSource.INBOX, True, sha256(sample()).hexdigest())
    report = office.report(Room.PROCESSED)
    assert (report["fate"], report["run"], report["result"]["rows"]) == ("applied", run.id, 6)
    assert f"採用等 {run.joiners}" in office.report_text(Room.PROCESSED)
    (told,) = office.mails()
    assert told.startswith("【人事データ】取り込みました")


def test_reports_and_mails_hold_no_birth_date(office: Office) -> None:
    office.deliver(sample())
    office.look()
    births = {row[staff().column("生年月日")] for row in staff().rows[:6]} - {""}
    kept = [path.read_text() for path in office.folders.of(Room.PROCESSED, "aoba").glob("*.report.*")]
    with office.cast.database.reading() as session:
        kept += session.scalars(select(MailMessage.body)).all()
    assert len(births) > 3
    assert [birth for birth in births for text in kept if birth in text] == []


def test_what_is_kept_is_for_us_alone(office: Office) -> None:
    path = office.deliver(sample())
    path.chmod(0o644)
    office.look()
    kept = office.folders.of(Room.PROCESSED, "aoba")
    assert {oct(path.stat().st_mode & 0o777) for path in kept.iterdir()} == {"0o600"}
    assert {oct((office.folders.root / room).stat().st_mode & 0o777) for room in Room} == {"0o700"}


def test_the_same_file_again_is_told_as_already_applied(office: Office) -> None:
    office.deliver(sample())
    office.look()
    office.deliver(sample(), "again.csv")
    (outcome,) = office.look().outcomes
    assert (outcome.fate, outcome.run, len(office.runs())) == (Fate.REPEATED, office.runs()[0].id, 1)
    assert "again.csv" in office.files(Room.PROCESSED)


def test_files_are_applied_in_the_order_of_their_arrival(office: Office) -> None:
    office.deliver(sample(5), "z.csv")
    os.utime(office.deliver(sample(6), "a.csv"), (0, 0))  # a time the sender chose says nothing of the arrival
    assert office.fates() == [Fate.APPLIED, Fate.APPLIED]
    assert [run.row_count for run in office.runs()] == [5, 6]


def test_two_files_of_one_second_are_kept_under_two_names(office: Office) -> None:
    office.deliver(sample(5))
    office.look()
    office.deliver(sample(6))
    office.look()
    assert office.files(Room.PROCESSED).count("staff.csv") == 2


# --- files that are not complete -------------------------------------------------------------------------------------


def test_a_file_that_may_still_be_written_is_left_alone(office: Office) -> None:
    path = office.deliver(sample())
    office.age = 9
    assert office.fates() == [Fate.NOT_YET]
    assert path.exists()
    office.age = 11
    assert office.fates() == [Fate.APPLIED]


@pytest.mark.parametrize("name", ["staff.csv.tmp", "staff.csv.PART", ".staff.csv", "staff.csv.filepart"])
def test_names_of_unfinished_files_are_not_looked_at(office: Office, name: str) -> None:
    path = office.deliver(sample(), name)
    assert office.fates() == []
    assert path.exists()


def test_a_file_that_changes_while_it_is_read_is_not_applied(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.deliver(sample())
    claim = Folders.claim

    def slow(*args: Any, **named: Any) -> Any:
        claimed = claim(*args, **named)
        assert claimed is not None
        with claimed.path.open("ab") as file:
            file.write(b"more")
        return claimed

    monkeypatch.setattr(Folders, "claim", slow)
    assert office.fates() == [Fate.REJECTED]
    assert office.runs() == []
    assert "読んでいる間に変わりました" in office.report_text(Room.REJECTED)


# --- what is no personnel file ---------------------------------------------------------------------------------------


def test_a_damaged_file_is_rejected_with_every_problem(office: Office) -> None:
    office.deliver(sample()[:-20])
    looked = office.look()
    assert (looked.outcomes[0].fate, looked.exit_code, office.runs()) == (Fate.REJECTED, 3, [])
    report = office.report(Room.REJECTED)
    assert report["refusal"]["code"] == "FEED"
    assert report["refusal"]["problems"]
    assert "誤り:" in office.report_text(Room.REJECTED)
    assert any("受け付けませんでした" in subject for subject in office.mails())
    assert office.refusals() == ["FEED"]


def _symlink(path: Path) -> None:
    target = path.parents[3] / "elsewhere.csv"
    target.write_bytes(sample())
    path.symlink_to(target)


def _hard_link(path: Path) -> None:
    target = path.parents[3] / "elsewhere.csv"
    target.write_bytes(sample())
    path.hardlink_to(target)


@pytest.mark.parametrize("make", [_symlink, _hard_link, os.mkfifo, Path.mkdir])
def test_links_folders_and_pipes_are_never_read(office: Office, make: Callable[[Path], None]) -> None:
    make(office.inbox / "staff.csv")
    assert office.fates() == [Fate.REJECTED]
    assert office.runs() == []
    assert "staff.csv" in office.files(Room.REJECTED)
    assert len(office.refusals()) == 1


def test_a_file_that_is_too_large_is_not_read(office: Office) -> None:
    office.ask_for("max_bytes = 100", instead_of="max_bytes = 2000000")
    office.deliver(sample())
    assert office.fates() == [Fate.REJECTED]
    assert "大きすぎます" in office.report_text(Room.REJECTED)


def test_a_name_that_is_no_text_is_kept_under_one_that_is(office: Office) -> None:
    (Path(os.fsdecode(os.fsencode(office.inbox) + b"/" + "職員.csv".encode("cp932")))).write_bytes(sample())
    (outcome,) = office.look().outcomes
    assert outcome.fate is Fate.APPLIED
    assert outcome.kept is not None
    assert str(outcome.kept).isprintable()
    assert json.dumps(feed_inbox.as_data(Round((outcome,)))).encode("utf-8")


def test_a_folder_that_is_no_feed_is_told_and_left(office: Office) -> None:
    stray = office.folders.root / "inbox" / "unknown"
    stray.mkdir()
    (stray / "staff.csv").write_bytes(sample())
    looked = office.look()
    assert ([outcome.fate for outcome in looked.outcomes], looked.exit_code) == ([Fate.FAILED], 3)
    assert (stray / "staff.csv").exists()


def test_a_folder_anybody_may_write_to_is_not_used(office: Office) -> None:
    office.deliver(sample())
    office.inbox.chmod(0o777)
    with pytest.raises(ConfigurationInvalid):
        office.look()
    assert office.runs() == []


# --- checksums and signatures ----------------------------------------------------------------------------------------


def test_a_file_waits_for_its_checksum_and_is_applied_with_it(office: Office) -> None:
    office.ask_for('[delivery]\nrequire = "sha256"')
    office.deliver(sample())
    office.age = 600
    assert office.fates() == [Fate.NOT_YET]
    office.deliver(f"{sha256(sample()).hexdigest()}  staff.csv\n".encode(), "staff.csv.sha256")
    assert office.fates() == [Fate.APPLIED]
    assert "staff.csv.sha256" in office.files(Room.PROCESSED)


@pytest.mark.parametrize(
    "proof",
    [
        "{wrong}  staff.csv\n", "{right}  other.csv\n", "{right}\n", "{right} staff.csv\n", "", "{short}  staff.csv\n",
        "{right}  staff.csv\n{right}  staff.csv\n",
    ],
)  # fmt: skip
def test_a_checksum_that_does_not_hold_rejects_the_file(office: Office, proof: str) -> None:
    office.ask_for('[delivery]\nrequire = "sha256"')
    office.deliver(sample())
    right = sha256(sample()).hexdigest()
    text = proof.format(right=right, wrong=sha256(b"").hexdigest(), short=right[:-1])
    office.deliver(text.encode(), "staff.csv.sha256")
    office.age = 600
    assert office.fates() == [Fate.REJECTED]
    assert office.runs() == []
    assert "チェックサム" in office.report_text(Room.REJECTED)


def test_a_checksum_that_never_comes_rejects_the_file(office: Office) -> None:
    office.ask_for('[delivery]\nrequire = "sha256"')
    office.deliver(sample())
    office.age = 1801
    assert office.fates() == [Fate.REJECTED]
    assert "届きませんでした" in office.report_text(Room.REJECTED)
    assert office.runs() == []


def test_only_the_signature_of_the_key_in_the_profile_counts(office: Office) -> None:
    key = Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    office.ask_for(f'[delivery]\nrequire = "signature"\npublic_key = "{public}"')
    office.age = 600
    for signer, expected in ((Ed25519PrivateKey.generate(), Fate.REJECTED), (key, Fate.APPLIED)):
        office.deliver(sample())
        office.deliver(signer.sign(sample()), "staff.csv.sig")
        assert office.fates() == [expected]
    office.deliver(sample(5))
    office.deliver(key.sign(sample(4)), "staff.csv.sig")
    assert office.fates() == [Fate.REJECTED]
    assert len(office.runs()) == 1


def test_a_proof_that_is_a_link_does_not_count(office: Office) -> None:
    office.ask_for('[delivery]\nrequire = "sha256"')
    office.deliver(sample())
    elsewhere = office.folders.root / "sum"
    elsewhere.write_text(f"{sha256(sample()).hexdigest()}  staff.csv\n")
    (office.inbox / "staff.csv.sha256").symlink_to(elsewhere)
    office.age = 600
    assert office.fates() == [Fate.REJECTED]


# --- limits ----------------------------------------------------------------------------------------------------------


def permit(office: Office, data: bytes, day: date) -> None:
    """A batch that lists everybody whom the file touches, permitted."""
    with office.cast.database.writing() as session:
        prepared = prepare(
            session, data, feed_name="aoba", as_of=day, match_secret=office.installation.match_secret,
            policy=policy_in_force(session, now=office.clock()), now=office.clock(),
        )  # fmt: skip
        session.add(
            PlannedBatch(
                kind=RunKind.FEED, feed="aoba", sha256=sha256(data).hexdigest(), day=day, reason="年度末",
                proposed_by_id=office.cast.people["hr"], proposed_at=office.clock(),
                approved_by_id=office.cast.people["chief"], approved_at=office.clock(),
                items=[PlannedItem(action=one.action, staff_number=one.staff_number) for one in prepared.touched],
            )
        )  # fmt: skip


def stopped(office: Office) -> bytes:
    """Everybody has joined, and the file that ends them all waits."""
    office.deliver(sample())
    office.look()
    office.clock.now += timedelta(hours=1)
    office.deliver(everyone_leaves(), "leavers.csv")
    looked = office.look()
    assert ([outcome.fate for outcome in looked.outcomes], looked.exit_code) == ([Fate.STOPPED], 5)
    return everyone_leaves()


def test_a_limit_stops_a_file_which_then_waits_quietly(office: Office) -> None:
    stopped(office)
    assert "leavers.csv" in office.files(Room.WAITING)
    report = office.report(Room.WAITING)
    assert report["refusal"]["code"] == "SAFETY-LIMIT"
    assert report["result"]["limits"]
    told = office.mails()
    assert any("上限を超えるため止めました" in subject for subject in told)
    office.clock.now += timedelta(hours=1)
    assert (office.fates(), office.mails() == told, len(office.runs())) == ([], True, 1)


def test_a_permitted_batch_lets_the_waiting_file_through_for_its_day(office: Office) -> None:
    data = stopped(office)
    permit(office, data, date(2026, 4, 1))
    office.clock.now += timedelta(days=1)
    assert office.fates() == [Fate.APPLIED]
    assert (office.runs()[-1].as_of, office.runs()[-1].batch_id) == (date(2026, 4, 1), 1)
    assert (office.files(Room.WAITING), "leavers.csv" in office.files(Room.PROCESSED)) == ([], True)


def test_a_batch_of_another_day_to_come_is_waited_for(office: Office) -> None:
    data = stopped(office)
    permit(office, data, date(2026, 4, 3))
    assert office.fates() == []
    office.clock.now = FIRST_DAY + timedelta(days=2)
    assert office.fates() == [Fate.APPLIED]


def test_a_batch_that_does_not_list_everybody_is_tried_once(office: Office) -> None:
    data = stopped(office)
    permit(office, data, date(2026, 4, 1))
    with office.cast.database.writing() as session:
        for item in session.scalars(select(PlannedItem)).all()[1:]:
            session.delete(item)
    assert office.fates() == [Fate.STOPPED]
    told = office.mails()
    assert (office.fates(), office.mails() == told) == ([], True)
    assert office.files(Room.WAITING) == ["leavers.csv", "leavers.csv.report.json", "leavers.csv.report.txt"]


def test_a_waiting_file_is_not_laid_over_a_newer_one(office: Office) -> None:
    data = stopped(office)
    office.clock.now += timedelta(hours=1)
    office.deliver(sample(5), "newer.csv")
    assert office.fates() == [Fate.APPLIED]
    permit(office, data, date(2026, 4, 1))
    assert office.fates() == [Fate.REJECTED]
    assert "新しいファイルが取り込まれたため" in office.report_text(Room.REJECTED)
    assert len(office.runs()) == 2


# --- whatever dies in between ----------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


def dying(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, after: bool = False) -> None:
    """The process dies when it comes to this call, or right after it."""
    real = getattr(owner, name)

    def die(*args: Any, **named: Any) -> Any:
        if after:
            real(*args, **named)
        raise Killed

    monkeypatch.setattr(owner, name, die)


@pytest.mark.parametrize(
    ("owner", "name", "after", "applied_before"),
    [
        (Folders, "claim", False, 0), (Folders, "claim", True, 0), (feed_inbox, "keep", False, 0),
        (feed_inbox, "import_feed", False, 0), (feed_inbox, "import_feed", True, 1), (Folders, "move", False, 1),
        (Folders, "move", True, 1), (feed_inbox, "text_of", False, 1), (feed_inbox, "data_of", False, 1),
    ],
)  # fmt: skip
def test_a_run_that_dies_anywhere_is_finished_by_the_next_and_applies_once(
    office: Office, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, after: bool, applied_before: int
) -> None:
    office.deliver(sample())
    with monkeypatch.context() as dead:
        dying(dead, owner, name, after=after)
        with pytest.raises(Killed):
            office.look()
    assert len(office.runs()) == applied_before
    office.look()
    assert len(office.runs()) == 1
    assert office.files(Room.PROCESSED) == ["staff.csv", "staff.csv.report.json", "staff.csv.report.txt"]
    assert office.files(Room.CLAIMED) == office.files(Room.INBOX) == []
    assert (office.fates(), len(office.mails())) == ([], len(office.mails()))


def test_a_file_applied_before_the_crash_is_not_laid_over_what_came_since(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.deliver(sample(5))
    with monkeypatch.context() as dead:
        dying(dead, Folders, "move")
        with pytest.raises(Killed):
            office.look()
    office.clock.now += timedelta(hours=1)
    import_feed(office.installation, sample(6), feed_name="aoba", as_of=None, dry_run=False)
    assert office.fates() == [Fate.REPEATED]
    assert [run.row_count for run in office.runs()] == [5, 6]


def test_a_proof_is_taken_along_when_the_run_died_before_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.ask_for('[delivery]\nrequire = "sha256"')
    office.deliver(sample())
    office.deliver(f"{sha256(sample()).hexdigest()} *staff.csv\n".encode(), "staff.csv.sha256")
    with monkeypatch.context() as dead:
        dying(dead, Folders, "fetch_proof")
        with pytest.raises(Killed):
            office.look()
    assert office.fates() == [Fate.APPLIED]
    assert list(office.inbox.iterdir()) == []


def test_one_file_that_breaks_the_reader_stops_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.deliver(sample(4), "a.csv")
    office.deliver(sample(5), "b.csv")
    real = import_feed

    def breaks(installation: Installation, data: bytes, **named: Any) -> Any:
        if data == sample(4):
            raise RecursionError("secret")
        return real(installation, data, **named)

    monkeypatch.setattr(feed_inbox, "import_feed", breaks)
    looked = office.look()
    assert [(outcome.fate, outcome.message) for outcome in looked.outcomes] == [
        (Fate.FAILED, "RecursionError"), (Fate.APPLIED, "")
    ]  # fmt: skip
    assert looked.exit_code == 3


# --- two at once -----------------------------------------------------------------------------------------------------


def test_two_runs_at_once_apply_a_file_once(office: Office) -> None:
    for number in range(1, 7):
        office.deliver(sample(number), f"{number}.csv")
    found: list[Round] = []
    together = threading.Barrier(4)

    def run() -> None:
        together.wait()
        found.append(office.look())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    office.look()
    assert [run.row_count for run in office.runs()] == [1, 2, 3, 4, 5, 6]
    assert len(found) == 4
    with office.cast.database.reading() as session:
        numbers = select(func.count()).select_from(Employment).where(Employment.seen_in_run_id.is_not(None))
        assert session.scalar(numbers) == len({row[0] for row in staff().rows[:6]})


def test_while_somebody_is_at_work_nothing_is_done(office: Office) -> None:
    office.deliver(sample())
    with office.folders.locked() as mine:
        assert mine
        assert office.look().busy
    assert office.runs() == []


def test_a_file_taken_by_somebody_quicker_is_not_ours(office: Office) -> None:
    office.deliver(sample())
    (delivered,) = office.folders.deliveries("aoba")
    first = office.folders.claim(delivered, "aoba", now=FIRST_DAY)
    second = office.folders.claim(delivered, "aoba", now=FIRST_DAY)
    assert (first is not None, second) == (True, None)


# --- the worker ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("watch", [True, False])
def test_the_worker_looks_only_where_it_was_told_to(
    office: Office, monkeypatch: pytest.MonkeyPatch, *, watch: bool
) -> None:
    settings = office.installation.settings
    told = settings.model_copy(
        update={"inbox": settings.inbox.model_copy(update={"watch": watch, "settle_seconds": 0})}
    )
    office.deliver(sample())
    for name in ("lifecycle.run", "provision.run_due", "sealing.seal"):
        module, _, function = name.partition(".")
        monkeypatch.setattr(getattr(worker, module), function, lambda *args, **named: None)
    rounds = worker.Rounds()
    installation = replace(office.installation, settings=told)
    worker.one_round(installation, rounds, worker="w1")
    assert (len(office.runs()), rounds.failures) == (int(watch), 0)
    office.deliver(sample(5))
    worker.one_round(installation, rounds, worker="w1")
    assert len(office.runs()) == int(watch), "the pause is not over"
    office.clock.now += timedelta(minutes=2)
    worker.one_round(installation, rounds, worker="w1")
    assert len(office.runs()) == 2 * watch


def test_folders_are_named_as_documented() -> None:
    assert feed_folders.UNFINISHED[:2] == (".tmp", ".part")
    text = (Path(__file__).parents[3] / "docs" / "hr-import.md").read_text(encoding="utf-8")
    assert [room.value for room in Room if f"`{room.value}/" not in text and f"{room.value}/" not in text] == []
