"""The checks of one examination, each tried on its own: one that is refused does not take the others with it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from idm.errors import TargetRefused
from idm.models.systems import InformationSystem
from idm.operations.sweep.findings import Found
from idm.oversight.sweep_checks import CHECKS, SweepCheck, gap_details
from idm.policy import Policy
from idm.ports import Directory, ReadsPasswordPolicy, ReportsLastUse, ReportsPasswordAge
from idm.vocabulary import BY_HAND, FindingKind

Answer = TypeVar("Answer")


@dataclass
class CheckAttempts:
    """What of one directory could not be looked at, and why."""

    directory: Directory
    not_possible: dict[SweepCheck, str] = field(default_factory=dict)

    def note_missing(self, policy: Policy) -> None:
        """Afterwards what the directory does not show at all is known, as far as the profile asks for it."""
        asked: dict[SweepCheck, tuple[type, bool]] = {
            SweepCheck.LAST_USE: (ReportsLastUse, True),
            SweepCheck.CHANGE_DATES: (ReportsPasswordAge, policy.passwords.maximum_age_days > 0),
            SweepCheck.RULES: (ReadsPasswordPolicy, True),
        }
        for check, (ability, wanted) in asked.items():
            if wanted and not isinstance(self.directory, ability):
                self.not_possible[check] = ""

    def make(self, check: SweepCheck, look: Callable[[Directory], Answer], otherwise: Answer) -> Answer:
        """What was seen; `otherwise` where the directory refuses to show it. Raises TargetUnavailable."""
        try:
            return look(self.directory)
        except TargetRefused as refusal:
            self.not_possible[check] = str(refusal)
            return otherwise

    def found(self, system: InformationSystem) -> Iterator[Found]:
        """One finding for each check that is not possible in this system."""
        for check, why in self.not_possible.items():
            yield Found(
                FindingKind.NOT_CHECKED, f"check:{check.value}", f"{system.name}（{CHECKS[check].title}）",
                details=gap_details(check, why, by_hand=system.connector == BY_HAND),
            )  # fmt: skip
