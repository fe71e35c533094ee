"""Uses of a privileged ID on a directory that lives by the office's own clock: at no moment more than was permitted."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.memory.connector import MemoryConnector
from connectors.memory.directory import Fault, Group, MemoryDirectory
from idm.errors import IllegalTransition, Refusal, TargetRefused
from idm.models.privileged import PrivilegedUse
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.operations import outbox
from idm.operations.outbox import LEASE
from idm.operations.privileged import uses
from idm.settings import Settings
from idm.vocabulary import Stage, UseState
from jobs import kept_claims, provision
from jobs.installation import Installation
from jobs.privileged import privileged_uses
from tests.cast import NOW, Cast
from tests.use_office import Uses


@dataclass
class Place:
    """The office, its directory, and one clock for both."""

    uses: Uses
    directory: MemoryDirectory
    installation: Installation
    said: list[str] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The office's time."""
        return self.uses.now

    def round(self, **later: float) -> None:
        """So much later, one round of the worker."""
        self.uses.now += timedelta(**later)
        privileged_uses.run_due(self.installation)
        provision.run_due(self.installation, worker="w1")

    def group(self) -> Group:
        """The privileged group."""
        return next(group for group in self.directory.groups.values() if group.name == "ledger-admin")

    def gives(self) -> tuple[bool, bool]:
        """Whether the directory would let somebody in at this moment, and whether the ID is in the group."""
        with self.uses.cast.database.reading() as session:
            uuid = session.get_one(Account, self.uses.account_id()).uuid
        (account,) = [one for one in self.directory.accounts.values() if one.account_uuid == uuid]
        return account.enabled(self.now), self.group().holds(account.external_id, self.now)

    def boxed(self) -> bool:
        """Whether what was permitted, by the rows, has its time at this moment, be it given back before or not."""
        with self.uses.cast.database.reading() as session:
            begun = session.scalars(select(PrivilegedUse).where(PrivilegedUse.opens_at.is_not(None))).all()
        return any(use.opens_at and use.ends_at and use.opens_at <= self.now < use.ends_at for use in begun)


@pytest.fixture
def place(cast: Cast, tmp_path: Path) -> Place:
    """青木 has a privileged ID, asleep."""
    name = f"uses-{tmp_path.name}"
    directory = MemoryDirectory.named(name)
    for group in ("ledger-enter", "ledger-approve", "ledger-admin"):
        directory.groups[f"g-{group}"] = Group(f"g-{group}", group)
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector_settings, system.credential = {"name": name}, None
    uses = Uses(cast, NOW)
    settings = Settings(
        database_url=cast.database.url, secrets_dir=tmp_path, checkpoint_file=tmp_path / "checkpoints.jsonl"
    )
    place = Place(uses, directory, Installation(settings, cast.database, lambda: uses.now))
    uses.approve("staff")
    place.round()
    return place


def test_the_membership_ends_in_the_directory_itself_where_it_can(place: Place) -> None:
    use_id = place.uses.ask(hours=2)
    place.uses.permit(use_id)
    place.round()
    assert place.gives() == (True, True)
    assert list(place.group().until.values()) == [place.uses.use(use_id).ends_at]
    place.uses.now += timedelta(hours=2)
    assert place.gives() == (False, False), "no worker has been there"


def test_only_the_rights_that_were_chosen_are_activated(place: Place) -> None:
    use_id = place.uses.ask(grant_ids=())
    place.uses.permit(use_id)
    place.round()
    assert place.gives() == (True, False)


def given_back_at_work(place: Place, monkeypatch: pytest.MonkeyPatch, use_id: int, **later: float) -> UseState:
    """So much later the use is given back and a second worker passes, while the first writes; its state by then."""
    perform, passed = provision._perform, list[UseState]()

    def slow(*work: Any) -> None:
        if not passed:
            place.uses.now += timedelta(**later)
            place.uses.act("give_back", use_id, "staff")
            privileged_uses.run_due(place.installation)
            provision.run_due(place.installation, worker="w2")
            passed.append(place.uses.state(use_id))
        perform(*work)

    monkeypatch.setattr(provision, "_perform", slow)
    provision.run_due(place.installation, worker="w1")
    monkeypatch.undo()
    return passed[0]


@pytest.mark.parametrize("seconds", [20, 400])
def test_a_use_given_back_while_a_worker_is_opening_it_leaves_nothing_open(
    place: Place, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    use_id = place.uses.ask(hours=8)
    place.uses.permit(use_id)
    privileged_uses.run_due(place.installation)
    then = given_back_at_work(place, monkeypatch, use_id, seconds=seconds)
    assert then is (UseState.ENDING if seconds < LEASE.total_seconds() else UseState.ENDED)
    place.round(seconds=1)
    assert (place.gives(), place.uses.state(use_id)) == ((False, False), UseState.ENDED)


def claimed_by_another(place: Place) -> int:
    """How many tasks a second worker gets at this moment."""
    with place.uses.cast.database.writing() as session:
        system_id = session.get_one(Account, place.uses.account_id()).system_id
        return len(outbox.claim(session, system_id, worker="w2", limit=10, now=place.now))


def test_a_worker_keeps_what_it_has_claimed_however_slowly_its_directory_answers(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.uses.permit(place.uses.ask(hours=8))
    privileged_uses.run_due(place.installation)
    begun, renew, carry_out = place.now, outbox.renew, provision._carry_out
    looked_after, others = threading.Event(), list[int]()

    def renewing(*given: Any, now: datetime, **named: Any) -> int:
        done = renew(*given, now=now, **named)
        if now > begun:
            looked_after.set()
        return done

    def slow(*given: Any) -> None:
        place.uses.now += LEASE - timedelta(seconds=1)
        assert looked_after.wait(60)
        place.uses.now += timedelta(seconds=30)
        others.append(claimed_by_another(place))
        carry_out(*given)

    monkeypatch.setattr(kept_claims, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(outbox, "renew", renewing)
    monkeypatch.setattr(provision, "_carry_out", slow)
    provision.run_due(place.installation, worker="w1")
    assert others == [0]
    assert "kept claims" not in {one.name for one in threading.enumerate()}, "nobody renews any more"


def test_a_worker_that_hangs_keeps_what_it_has_claimed_for_five_minutes_and_no_more(place: Place) -> None:
    place.uses.permit(place.uses.ask(hours=8))
    privileged_uses.run_due(place.installation)
    with place.uses.cast.database.writing() as session:
        system_id = session.get_one(Account, place.uses.account_id()).system_id
        claimed = [one.id for one in outbox.claim(session, system_id, worker="w1", limit=10, now=place.now)]

    class Hanging(threading.Event):
        """Fifty seconds go by, and nothing is over."""

        def wait(self, timeout: float | None = None) -> bool:
            place.uses.now += timedelta(seconds=50)
            return False

    begun = place.now
    kept_claims._renew(place.installation, claimed, "w1", Hanging())
    assert place.now == begun + outbox.LONGEST_HOLD
    assert claimed_by_another(place) == 0
    place.uses.now += LEASE
    assert claimed_by_another(place) == 1


def test_no_use_is_closed_by_a_reading_taken_while_a_worker_has_the_id(place: Place) -> None:
    use_id = place.uses.ask(hours=8)
    place.uses.permit(use_id)
    place.round()
    place.uses.act("give_back", use_id, "staff")
    cast, account_id = place.uses.cast, place.uses.account_id()
    with cast.database.writing() as session:
        account = session.get_one(Account, account_id)
        outbox.claim(session, account.system_id, worker="w1", limit=10, now=place.now)
        account.seen_at, account.seen_enabled, account.seen_groups = place.now, False, []

    def follow() -> UseState:
        with cast.database.writing() as session:
            uses.follow(session, [account_id], actor=provision.ACTOR, policy=cast.policy, now=place.now)
        return place.uses.state(use_id)

    assert follow() is UseState.ENDING
    place.uses.now += LEASE
    assert follow() is UseState.ENDED


def test_the_end_of_a_use_that_was_refused_is_tried_again_within_a_minute(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_id = place.uses.ask(hours=8)
    place.uses.permit(use_id)
    place.round()
    monkeypatch.setattr(MemoryConnector, "perform", lambda _, steps: [TargetRefused("権限がありません") for _ in steps])
    place.uses.act("stop", use_id, "chief", reason="疑わしい")
    place.round(seconds=1)
    assert place.gives() == (True, True)
    monkeypatch.undo()
    place.round(seconds=1)
    place.round(minutes=1)
    assert (place.gives(), place.uses.state(use_id)) == ((False, False), UseState.ENDED)


def test_where_a_system_is_only_observed_nobody_asks_for_a_use(place: Place) -> None:
    with place.uses.cast.database.writing() as session:
        session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one().stage = Stage.OBSERVE
    for emergency in (False, True):
        with pytest.raises(IllegalTransition, match="何も書き込まれません"):
            place.uses.ask(emergency=emergency)


def test_the_end_of_a_use_is_tried_every_minute_while_its_directory_is_away(place: Place) -> None:
    use_id = place.uses.ask(hours=1)
    place.uses.permit(use_id)
    place.round()
    place.directory.fault = Fault.UNAVAILABLE
    for _ in range(80):
        place.round(hours=1 / 60)
    with place.uses.cast.database.reading() as session:
        task = session.scalars(select(OutboxTask).order_by(OutboxTask.id.desc())).first()
        assert task is not None
        assert (task.state, task.attempts > 10) == (TaskState.WAITING, True)
        assert task.due_at <= place.now + timedelta(minutes=30)
    place.directory.fault = None
    place.round(seconds=1)
    place.round(seconds=61)
    assert place.gives() == (False, False)
    assert place.uses.state(use_id) is UseState.ENDED


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_in_whatever_order_nothing_is_given_outside_a_permitted_window(
    place: Place, seed: int
) -> None:
    chance = random.Random(seed)
    uses = place.uses
    last: list[int] = []

    def ask() -> None:
        last.append(uses.ask(hours=chance.choice([1, 2, 8]), emergency=chance.random() < 0.4))

    def about_last(name: str, who: str, **values: str) -> None:
        if last:
            uses.act(name, last[-1], who, **values)

    def permit() -> None:
        if last:
            uses.permit(last[-1])

    def away() -> None:
        place.directory.fault = Fault.UNAVAILABLE

    def back() -> None:
        place.directory.fault = None

    acts: list[Callable[[], None]] = [
        ask, ask, permit, permit, permit,
        lambda: about_last("give_back", "staff"), lambda: about_last("stop", "chief", reason="停止"),
        lambda: about_last("withdraw", "staff"), lambda: about_last("write", "staff", text="済み"),
        away, back, back, back,
        place.round, place.round, place.round, lambda: place.round(hours=chance.choice([0.2, 1, 9])),
    ]  # fmt: skip
    last.append(uses.ask(emergency=True))
    place.round()
    were_in = int(place.gives() == (True, True))
    for _ in range(60):
        try:
            chance.choice(acts)()
        except Refusal as refusal:
            place.said.append(refusal.code)
        uses.now += timedelta(seconds=chance.choice([0, 1, 60, 600, 1800]))
        lets_in, inside = place.gives()
        were_in += lets_in
        assert not (lets_in or inside) or place.boxed()
    assert were_in, "or nothing was shown"
    place.directory.fault = None
    place.round(hours=9)
    place.round(hours=1)
    assert place.gives() == (False, False)
    assert not [one for one in last if uses.state(one) in (UseState.OPEN, UseState.ENDING, UseState.APPROVED)]
