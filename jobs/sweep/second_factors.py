"""Who is asked for a second factor and has none registered at the target, where the target tells (controls B2 and I5).

The gate counts what the desk has confirmed; here the target itself is asked, so that what was confirmed once and
removed there since, or was never registered, is seen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from idm.operations.sweep.findings import Found
from idm.ports import AccountId, Directory, ExternalId, ReportsSecondFactors, Sighting
from idm.queries.factors.second_factor_demand import Demanded
from idm.vocabulary import FindingKind

REASON = "二要素認証の必要な権限があり、サービスの側に、使える二つ目の認証要素の登録が見つかりません。"
REPAIR = (
    "本人に登録してもらう（登録してから、一覧に載るまで一日ほどかかることがあります）。"
    "登録できないうちは、緊急停止で利用を止める"
)


@dataclass
class SecondFactors:
    """Those of one target at one moment."""

    demanded: Mapping[ExternalId, Demanded]
    without: dict[ExternalId, Demanded] = field(default_factory=dict)

    def read(self, directory: Directory) -> None:
        """Afterwards those without one are known. Raises TargetError."""
        if not self.demanded or not isinstance(directory, ReportsSecondFactors):
            return
        able = frozenset(directory.second_factor_holders())
        self.without = {one: who for one, who in self.demanded.items() if one not in able}

    def note(self, account: AccountId | Sighting) -> None:
        """Afterwards one that nobody can sign in to has nothing to be told."""
        if account.enabled is False:
            self.without.pop(account.external_id, None)

    def found(self) -> Iterator[Found]:
        """One for each of them."""
        for external_id, one in self.without.items():
            yield Found(
                FindingKind.FACTOR_UNREGISTERED, external_id, one.login_name, one.account_id,
                {"reason": REASON, "repair": REPAIR},
            )  # fmt: skip
