"""What an answer to a write means for the step that asked for it."""

from connectors.ldap.pipeline import Answer
from connectors.ldap.result_codes import Meaning, Verb, meaning, refusal
from idm.errors import NotOnTarget, TargetError, TargetUnavailable
from idm.ports import ExternalId, Outcome

Verdict = Outcome | TargetError
"""What a step is answered with."""


def verdict(answer: Answer | TargetUnavailable, verb: Verb) -> Verdict:
    """Changed, already so, or why not."""
    if isinstance(answer, TargetUnavailable):
        return answer
    known = meaning(answer.result, verb)
    if known is Meaning.DONE:
        return Outcome.CHANGED
    return Outcome.UNCHANGED if known is Meaning.ALREADY else refusal(answer.result, verb)


def meant(answer: Answer | TargetUnavailable, verb: Verb) -> Meaning | None:
    """What the directory's answer comes to; None when there was none."""
    return meaning(answer.result, verb) if isinstance(answer, Answer) else None


def no_account(external_id: ExternalId) -> NotOnTarget:
    """The error for a step on an account that is not there."""
    return NotOnTarget(f"アカウント {external_id} はディレクトリにありません。")


def no_group(group_id: ExternalId) -> NotOnTarget:
    """The error for a group that is not there."""
    return NotOnTarget(f"グループ {group_id} はディレクトリにありません。")
