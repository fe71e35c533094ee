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
    """What the template draws: the line and its limit, if there is one, as lists of points; the marks at the edges."""

    line: str
    limit: str
    highest: int
    top: float
    bottom: float
    first: date
    last: date


def drawn(points: Sequence[TrendPoint]) -> Drawing | None:
    """Holders and how many there may be; None where there is no time to draw over."""
    return drawn_line(
        [(point.day, point.holders) for point in points], [(point.day, point.most) for point in points]
    )  # fmt: skip


def drawn_line(
    line: Sequence[tuple[date, int]], limit: Sequence[tuple[date, int | None]] = ()
) -> Drawing | None:  # fmt: skip
    """The numbers as steps: each holds until the next; None where there is no time to draw over."""
    if not line or line[0][0] == line[-1][0]:
        return None
    first, last = line[0][0], line[-1][0]
    highest = max(1, *(number for _, number in line), *(number or 0 for _, number in limit))
    scale = _Scale(first, (last - first).days, highest)
    return Drawing(scale.steps(line), scale.steps(limit), highest, scale.y(highest), scale.y(0), first, last)


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
