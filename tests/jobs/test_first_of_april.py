"""One fiscal-year change of the sample organisation, from the notice in November to the end of the overlap in April.

Everything is done by the people and jobs that do it in life; only the days pass faster. The directory is the one in
memory: what real directories make of single steps is tested where they are real.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.memory.directory import MemoryDirectory
from idm.calendar_days import start_of
from idm.database import Database
from idm.errors import SafetyLimit
from idm.models.people import Absence, Employment
from idm.models.systems import Account, InformationSystem
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.rights import accounts
from idm.samples import ORDERS_FEED, SAMPLE_FEED
from idm.schema import upgrade
from idm.settings import Settings
from idm.vocabulary import BY_HAND, ConfigurationKind
from jobs import first_record, lifecycle, provision
from jobs.demo.prepare import GROUPS, configuration_texts
from jobs.hr.hr_feed import import_feed
from jobs.installation import Installation
from tests.sample_office import SampleOffice

APRIL = date(2027, 4, 1)
MEMORY = "test-first-of-april"


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: datetime = field(default_factory=lambda: datetime(2026, 4, 1, 1, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def to(self, day: date) -> None:
        """Afterwards it is 10:00 of that day in Tokyo."""
        self.now = start_of(day) + timedelta(hours=10)


@dataclass
class Association(SampleOffice):
    """The sample organisation with its directory in memory."""

    clock: Clock
    directory: MemoryDirectory

    def provision(self) -> None:
        """The directory shows what was decided; everybody has their account in hand."""
        provision.run_due(self.installation, worker="test")
        with self.database.writing() as session:
            for account in session.scalars(select(Account).where(Account.handed_over_at.is_(None))):
                if account.external_id is not None:
                    account.handed_over_at = self.clock()
                    accounts.schedule(session, account, now=self.clock())
        provision.run_due(self.installation, worker="test")

    def day(self, day: date) -> lifecycle.RunResult:
        """The night run of the day, and the directory after it."""
        self.clock.to(day)
        result = lifecycle.run(self.installation)
        self.provision()
        return result

    def enabled(self) -> set[str]:
        """The login names that can sign in now."""
        return {one.attributes.login_name for one in self.directory.accounts.values() if one.enabled(self.clock())}

    def members(self, group: str) -> set[str]:
        """The login names in a group."""
        found = next(one for one in self.directory.groups.values() if one.name == group)
        return {self.directory.accounts[member].attributes.login_name for member in found.members}


@pytest.fixture(scope="module")
def association(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Association]:
    folder: Path = tmp_path_factory.mktemp("april")
    settings = Settings(
        database_url=f"sqlite:///{folder / 'idm.db'}", secrets_dir=folder / "secrets",
        checkpoint_file=folder / "checkpoints.jsonl",
    )  # fmt: skip
    settings.secrets_dir.mkdir(mode=0o700)
    (settings.secrets_dir / "office-ldap.password").write_text("unused")
    clock = Clock()
    installation = Installation(settings, Database(settings.database_url), clock)
    upgrade(installation.database)
    directory = MemoryDirectory.named(MEMORY)
    for group in GROUPS:
        directory.add_group(group)
    MemoryDirectory.named(f"{MEMORY}-pension").add_group("records")
    first_record.make(installation, [_in_memory(text) for text in configuration_texts({"name": MEMORY})])
    import_feed(installation, SAMPLE_FEED.read_bytes(), feed_name="aoba", as_of=None, dry_run=False)
    yield Association(installation, clock, directory)
    installation.database.dispose()


def _in_memory(text: ConfigurationText) -> ConfigurationText:
    """The sample's organisation with every system that has a directory in a directory in memory of its own."""
    if text.kind is not ConfigurationKind.ORGANISATION:
        return text
    table = json.loads(text.content)
    for system in (one for one in table["systems"] if one["connector"] != BY_HAND):
        name = MEMORY if system["code"] == "office" else f"{MEMORY}-{system['code']}"
        system["connector"], system["settings"] = "memory", {"name": name}
        system.pop("credential", None)
    return replace(text, content=json.dumps(table, ensure_ascii=False))


def due_to_be_open(association: Association, day: date) -> set[str]:
    """The accounts of everybody employed and not away on the day, read from the personnel records alone."""
    with association.database.reading() as session:
        employments = session.scalars(select(Employment)).all()
        away = {a.employment_id for a in session.scalars(select(Absence)) if _holds(a, day)}
        present = {e.person_id for e in employments if _holds(e, day) and e.id not in away}
        names = session.execute(select(Account.person_id, Account.login_name).join(Account.system).where(
            InformationSystem.code == "office"))  # fmt: skip
        return {name for person_id, name in names if person_id in present}


def _holds(period: Employment | Absence, day: date) -> bool:
    return period.valid_from <= day and (period.valid_until is None or day < period.valid_until)


def test_a_fiscal_year_change_disables_nobody_who_stays_and_leaves_nobody_open_who_is_gone(
    association: Association,
) -> None:
    april = association
    april.consent_of_everybody()
    april.submit_and_approve_all()
    april.provision()
    assert len(april.enabled()) > 280

    # November: the notice comes. Somebody left in September, one is on childcare leave, one on sick leave.
    assert april.day(date(2026, 11, 22)).left == 1
    import_feed(april.installation, ORDERS_FEED.read_bytes(), feed_name="aoba-events", as_of=None, dry_run=False)
    assert april.day(date(2026, 11, 23)).suspended == 4  # two people, two rights each
    assert april.enabled() == due_to_be_open(april, date(2026, 11, 23))
    assert {"a002016", "a002019"} & april.enabled() == set()

    # March: everything is applied for and approved before the day.
    april.clock.to(date(2027, 3, 26))
    april.submit_and_approve_all()
    april.provision()
    before = april.enabled()
    assert april.day(date(2027, 3, 31)).left == 0
    assert april.enabled() == before - {"a002046"} == due_to_be_open(april, date(2027, 3, 31))

    # 1 April: more people leave than one run may stop; nothing happens until two people have said so.
    april.clock.to(date(2027, 3, 31))
    with pytest.raises(SafetyLimit):
        april.day(APRIL)
    assert april.enabled() >= due_to_be_open(april, APRIL) - {"a002601", "a002019"}
    april.permit(APRIL)
    result = april.day(APRIL)
    assert result.batch_id is not None
    assert april.enabled() == due_to_be_open(april, APRIL)
    assert "a002019" in april.enabled()

    # Movers have what the new post gives at once, and what the old one gave for five days more.
    moved = "a002022"
    assert moved in april.members("folder-general") & april.members("folder-welfare")
    april.day(APRIL + timedelta(days=4))
    assert moved in april.members("folder-general")
    april.day(APRIL + timedelta(days=5))
    assert moved not in april.members("folder-general")
    assert moved in april.members("folder-welfare")
    assert april.enabled() == due_to_be_open(april, APRIL + timedelta(days=5))
