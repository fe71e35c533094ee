"""The directory itself: what a server would hold, what people may do at it, and its faults on demand."""

import threading
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID, uuid4

from idm.errors import NotOnTarget
from idm.ports import EVERYTHING, Attributes, BuiltIn, ExternalId, Lockout, PasswordPolicy, TargetGroup

MINIMUM_PASSWORD_LENGTH = 12
WRONG_PASSWORDS = 5
LOCKED_FOR = timedelta(minutes=15)
USUAL_CONTAINER = "people"
POLICY = PasswordPolicy(
    name="default",
    is_default=True,
    minimum_length=MINIMUM_PASSWORD_LENGTH,
    complex=False,
    history=None,
    maximum_age=None,
    lockout_after=WRONG_PASSWORDS,
    lockout_for=LOCKED_FOR,
)


class Fault(StrEnum):
    """What goes wrong at the next calls."""

    UNAVAILABLE = "unavailable"
    """Nothing is answered until the fault is taken away."""
    ANSWER_LOST = "answer lost"
    """The next wave is carried out, and its answers never arrive; once."""


@dataclass
class Account:
    """One account as the directory keeps it."""

    external_id: ExternalId
    account_uuid: UUID | None
    attributes: Attributes
    created_at: datetime
    switched_off: bool = False
    expires_at: datetime | None = None
    password: str | None = field(default=None, repr=False)
    must_change: bool = False
    password_changed_at: datetime | None = None
    last_used_at: datetime | None = None
    container: str = USUAL_CONTAINER
    protected: bool = False
    built_in: BuiltIn | None = None
    smart_card: bool = False
    wrong_passwords: int = 0
    locked_until: datetime | None = None
    policy: PasswordPolicy = POLICY

    def lockout(self, now: datetime) -> Lockout:
        """Whether wrong passwords keep it locked at this moment."""
        locked = self.locked_until is not None and now < self.locked_until
        return Lockout(locked, self.locked_until if locked else None)

    def unlock(self) -> None:
        """Afterwards no wrong password is remembered."""
        self.wrong_passwords, self.locked_until = 0, None

    def enabled(self, now: datetime) -> bool:
        """Whether sign-in is possible at this moment."""
        return not self.switched_off and (self.expires_at is None or now < self.expires_at)


@dataclass
class Group:
    """One group as the directory keeps it."""

    external_id: ExternalId
    name: str
    members: set[ExternalId] = field(default_factory=set)
    """Accounts, and groups inside it."""
    until: dict[ExternalId, datetime] = field(default_factory=dict)
    """When a membership ends by itself; those that do not are not here."""
    protected: bool = False

    def holds(self, member: ExternalId, now: datetime) -> bool:
        """Whether it is a member at this moment."""
        ends = self.until.get(member)
        return member in self.members and (ends is None or now < ends)


class MemoryDirectory:
    """One directory; connectors opened by its name share it for the life of the process."""

    _named: ClassVar["dict[str, MemoryDirectory]"] = {}
    _naming = threading.Lock()

    def __init__(self) -> None:
        self.accounts: dict[ExternalId, Account] = {}
        self.groups: dict[ExternalId, Group] = {}
        self.containers = {USUAL_CONTAINER}
        self.policy = POLICY
        self.fault: Fault | None = None
        self.kept = EVERYTHING
        """What it keeps of an account, where a test makes it forgetful."""
        self.has_passwords = True
        """Whether people sign in to it with passwords of its own."""
        self.signed_in_as: ExternalId | None = None
        """The account that connectors sign in by; None = they need none."""
        self.seen_before: dict[str, dict[ExternalId, object]] = {}
        """What was there at the moment of each cursor given out."""

    @classmethod
    def named(cls, name: str) -> "MemoryDirectory":
        """The directory of that name, empty when it is new."""
        with cls._naming:
            return cls._named.setdefault(name, cls())

    def add_group(self, name: str, *, protected: bool = False) -> TargetGroup:
        """Afterwards there is a group of that name."""
        group = Group(str(uuid4()), name, protected=protected)
        self.groups[group.external_id] = group
        return TargetGroup(group.external_id, name, protected)

    def add_account(self, attributes: Attributes, *, account_uuid: UUID | None = None, now: datetime) -> Account:
        """Afterwards there is an account, enabled; without a uuid it is none of ours."""
        account = Account(str(uuid4()), account_uuid, attributes, created_at=now)
        self.accounts[account.external_id] = account
        return account

    def with_login(self, login_name: str) -> Account | None:
        """The account of that login name, compared as directories do: width and case make no difference."""
        wanted = _folded(login_name)
        return next((one for one in self.accounts.values() if _folded(one.attributes.login_name) == wanted), None)

    def sign_in(self, login_name: str, password: str, *, now: datetime) -> bool:
        """Whether this person gets in now; if so it is remembered as use. A blank password never does."""
        account = self.with_login(login_name)
        if account is None or not password.strip() or account.lockout(now).locked:
            return False
        if account.password != password or account.smart_card:
            account.wrong_passwords += 1
            if account.wrong_passwords >= WRONG_PASSWORDS:
                account.locked_until = now + LOCKED_FOR
            return False
        account.unlock()
        if not account.enabled(now):
            return False
        account.last_used_at = now
        return True

    def change_password(self, login_name: str, password: str, *, now: datetime) -> None:
        """Afterwards this is the password, chosen by the person: nothing demands another. Raises NotOnTarget."""
        self._set_password(login_name, password, must_change=False, now=now)

    def reset_password(self, login_name: str, password: str, *, now: datetime) -> None:
        """Afterwards somebody at the help desk has set this password; it enables nothing. Raises NotOnTarget."""
        self._set_password(login_name, password, must_change=True, now=now)

    def _set_password(self, login_name: str, password: str, *, must_change: bool, now: datetime) -> None:
        account = self.with_login(login_name)
        if account is None:
            raise NotOnTarget(f"アカウント「{login_name}」はありません。")
        account.password, account.must_change, account.password_changed_at = password, must_change, now


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
