"""The tree of organisation units, as a table of parents (unit → the unit above it). Pure."""

from collections.abc import Mapping


def upwards(code: str, parents: Mapping[str, str | None]) -> list[str]:
    """A unit and every unit above it, from below; a circle ends at its first repetition."""
    found: list[str] = []
    unit: str | None = code
    while unit is not None and unit not in found:
        found.append(unit)
        unit = parents.get(unit)
    return found


def with_those_below(units: frozenset[str], parents: Mapping[str, str | None]) -> frozenset[str]:
    """Every unit of the table that is one of these or stands below one."""
    return frozenset(code for code in parents if not units.isdisjoint(upwards(code, parents)))
