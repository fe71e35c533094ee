"""The drop folder: every file that lies complete in an inbox is applied once, and kept with a report (control A7).

A file is claimed by a rename before it is read, so that two workers never have the same one; what a run that died had
claimed is finished by the next, which asks the records whether it was applied. A file that a safety limit stopped waits
until a batch for exactly its bytes is permitted.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

from idm.calendar_days import day_of
from idm.errors import ConfigurationInvalid, DecidedMeanwhile, FeedRefused, Refusal, SafetyLimit
from idm.feed.delivery import proof_problem
from idm.feed.profile import FeedProfile
from idm.models.feeds import FeedSource
from idm.operations.hr.safety import is_over
from idm.queries.hr.feed_runs import FeedInForce, feeds_in_force, permitted_batches, runs_since
from jobs.hr.feed_folders import (
    REPORT_DATA,
    REPORT_TEXT,
    Claimed,
    Delivered,
    Folders,
    Room,
    Unreadable,
    keep,
    printable,
    read,
)
from jobs.hr.feed_report import Ending, Fate, data_of, text_of
from jobs.hr.hr_feed import FeedResult, import_feed, refuse
from jobs.installation import Installation

LOG = logging.getLogger("idm.inbox")
PROOF_BYTES = 4096
_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


ROOMS = {
    Fate.APPLIED: Room.PROCESSED, Fate.REPEATED: Room.PROCESSED, Fate.REJECTED: Room.REJECTED,
    Fate.STOPPED: Room.WAITING,
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """One file of a round: the name it came under, and where it is kept now (None = where it was)."""

    feed: str
    name: str
    fate: Fate
    message: str = ""
    kept: Path | None = None
    run: int | None = None


@dataclass(frozen=True)
class Round:
    """One look at every inbox. `busy` = another process was at work here, and nothing was done."""

    outcomes: tuple[Outcome, ...] = ()
    busy: bool = False

    @property
    def exit_code(self) -> int:
        """0 done, 5 a limit stopped a file, 3 a file was rejected or could not be handled."""
        fates = {outcome.fate for outcome in self.outcomes}
        if Fate.STOPPED in fates:
            return 5
        return 3 if fates & {Fate.REJECTED, Fate.FAILED} else 0


def collect(installation: Installation, *, machine_time: Callable[[], float] = time.time) -> Round:
    """Afterwards every complete file is applied and kept, or rejected, or waits. Raises ConfigurationInvalid.

    `machine_time` is the clock of the file system, in seconds: by it a file's age is measured.
    """
    folders = Folders(installation.settings.inbox.folder.resolve())
    with installation.database.reading() as session:
        known = feeds_in_force(session, now=installation.clock())
    feeds = [feed for feed in known if _FOLDER_NAME.fullmatch(feed.name)]
    folders.prepare([feed.name for feed in feeds])
    with folders.locked() as mine:
        if not mine:
            return Round(busy=True)
        outcomes = list(_strangers(folders, feeds))
        for feed in feeds:
            outcomes += _Inbox(installation, folders, feed, machine_time).outcomes()
        return Round(tuple(outcomes))


def as_data(looked: Round) -> dict[str, object]:
    """One look as plain data; the keys are stable."""
    return {
        "version": 1,
        "busy": looked.busy,
        "files": [
            {
                "feed": outcome.feed, "name": printable(outcome.name), "fate": outcome.fate.value,
                "message": outcome.message, "run": outcome.run,
                "kept": printable(str(outcome.kept)) if outcome.kept is not None else None,
            }
            for outcome in looked.outcomes
        ],
    }  # fmt: skip


def _strangers(folders: Folders, feeds: list[FeedInForce]) -> Iterator[Outcome]:
    """What lies where no feed is: left alone, and told."""
    known = {feed.name for feed in feeds}
    for entry in sorted((folders.root / Room.INBOX.value).iterdir()):
        if entry.name not in known and not entry.name.startswith("."):
            message = "承認された人事ファイルの定義の名前のフォルダではありません。定義ごとのフォルダに入れてください。"
            yield Outcome(entry.name, entry.name, Fate.FAILED, message, entry)


@dataclass(frozen=True)
class _Inbox:
    """The files of one feed."""

    installation: Installation
    folders: Folders
    feed: FeedInForce
    machine_time: Callable[[], float] = field(repr=False)

    def outcomes(self) -> Iterator[Outcome]:
        """What a dead run left, then what waits for a permission, then what has arrived, in this order."""
        profile = self.feed.profile
        if profile is None:
            yield Outcome(self.feed.name, "", Fate.FAILED, self.feed.mistake)
            return
        for claimed in self.folders.kept(Room.CLAIMED, self.feed.name):
            yield self._work(claimed, profile, recovered=True)
        yield from self._waiting(profile)
        for delivered in self.folders.deliveries(self.feed.name):
            if (reason := self._not_yet(delivered, profile)) is not None:
                # Whoever came later waits too: an older file must not be laid over a newer one.
                yield Outcome(self.feed.name, delivered.path.name, Fate.NOT_YET, reason)
                return
            ours = self.folders.claim(delivered, self.feed.name, now=self.installation.clock())
            if ours is not None:
                yield self._work(ours, profile, delivered=delivered)

    def _not_yet(self, delivered: Delivered, profile: FeedProfile) -> str | None:
        """Why the file is left alone for now; None = it can be taken."""
        settings = self.installation.settings.inbox
        age = self.machine_time() - delivered.changed_at
        if age < settings.settle_seconds:
            return "書き終わるのを待っています。"
        if not delivered.plain or profile.delivery.suffix is None:
            return None
        proof = delivered.path.with_name(f"{delivered.path.name}{profile.delivery.suffix}")
        if not proof.exists() and age < settings.proof_minutes * 60:
            return f"{proof.name} が届くのを待っています。"
        return None

    def _waiting(self, profile: FeedProfile) -> Iterator[Outcome]:
        for claimed in self.folders.kept(Room.WAITING, self.feed.name):
            now = self.installation.clock()
            digest = _digest(claimed.path, profile)
            with self.installation.database.reading() as session:
                batches = permitted_batches(session, self.feed.name, digest)
                later = runs_since(session, self.feed.name, claimed.claimed_at)
            tried = _batch_tried(claimed) or 0
            usable = [batch for batch in batches if batch.day <= day_of(now) and not is_over(batch.day, now=now)]
            batch = next((batch for batch in usable if batch.id > tried), None)
            if any(run.sha256 == digest for run in later):
                run_id = next(run.id for run in later if run.sha256 == digest)
                yield self._finish(claimed, Ending(Fate.REPEATED, run=run_id, sha256=digest))
            elif later and profile.names_everybody:
                message = "待っている間に新しいファイルが取り込まれたため、このファイルは使いません。"
                yield self._finish(claimed, self._refused(FeedRefused(message), digest))
            elif batch is not None:
                _drop_reports(claimed.path)
                moved = self.folders.move(claimed, Room.CLAIMED, self.feed.name)
                yield self._work(moved, profile, as_of=batch.day, batch=batch.id)

    def _work(
        self, claimed: Claimed, profile: FeedProfile, *, delivered: Delivered | None = None, recovered: bool = False,
        as_of: date | None = None, batch: int | None = None,
    ) -> Outcome:  # fmt: skip
        """Afterwards the claimed file is where it belongs, with its reports; or it stays claimed for the next run."""
        try:
            ending = self._ending(claimed, profile, delivered, recovered=recovered, as_of=as_of, batch=batch)
            return self._finish(claimed, ending)
        except Refusal as refusal:
            return Outcome(self.feed.name, claimed.name, Fate.FAILED, refusal.message, claimed.path)
        except Exception as failure:  # one file, whatever is in it, must not stop the others
            LOG.exception("%s: %s", self.feed.name, claimed.path.name)
            return Outcome(self.feed.name, claimed.name, Fate.FAILED, type(failure).__name__, claimed.path)

    def _ending(
        self, claimed: Claimed, profile: FeedProfile, delivered: Delivered | None, *, recovered: bool,
        as_of: date | None, batch: int | None,
    ) -> Ending:  # fmt: skip
        try:
            data = read(claimed.path, max_bytes=profile.limits.max_bytes, expected=delivered)
        except Unreadable as reason:
            return self._refused(FeedRefused(f"ファイル「{claimed.path.name}」を受け付けません。{reason}"), None)
        digest = sha256(data).hexdigest()
        keep(claimed.path, data)
        if profile.delivery.suffix is not None:
            self.folders.fetch_proof(claimed, self.feed.name, profile.delivery.suffix)
        if recovered and (run_id := self._applied_since(claimed, digest)) is not None:
            return Ending(Fate.REPEATED, run=run_id, sha256=digest)
        if (problem := self._proof_problem(claimed, profile, data)) is not None:
            return self._refused(FeedRefused(f"ファイル「{claimed.path.name}」を受け付けません。{problem}"), digest)
        return self._import(data, digest, as_of, batch)

    def _import(self, data: bytes, digest: str, as_of: date | None, batch: int | None) -> Ending:
        def run(*, dry_run: bool) -> FeedResult:
            return import_feed(
                self.installation, data, feed_name=self.feed.name, as_of=as_of, dry_run=dry_run,
                source=FeedSource.INBOX,
            )  # fmt: skip

        try:
            result = run(dry_run=False)
        except (ConfigurationInvalid, DecidedMeanwhile):
            raise  # nothing the file could help: it is tried again
        except SafetyLimit as limit:
            return Ending(Fate.STOPPED, limit.message, run(dry_run=True), limit, sha256=digest, batch=batch)
        except Refusal as refusal:
            return Ending(Fate.REJECTED, refusal.message, refusal=refusal, sha256=digest)
        if result.applied is None:
            repeated = result.prepared.repeated
            return Ending(Fate.REPEATED, result=result, run=repeated.id if repeated else None, sha256=digest)
        return Ending(Fate.APPLIED, result=result, run=result.applied.run.id, sha256=digest)

    def _applied_since(self, claimed: Claimed, digest: str) -> int | None:
        """The run that applied just these bytes after they were claimed: the run that died had got so far."""
        with self.installation.database.reading() as session:
            runs = runs_since(session, self.feed.name, claimed.claimed_at - timedelta(minutes=1))
        return next((run.id for run in runs if run.sha256 == digest and run.source is FeedSource.INBOX), None)

    def _proof_problem(self, claimed: Claimed, profile: FeedProfile, data: bytes) -> str | None:
        suffix = profile.delivery.suffix
        if suffix is None:
            return None
        path = self.folders.fetch_proof(claimed, self.feed.name, suffix)
        if path is None:
            return f"{claimed.path.name} に添えるはずの {suffix} のファイルが届きませんでした。"
        try:
            proof = read(path, max_bytes=PROOF_BYTES)
        except Unreadable as reason:
            return f"{suffix} のファイル: {reason}"
        return proof_problem(profile.delivery, claimed.name, data, proof)

    def _refused(self, refusal: Refusal, digest: str | None) -> Ending:
        refuse(self.installation, refusal, feed_name=self.feed.name, source=FeedSource.INBOX)
        return Ending(Fate.REJECTED, refusal.message, refusal=refusal, sha256=digest)

    def _finish(self, claimed: Claimed, ending: Ending) -> Outcome:
        """The reports first, the file last: a run that dies in between writes them again."""
        room = ROOMS[ending.fate]
        target = self.folders.of(room, self.feed.name) / claimed.path.name
        keep(target.with_name(f"{target.name}{REPORT_TEXT}"), text_of(self.feed.name, target.name, ending).encode())
        data = json.dumps(data_of(self.feed.name, target.name, ending), ensure_ascii=False, indent=1)
        keep(target.with_name(f"{target.name}{REPORT_DATA}"), f"{data}\n".encode())
        if claimed.path != target:
            _drop_reports(claimed.path)
        moved = self.folders.move(claimed, room, self.feed.name)
        return Outcome(self.feed.name, claimed.name, ending.fate, ending.message, moved.path, ending.run)


def _digest(path: Path, profile: FeedProfile) -> str:
    try:
        return sha256(read(path, max_bytes=profile.limits.max_bytes)).hexdigest()
    except Unreadable:
        return ""


def _batch_tried(claimed: Claimed) -> int | None:
    """The permitted batch under which the file was stopped again, so that it is not tried with it every minute."""
    try:
        data = json.loads(claimed.path.with_name(f"{claimed.path.name}{REPORT_DATA}").read_text(encoding="utf-8"))
        tried = data["batch_tried"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return tried if isinstance(tried, int) else None


def _drop_reports(path: Path) -> None:
    """Afterwards no report lies beside the file, which is about to be moved."""
    for ending in (REPORT_TEXT, REPORT_DATA):
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}{ending}").unlink()
