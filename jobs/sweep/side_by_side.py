"""Does one thing for each of several systems at a time, so that none of them has to wait for another that hangs.

A thread cannot be stopped from outside. One whose time is over is given up: whoever waits for it goes on without it,
and if it ever comes back, it is told so before it writes anything (`Attempt.writing`).
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class TooLate(Exception):
    """This attempt was given up; nothing of it may be written any more."""


@dataclass
class Attempt:
    """The attempt at one item: under way, writing, or given up."""

    begun_at: float = field(default_factory=monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writing: bool = False
    _given_up: bool = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Within this block it is not given up. Raises TooLate when it has been."""
        with self._lock:
            if self._given_up:
                raise TooLate
            self._writing = True
        try:
            yield
        finally:
            self._writing = False

    def give_up(self) -> bool:
        """Whether it is given up from now on; one that is writing at this moment is waited for."""
        with self._lock:
            self._given_up = not self._writing
            return self._given_up


@dataclass
class SideBySide(Generic[Item, Answer]):
    """How each item is worked on, and what is answered for one that was given up, or that raised something."""

    work: Callable[[Item, Attempt], Answer]
    failed: Callable[[Item, Exception | None], Answer]
    """None = its time was over."""
    at_once: int
    budget: timedelta
    _ended: "queue.Queue[tuple[int, Answer | Exception]]" = field(default_factory=queue.Queue)
    _running: dict[int, Attempt] = field(default_factory=dict)
    _answers: dict[int, Answer] = field(default_factory=dict)

    def run(self, items: Sequence[Item]) -> list[Answer]:
        """The answers, in the order of the items."""
        waiting = list(range(len(items)))[::-1]
        while waiting or self._running:
            while waiting and len(self._running) < self.at_once:
                self._start(waiting.pop(), items)
            self._wait(items)
        return [self._answers[number] for number in range(len(items))]

    def _start(self, number: int, items: Sequence[Item]) -> None:
        attempt = self._running[number] = Attempt()

        def go() -> None:
            try:
                self._ended.put((number, self.work(items[number], attempt)))
            except Exception as error:
                self._ended.put((number, error))

        # A daemon: one that hangs must not keep the program from ending.
        threading.Thread(target=go, name=f"side-by-side-{number}", daemon=True).start()

    def _wait(self, items: Sequence[Item]) -> None:
        """Afterwards one more has ended, or those whose time was over are given up."""
        limit = self.budget.total_seconds()
        ends = [attempt.begun_at + limit for attempt in self._running.values()]
        try:
            number, said = self._ended.get(timeout=max(0.0, min(ends) - monotonic()))
        except queue.Empty:
            self._give_up_late(items, limit)
            return
        if self._running.pop(number, None) is not None:
            self._answers[number] = self.failed(items[number], said) if isinstance(said, Exception) else said

    def _give_up_late(self, items: Sequence[Item], limit: float) -> None:
        for number, attempt in list(self._running.items()):
            over = monotonic() - attempt.begun_at >= limit
            if over and attempt.give_up():
                del self._running[number]
                self._answers[number] = self.failed(items[number], None)
            elif over:
                attempt.begun_at = monotonic()  # what it writes is finished first
