"""Which rights follow from posts (controls A7, A9). Pure.

Rights derive from the union of valid assignments: a concurrent post adds, and taking it away removes only what no other
post gives. What follows from a post is only ever proposed; the written application decides (FK 6-2(1)①).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from idm.employment_kind import EmploymentKind
from idm.organisation import PostRight
from idm.personnel.unit_tree import upwards


@dataclass(frozen=True)
class Post:
    """One valid assignment: `units` are the codes and names of its unit and of every unit above it."""

    units: frozenset[str]
    post: str
    kind: EmploymentKind


@dataclass(frozen=True, order=True)
class RightName:
    """A right by its codes."""

    system: str
    right: str


def rights_by_post(posts: Iterable[Post], rules: Iterable[PostRight]) -> frozenset[RightName]:
    """The rights that the union of these posts gives."""
    rules = tuple(rules)
    return frozenset(
        RightName(rule.system, right)
        for post in posts
        for rule in rules
        if _applies(rule, post)
        for right in rule.rights
    )


def _applies(rule: PostRight, post: Post) -> bool:
    return (
        (not rule.units or bool(post.units & set(rule.units)))
        and (not rule.posts or post.post in rule.posts)
        and (not rule.kinds or post.kind in rule.kinds)
    )


def rights_under_rules(rules: Iterable[PostRight]) -> frozenset[RightName]:
    """The rights that any rule speaks of: only these are taken away when no post gives them any longer."""
    return frozenset(RightName(rule.system, right) for rule in rules for right in rule.rights)


def unit_and_above(code: str, names: Mapping[str, str], parents: Mapping[str, str | None]) -> frozenset[str]:
    """The codes and names of a unit and of every unit above it; a circle in the tree ends at its first repetition."""
    found = upwards(code, parents)
    return frozenset({*found, *(names[unit] for unit in found if unit in names)})
