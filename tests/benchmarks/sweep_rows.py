"""A night of the sweep end to end: everything read, judged, recorded and audited; beside one reading by `ldapsearch`.

One account in a hundred is not used any more and is a finding: on the first night a new one, on the second a known one,
and nothing else has changed. Measured at two sizes, so that it is seen how memory grows.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select, update

from connectors.ldap.dialects.openldap import OpenLdap
from connectors.ldap.entries import EntryReader
from idm.database import Database
from idm.models.people import Assignment, OrganisationUnit
from idm.models.systems import Account, Entitlement
from idm.models.work import Finding, OutboxTask, TaskState
from idm.settings import Settings
from idm.vocabulary import EntitlementKind, FindingKind
from jobs.installation import Installation
from jobs.sweep import sweep
from tests.benchmarks.harness import Command, Row, apart
from tests.benchmarks.provisioning_rows import decide
from tests.benchmarks.sample_directory import DORMANT_EVERY, SampleDirectory, new_accounts
from tests.benchmarks.scale import Scale
from tests.cast import build, create_tables

SMALLER = 5
"""How many times the smaller office goes into the other."""
UNUSED = (FindingKind.DORMANT, FindingKind.NEVER_USED, FindingKind.LAST_USE_UNKNOWN)


@contextmanager
def sweep_rows(scale: Scale, folder: Path) -> Iterator[list[Row]]:
    """The rows about two offices, one five times the other, whose directories show what was approved."""
    with ExitStack() as running:
        rows = []
        for accounts in (scale.accounts // SMALLER, scale.accounts):
            place = folder / str(accounts)
            place.mkdir()
            sample = SampleDirectory(place, accounts, groups=3)
            running.callback(sample.stop)
            sample.start()
            office = _Office(sample, place)
            rows += [office.row("first", goal=2.0), office.row("second", goal=1.2)]
        yield rows


class _Office:
    """Databases as they are before the first night and before the second."""

    def __init__(self, sample: SampleDirectory, folder: Path) -> None:
        self.sample, self.folder, self.file = sample, folder, folder / "office.db"
        secrets = folder / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "ledger.password").write_text(sample.server.service_password())
        apart(self._build)

    def _build(self) -> None:
        sample = self.sample
        database = Database(f"sqlite:///{self._kept('first')}")
        create_tables(database)
        decide(build(database), new_accounts(sample.accounts, prefix="u"), sample.server.connector_settings())
        _settle(database, self._external_ids())
        database.dispose()  # the last connection takes the write-ahead log into the file
        self._reset("first")
        self._sweep()
        shutil.copy(self.file, self._kept("second"))

    def row(self, night: str, *, goal: float) -> Row:
        """That night, and how many unused accounts are on record after it."""
        return Row(
            f"sweep of {self.sample.accounts:,} accounts, the {night} night",
            ours=self._sweep,
            reference=self._reading(),
            expected=len(range(0, self.sample.accounts, DORMANT_EVERY)),
            goal=goal,
            reset=lambda: self._reset(night),
        )

    def _kept(self, night: str) -> Path:
        return self.folder / f"before the {night} night.db"

    def _reset(self, night: str) -> None:
        for file in self.folder.glob("office.db*"):
            file.unlink()
        shutil.copy(self._kept(night), self.file)

    def _sweep(self) -> int:
        database = Database(f"sqlite:///{self.file}")
        settings = Settings(database_url=database.url, secrets_dir=self.folder / "secrets")
        results = {one.system_code: one for one in sweep.sweep(Installation(settings, database))}
        result = results["ledger"]
        if result.failure is not None:
            raise RuntimeError(result.failure)
        with database.reading() as session:
            known = select(func.count()).where(Finding.resolved_at.is_(None), Finding.kind.in_(UNUSED))
            found = session.scalar(known) or 0
        database.dispose()
        return found

    def _reading(self) -> Command:
        """Everything that the sweep looks at of an account."""
        entries = EntryReader(self.sample.settings(), OpenLdap())
        wanted = dict.fromkeys((*entries.account_attributes, *entries.use_attributes, *entries.told_attributes))
        return self.sample.ldapsearch("(objectClass=inetOrgPerson)", tuple(wanted), paged=True)

    def _external_ids(self) -> Mapping[UUID, str]:
        connector = self.sample.connector()
        ids = {one.account_uuid: one.external_id for one in connector.account_ids() if one.account_uuid is not None}
        connector.close()
        return ids


def _settle(database: Database, external_ids: Mapping[UUID, str]) -> None:
    """Afterwards everything that was decided is done and handed over, and the books know the directory's ids."""
    with database.writing() as session:
        unit = select(OrganisationUnit.id).where(OrganisationUnit.name == "総務課").scalar_subquery()
        session.execute(update(Assignment).where(Assignment.employment_id >= 1_000).values(unit_id=unit))
        session.execute(update(OutboxTask).values(state=TaskState.DONE))
        groups = session.scalars(select(Entitlement).where(Entitlement.kind == EntitlementKind.GROUP))
        for number, right in enumerate(groups):
            right.external_id, right.target_name = None, f"g{number}"
        rows = session.execute(select(Account.id, Account.uuid)).all()
        session.execute(
            update(Account),
            [
                {"id": number, "external_id": external_ids.get(uuid), "handed_over_at": datetime.now(UTC)}
                for number, uuid in rows
            ],
        )
