"""A personnel file moves an administrator: their privileged right is gone from the directory in the same run (D7).

The file is one as the HR system writes it; the directory is the one in memory, at the office's own clock.
"""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.memory.directory import Group, MemoryDirectory
from idm.calendar_days import start_of
from idm.grant_state import EndReason
from idm.models.privileged import RegisteredId, RegisteredIdHolder, Rotation
from idm.models.requests import Grant
from idm.models.systems import Account, InformationSystem
from idm.queries.privileged.post_losses import PostLoss, post_losses
from idm.settings import Settings
from idm.vocabulary import AccountKind, RotationReason, UseEnd
from jobs import lifecycle, provision, worker
from jobs.hr.hr_feed import import_feed
from jobs.installation import Installation
from jobs.privileged import privileged_uses
from tests.cast import NOW, PEOPLE, Cast
from tests.feed.files import Sheet, staff, text_file
from tests.feed_office import add_feed
from tests.operations.privileged.test_post_lost import reorganise
from tests.use_office import Uses

MAY = date(2026, 5, 1)
EVE = date(2026, 4, 30)
MOVED = {"所属コード": "0600", "所属名": "情報システム課", "職名": "主事", "発令日": "令和8年5月1日"}


class Office:
    """The cast with 青木's privileged ID in a directory, and the jobs that run there."""

    def __init__(self, cast: Cast, folder: Path) -> None:
        name = f"moves-{folder.name}"
        self.uses = Uses(cast, NOW)
        self.directory = MemoryDirectory.named(name)
        for group in ("ledger-enter", "ledger-approve", "ledger-admin"):
            self.directory.groups[f"g-{group}"] = Group(f"g-{group}", group)
        with cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            system.connector_settings, system.credential = {"name": name}, None
        settings = Settings(
            database_url=cast.database.url, secrets_dir=folder, checkpoint_file=folder / "checkpoints.jsonl"
        )
        self.installation = Installation(settings, cast.database, lambda: self.uses.now)
        add_feed(cast.database)
        self.uses.approve("staff", "ledger/account", "ledger/enter", "ledger/admin-account", "ledger/admin")

    def file(self, **moves: dict[str, str]) -> None:
        """HR's file of everybody who works there, some of them with other cells."""
        heading = staff().heading
        rows = []
        for who, (number, name, kana, unit, unit_name, post) in PEOPLE.items():
            if who == "contractor":
                continue
            cells = {
                "職員番号": number, "氏名": name, "カナ氏名": kana, "生年月日": "S60.01.01", "所属コード": unit,
                "所属名": unit_name, "職名": post, "本務兼務区分": "本務", "任用形態": "正規",
                "採用日": "令和2年4月1日", "任期満了日": "99999999", "退職日": "", "発令日": "令和2年4月1日",
                "メールアドレス": f"u{number}@example.jp", **moves.get(who, {}),
            }  # fmt: skip
            rows.append(tuple(cells[column] for column in heading))
        data = text_file(Sheet(heading, tuple(rows)).lines())
        import_feed(self.installation, data, feed_name="aoba", as_of=None, dry_run=False)

    def day(self, day: date) -> None:
        """The worker's round of that day, at its first moment."""
        self.uses.now = max(start_of(day), NOW)
        self.round()

    def round(self) -> None:
        """What the worker does when the day has changed."""
        lifecycle.run(self.installation)
        privileged_uses.run_due(self.installation)
        provision.run_due(self.installation, worker="w1")

    def in_group(self) -> bool:
        """Whether 青木's privileged ID is in the privileged group at this moment."""
        group = next(group for group in self.directory.groups.values() if group.name == "ledger-admin")
        return any(group.holds(one.external_id, self.uses.now) for one in self.directory.accounts.values())

    def enabled(self) -> dict[AccountKind, bool]:
        """Which of 青木's accounts let somebody in."""
        with self.uses.cast.database.reading() as session:
            kinds = {a.uuid: a.kind for a in session.scalars(
                select(Account).where(Account.person_id == self.uses.cast.people["staff"]))}  # fmt: skip
        return {
            kinds[one.account_uuid]: one.enabled(self.uses.now)
            for one in self.directory.accounts.values() if one.account_uuid in kinds
        }  # fmt: skip

    def ends(self) -> dict[str, EndReason | None]:
        with self.uses.cast.database.reading() as session:
            grants = session.scalars(select(Grant).join(Grant.account).where(
                Account.person_id == self.uses.cast.people["staff"]))  # fmt: skip
            return {grant.entitlement.code: grant.end_reason for grant in grants}


def post_losses_of(office: Office) -> list[PostLoss]:
    with office.uses.cast.database.reading() as session:
        return post_losses(session)


@pytest.fixture
def office(cast: Cast, tmp_path: Path) -> Office:
    return Office(cast, tmp_path)


def test_a_right_decided_before_the_file_told_any_post_is_lost_with_the_post_told_later(office: Office) -> None:
    with office.uses.cast.database.writing() as session:
        for grant in session.scalars(select(Grant)):
            grant.rests_on_unit = grant.rests_on_post = None
    office.file()
    office.day(EVE)
    office.uses.now = start_of(MAY)
    office.file(staff=MOVED)
    office.round()
    assert office.ends() == {
        "account": None, "enter": None, "admin-account": EndReason.POST_LOST, "admin": EndReason.POST_LOST,
    }  # fmt: skip


def test_the_right_is_gone_from_the_directory_in_the_run_of_the_day(office: Office) -> None:
    office.file()
    office.day(EVE)
    use_id = office.uses.ask(hours=8)
    office.uses.permit(use_id)
    office.round()
    assert office.in_group()
    office.uses.now = start_of(MAY)
    office.file(staff=MOVED)
    office.round()
    assert not office.in_group()
    assert office.enabled()[AccountKind.PRIVILEGED] is False
    lost = EndReason.POST_LOST
    assert office.ends() == {"account": None, "enter": None, "admin-account": lost, "admin": lost}
    assert office.uses.use(use_id).end_reason is UseEnd.RIGHT_LOST
    with office.uses.cast.database.reading() as session:
        reasons = set(session.scalars(select(Rotation.reason).where(Rotation.account_id == office.uses.account_id())))
        assert RotationReason.HOLDER_CHANGED in reasons


def test_a_reorganisation_takes_nothing_from_whoever_goes_along(cast: Cast, tmp_path: Path) -> None:
    reorganise(cast)
    office = Office(cast, tmp_path)
    office.file()
    office.day(EVE)
    office.uses.now = start_of(MAY) - timedelta(hours=1)
    use_id = office.uses.ask(hours=8)
    office.uses.permit(use_id)
    office.round()
    office.uses.now = start_of(MAY)
    office.file(staff=MOVED | {"所属コード": "0900", "所属名": PEOPLE["auditor"][4]})
    office.round()
    assert office.in_group()
    assert set(office.ends().values()) == {None}
    assert office.uses.use(use_id).end_reason is None
    assert post_losses_of(office) == []


def test_an_auditor_reads_how_many_hours_it_took_also_where_it_was_told_late(office: Office) -> None:
    office.file()
    office.day(EVE)
    office.uses.now = start_of(date(2026, 5, 3))
    office.file(staff=MOVED)
    office.round()
    losses = post_losses_of(office)
    assert [(one.right_name, one.lost_on, one.hours_to_end) for one in losses] == [
        ("管理用ID", MAY, 48.0), ("システム管理", MAY, 48.0),
    ]  # fmt: skip
    assert all(one.removed_at is not None and one.removed_at >= one.ended_at for one in losses)


def test_the_worker_runs_the_day_again_after_a_file_that_tells_of_days_gone_by(office: Office) -> None:
    office.file()
    rounds = worker.Rounds()
    office.uses.now = start_of(date(2026, 5, 3))
    worker.one_round(office.installation, rounds, worker="w1")
    assert office.ends()["admin"] is None
    office.file(staff=MOVED)
    worker.one_round(office.installation, rounds, worker="w1")
    assert office.ends()["admin"] is EndReason.POST_LOST
    followed = rounds.rested_since["lifecycle"]
    worker.one_round(office.installation, rounds, worker="w1")
    assert rounds.rested_since["lifecycle"] == followed, "nothing new was told"


def asked_for(office: Office, account_id: int) -> list[RotationReason]:
    with office.uses.cast.database.reading() as session:
        return list(session.scalars(select(Rotation.reason).where(Rotation.account_id == account_id)))


def holders(office: Office, account_id: int) -> set[int]:
    with office.uses.cast.database.reading() as session:
        rows = session.scalars(select(RegisteredIdHolder).where(RegisteredIdHolder.account_id == account_id))
        return {one.person_id for one in rows if one.ended_at is None}


def test_a_manager_who_moves_leaves_no_password_behind_that_they_could_use(office: Office) -> None:
    """箱崎 manages the ledger system; 今泉 answers for its built-in ID by name, and stays."""
    people = office.uses.cast.people
    account_id = office.uses.register()
    with office.uses.cast.database.writing() as session:
        session.scalars(select(RegisteredId)).one().owner_id = people["other"]
    office.file()
    office.day(EVE)
    assert holders(office, account_id) == {people["chief"], people["system"], people["other"]}
    assert asked_for(office, account_id) == []
    office.uses.now = start_of(MAY)
    office.file(system={"所属コード": "0100", "所属名": "総務課", "職名": "主幹", "発令日": "令和8年5月1日"})
    office.round()
    assert holders(office, account_id) == {people["chief"], people["other"]}
    assert asked_for(office, account_id) == [RotationReason.HOLDER_CHANGED]
    office.round()
    assert asked_for(office, account_id) == [RotationReason.HOLDER_CHANGED], "once for each change"


def test_the_run_of_the_day_tells_of_an_owner_who_has_left_the_unit_they_answer_for(office: Office) -> None:
    office.uses.register()
    with office.uses.cast.database.writing() as session:
        registered = session.scalars(select(RegisteredId)).one()
        registered.owner_id, registered.owner_unit = office.uses.cast.people["other"], "0100"
    office.file()
    office.day(EVE)
    assert office.uses.told("管理責任者がいなくなりました") == set()
    office.uses.now = start_of(MAY)
    office.file(other=MOVED)
    office.round()
    assert office.uses.told("管理責任者がいなくなりました") == {"system"}
