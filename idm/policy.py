"""A policy profile as frozen values: what one organisation's written standard asks for, with units in the names.

Read by `idm.policy_file`; never by guessing: every value has come from a named file and cites the clause it serves.
"""

from dataclasses import dataclass
from datetime import timedelta

from idm.vocabulary import Role


@dataclass(frozen=True)
class RoleTitle:
    """What an organisation calls a role, and where its standard says so."""

    title: str
    clause: str


@dataclass(frozen=True)
class SeatRule:
    """Which post fills a role. `unit` None = the unit is given by what is decided on (a system's, a person's)."""

    role: Role
    post: str
    unit: str | None
    per: str
    """`organisation` (one seat), `unit` (one in every unit with that post) or `system` (the unit named by a system)."""


@dataclass(frozen=True)
class ApplicationRules:
    """Who may apply for whom, who decides, and how long an application waits (FK 6-2(1)①)."""

    route: tuple[Role, ...]
    own: bool
    section_for_own_unit: bool
    hr_for_all: bool
    lapse_days: int
    electronic_form_rule: str
    """The rule that makes the electronic form 書面; empty = it is also printed and filed."""


@dataclass(frozen=True)
class PersonnelRules:
    """How far one personnel file may go, and what happens to a leaver's account (FK 6-2(2)①)."""

    max_stopped_share: float
    max_stopped_count: int
    delete_after_days: int


@dataclass(frozen=True)
class DormancyRules:
    """When an ID counts as unused (FK 6-2(2)③)."""

    unused_days: int
    never_used_days: int


@dataclass(frozen=True)
class PasswordRules:
    """Temporary passwords and our own sign-in's passwords (FK 5-4(3), 6-2(9))."""

    temporary_length: int
    temporary_hours: int
    own_minimum_length: int


@dataclass(frozen=True)
class SignInRules:
    """The product's own sign-in (FK 6-2(6)②, 6-2(8))."""

    idle_minutes: int
    absolute_hours: int
    attempts: int
    lock_minutes: int
    enrolment_hours: int
    second_factor_roles: frozenset[Role]


@dataclass(frozen=True)
class ZoneRules:
    """What a zone asks for before a right in it becomes effective (FK 3(1)②ア; MD 6(3)ア)."""

    mynumber_forbidden: bool


@dataclass(frozen=True)
class RecordRules:
    """How long records and logs are kept (FK 6-1(6))."""

    records_years: int
    logs_months: int


@dataclass(frozen=True)
class Origin:
    """Where a value of a profile came from, and which clause it serves."""

    file: str
    clause: str


@dataclass(frozen=True)
class Policy:
    """One organisation's profile. `digest` is the SHA-256 of the effective values, cited by every audit record."""

    name: str
    title: str
    standard: str
    roles: dict[Role, RoleTitle]
    seats: tuple[SeatRule, ...]
    applications: ApplicationRules
    personnel: PersonnelRules
    dormancy: DormancyRules
    passwords: PasswordRules
    sign_in: SignInRules
    zones: ZoneRules
    records: RecordRules
    origins: dict[str, Origin]
    digest: str

    def title_of(self, role: Role) -> str:
        """What this organisation calls the role."""
        return self.roles[role].title

    @property
    def idle(self) -> timedelta:
        """How long a session may rest."""
        return timedelta(minutes=self.sign_in.idle_minutes)
