"""Which post came in the place of which when units or titles changed (機構改革), and who went along. Pure.

A right that rests on a post goes on with its holder where the organisation file names the post that came after it, and
the holder went from the one to the other without a day between. Whoever went elsewhere on that day has lost it. What
changes on one day changes at once: on one day a post has one successor, and not that one's as well. So codes can be
moved on by one place.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from idm.calendar_days import holds
from idm.organisation import Successor


@dataclass(frozen=True)
class Post:
    """A post in a unit, as a right rests on it."""

    unit_code: str
    title: str


@dataclass(frozen=True)
class HeldPost:
    """A post that somebody has, and the half-open period for which they have it."""

    post: Post
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True)
class Succession:
    """The post that came in the place of another, and the last line of the organisation file that says so."""

    post: Post
    line: Successor


def succession(
    rests_on: Post, held: Sequence[HeldPost], successors: Iterable[Successor], day: date
) -> Succession | None:  # fmt: skip
    """To which post the holder of `held` has gone along with the one a right rests on; None = it is lost by the day."""
    lines = tuple(successors)
    current, since = rests_on, date.min
    while (line := _next(current, lines, since, day)) is not None:
        new = Post(line.new_unit, line.new_post or current.title)
        left = _left(current, held, line.day - timedelta(days=1))
        if left is None or not _has(new, held, left):
            return None
        if _has(new, held, day):
            return Succession(new, line)
        current, since = new, line.day
    return None


def _next(post: Post, lines: Sequence[Successor], since: date, day: date) -> Successor | None:
    """The first line about the post after `since` and by the day; one about the post before one about its unit."""
    about = [
        line for line in lines
        if line.unit == post.unit_code and line.post in (None, post.title) and since < line.day <= day
    ]  # fmt: skip
    return min(about, key=lambda line: (line.day, line.post is None), default=None)


def _has(post: Post, held: Sequence[HeldPost], day: date) -> bool:
    return any(one.post == post and holds(one.valid_from, one.valid_until, day) for one in held)


def _left(post: Post, held: Sequence[HeldPost], day: date) -> date | None:
    """The first day without the post for somebody who had it on the day; None = they had it not, or have no end of it.

    The personnel file may keep the old post for some days longer than the order says.
    """
    left = None
    while ends := [one.valid_until for one in held if _has(post, [one], day)]:
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        left = day = max(known)
    return left


# --- what the organisation file may say -------------------------------------------------------------------------------


def succession_mistakes(lines: Sequence[Successor]) -> Iterator[str]:
    """What is wrong with the list in itself: where, what, and what to do."""
    first: dict[tuple[str, str | None], int] = {}
    for number, line in enumerate(lines):
        where = f"successors.{number}"
        if line.new_post is not None and line.post is None:
            yield f"{where}.new_post: 職名を変えるときは、前の職名（post）も書いてください。職名ごとに一行です"
        if (line.unit, line.post) == (line.new_unit, line.new_post or line.post):
            yield f"{where}: 前と後が同じです。行を消してください"
        elif _comes_back(line, lines):
            yield (
                f"{where}: 「{_name(line)}」は、後継をたどると元に戻ります（循環）。"
                "移り終えた古い行を消してください。移った権限は、もう新しい職に結び付いています"
            )
        before = first.setdefault((line.unit, line.post), number)
        if before != number:
            yield f"{where}: 「{_name(line)}」の後継は successors.{before} にもあります。どちらかの行を消してください"


def _name(line: Successor) -> str:
    return line.unit if line.post is None else f"{line.unit} {line.post}"


def _comes_back(line: Successor, lines: Sequence[Successor]) -> bool:
    reached: list[Successor] = []
    following = [line]
    while following:
        after = following.pop()
        for one in lines:
            if _follows(one, after) and one not in reached:
                reached.append(one)
                following.append(one)
    return line in reached


def _follows(line: Successor, before: Successor) -> bool:
    """Whether a post to which `before` leads has a successor by the line."""
    title = before.new_post or before.post
    return line.unit == before.new_unit and (line.post is None or title is None or line.post == title)
