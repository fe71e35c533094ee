"""One organisation's own facts, as frozen values: its systems, rights, units and first officers.

Kept in a file the organisation writes, proposed by one person and accepted by another like the profile (control A16).
"""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from idm.employment_kind import EmploymentKind
from idm.vocabulary import (
    AccountKind,
    AuthenticatorKind,
    EntitlementKind,
    LongVowels,
    Role,
    Service,
    Stage,
    VerifiedBy,
    Zone,
)

STRICT = ConfigDict(extra="forbid")
Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Heading = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, config=STRICT)
class Right:
    """Something grantable in a system. `group` is the target's name of the group a `group` right stands for.

    `by_name_only`: restricted, never by post (FK 6-1(1)③). `service`: what it opens, if that can be reported as not
    needed (FK 5-1(2)③). `by_hand`: given and taken by a work order even where the system has a connector (for tier-0
    groups, control D10). `external_access`: it lets people in from outside, or out to the internet: with a reason, a
    period and two factors only (FK 6-2(4), 6-2(5)).
    """

    code: Code
    name: str
    kind: EntitlementKind
    group: str | None = None
    privileged: bool = False
    by_name_only: bool = False
    service: Service | None = None
    by_hand: bool = False
    external_access: bool = False


@dataclass(frozen=True, config=STRICT)
class Container:
    """Where a directory keeps the accounts of these units (and of the units below them): the DN of an OU."""

    units: tuple[str, ...]
    container: str


@dataclass(frozen=True, config=STRICT)
class ListingShape:
    """How a system without an interface prints its user IDs: the file, and the headings of the columns it has.

    `disabled`: the words in the column `enabled` that mean that an ID cannot be used; every other word means it can.
    `separator` stands between the groups of one ID.
    """

    login_name: Heading
    display_name: Heading | None = None
    employee_number: Heading | None = None
    enabled: Heading | None = None
    disabled: tuple[Heading, ...] = ()
    last_used: Heading | None = None
    groups: Heading | None = None
    separator: Heading = "・"
    format: Literal["delimited", "xlsx"] = "delimited"
    encoding: Literal["cp932", "utf-8", "utf-8-sig", "utf-16"] = "cp932"
    delimiter: Literal[",", "\t"] = ","
    sheet: str = ""
    excel_serials: bool = False


@dataclass(frozen=True, config=STRICT)
class EnrolmentShape:
    """How the product that verifies factors prints who is enrolled: the file, its headings and its words.

    A row is found by `login_name`, or by `employee_number` where the list has no login name. `factors` is the column of
    what is enrolled, `separator` stands between several; `words` says which word is which kind, and every other word
    counts for nothing. `required` is the column of whether the product asks for it, and `required_words` are the words
    that mean yes; without the column the product asks everybody on its list.
    """

    factors: Heading
    words: dict[Heading, AuthenticatorKind]
    login_name: Heading | None = None
    employee_number: Heading | None = None
    required: Heading | None = None
    required_words: tuple[Heading, ...] = ()
    separator: Heading = "・"
    format: Literal["delimited", "xlsx"] = "delimited"
    encoding: Literal["cp932", "utf-8", "utf-8-sig", "utf-16"] = "cp932"
    delimiter: Literal[",", "\t"] = ","
    sheet: str = ""


@dataclass(frozen=True, config=STRICT)
class Verification:
    """What inside a system's zone verifies two kinds of factor, and from which terminals (control B2).

    `smart_card`: the directory lets nobody in without a card, set and read back by us. `group`: whoever is in `group`
    is asked for a second factor; membership is set and read back by us. `product`: the terminals' own product, which
    prints who is enrolled (`listing`); we read it and set nothing. `password`: the account's own password, which nobody
    but its owner knows, is asked for as well (never with a smart card, which has its PIN).
    """

    by: VerifiedBy
    name: Heading
    group: str | None = None
    password: bool = True
    terminals: tuple[str, ...] = ()
    listing: EnrolmentShape | None = None


@dataclass(frozen=True, config=STRICT)
class SignInProvider:
    """A service of the organisation's that people can sign in with (OpenID Connect), by code with PKCE.

    `entra`: the authority of an Entra ID tenant; otherwise that of any provider. `credential` names a file of the
    secrets folder: the client's secret.
    """

    name: Heading
    authority: Heading
    client_id: Heading
    credential: str
    entra: bool = False

    @property
    def issuer(self) -> str:
        """Who its ID tokens say they are from, character by character."""
        return f"{self.authority.rstrip('/')}/v2.0" if self.entra else self.authority


@dataclass(frozen=True, config=STRICT)
class UnusedTimes:
    """A system's own times for unused IDs, in days (control C1); what it does not say is as the profile has it.

    None is longer than the profile's. `delete_after_days`: 0 = an ID is never deleted for disuse.
    """

    unused_days: Annotated[int, Field(ge=1)] | None = None
    never_used_days: Annotated[int, Field(ge=1)] | None = None
    disable_after_days: Annotated[int, Field(ge=1)] | None = None
    delete_after_days: Annotated[int, Field(ge=0)] | None = None

    def said(self) -> dict[str, int]:
        """Only the times that it has of its own, by name."""
        return {name: days for name, days in asdict(self).items() if days is not None}


@dataclass(frozen=True, config=STRICT)
class System:
    """One information system: its zone, its classes, whose manager answers for it and how it is reached.

    `overlap_days` (猶予期間): days a mover keeps what the old post gave; None = the profile's, always 0 for My Number.
    `stage`: how far it is on its way into our care; nothing is written to a system that is only observed (A18).
    `adopt_until`: the last day on which what already exists may be taken over; what is left then is a finding.
    `listing`: what the list of user IDs looks like that a system without an interface prints.
    `containers`: where accounts are kept by unit, the first that fits; `stopped_container`: where stopped ones are.
    `service_account`: the account we speak to it as, by the name it has in the register of privileged IDs (D10).
    `verification`: what verifies two kinds of factor there; without it, no right that needs them takes effect (B2).
    `most_holders`: how many privileged, shared and service IDs may have a holder there, by kind (D1); a kind that is
    not named has no limit.
    `unused_ids`: after how many days what happens to an unused ID there, where that is sooner than in the profile (C1).
    `external_service`: it is somebody else's service: rights are given there only while the register of external
    services has it as approved (I2).
    """

    code: Code
    name: str
    zone: Zone
    confidentiality: Annotated[int, Field(ge=1, le=3)]
    integrity: Annotated[int, Field(ge=1, le=2)]
    availability: Annotated[int, Field(ge=1, le=2)]
    manager_unit: str
    connector: str
    rights: tuple[Right, ...]
    settings: dict[str, str | int | bool] = Field(default_factory=dict)
    credential: str | None = None
    overlap_days: Annotated[int, Field(ge=0, le=10)] | None = None
    stage: Stage = Stage.OBSERVE
    adopt_until: date | None = None
    containers: tuple[Container, ...] = ()
    stopped_container: str | None = None
    listing: ListingShape | None = None
    service_account: str | None = None
    verification: Verification | None = None
    most_holders: dict[AccountKind, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    unused_ids: UnusedTimes = UnusedTimes()
    external_service: bool = False


@dataclass(frozen=True, config=STRICT)
class PostRight:
    """Who gets which rights by post (control A9). An empty list of units, posts or kinds means any."""

    system: Code
    rights: tuple[Code, ...]
    units: tuple[str, ...] = ()
    posts: tuple[str, ...] = ()
    kinds: tuple[EmploymentKind, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Conflict:
    """Two rights ("system/right") that one human never holds at once."""

    first: str
    second: str
    reason: str


@dataclass(frozen=True, config=STRICT)
class UnitName:
    """A unit's parent, for units whose place in the tree the personnel file does not say."""

    code: str
    parent: str


@dataclass(frozen=True, config=STRICT)
class Successor:
    """Which unit or post came in the place of another, from which day on, and by which order (機構改革).

    Without `post` every post of the unit goes along under its own title; without `new_post` the title stays. Rights
    that rest on a post go on with it (`idm.personnel.post_succession`, control D7).
    """

    unit: Heading
    new_unit: Heading
    day: date
    order: Heading
    post: Heading | None = None
    new_post: Heading | None = None


@dataclass(frozen=True, config=STRICT)
class FirstOfficer:
    """Who holds a role on the first day, by staff number: part of the one signed first record."""

    role: Role
    staff_number: str


@dataclass(frozen=True, config=STRICT)
class LoginNames:
    """How account names are made (`idm.names.account_names`).

    `exceptions`: reading in kana → letters, above the shipped table. `large_kana_only`: the personnel file writes
    ハツチヨウ for ハッチョウ. `start_after_collision`: the first number put behind a name that is taken.
    `privileged_prefix`: what stands before the name of somebody's privileged ID, which is another than the daily one.
    """

    rule: Literal["staff_number", "romaji"] = "staff_number"
    prefix: Annotated[str, Field(pattern=r"^[a-z]{0,8}$")] = "u"
    patterns: tuple[str, ...] = ("{given}.{family}", "{family}-{g}", "{family}-{given}")
    long_vowels: LongVowels = LongVowels.DROP
    large_kana_only: bool = False
    reserved: tuple[str, ...] = ()
    exceptions: dict[str, str] = Field(default_factory=dict)
    start_after_collision: Annotated[int, Field(ge=1, le=1000)] = 2
    privileged_prefix: Annotated[str, Field(pattern=r"^[a-z]{1,8}-$")] = "adm-"


@dataclass(frozen=True, config=STRICT)
class Organisation:
    """One organisation file.

    `sign_in_system`: the one system whose directory people sign in to this product with; None = with passwords of
    the product's own only. `sign_in_provider`: a service that those whom an officer linked sign in with.
    """

    name: str
    profile: str
    systems: tuple[System, ...]
    post_rights: tuple[PostRight, ...]
    first_officers: tuple[FirstOfficer, ...]
    conflicts: tuple[Conflict, ...] = ()
    units: tuple[UnitName, ...] = ()
    successors: tuple[Successor, ...] = ()
    login_names: LoginNames = LoginNames()
    sign_in_system: Code | None = None
    sign_in_provider: SignInProvider | None = None
