"""Connectors of other packages: found by their entry point, never in place of ours, and never a danger to the others.

A package offers `kind = "module:opener"` in the entry-point group `idm.connectors` (docs/connector-guide.md). What is
wrong with one is told with its name wherever systems are listed or tested, and stops only the systems that use it: also
a fault in the middle of its work becomes an answer about that system.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, cast

from idm import ports
from idm.errors import ConfigurationInvalid, TargetError, TargetRefused
from idm.ports import Directory, Writes

GROUP = "idm.connectors"
KIND = re.compile("[a-z0-9][a-z0-9_-]{0,31}")

Clock = Callable[[], datetime]
Opener = Callable[[Mapping[str, object], str | None, Clock], Directory]
"""Settings of the organisation file, the secret of the credential file (None = it has none), and the clock → a
connector, the target not contacted yet. Raises ConfigurationInvalid for mistakes in the settings, all of them."""

ABILITIES = tuple(
    ability for ability in vars(ports).values() if getattr(ability, "_is_protocol", False) and ability is not Protocol
)


@dataclass(frozen=True)
class Offer:
    """One kind of connector that an installed package offers. `fault`: why it cannot be used, None = it can."""

    kind: str
    package: str
    entry: EntryPoint
    fault: str | None = None

    def opener(self) -> Opener:
        """What opens a connector of this kind. Raises ConfigurationInvalid, naming the package."""
        if self.fault is not None:
            raise self._refusal(self.fault)
        try:
            opener = self.entry.load()
        except Exception as fault:  # whatever a foreign package does while it is imported
            raise self._refusal(f"読み込めません（{type(fault).__name__}: {str(fault)[:200]}）") from None
        if not callable(opener):
            raise self._refusal(f"「{self.entry.value}」は関数ではありません")
        return self._guarded(opener)

    def _guarded(self, opener: Callable[..., Any]) -> Opener:
        def opened(settings: Mapping[str, object], password: str | None, clock: Clock) -> Directory:
            try:
                directory = opener(settings, password, clock)
            except (TargetError, ConfigurationInvalid):
                raise
            except Exception as fault:
                raise self._refusal(f"接続の準備に失敗しました（{type(fault).__name__}）") from None
            if not isinstance(directory, Directory):
                raise self._refusal("読み取りの機能（Directory）がそろっていません")
            return cast(Directory, Guarded(directory, f"{self.kind}（{self.package}）"))

        return opened

    def _refusal(self, why: str) -> ConfigurationInvalid:
        message = f"接続の部品「{self.kind}」（{self.package}）を使えません。{why}。"
        return ConfigurationInvalid(message, mistakes=(message,))


def offers(ours: Collection[str]) -> dict[str, Offer]:
    """Every kind that installed packages offer, by name; nothing is imported yet. `ours` cannot be offered."""
    found = entry_points(group=GROUP)
    times = Counter(entry.name for entry in found)
    return {entry.name: Offer(entry.name, _package(entry), entry, _fault(entry, times, ours)) for entry in found}


def broken(ours: Collection[str]) -> list[str]:
    """What is wrong with installed packages, a sentence each; every one is imported to find out."""
    sentences = []
    for offer in offers(ours).values():
        try:
            offer.opener()
        except ConfigurationInvalid as refusal:
            sentences.append(refusal.message)
    return sorted(sentences)


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "?"


def _fault(entry: EntryPoint, times: Mapping[str, int], ours: Collection[str]) -> str | None:
    if entry.name in ours:
        return "製品に付属する種類と同じ名前です。付属の接続は置き換えられません。部品の側で別の名前にしてください"
    if times[entry.name] > 1:
        return "同じ名前の部品が二つ以上入っています。一つを残して取り除いてください"
    if not KIND.fullmatch(entry.name):
        return "種類の名前は、半角の英小文字・数字・「-」「_」で32文字までにしてください"
    return None


class Guarded:
    """Has exactly the abilities of the connector behind it, and raises nothing that the port does not know.

    What a fault says is not passed on: it might hold a secret.
    """

    def __init__(self, directory: Directory, name: str) -> None:
        for ability in ABILITIES:
            if isinstance(directory, ability):
                for verb in _verbs(ability):
                    setattr(self, verb, _guard(getattr(directory, verb), name))
        self.close = _quiet(directory.close)
        if isinstance(directory, Writes):
            self.can = directory.can
            self.perform = _one_answer_each(_guard(directory.perform, name), name)


def _verbs(ability: type) -> list[str]:
    return [name for name, member in vars(ability).items() if callable(member) and not name.startswith("_")]


def _guard(verb: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(verb)
    def guarded(*arguments: Any, **named: Any) -> Any:
        try:
            answered = verb(*arguments, **named)
        except (TargetError, ConfigurationInvalid):
            raise
        except Exception as fault:
            raise _at_fault(name, verb, fault) from None
        return _guarded_stream(answered, name, verb) if isinstance(answered, Iterator) else answered

    return guarded


def _guarded_stream(stream: Iterator[Any], name: str, verb: Callable[..., Any]) -> Iterator[Any]:
    try:
        yield from stream
    except (TargetError, ConfigurationInvalid):
        raise
    except Exception as fault:
        raise _at_fault(name, verb, fault) from None


def _quiet(close: Callable[[], None]) -> Callable[[], None]:
    def closed() -> None:
        with suppress(Exception):  # the work is done: a fault at the good-bye must not undo what is known of it
            close()

    return closed


def _one_answer_each(perform: Callable[..., Any], name: str) -> Callable[..., Any]:
    def performed(steps: Any) -> Any:
        answers = perform(steps)
        if len(answers) != len(steps):
            raise TargetRefused(
                f"接続の部品「{name}」の不具合です（手順と答えの数が違います）。作成者に知らせてください。"
            )
        return answers

    return performed


def _at_fault(name: str, verb: Callable[..., Any], fault: Exception) -> TargetRefused:
    return TargetRefused(
        f"接続の部品「{name}」の不具合です（{getattr(verb, '__name__', '?')}: {type(fault).__name__}）。"
        "作成者に知らせてください。"
    )
