"""A directory without its writing half: what the product holds in its hands while a system is only observed (A18).

Nothing is ever written there because there is nothing to write with: only the abilities named here are passed on, so an
ability that is added to the port is not among them until somebody has said that it only reads.
"""

from typing import cast

from idm.ports import (
    ChecksPasswords,
    Directory,
    ExaminesItself,
    KnowsProtected,
    ReadsLockout,
    ReadsPasswordPolicy,
    ReadsPasswordState,
    ReportsChanges,
    ReportsLastUse,
    ReportsPasswordAge,
    ReportsSecondFactors,
    TellsTime,
    TimeBoxesMembership,
)

READING: tuple[type, ...] = (
    Directory, ReadsPasswordState, ReportsLastUse, ReadsLockout, ReadsPasswordPolicy, TimeBoxesMembership,
    ReportsChanges, KnowsProtected, ExaminesItself, ChecksPasswords, ReportsPasswordAge, TellsTime,
    ReportsSecondFactors,
)  # fmt: skip


class ReadOnly:
    """Has exactly those of the abilities above that the directory behind it has."""

    def __init__(self, directory: Directory) -> None:
        for ability in READING:
            if isinstance(directory, ability):
                for verb in _verbs(ability):
                    setattr(self, verb, getattr(directory, verb))


def read_only(directory: Directory) -> Directory:
    """The same directory, from which can only be read."""
    return cast(Directory, ReadOnly(directory))


def _verbs(ability: type) -> list[str]:
    return [name for name, member in vars(ability).items() if callable(member) and not name.startswith("_")]
