"""How far the clocks of directories are from ours (FK 7-1(2), MT 8-1(3)イ; control G5)."""

from collections.abc import Callable, Iterator
from datetime import datetime
from math import copysign, log2

from idm.models.systems import InformationSystem
from idm.operations.sweep.findings import Found
from idm.policy import LogCheckRules
from idm.ports import Directory, TellsTime
from idm.vocabulary import FindingKind


def clocks_apart(directory: Directory, clock: Callable[[], datetime]) -> float | None:
    """Seconds by which the directory's clock is ahead of ours; None = it does not tell. Raises TargetUnavailable.

    Ours is read before and after: the answer was made somewhere in between.
    """
    if not isinstance(directory, TellsTime):
        return None
    directory.server_time()  # the connection is made first, so that making it is not measured
    asked = clock()
    theirs = directory.server_time()
    if theirs is None:
        return None
    return (theirs - asked).total_seconds() - (clock() - asked).total_seconds() / 2


def clock_found(apart: float | None, system: InformationSystem, rules: LogCheckRules) -> Iterator[Found]:
    """What is found where the clocks are further apart than the profile allows."""
    if apart is not None and abs(apart) > rules.most_clock_seconds:
        way = "進んで" if apart > 0 else "遅れて"
        yield Found(
            FindingKind.CLOCK_DRIFT, "clock", system.name,
            details={
                "reason": f"ディレクトリの時計が、この製品の時計より{abs(apart):.0f}秒{way}います。"
                f"{rules.most_clock_seconds}秒を超えると、記録の時刻を突き合わせられません。",
                "repair": "両方の機械の時計を同じ時刻サーバーに合わせる",
                "differences": _doublings(apart, rules.most_clock_seconds),
            },
        )  # fmt: skip


def _doublings(apart: float, most: int) -> int:
    """How often the limit doubles up to there, with the way: whoever answers for a minute does not for a day."""
    return int(copysign(1 + log2(abs(apart) / max(most, 1)), apart))
