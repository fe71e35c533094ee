"""Whose password has grown old, where the profile still asks for periodic change (KT 第59; control E5).

The directory filters; of what it answers only people's own ordinary IDs count, as long as they are enabled. Privileged
and registered IDs are changed by rotation, a temporary password has hours of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from idm.calendar_days import day_of, start_of
from idm.operations.passwords.warnings_before_due import PasswordDue
from idm.operations.sweep.findings import Found
from idm.passwords.password_due import due_day, earliest_change
from idm.policy import PasswordRules
from idm.ports import AccountId, Directory, ExternalId, PasswordAge, ReportsPasswordAge, Sighting
from idm.vocabulary import AccountKind, FindingKind
from idm.wareki import format_wareki


@dataclass
class PasswordAges:
    """The old passwords of one directory at one moment."""

    rules: PasswordRules
    now: datetime
    ours: Mapping[UUID, tuple[int, AccountKind]]
    old: dict[ExternalId, PasswordAge] = field(default_factory=dict)

    def read(self, directory: Directory) -> None:
        """Afterwards those that may have something to be told are known. Raises TargetError."""
        if self.rules.maximum_age_days == 0 or not isinstance(directory, ReportsPasswordAge):
            return
        newest = earliest_change(
            day_of(self.now), maximum_age_days=self.rules.maximum_age_days, spread_days=self.rules.spread_days
        )
        cutoff = start_of(newest + timedelta(days=1))
        self.old = {one.external_id: one for one in directory.unchanged_since(cutoff)}

    def note(self, account: AccountId | Sighting) -> None:
        """Afterwards one that is switched off has nothing to be told."""
        if account.enabled is False:
            self.old.pop(account.external_id, None)

    def dues(self) -> list[PasswordDue]:
        """When each of them falls due."""
        return [due for _, due in self._dues()]

    def found(self) -> Iterator[Found]:
        """Those whose last day has passed."""
        for age, due in self._dues():
            if day_of(self.now) > due.due_on:
                yield Found(
                    FindingKind.PASSWORD_OVERDUE, age.external_id, age.login_name, due.account_id,
                    {
                        "reason": f"{format_wareki(due.due_on)}までに変更が必要でした"
                        f"（最後の変更 {format_wareki(due.changed_on)}）。",
                        "repair": "本人に変更してもらう。連絡がつかなければ、仮パスワードを交付し直す",
                        "due_on": due.due_on.isoformat(),
                    },
                )  # fmt: skip

    def _dues(self) -> Iterator[tuple[PasswordAge, PasswordDue]]:
        for age in self.old.values():
            account_id, kind = self.ours.get(age.account_uuid, (0, None)) if age.account_uuid else (0, None)
            if age.account_uuid is not None and kind is AccountKind.PERSONAL:
                changed_on = day_of(age.changed_at)
                due_on = due_day(
                    changed_on, age.account_uuid, maximum_age_days=self.rules.maximum_age_days,
                    spread_days=self.rules.spread_days,
                )  # fmt: skip
                yield age, PasswordDue(account_id, changed_on, due_on)
