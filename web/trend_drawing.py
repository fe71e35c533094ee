"""A number over time as a line to draw: points of an inline SVG, without script and without style."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from idm.queries.privileged.register import TrendPoint

WIDTH, HEIGHT = 640, 160
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 10, 24
"""Room beside the drawing for what is written there, in the drawing's own units."""


@dataclass(frozen=True)
class Drawing:
    """What the template draws: two lines as lists of points, and the marks at their edges."""

    holders: str
    most: str
    highest: int
    top: float
    bottom: float
    first: date
    last: date


def drawn(points: Sequence[TrendPoint]) -> Drawing | None:
    """The numbers as steps: each holds until the next; None where there is no time to draw over."""
    first, last = points[0].day, points[-1].day
    if first == last:
        return None
    highest = max(1, *(point.holders for point in points), *(point.most or 0 for point in points))
    scale = _Scale(first, (last - first).days, highest)
    return Drawing(
        scale.steps([(point.day, point.holders) for point in points]),
        scale.steps([(point.day, point.most) for point in points]), highest, scale.y(highest), scale.y(0), first, last,
    )  # fmt: skip


@dataclass(frozen=True)
class _Scale:
    first: date
    days: int
    highest: int

    def x(self, day: date) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (day - self.first).days / self.days, 1)

    def y(self, number: int) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * number / self.highest, 1)

    def steps(self, numbers: Sequence[tuple[date, int | None]]) -> str:
        """A polyline that goes level to the next day, then up or down; nothing where no number is known."""
        corners: list[str] = []
        before: int | None = None
        for day, number in numbers:
            if number is None:
                continue
            if before is not None and before != number:
                corners.append(f"{self.x(day)},{self.y(before)}")
            corners.append(f"{self.x(day)},{self.y(number)}")
            before = number
        return " ".join(corners)
