"""The cast with privileged IDs to use: 青木's own one in the ledger system, and its registered built-in one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.going_live import FoundAccount
from idm.models.privileged import PrivilegedUse, RegisteredId
from idm.models.requests import Grant
from idm.models.systems import Account, InformationSystem
from idm.models.work import MailMessage
from idm.operations.privileged import use_decisions, uses, work_reports
from idm.operations.privileged.uses import WantedUse
from idm.vocabulary import AccountKind, FoundState, Role, UseState
from tests.carried_out import carry_out
from tests.cast import NOW, PEOPLE, Cast

JOB = Actor.job("tests.clock")
PURPOSE = "月次の設定変更"


@dataclass
class Uses:
    """What the office does with its privileged IDs, at a clock that tests move by hand."""

    cast: Cast
    now: datetime = NOW

    def give(self, who: str = "staff", *rights: str, valid_until: datetime | None = None) -> None:
        """`who` has a privileged ID of their own there, with these rights; the worker has made it."""
        self.approve(who, *rights, valid_until=valid_until)
        carry_out(self.cast, now=self.now)

    def approve(self, who: str = "staff", *rights: str, valid_until: datetime | None = None) -> None:
        """The same, decided and not made yet."""
        wanted = rights or ("ledger/admin-account", "ledger/admin")
        end = valid_until.date() if valid_until else day_of(self.now) + timedelta(days=180)
        request = self.cast.file("hr", *((who, right) for right in wanted), now=self.now, valid_until=end)
        for line in range(len(wanted)):
            for seat in (Role.CHIEF, Role.SYSTEM):
                by = "vice" if seat.value == who else seat.value
                self.cast.decide(by, request, seat, now=self.now, line=line)

    def register(self, login_name: str = "Administrator", *, system: str = "ledger") -> int:
        """A registered ID that is nobody's own; the id of its account."""
        with self.cast.database.writing() as session:
            system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == system)).one()
            account = Account(
                uuid=uuid4(), system_id=system_id, person_id=None, kind=AccountKind.PRIVILEGED, login_name=login_name,
                created_at=self.now, generation=0, external_id=f"id-of-{login_name}",
            )  # fmt: skip
            found = FoundAccount(
                system_id=system_id, external_id=f"id-of-{login_name}", login_name=login_name, enabled=True,
                display_name=login_name, candidates=[], first_seen_at=self.now, last_seen_at=self.now,
                protected=False, marked=False, state=FoundState.NOT_PERSONAL, kind=AccountKind.PRIVILEGED, groups=[],
            )  # fmt: skip
            session.add_all([account, found])
            session.flush()
            registered = RegisteredId(
                system_id=system_id, found_id=found.id, account_id=account.id, kind=AccountKind.PRIVILEGED,
                purpose="保守", owner_id=self.cast.people["system"], kept=True, valid_until=None,
                proposed_by_id=self.cast.people["system"], proposed_at=self.now,
                accepted_by_id=self.cast.people["chief"], accepted_at=self.now,
            )  # fmt: skip
            session.add(registered)
            return account.id

    def account_id(self, who: str = "staff") -> int:
        """The person's own privileged ID."""
        with self.cast.database.reading() as session:
            return session.scalars(
                select(Account.id).where(
                    Account.person_id == self.cast.people[who], Account.kind == AccountKind.PRIVILEGED
                )
            ).one()

    def grant_ids(self, who: str = "staff", right: str = "admin") -> tuple[int, ...]:
        """The person's live right of that code."""
        with self.cast.database.reading() as session:
            rows = session.scalars(
                select(Grant).join(Grant.account).where(Account.person_id == self.cast.people[who])
            ).all()
            return tuple(one.id for one in rows if one.entitlement.code == right and one.ended_at is None)

    def wanted(self, who: str = "staff", **changes: Any) -> WantedUse:
        """What `who` asks for: their own ID with its right for two hours from now, unless it is said otherwise."""
        values: dict[str, Any] = {"purpose": PURPOSE, "hours": 2, "wanted_from": self.now, **changes}
        if "account_id" not in values:
            values |= {"account_id": self.account_id(who), "grant_ids": values.get("grant_ids", self.grant_ids(who))}
        return WantedUse(**values)

    def ask(self, who: str = "staff", *, fresh: bool = True, emergency: bool = False, **changes: Any) -> int:
        """`who` has asked; the id of the use."""
        wanted, actor = self.wanted(who, **changes), self.cast.actor(who) if fresh else self.cast.stale(who)
        asking = uses.ask_in_emergency if emergency else uses.ask
        with self.cast.acting(who, "privileged_use.ask", self.now) as session:
            return asking(session, wanted, actor=actor, policy=self.cast.policy, now=self.now).id

    def permit(self, use_id: int, who: str = "chief") -> None:
        """`who` permits it."""
        with self.cast.acting(who, "privileged_use.permit", self.now) as session:
            use_decisions.permit(
                session, use_id, comment="必要な作業です", actor=self.cast.actor(who), policy=self.cast.policy,
                now=self.now,
            )  # fmt: skip

    def refuse(self, use_id: int, who: str = "chief") -> None:
        """`who` refuses it."""
        with self.cast.acting(who, "privileged_use.refuse", self.now) as session:
            use_decisions.refuse(
                session, use_id, comment="別の日にしてください", actor=self.cast.actor(who), policy=self.cast.policy,
                now=self.now,
            )  # fmt: skip

    def act(self, name: str, use_id: int, who: str, **values: object) -> None:
        """`who` does that to the use: withdraw, give_back, attend, stop, write or check."""
        operation = getattr(uses, name, None) or getattr(work_reports, name)
        with self.cast.acting(who, f"privileged_use.{name}", self.now) as session:
            operation(session, use_id, actor=self.cast.actor(who), policy=self.cast.policy, now=self.now, **values)

    def carry_on(self, *, hours: float = 0, seconds: float = 0) -> int:
        """So much later, the clock does what it does; how many uses moved."""
        self.now += timedelta(hours=hours, seconds=seconds)
        with self.cast.database.writing() as session:
            return uses.carry_on(session, actor=JOB, policy=self.cast.policy, now=self.now)

    def escalate(self) -> int:
        """Overdue reports are told of; how many."""
        with self.cast.database.writing() as session:
            return work_reports.escalate(session, actor=JOB, policy=self.cast.policy, now=self.now)

    def worker(self) -> None:
        """The worker carries out what is due, and reads it back."""
        carry_out(self.cast, now=self.now)
        with self.cast.database.writing() as session:
            ids = session.scalars(select(PrivilegedUse.account_id)).all()
            uses.follow(session, ids, actor=JOB, policy=self.cast.policy, now=self.now)

    def opened(self, who: str = "staff", **changes: Any) -> int:
        """A use of `who` that was asked, permitted and opened, and read back."""
        use_id = self.ask(who, **changes)
        self.permit(use_id)
        self.carry_on()
        self.worker()
        return use_id

    def use(self, use_id: int) -> PrivilegedUse:
        """The use as it is."""
        with self.cast.database.reading() as session:
            return session.get_one(PrivilegedUse, use_id)

    def state(self, use_id: int) -> UseState:
        """Its state."""
        return self.use(use_id).state

    def told(self, subject: str) -> set[str]:
        """Whose mail box has a notice with these words in its subject."""
        with self.cast.database.reading() as session:
            rows = session.scalars(select(MailMessage.recipient).where(MailMessage.subject.contains(subject))).all()
        numbers = {f"u{number}@example.jp": name for name, (number, *_) in PEOPLE.items()}
        return {numbers.get(recipient, recipient) for recipient in rows}
