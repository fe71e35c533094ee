"""A system that was in use before the product came, and what tests say about taking it over."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select

from idm.actor import Actor
from idm.models.going_live import FoundAccount
from idm.models.requests import Request
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.operations.approval import decisions
from idm.operations.approval.decisions import Verdict
from idm.operations.information_systems import adoption, found_accounts, inventory
from idm.operations.information_systems.adoption import Submitted
from idm.operations.information_systems.found_accounts import Settlement
from idm.operations.information_systems.inventory import Inventory
from idm.ports import Attributes, TargetAccount
from idm.request_state import Event
from idm.vocabulary import EntitlementKind, FoundState, Role, Stage
from tests.cast import NOW, Cast

JOB = Actor.job("tests.inventory")
GROUPS = {"enter": "g-enter", "approve": "g-approve", "admin": "g-admin"}


def there(
    key: str, login_name: str, *, name: str = "？", number: str | None = None, mail: str | None = None,
    unit: str | None = None, groups: Sequence[str] = (), protected: bool = False,
) -> TargetAccount:  # fmt: skip
    """An account of the target that is not ours. `groups` are codes of rights."""
    said = Attributes(login_name, name, name, "", number, mail, unit)
    return TargetAccount(key, None, said, True, None, frozenset(GROUPS[group] for group in groups), protected=protected)


STAFF = there("e-staff", "aoki", name="青木　一郎", number="100009", mail="aoki@old.example.jp", groups=["enter"])
OTHER = there("e-other", "u100010", name="今泉")
SHARED = there("e-shared", "soumu", name="総務課共用")
BY_SYSTEM = "system"
"""The manager of the ledger system."""


@dataclass
class Ledger:
    """The ledger system of the cast with accounts in it that nobody of us made."""

    cast: Cast
    now: datetime = NOW
    accounts: list[TargetAccount] = field(default_factory=list)

    def at(self, stage: Stage, adopt_until: date | None = None) -> "Ledger":
        """Afterwards the system is at that stage."""
        with self.cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            system.stage, system.adopt_until = stage, adopt_until
            for right in system.entitlements:
                right.external_id = GROUPS.get(right.code)
        return self

    def take(self, *accounts: TargetAccount, gone_is_right: bool = False) -> Inventory:
        """One inventory that sees these accounts, a minute after the one before."""
        self.now += timedelta(minutes=1)
        with self.cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            return inventory.record_inventory(
                session, system, iter(accounts), gone_is_right=gone_is_right, actor=JOB, policy=self.cast.policy,
                now=self.now,
            )  # fmt: skip

    def found(self, login_name: str) -> FoundAccount:
        """The account as the inventory keeps it."""
        with self.cast.database.reading() as session:
            return session.scalars(select(FoundAccount).where(FoundAccount.login_name == login_name)).one()

    def settle(
        self, who: str, login_name: str, state: FoundState = FoundState.PERSON, *, person: str | None = None,
        reason: str = "台帳で確かめた", **more: object,
    ) -> None:  # fmt: skip
        """`who` says whose the account is."""
        said = replace(
            Settlement(state, reason, self.cast.people[person] if person else None),
            **more,  # type: ignore[arg-type]
        )
        with self.cast.acting(who, "found.settle", self.now) as session:
            found_accounts.settle(
                session, self.found(login_name).id, said, actor=self.cast.actor(who), policy=self.cast.policy,
                now=self.now,
            )  # fmt: skip

    def apply(self, who: str = BY_SYSTEM, *, privileged_until: date | None = None) -> Submitted:
        """`who` submits the inventory application."""
        with self.cast.acting(who, "adoption.submit", self.now) as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            done = adoption.submit_adoption(
                session, system.id, reason="導入前からの利用", privileged_until=privileged_until,
                actor=self.cast.actor(who), policy=self.cast.policy, now=self.now,
            )  # fmt: skip
            assert done.request.lines
            return done

    def decide(
        self, who: str, request_id: int, seat: Role, *, reject: Sequence[tuple[str, str]] = (),
        only: EntitlementKind | None = None,
    ) -> None:  # fmt: skip
        """`who` decides every line of the application at once; `reject` names (person, right)."""
        rejected = {(self.cast.people[person], right) for person, right in reject}
        with self.cast.acting(who, "request.decide", self.now) as session:
            request = session.get_one(Request, request_id)
            verdicts = {
                step.id: Verdict(
                    Event.REJECT if (line.subject_id, line.entitlement.code) in rejected else Event.APPROVE,
                    "確認しました", request.content_hash or "",
                )
                for line in request.lines
                for step in line.steps
                if step.seat is seat and step.decider_id is None and step.state.value == "pending"
                if only in (None, line.entitlement.kind)
            }  # fmt: skip
            decisions.decide_lines(
                session, request_id=request_id, verdicts=verdicts, actor=self.cast.actor(who),
                policy=self.cast.policy, now=self.now,
            )  # fmt: skip

    def account(self, who: str) -> Account | None:
        """The person's account in the system."""
        with self.cast.database.reading() as session:
            return session.scalars(
                select(Account).join(Account.system)
                .where(Account.person_id == self.cast.people[who], InformationSystem.code == "ledger")
            ).one_or_none()  # fmt: skip

    def entitlement(self, code: str) -> Entitlement:
        """A right of the system."""
        with self.cast.database.reading() as session:
            return self.cast.entitlement(session, f"ledger/{code}")
