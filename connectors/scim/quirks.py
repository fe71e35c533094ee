"""In what a service departs from the standard, as data: one row a service, each value may be said in the settings too.

Only what was read in a service's own documents, or tried, has a row. A row promises nothing: `idm system test` asks the
service itself, and everything that is written is read back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType


@dataclass(frozen=True)
class Quirks:
    """How a service is spoken to. The values here are the standard's."""

    filters: bool = True
    """`filter` may be used where the service says that it knows it; what comes back is verified all the same."""
    paging: bool = True
    """`startIndex` and `count` may be sent (RFC 7644 3.4.2.4)."""
    totals: bool = True
    """A list that ends before `totalResults` is taken for incomplete, and refused."""
    groups: bool = True
    """It has groups that we may read and change."""
    memberships_at_users: bool = False
    """Who is in a group is read from the users' `groups`, because the groups' `members` do not say."""
    members_by_name: bool = False
    """`members` gives login names where ids belong."""
    member_references: bool = False
    """A member is only taken with its `$ref`."""
    patches_groups: bool = True
    """Members come and go by PATCH; otherwise the whole group is written by PUT."""
    removes_by_value: bool = False
    """A member is removed by a `value`, not by a filter in the path."""
    patches_users: bool = True
    """Users are changed by PATCH; otherwise the whole user is written by PUT."""
    one_change_each: bool = False
    """A PATCH may hold one operation only."""
    deletes: bool = True
    """DELETE deletes. Where it only stops an account, or cannot be asked for, a person deletes."""
    typed_mail: bool = True
    """An e-mail address says of what type it is."""


STANDARD = Quirks()
NAMES = frozenset(field.name for field in fields(Quirks))

SERVICES: Mapping[str, Quirks] = MappingProxyType(
    {
        "standard": STANDARD,
        "canaille": Quirks(
            filters=False, paging=False, members_by_name=True, member_references=True, patches_groups=False,
            typed_mail=False,
        ),
        "aws_identity_center": Quirks(memberships_at_users=True, one_change_each=True),
        "canva": Quirks(deletes=False),
        "entra_like": Quirks(removes_by_value=True),
        "github_emu": Quirks(),
        "mlflow": Quirks(totals=True),
        "slack": Quirks(deletes=False),
    }
)  # fmt: skip
"""By the word that `service` takes in the settings."""
