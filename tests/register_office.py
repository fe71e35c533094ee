"""The cast with a shared ID in the register of the ledger system: 箱崎 proposed it and answers for it."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from idm.calendar_days import day_of
from idm.models.people import Assignment, OrganisationUnit
from idm.models.privileged import RegisteredId, RegisteredIdHolder, Rotation
from idm.models.requests import Grant
from idm.models.systems import Account, InformationSystem
from idm.operations.governance import officers
from idm.operations.privileged import hand_changes, holder_changes, registered_ids, registered_owners
from idm.operations.privileged.registered_ids import WantedId
from idm.operations.rights import lifecycle
from idm.vocabulary import AccountKind, FindingKind, Role, RotationReason, Stage
from jobs.sweep.our_books import found_in_our_books
from tests.cast import NOW, Cast
from tests.going_live import SHARED, Ledger
from tests.use_office import JOB, Uses

UNTIL = date(2027, 3, 31)


@dataclass
class Register:
    """What the office does with registered IDs, at a clock that tests move by hand (the clock of its uses)."""

    cast: Cast
    uses: Uses = field(init=False)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.uses, self.ledger = Uses(self.cast, NOW), Ledger(self.cast)
        self.ledger.at(Stage.ADOPT).take(SHARED)
        self.ledger.at(Stage.ENFORCE)

    @property
    def now(self) -> datetime:
        """The office's clock."""
        return self.uses.now

    def propose(self, **more: object) -> int:
        """箱崎 has proposed the shared ID."""
        by = "system"
        said = replace(
            WantedId(AccountKind.SHARED, "窓口の端末", self.cast.people["system"], True, UNTIL),
            **more,  # type: ignore[arg-type]
        )
        with self.cast.acting(by, "registered_id.propose", self.now) as session:
            found = self.ledger.found("soumu").id
            return registered_ids.propose(
                session, found, said, actor=self.cast.actor(by), policy=self.cast.policy, now=self.now
            ).id

    def act(self, name: str, registered: int, who: str, **values: object) -> None:
        """`who` does that to the registration: accept, refuse, renew or end."""
        with self.cast.acting(who, f"registered_id.{name}", self.now) as session:
            getattr(registered_ids, name)(
                session, registered, actor=self.cast.actor(who), policy=self.cast.policy, now=self.now, **values
            )

    def owner(self, name: str, registered: int, who: str, **values: object) -> None:
        """`who` proposes, accepts or refuses another owner."""
        with self.cast.acting(who, f"registered_id.owner_{name}", self.now) as session:
            getattr(registered_owners, name)(
                session, registered, actor=self.cast.actor(who), policy=self.cast.policy, now=self.now, **values
            )

    def changed_by_hand(self, registered: int, who: str = "system") -> None:
        """`who` says that they changed the password."""
        with self.cast.acting(who, "registered_id.changed", self.now) as session:
            hand_changes.done(session, registered, actor=self.cast.actor(who), policy=self.cast.policy, now=self.now)

    def register(self, **more: object) -> int:
        """The shared ID stands in the register."""
        registered = self.propose(**more)
        self.act("accept", registered, "chief")
        return registered

    def row(self, registered: int) -> RegisteredId:
        """The registration as it is."""
        with self.cast.database.reading() as session:
            return session.get_one(RegisteredId, registered)

    def account_id(self, registered: int) -> int:
        """The shared ID in our books."""
        return self.row(registered).account_id or 0

    def right(self, registered: int) -> str:
        """The right to use it, as tests name rights."""
        return f"ledger/shared:{self.account_id(registered)}"

    def asked(self, who: str, registered: int, *, until: date | None = UNTIL, account: bool = True) -> int:
        """The application for `who`, with their daily ID where they have none."""
        lines = [(who, "ledger/account")] if account else []
        return self.cast.file("hr", *lines, (who, self.right(registered)), now=self.now, valid_until=until)

    def give(self, who: str, registered: int, *, until: date | None = UNTIL, account: bool = True) -> None:
        """`who` is one of its users, by an approved application."""
        request = self.asked(who, registered, until=until, account=account)
        for line in range(2 if account else 1):
            for seat in (Role.CHIEF, Role.SYSTEM):
                self.cast.decide(seat.value, request, seat, now=self.now, line=line)

    def users(self, registered: int) -> set[str]:
        """Who stands in the books as one who may use it now."""
        with self.cast.database.reading() as session:
            live = select(RegisteredIdHolder.person_id).where(
                RegisteredIdHolder.account_id == self.account_id(registered), RegisteredIdHolder.ended_at.is_(None)
            )
            names = {person: name for name, person in self.cast.people.items()}
            return {names[person] for person in session.scalars(live)}

    def grant(self, who: str, registered: int) -> Grant:
        """The right of `who` to use it, the newest."""
        with self.cast.database.reading() as session:
            found = session.scalars(
                select(Grant).join(Grant.account).options(joinedload(Grant.account))
                .where(Account.person_id == self.cast.people[who])
                .order_by(Grant.id.desc())
            ).all()  # fmt: skip
            return next(one for one in found if one.entitlement.shared_account_id == self.account_id(registered))

    def rotations(self, registered: int) -> list[RotationReason]:
        """Why its password was to be changed so far."""
        with self.cast.database.reading() as session:
            query = select(Rotation.reason).where(Rotation.account_id == self.account_id(registered))
            return list(session.scalars(query.order_by(Rotation.id)))

    def leave(self, who: str, *, days: int = 1) -> None:
        """So many days later is the first on which `who` is not employed; nothing was run since."""
        self.uses.now += timedelta(days=days)
        with self.cast.database.writing() as session:
            self.cast.employment(session, who).valid_until = self.today()

    def move(self, who: str, unit: str = "0900", *, days: int = 1) -> None:
        """So many days later `who` has a post in another unit, and no longer the one before."""
        self.uses.now += timedelta(days=days)
        with self.cast.database.writing() as session:
            before = self.cast.employment(session, who).assignments[0]
            before.valid_until = self.today()
            there = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == unit)).one()
            session.add(
                Assignment(
                    employment_id=before.employment_id, unit_id=there.id, post="主事", primary=True,
                    valid_from=self.today(),
                )
            )  # fmt: skip

    def run_of_the_day(self) -> None:
        """What the worker decides when the day has changed: rights, then offices and owners."""
        with self.cast.database.writing() as session:
            lifecycle.carry_out_due(session, actor=JOB, policy=self.cast.policy, now=self.now)
            officers.follow_posts(session, actor=JOB, policy=self.cast.policy, now=self.now)
            holder_changes.follow_offices(session, actor=JOB, policy=self.cast.policy, now=self.now)
            registered_owners.follow(session, actor=JOB, policy=self.cast.policy, now=self.now)

    def findings(self) -> set[tuple[FindingKind, str]]:
        """What a sweep finds in our own books of the ledger system."""
        with self.cast.database.reading() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            found = found_in_our_books(session, system, policy=self.cast.policy, now=self.now)
            return {(one.kind, one.label) for one in found}

    def morning(self, *, days: int = 0) -> None:
        """So many days later, the worker looks at owners and ends."""
        self.uses.now += timedelta(days=days)
        with self.cast.database.writing() as session:
            registered_owners.follow(session, actor=JOB, policy=self.cast.policy, now=self.now)

    def today(self) -> date:
        """The day of the office's clock."""
        return day_of(self.now)
