"""Every damaged file imported into an office at work: nobody loses anything that the sound file leaves them (A7).

Each file meets the same office under the limits that ship with the profile. What passes the reader, the plan and the
limits is then lived with for a week and at the end of forty days.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import start_of
from idm.database import Database
from idm.directory.wanted_account import WantedAccount, wanted_account
from idm.errors import FeedRefused, SafetyLimit
from idm.grant_state import GrantState
from idm.models.feeds import FeedSource
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.operations.hr import feed_import
from idm.operations.hr.feed_import import Prepared
from idm.operations.rights.lifecycle import carry_out_due
from idm.queries.rights.account_facts import account_facts
from tests.cast import Cast
from tests.feed.damage import EVENTS, SNAPSHOT, Damaged, damaged, sound
from tests.feed.working_office import JOB, SECRET, TODAY, build

DAYS_TO = (0, 1, 3, 5, 7, 40)
"""How many days after the import the accounts are looked at."""
ARRIVES = {SNAPSHOT: TODAY, EVENTS: date(2026, 9, 18)}
"""The day on which each sound file arrives; that of the events is their 内示公表日. Cells of spreadsheets go the same
way as those of text once they are read, so that the text files stand for both."""
LATER = 30

Rights = frozenset[tuple[int, date]]
"""The rights of one account that go on, each with the day on which it ends."""
HARMLESS = {"refused", "stopped", "unchanged", "changed"}


@dataclass(frozen=True)
class Fate:
    """What one account shows on each of the days, and which rights of it go on until when."""

    shown: tuple[WantedAccount, ...]
    rights: tuple[Rights, ...]

    def loses(self, other: "Fate") -> Iterator[str]:
        """What `other` has less than this."""
        for day, before, after, rights, left in zip(
            DAYS_TO, self.shown, other.shown, self.rights, other.rights, strict=True
        ):
            if before.enabled and not after.enabled:
                yield f"disabled after {day} days"
            if before.present and not after.present:
                yield f"gone after {day} days"
            if before.enabled and _end(after) < _end(before):
                yield f"ends earlier after {day} days"
            if before.groups - after.groups:
                yield f"out of a group after {day} days"
            until = dict(left)
            if any(until.get(right, date.min) < end for right, end in rights):
                yield f"a right lost after {day} days"


def _end(shown: WantedAccount) -> datetime:
    return shown.expires_at or start_of(date(9999, 1, 1))


class _Trial:
    """One office, and what becomes of its accounts after one file or another."""

    def __init__(self, office: Cast, folder: Path) -> None:
        self.office = office
        self._folder = folder
        self._at_work = {TODAY: office.database}
        self._known: dict[object, dict[int, Fate]] = {}

    def at_work(self, day: date) -> Database:
        """The office as it comes to that day with no file arriving before, lived through once."""
        if day not in self._at_work:
            copied = self._folder / f"{day}.db"
            self.office.database.dispose()  # the last connection to go writes everything into the one file
            copyfile(self._folder / "office.db", copied)
            self._at_work[day] = Database(f"sqlite:///{copied}")
            with self._at_work[day].writing() as session:
                self._run(session, day)
        return self._at_work[day]

    def close(self) -> None:
        """Afterwards nothing of it is open."""
        for database in self._at_work.values():
            database.dispose()

    def sound(self, feed: str, later: int) -> dict[int, Fate]:
        """What the sound file leaves."""
        with self.at_work(_arrives(feed, later)).reading() as session:
            return self._lived(session, self.prepared(session, sound()[feed], feed, later), feed, later)

    def outcome(self, data: bytes, feed: str, later: int) -> str:
        """refused · stopped (by the limits) · unchanged · changed, or what somebody loses by it."""
        with self.at_work(_arrives(feed, later)).reading() as session:
            try:
                prepared = self.prepared(session, data, feed, later)
                fates = self._lived(session, prepared, feed, later)
            except FeedRefused:
                return "refused"
            except SafetyLimit:
                return "stopped"
        untouched = self.untouched_fates(feed, later)
        losses = {
            loss
            for account, fate in self.sound_fates(feed, later).items()
            for loss in set(fate.loses(fates[account])) & set(untouched[account].loses(fates[account]))
        }
        if losses:
            return f"lost: {sorted(losses)}"
        return "changed" if prepared.plan.changes or prepared.plan.joiners else "unchanged"

    @cache  # noqa: B019 -- one trial lives as long as the module's tests
    def sound_fates(self, feed: str, later: int) -> dict[int, Fate]:
        """What the sound file leaves, computed once."""
        return self.sound(feed, later)

    @cache  # noqa: B019
    def untouched_fates(self, feed: str, later: int) -> dict[int, Fate]:
        """What becomes of everybody when no file arrives at all."""
        day = _arrives(feed, later)
        with self.at_work(day).reading() as session:
            return self._days(session, day)

    def prepared(self, session: Session, data: bytes, feed: str, later: int) -> Prepared:
        day = _arrives(feed, later)
        return feed_import.prepare(
            session, data, feed_name=feed, as_of=day, match_secret=SECRET, policy=self.office.policy, now=_noon(day)
        )

    def _lived(self, session: Session, prepared: Prepared, feed: str, later: int) -> dict[int, Fate]:
        plan = prepared.plan
        key = (feed, later, plan.joiners, plan.changes, plan.units)
        if key not in self._known:
            day = plan.as_of
            feed_import.carry_out(
                session, prepared, source=FeedSource.COMMAND, match_secret=SECRET, actor=JOB,
                policy=self.office.policy, now=_noon(day),
            )  # fmt: skip
            self._known[key] = self._days(session, day)
        return self._known[key]

    def _days(self, session: Session, day: date) -> dict[int, Fate]:
        looks = []
        for after in DAYS_TO:
            self._run(session, day + timedelta(days=after))
            looks.append(self._look(session, _noon(day + timedelta(days=after))))
        return {
            account: Fate(tuple(look[0][account] for look in looks), tuple(look[1][account] for look in looks))
            for account in looks[0][0]
        }

    def _run(self, session: Session, day: date) -> None:
        carry_out_due(session, actor=JOB, policy=self.office.policy, now=start_of(day) + timedelta(minutes=5))
        session.flush()

    def _look(self, session: Session, now: datetime) -> tuple[dict[int, WantedAccount], dict[int, Rights]]:
        accounts = list(session.scalars(select(Account.id)))
        facts = account_facts(session, accounts, now=now)
        rights: dict[int, set[tuple[int, date]]] = defaultdict(set)
        for account, right, until in session.execute(
            select(Grant.account_id, Grant.entitlement_id, Grant.valid_until).where(Grant.state != GrantState.ENDED)
        ):
            rights[account].add((right, until or date.max))
        days = self.office.policy.personnel.delete_after_days
        shown = {one: wanted_account(facts[one], now=now, delete_after_days=days) for one in accounts}
        return shown, {one: frozenset(rights[one]) for one in accounts}


def _arrives(feed: str, later: int) -> date:
    return ARRIVES[feed] + timedelta(days=later)


def _noon(day: date) -> datetime:
    return start_of(day) + timedelta(hours=12)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Trial]:
    folder = tmp_path_factory.mktemp("damage")
    trial = _Trial(build(folder / "office.db"), folder)
    yield trial
    trial.close()


@pytest.fixture(scope="module")
def outcomes(trial: _Trial) -> dict[str, str]:
    """What becomes of every second damaged text file on the day of the sound one: more than five hundred."""
    return {file.name: trial.outcome(file.data, file.feed, 0) for file in _tried()}


@cache
def _tried() -> list[Damaged]:
    return list(damaged(ARRIVES))[::2]


def test_the_sound_files_leave_everybody_what_they_have_until_their_own_last_day(trial: _Trial) -> None:
    for feed, open_at_the_end in ((SNAPSHOT, 285), (EVENTS, 278)):
        assert trial.outcome(sound()[feed], feed, 0) in HARMLESS
        assert sum(fate.shown[-1].enabled for fate in trial.sound_fates(feed, 0).values()) == open_at_the_end


def test_no_damaged_file_takes_from_anybody_what_the_sound_file_and_no_file_leave_them(
    outcomes: Mapping[str, str],
) -> None:
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in HARMLESS} == {}


def test_the_files_are_many_and_meet_the_reader_the_limits_and_the_plan(outcomes: Mapping[str, str]) -> None:
    count = Counter(outcomes.values())
    assert count.total() > 500
    assert set(count) == HARMLESS
    assert sum(count[passed] for passed in ("unchanged", "changed")) > 50


def test_what_passes_takes_nothing_a_month_later_either(trial: _Trial, outcomes: Mapping[str, str]) -> None:
    passed = [file for file in _tried() if file.feed == SNAPSHOT and outcomes[file.name] == "changed"]
    found = {file.name: trial.outcome(file.data, file.feed, LATER) for file in passed}
    assert {name: outcome for name, outcome in found.items() if outcome not in HARMLESS} == {}
