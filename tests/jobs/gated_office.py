"""The cast's pension system behind the gate, on a real directory that demands factors by a card or by a group."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.grant_state import GrantState
from idm.keys.sealing import new_handover_key
from idm.models.authenticators import FactorReading
from idm.models.requests import Grant
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding
from idm.operations.factors import authenticator_end
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.passwords import handovers
from idm.operations.sweep.findings import OF_FACTORS
from idm.policy_file import effective_text, load_profile
from idm.settings import MailSettings, Settings
from idm.vocabulary import AuthenticatorKind, ConfigurationKind, FindingKind, LineEffect, RequestAction
from jobs import provision
from jobs.installation import Installation
from jobs.sweep import reconcile, sweep
from tests import authenticator_office as desk
from tests.cast import Cast
from tests.jobs.conftest import Clock

BY_CARD = {"by": "smart_card", "name": "スマートカード", "group": None, "password": False, "terminals": ["年金窓口1"]}
BY_GROUP = {"by": "group", "name": "端末の二要素認証", "group": "pension-two-factor", "password": True, "terminals": []}

WATCHED = OF_FACTORS | {FindingKind.DRIFT, FindingKind.MISSING, FindingKind.CHECK_FAILED}


@dataclass
class Gated:
    """The office; what it knows of 青木's account in the pension system, and what it does about it."""

    cast: Cast
    installation: Installation
    clock: Clock

    @classmethod
    def at(
        cls, cast: Cast, folder: Path, *, connector: str, settings: dict[str, object], password: str,
        verification: dict[str, Any],
    ) -> "Gated":  # fmt: skip
        """The office whose pension system is this directory."""
        secrets = folder / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "pension.password").write_text(password, encoding="utf-8")
        with cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
            system.connector, system.connector_settings, system.credential = connector, settings, "pension.password"
            system.verification, system.factor_group_id = {**verification, "listing": None}, None
        values = Settings(
            database_url=cast.database.url, secrets_dir=secrets, checkpoint_file=folder / "checkpoints.jsonl",
            base_url="https://idm.example.jp", mail=MailSettings(),
        )  # fmt: skip
        clock = Clock()
        return cls(cast, Installation(values, cast.database, clock), clock)

    def approve(self, who: str = "staff") -> None:
        """The account of the pension system is applied for and approved."""
        now = self.clock()
        self.cast.approve(self.cast.file("hr", (who, "pension/account"), now=now), now=now)

    def revoke(self, who: str = "staff") -> None:
        """The same for taking it away."""
        now, take = self.clock(), (RequestAction.REMOVE, LineEffect.REVOKE)
        request = self.cast.file("hr", (who, "pension/account"), now=now, action=take[0], effect=take[1])
        self.cast.approve(request, now=now)

    def forbid_the_zone(self) -> None:
        """The organisation decides to keep out of the My Number zone altogether; two people have accepted it."""
        content = effective_text(load_profile("fukuoka")).replace(
            '"mynumber_forbidden": false', '"mynumber_forbidden": true'
        )
        text = ConfigurationText(ConfigurationKind.PROFILE, "fukuoka", content)
        now = self.clock()
        with self.cast.acting("security", now=now) as session:
            proposed = configuration.propose(
                session, text, reason="使わないため", actor=self.cast.actor("security"), now=now
            ).id
        with self.cast.acting("ciso", now=now) as session:
            configuration.accept(session, proposed, actor=self.cast.actor("ciso"), now=now)

    def give_factor(self, kind: AuthenticatorKind, label: str = "0001") -> int:
        """The desk hands one out and sees it work in the pension system."""
        now = self.clock()
        authenticator_id = desk.issue(self.cast, label, kind=kind, now=now)
        desk.activate(self.cast, authenticator_id, "pension", now=now)
        return authenticator_id

    def lose(self, authenticator_id: int) -> None:
        """Its owner says that it is lost."""
        desk.lose(self.cast, authenticator_id, now=self.clock())

    def give_back(self, authenticator_id: int) -> None:
        """The desk has it again."""
        now, actor = self.clock(), self.cast.actor("desk")
        with self.cast.acting("desk", now=now) as session:
            authenticator_end.collect(session, authenticator_id, actor=actor, policy=self.cast.policy, now=now)

    def one_pass(self) -> int:
        """One pass of the worker over the account; how many tasks there were."""
        with self.cast.database.reading() as session:
            system_id = self.account(session).system_id
        return provision.run_system(self.installation, system_id, worker="w1", limit=1)

    def settle(self) -> None:
        """The worker has nothing more to do."""
        provision.run_due(self.installation, worker="w1")

    def reconcile(self) -> None:
        """The directory is compared with what was approved."""
        assert not [one.failure for one in reconcile.reconcile(self.installation, system_code="pension") if one.failure]

    def sweep(self) -> None:
        """The night."""
        assert not [one.failure for one in sweep.sweep(self.installation, system_code="pension") if one.failure]

    def account(self, session: Session) -> Account:
        """The one account of the system."""
        query = select(Account).join(Account.system).where(InformationSystem.code == "pension")
        return session.scalars(query).one()

    @property
    def state(self) -> GrantState:
        """The state of the right."""
        with self.cast.database.reading() as session:
            return session.scalars(select(Grant.state).where(Grant.account_id == self.account(session).id)).one()

    @property
    def login_name(self) -> str:
        """The name in the directory."""
        with self.cast.database.reading() as session:
            return self.account(session).login_name

    @property
    def required(self) -> bool | None:
        """What was read back last; None = nothing was."""
        with self.cast.database.reading() as session:
            return session.scalars(select(FactorReading.required)).one_or_none()

    @property
    def read_at(self) -> datetime:
        """When that was."""
        with self.cast.database.reading() as session:
            return session.scalars(select(FactorReading.read_at)).one()

    def found(self) -> dict[FindingKind, str]:
        """What the examinations have found about factors and accounts and is not over, in words."""
        with self.cast.database.reading() as session:
            rows = session.scalars(select(Finding).where(Finding.resolved_at.is_(None)))
            return {one.kind: str(one.details.get("reason")) for one in rows if one.kind in WATCHED}

    def hand_over(self) -> str:
        """The temporary password, after the whole hand-over by the desk."""
        private, public = new_handover_key()
        now, actor = self.clock(), self.cast.actor("desk")
        with self.cast.acting("desk", now=now) as session:
            account_id = self.account(session).id
            asked = handovers.ask(
                session, account_id=account_id, public_key=public, actor=actor, policy=self.cast.policy, now=now
            ).id
        self.settle()
        with self.cast.acting("desk", now=self.clock()) as session:
            return handovers.show(
                session, handover_id=asked, private_key=private, actor=actor, policy=self.cast.policy, now=self.clock()
            ).password
