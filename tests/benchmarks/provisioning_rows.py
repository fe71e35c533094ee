"""Decisions to accounts, end to end: outbox rows claimed, steps computed, the directory written and read back, the
result and its audit recorded; beside ldapmodify, which only writes."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from idm.database import Database
from idm.employment_kind import EmploymentKind
from idm.grant_state import GrantState
from idm.models.base import Base
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.requests import Grant, Request
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.ports import CreateAccount
from idm.settings import Settings
from idm.vocabulary import AccountKind, EntitlementKind
from jobs import provision
from jobs.installation import Installation
from tests.benchmarks.harness import Row
from tests.benchmarks.sample_directory import SampleDirectory, new_accounts
from tests.benchmarks.scale import Scale
from tests.cast import Cast, build, create_tables

FIRST_ID = 1_000
SINCE = date(2020, 4, 1)


@contextmanager
def provisioning_rows(scale: Scale, folder: Path) -> Iterator[list[Row]]:
    """The rows about one office and its directory; it runs until they are measured."""
    sample = SampleDirectory(folder, accounts=scale.creations)
    sample.start()
    try:
        yield [_joiners_row(sample, scale.creations, folder)]
    finally:
        sample.stop()


def _joiners_row(sample: SampleDirectory, count: int, folder: Path) -> Row:
    people = new_accounts(count, prefix="n")
    ldif = folder / "joiners.ldif"
    ldif.write_text(sample.ldif(people))
    office = _Office(sample, people, folder)
    return Row(
        f"{count:,} approved accounts, from outbox row to read-back",
        ours=office.provision,
        reference=sample.command("ldapmodify", "-a", "-f", str(ldif)),
        expected=count,
        goal=1.5,
        reset=office.reset,
    )


class _Office:
    """A database in which everything is decided and nothing is done yet, restorable to that state."""

    def __init__(self, sample: SampleDirectory, people: Sequence[CreateAccount], folder: Path) -> None:
        self.sample, self.folder = sample, folder
        self.kept, self.file = folder / "decided.db", folder / "office.db"
        secrets = folder / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "ledger.password").write_text(sample.server.service_password())
        database = Database(f"sqlite:///{self.kept}")
        create_tables(database)
        decide(build(database), people, sample.server.connector_settings())
        database.dispose()  # the last connection takes the write-ahead log into the file

    def reset(self) -> None:
        """Afterwards directory and database are as they were before."""
        self.sample.restore()
        for file in self.folder.glob("office.db*"):
            file.unlink()
        shutil.copy(self.kept, self.file)

    def provision(self) -> int:
        """How many tasks ended as done."""
        database = Database(f"sqlite:///{self.file}")
        settings = Settings(database_url=database.url, secrets_dir=self.folder / "secrets")
        provision.run_due(Installation(settings, database), worker="benchmark")
        with database.reading() as session:
            return session.scalar(select(func.count()).where(OutboxTask.state == TaskState.DONE)) or 0


def decide(cast: Cast, people: Sequence[CreateAccount], directory: dict[str, object]) -> None:
    """Afterwards each of the people has an approved account in the ledger system that the worker has not seen yet."""
    now = datetime.now(UTC)
    request_id = cast.file("staff", ("staff", "ledger/account"), now=now)
    with cast.database.writing() as session:
        line = session.get_one(Request, request_id).lines[0]
        system = session.get_one(InformationSystem, line.system_id)
        system.connector, system.connector_settings = "openldap", directory
        for right in system.entitlements:
            if right.kind is EntitlementKind.GROUP:
                right.external_id = f"never-asked-for-{right.code}"  # no group is given in this row
        _insert(session, people, line.id, line.entitlement_id, system.id, now)


def _insert(
    session: Session, people: Sequence[CreateAccount], line_id: int, right_id: int, system_id: int, now: datetime
) -> None:
    unit_id = session.scalars(select(OrganisationUnit.id)).first()
    numbered = list(enumerate(people, start=FIRST_ID))
    rows: dict[type[Base], list[dict[str, Any]]] = {
        Person: [
            {"id": n, "name": p.attributes.display_name, "kana": "", "search_key": "", "mail": p.attributes.mail,
             "created_at": now} for n, p in numbered
        ],
        Employment: [
            {"id": n, "person_id": n, "staff_number": p.attributes.employee_number, "kind": EmploymentKind.REGULAR,
             "valid_from": SINCE} for n, p in numbered
        ],
        Assignment: [
            {"employment_id": n, "unit_id": unit_id, "post": "主事", "primary": True, "valid_from": SINCE}
            for n, _ in numbered
        ],
        Account: [
            {"id": n, "uuid": p.account_uuid, "system_id": system_id, "person_id": n, "kind": AccountKind.PERSONAL,
             "login_name": p.attributes.login_name, "generation": 1, "created_at": now} for n, p in numbered
        ],
        Grant: [
            {"account_id": n, "entitlement_id": right_id, "line_id": line_id, "valid_from": SINCE,
             "state": GrantState.IN_FORCE} for n, _ in numbered
        ],
        OutboxTask: [
            {"system_id": system_id, "account_id": n, "generation": 1, "state": TaskState.WAITING, "due_at": now,
             "created_at": now, "attempts": 0} for n, _ in numbered
        ],
    }  # fmt: skip
    for mapped, values in rows.items():
        # the tables themselves: a hundred thousand objects of mapped classes take longer than what is measured
        session.connection().execute(insert(Base.metadata.tables[mapped.__tablename__]), values)
