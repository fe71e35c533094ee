"""Wanted versus seen: a whole directory compared with what was approved, and what changed since the last time.

The reference of the first is what cannot be avoided: `ldapsearch` for the same attributes, and one raw SELECT of the
accounts. The second is measured beside our own reading of everything.
"""

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert, select

from connectors.ldap.connector import LdapConnector
from connectors.ldap.dialects.openldap import OpenLdap
from connectors.ldap.entries import EntryReader
from idm.database import Database
from idm.models.base import Base
from idm.models.going_live import SettledAccount
from idm.models.systems import Account, InformationSystem
from idm.queries.governance.configuration import policy_in_force
from idm.settings import Settings
from idm.vocabulary import AccountKind
from jobs.installation import Installation
from jobs.sweep.recognition import Nobody, recognise
from tests.benchmarks.harness import Row
from tests.benchmarks.sample_directory import SampleDirectory
from tests.benchmarks.scale import Scale
from tests.cast import build, create_tables

CHANGED_EVERY = 100


@contextmanager
def comparing_rows(scale: Scale, folder: Path) -> Iterator[list[Row]]:
    """The rows about one office whose accounts were all found right the night before."""
    sample = SampleDirectory(folder, scale.accounts)
    sample.start()
    try:
        office = _Office(sample, folder)
        yield [office.incremental_row(), office.unchanged_row()]
    finally:
        sample.stop()


class _Office:
    def __init__(self, sample: SampleDirectory, folder: Path) -> None:
        self.sample, self.file = sample, folder / "office.db"
        secrets = folder / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "ledger.password").write_text(sample.server.service_password())
        database = Database(f"sqlite:///{self.file}")
        create_tables(database)
        cast = build(database)
        with cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            system.connector, system.connector_settings = "openldap", sample.server.connector_settings()
            self.system_id = system.id
        settings = Settings(database_url=database.url, secrets_dir=secrets)
        self.installation = Installation(settings, database)
        self._settle()
        database.dispose()

    def unchanged_row(self) -> Row:
        """All accounts compared; those that changed are found by their broken seals."""
        return Row(
            f"compare {self.sample.accounts:,} accounts with what was approved",
            ours=self._compare,
            reference=self._read_and_select(),
            expected=self.sample.accounts - self.changed,
            goal=0.9,
        )

    def incremental_row(self) -> Row:
        """One account in a hundred changed since the cursor was taken."""
        self._change([0])
        cursor = self.sample.connector().changes_since(None).cursor
        self._change(range(0, self.sample.accounts, CHANGED_EVERY))
        return Row(
            f"read the 1 % of {self.sample.accounts:,} accounts that changed, beside a full reading",
            ours=lambda: sum(1 for _ in self.sample.connector().changes_since(cursor).accounts),
            reference=lambda: sum(1 for _ in self.sample.connector().accounts()),
            expected=self.changed,
            goal=0.04,
        )

    def _settle(self) -> None:
        connector = self.sample.connector()
        uuids: list[UUID] = [one.account_uuid for one in connector.account_ids() if one.account_uuid]
        seen = connector.find(uuids)
        connector.close()
        now = datetime.now(UTC)
        rows: dict[type[Base], list[dict[str, object]]] = {
            Account: [
                {"id": number, "uuid": uuid, "system_id": self.system_id, "kind": AccountKind.SERVICE, "generation": 1,
                 "login_name": account.attributes.login_name, "created_at": now, "external_id": account.external_id}
                for number, (uuid, account) in enumerate(seen.items(), start=1000)
            ],
            SettledAccount: [
                {"account_id": number, "seal": account.seal, "generation": 1, "until": None, "groups": ""}
                for number, account in enumerate(seen.values(), start=1000)
            ],
        }  # fmt: skip
        with self.installation.database.writing() as session:
            for table, values in rows.items():
                session.execute(insert(table), values)

    def _compare(self) -> int:
        database = Database(f"sqlite:///{self.file}")
        installation = Installation(self.installation.settings, database)
        with database.reading() as session:
            system = session.get_one(InformationSystem, self.system_id)
        directory = installation.open_target(system)
        assert isinstance(directory, LdapConnector)
        with database.reading() as session:
            policy = policy_in_force(session, now=datetime.now(UTC))
        found = recognise(
            installation, directory, system, (), lambda _row, _account: False, policy=policy, now=datetime.now(UTC),
            by_seal=True, audience=Nobody(),
        )  # fmt: skip
        directory.close()
        return found.examined

    def _read_and_select(self) -> Callable[[], int]:
        attributes = EntryReader(self.sample.settings(), OpenLdap()).account_attributes
        search = self.sample.ldapsearch("(objectClass=inetOrgPerson)", attributes, paged=True)

        def read_and_select() -> int:
            environment = {**os.environ, **search.environment}
            subprocess.run(search.arguments, env=environment, check=True, stdout=subprocess.DEVNULL)
            with closing(sqlite3.connect(self.file)) as database:
                return len(database.execute("SELECT uuid, login_name, generation FROM accounts").fetchall())

        return read_and_select

    def _change(self, changed: Sequence[int]) -> None:
        ldif = "".join(
            f"dn: uid=u{number:06d},{self.sample.server.people_base}\nchangetype: modify\n"
            f"replace: employeeNumber\nemployeeNumber: {len(changed)}\n\n"
            for number in changed
        )
        file = self.sample.server.folder / "changes.ldif"
        file.write_text(ldif)
        command = self.sample.command("ldapmodify", "-f", str(file))
        subprocess.run(command.arguments, env={**os.environ, **command.environment}, check=True, capture_output=True)
        self.changed = len(changed)
