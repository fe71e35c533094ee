"""One organisation's own facts, as frozen values: its systems, rights, units and first officers.

Kept in a file the organisation writes, proposed by one person and accepted by another like the profile (control A16).
"""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from idm.employment_kind import EmploymentKind
from idm.vocabulary import EntitlementKind, Role, Zone

STRICT = ConfigDict(extra="forbid")
Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


@dataclass(frozen=True, config=STRICT)
class Right:
    """Something grantable in a system. `group` is the target's name of the group a `group` right stands for."""

    code: Code
    name: str
    kind: EntitlementKind
    group: str | None = None
    privileged: bool = False


@dataclass(frozen=True, config=STRICT)
class System:
    """One information system: its zone, its classes, whose manager answers for it and how it is reached."""

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
class FirstOfficer:
    """Who holds a role on the first day, by staff number: part of the one signed first record."""

    role: Role
    staff_number: str


@dataclass(frozen=True, config=STRICT)
class LoginNames:
    """How account names are made."""

    prefix: Annotated[str, Field(pattern=r"^[a-z]{0,8}$")] = "u"


@dataclass(frozen=True, config=STRICT)
class Organisation:
    """One organisation file."""

    name: str
    profile: str
    systems: tuple[System, ...]
    post_rights: tuple[PostRight, ...]
    first_officers: tuple[FirstOfficer, ...]
    conflicts: tuple[Conflict, ...] = ()
    units: tuple[UnitName, ...] = ()
    login_names: LoginNames = LoginNames()
