"""What an answer to a write means for the step that asked for it."""

from connectors.ldap.pipeline import Answer
from connectors.ldap.result_codes import NO_SUCH_OBJECT, SUCCESS, refusal
from idm.errors import TargetError, TargetUnavailable
from idm.ports import Outcome

Verdict = Outcome | TargetError
"""What a step is answered with."""


def verdict(answer: Answer | TargetUnavailable) -> Verdict:
    """Changed, or why not.

    The entry was found a moment ago: if it is gone from its place now, somebody moved or deleted it, and only another
    reading can tell which.
    """
    if isinstance(answer, TargetUnavailable):
        return answer
    if answer.result.code == SUCCESS:
        return Outcome.CHANGED
    if answer.result.code == NO_SUCH_OBJECT:
        return TargetUnavailable("対象の項目が処理の間に移動または削除されました。読み直して再実行してください。")
    return refusal(answer.result)
