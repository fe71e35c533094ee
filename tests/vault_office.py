"""The cast with shared IDs whose passwords are in our keeping, on whatever directory a test has behind its ledger."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.keys.sealing import new_handover_key
from idm.models.going_live import FoundAccount
from idm.models.privileged import PrivilegedUse, RegisteredId, Rotation, VaultSecret
from idm.models.systems import Account, InformationSystem
from idm.operations.privileged import check_outs, rotations
from idm.operations.privileged.use_steps import record
from idm.policy import Policy
from idm.ports import Attributes, ChecksPasswords, CreateAccount, SetEnabled, SetTemporaryPassword, Step, Writes
from idm.queries.governance.configuration import policy_in_force
from idm.vocabulary import AccountKind, FoundState, RotationReason, RotationState, UseState
from jobs.installation import Installation
from jobs.privileged import check_outs as preparing
from jobs.privileged import rotations as rotating
from jobs.vault.keyring import Keyring, open_vault
from tests.cast import Cast

JOB = Actor.job("tests.vault")
BORN_WITH = "Born-with-this-1234+"


@dataclass
class VaultOffice:
    """What the office does with passwords in its keeping."""

    cast: Cast
    installation: Installation

    @property
    def policy(self) -> Policy:
        """The profile in force."""
        with self.cast.database.reading() as session:
            return policy_in_force(session, now=self.installation.clock())

    def system(self, session: Session) -> InformationSystem:
        """The ledger system."""
        return session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()

    def keep(self, *login_names: str, enabled: bool = True) -> list[int]:
        """Shared IDs that were found in the directory and registered as kept; the ids of their accounts."""
        now = self.installation.clock()
        external_ids = self._made(login_names, enabled=enabled)
        with self.cast.database.writing() as session:
            system_id = self.system(session).id
            return [self._registered(session, system_id, name, external_ids[name], now) for name in login_names]

    def _made(self, login_names: tuple[str, ...], *, enabled: bool) -> dict[str, str]:
        with self.cast.database.reading() as session:
            system = self.system(session)
        with closing(self.installation.open_target(system)) as directory:
            assert isinstance(directory, Writes)
            uuids = {name: uuid4() for name in login_names}
            who = {name: Attributes(name, name, "共用", "", None, None, None) for name in login_names}
            directory.perform([CreateAccount(uuid, who[name]) for name, uuid in uuids.items()])
            seen = directory.find(uuids.values())
            ids = {name: seen[uuid].external_id for name, uuid in uuids.items()}
            steps: list[Step] = []
            for external_id in ids.values():
                steps += [SetTemporaryPassword(external_id, BORN_WITH), SetEnabled(external_id, enabled=True)]
            directory.perform(steps if enabled else [])
            return ids

    def _registered(self, session: Session, system_id: int, name: str, external_id: str, now: object) -> int:
        account = Account(
            uuid=uuid4(), system_id=system_id, person_id=None, kind=AccountKind.SHARED, login_name=name,
            created_at=now, generation=0, external_id=external_id,
        )  # fmt: skip
        found = FoundAccount(
            system_id=system_id, external_id=external_id, login_name=name, display_name=name, enabled=True, groups=[],
            first_seen_at=now, last_seen_at=now, protected=False, marked=False, state=FoundState.NOT_PERSONAL,
            kind=AccountKind.SHARED, candidates=[],
        )  # fmt: skip
        session.add_all([account, found])
        session.flush()
        people = self.cast.people
        session.add(
            RegisteredId(
                system_id=system_id, found_id=found.id, account_id=account.id, kind=AccountKind.SHARED, purpose="共用",
                owner_id=people["system"], kept=True, valid_until=None, proposed_by_id=people["system"],
                proposed_at=now, accepted_by_id=people["chief"], accepted_at=now,
            )
        )  # fmt: skip
        return account.id

    def rotate(self, worker: str = "w1") -> int:
        """One round of the rotating job."""
        return rotating.run_due(self.installation, worker=worker)

    def ask(self, *account_ids: int, reason: RotationReason = RotationReason.BY_HAND) -> int:
        """Somebody asks for new passwords."""
        now = self.installation.clock()
        with self.cast.database.writing() as session:
            return rotations.ask(session, account_ids, reason, actor=JOB, policy=self.policy, now=now)

    def rotation(self, account_id: int) -> Rotation:
        """The newest rotation of the account."""
        query = select(Rotation).where(Rotation.account_id == account_id).order_by(Rotation.id.desc()).limit(1)
        with self.cast.database.reading() as session:
            return session.scalars(query).one()

    def secret(self, account_id: int) -> VaultSecret | None:
        """What the vault has of the account, sealed."""
        with self.cast.database.reading() as session:
            return session.get(VaultSecret, account_id)

    @contextmanager
    def vault(self) -> Iterator[tuple[Session, Keyring]]:
        """The vault, open."""
        with self.cast.database.writing() as session:
            yield session, open_vault(self.installation, session, actor=JOB, policy=self.policy)

    def password(self, account_id: int) -> str:
        """The confirmed password, as only a worker can read it."""
        with self.vault() as (session, vault):
            return vault.of_account(session.get_one(VaultSecret, account_id))

    def in_our_books(self, account_id: int) -> list[str]:
        """Every value of the account that our books hold: the confirmed one, and the one on its way."""
        with self.vault() as (session, vault):
            secret = session.get(VaultSecret, account_id)
            found = [] if secret is None else [vault.of_account(secret)]
            on_its_way = session.scalars(
                select(Rotation).where(Rotation.account_id == account_id, Rotation.sealed.is_not(None))
            )
            return found + [vault.of_rotation(rotation) for rotation in on_its_way]

    def is_let_in(self, account_id: int, password: str) -> bool:
        """Whether the directory proves the password right."""
        with self.cast.database.reading() as session:
            account, system = session.get_one(Account, account_id), self.system(session)
        with closing(self.installation.open_target(system)) as directory:
            assert isinstance(directory, ChecksPasswords)
            return directory.check_password(account.login_name, password).proven

    def all_confirmed(self) -> bool:
        """Whether no rotation is under way."""
        with self.cast.database.reading() as session:
            return all(one.state is RotationState.CONFIRMED for one in session.scalars(select(Rotation)))

    def use(self, account_id: int, who: str = "system", *, hours: int = 2) -> tuple[int, bytes]:
        """`who` has an open use of the ID, and waits for its password; the use and the browser's key."""
        private, public = new_handover_key()
        now = self.installation.clock()
        with self.cast.database.writing() as session:
            use = PrivilegedUse(
                account_id=account_id, system_id=session.get_one(Account, account_id).system_id,
                person_id=self.cast.people[who], state=UseState.OPEN, emergency=False, purpose="保守", hours=hours,
                asked_at=now, wanted_from=now, approval_needed=True, approver_id=self.cast.people["security"],
                decided_at=now, attendance_needed=False, opens_at=now, ends_at=now + timedelta(hours=hours),
                public_key=public,
            )  # fmt: skip
            session.add(use)
            session.flush()
            record(session, "privileged_use.opened", use, actor=JOB, policy=self.policy, now=now)
            return use.id, private

    def prepare(self) -> int:
        """One round of the job that prepares check-outs."""
        return preparing.run_due(self.installation)

    def show(self, use_id: int, private: bytes, who: str = "system") -> str:
        """`who` looks at the password."""
        now = self.installation.clock()
        with self.cast.acting(who, "check_out.show", now) as session:
            return check_outs.show(
                session, use_id=use_id, private_key=private, actor=self.cast.actor(who), policy=self.policy, now=now
            ).password
