"""Carries out conversations side by side: what each has to say next goes in the same batches."""

from collections.abc import Sequence

from connectors.entra.graph import MOST_AT_ONCE, Answer, Graph, Request
from connectors.entra.role_exchanges import Exchange
from idm.errors import TargetError, TargetUnavailable
from idm.ports import Outcome


def carry_out(graph: Graph, exchanges: Sequence[Exchange]) -> list[Outcome | TargetError]:
    """What came of each, in order. Where a batch had no answer, what became of what was in it is unknown."""
    outcomes: dict[int, Outcome | TargetError] = {}
    wanted: dict[int, Request] = {}
    for number, exchange in enumerate(exchanges):
        _go_on(number, exchange, None, wanted, outcomes)
    while wanted:
        asked = list(wanted.items())
        wanted = {}
        for number, answer in _answers(graph, asked):
            if isinstance(answer, TargetError):
                outcomes[number] = answer
            else:
                _go_on(number, exchanges[number], answer, wanted, outcomes)
    return [outcomes[number] for number in range(len(exchanges))]


def _answers(graph: Graph, asked: Sequence[tuple[int, Request]]) -> list[tuple[int, Answer | TargetError]]:
    found: list[tuple[int, Answer | TargetError]] = []
    for first in range(0, len(asked), MOST_AT_ONCE):
        part = asked[first : first + MOST_AT_ONCE]
        try:
            answers: Sequence[Answer | TargetError] = graph.batch([request for _, request in part])
        except TargetError as failure:
            answers = [failure] * len(part)
        found += [(number, answer) for (number, _), answer in zip(part, answers, strict=True)]
    return found


def _go_on(
    number: int, exchange: Exchange, answer: Answer | None, wanted: dict[int, Request],
    outcomes: dict[int, Outcome | TargetError],
) -> None:  # fmt: skip
    """Afterwards the conversation has its next request in `wanted`, or its end in `outcomes`."""
    try:
        wanted[number] = next(exchange) if answer is None else exchange.send(answer)
    except StopIteration as end:
        outcomes[number] = end.value
    except TargetError as failure:
        outcomes[number] = failure


def nothing_was_sent(outcomes: Sequence[Outcome | TargetError]) -> TargetUnavailable | None:
    """Where no answer came to anything, the reason."""
    failures = [one for one in outcomes if isinstance(one, TargetUnavailable)]
    return failures[0] if failures and len(failures) == len(outcomes) else None
