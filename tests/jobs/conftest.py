"""The cast's office with its ledger system on a real OpenLDAP, and a clock that tests may move forward."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.keys.sealing import new_handover_key
from idm.models.people import Employment
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask
from idm.operations.passwords import handovers
from idm.settings import MailSettings, Settings
from idm.vocabulary import LineEffect, RequestAction
from jobs import provision
from jobs.installation import Installation
from tests.cast import Cast
from tests.connectors.entra_tenant import graph, own_certificate, tenant_target
from tests.servers.openldap import OpenLDAP

GROUPS = ("ledger-enter", "ledger-approve", "ledger-admin")

__all__ = ["graph", "own_certificate", "tenant_target"]


@dataclass
class Clock:
    """The machine's time, moved forward by `ahead`."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        """Now."""
        return datetime.now(UTC) + self.ahead


@dataclass
class Office:
    """The cast, its installation, and the real directory behind its ledger system."""

    cast: Cast
    installation: Installation
    directory: OpenLDAP
    clock: Clock

    def dn(self, login_name: str) -> str:
        """Where the connector keeps the account."""
        return f"uid={login_name},{self.directory.people_base}"

    def entry(self, login_name: str) -> dict[str, list[str]]:
        """The account as the directory's administrator sees it; empty when there is none."""
        return self.directory.read(self.dn(login_name), "*", "+")

    def members(self, group: str) -> set[str]:
        """The login names in a group."""
        found = self.directory.read(f"cn={group},{self.directory.groups_base}", "member").get("member", [])
        return {dn.partition(",")[0].removeprefix("uid=") for dn in found if dn.startswith("uid=")}

    def provision(self, worker: str = "w1") -> int:
        """One round of the provisioning job."""
        return provision.run_due(self.installation, worker=worker)

    def grant(self, who: str, *rights: str, valid_until: datetime | None = None) -> int:
        """`who` has applied for the rights and both officers have approved; the id of the application."""
        now = self.clock()
        end = valid_until.date() if valid_until else None
        request = self.cast.file(who, *((who, right) for right in rights), now=now, valid_until=end)
        for line in range(len(rights)):
            self.cast.approve(request, now=now, line=line)
        return request

    def revoke(self, who: str, right: str) -> int:
        """The same for taking a right away."""
        request = self.cast.file(
            who, (who, right), now=self.clock(), action=RequestAction.REMOVE, effect=LineEffect.REVOKE
        )
        self.cast.approve(request, now=self.clock())
        return request

    def account(self, session: Session, who: str) -> Account:
        """The person's account in the ledger system."""
        return session.scalars(
            select(Account).join(Account.system)
            .where(Account.person_id == self.cast.people[who], InformationSystem.code == "ledger")
        ).one()  # fmt: skip

    def tasks(self, who: str) -> list[OutboxTask]:
        """The outbox tasks about the person's account, oldest first."""
        with self.cast.database.reading() as session:
            account = self.account(session, who)
            return list(
                session.scalars(select(OutboxTask).where(OutboxTask.account_id == account.id).order_by(OutboxTask.id))
            )

    def hand_over(self, who: str) -> tuple[str, str]:
        """Login name and temporary password, after the whole hand-over by the desk."""
        private, public = new_handover_key()
        handover_id = self.ask(who, public)
        self.provision()
        with self.cast.acting("desk", now=self.clock()) as session:
            shown = handovers.show(
                session, handover_id=handover_id, private_key=private, actor=self.cast.actor("desk"),
                policy=self.cast.policy, now=self.clock(),
            )  # fmt: skip
            return shown.login_name, shown.password

    def ask(self, who: str, public: bytes) -> int:
        """The desk asks for a hand-over; its id."""
        with self.cast.acting("desk", now=self.clock()) as session:
            handover = handovers.ask(
                session, account_id=self.account(session, who).id, public_key=public, actor=self.cast.actor("desk"),
                policy=self.cast.policy, now=self.clock(),
            )  # fmt: skip
            return handover.id

    def leave(self, who: str) -> None:
        """The personnel record says that yesterday was the person's last day."""
        with self.cast.database.writing() as session:
            employment = session.scalars(select(Employment).where(Employment.person_id == self.cast.people[who])).one()
            employment.valid_until = self.clock().date()


@pytest.fixture(scope="module")
def openldap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenLDAP]:
    """A running directory with the ledger's groups, shared by the module."""
    directory = OpenLDAP(tmp_path_factory.mktemp("openldap"))
    directory.build(
        "\n".join(
            f"dn: cn={name},{OpenLDAP.groups_base}\nobjectClass: groupOfNames\ncn: {name}\n"
            f"member: {OpenLDAP.placeholder_dn}\n"
            for name in GROUPS
        )
        + "\n"
    )
    directory.start()
    yield directory
    directory.stop()


@pytest.fixture
def office(cast: Cast, openldap: OpenLDAP, tmp_path: Path) -> Iterator[Office]:
    """The office, with an empty directory."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "ledger.password").write_text(openldap.service_password(), encoding="utf-8")
    settings = Settings(
        database_url=cast.database.url, secrets_dir=secrets, checkpoint_file=tmp_path / "checkpoints.jsonl",
        base_url="https://idm.example.jp", mail=MailSettings(),
    )  # fmt: skip
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector, system.connector_settings = "openldap", openldap.connector_settings()
    clock = Clock()
    office = Office(cast, Installation(settings, cast.database, clock), openldap, clock)
    yield office
    for dn in openldap.people():
        openldap.apply(f"dn: {dn}\nchangetype: delete\n")
