"""Every refusal of the product, as a named exception with a sentence a clerk can act on.

A `Refusal` is an answer, not an accident: the unit of work rolls back, writes it to the audit record in a transaction
of its own and raises it again, so that no refusal vanishes (FK 6-1(4)). Everything else that escapes is a fault.
"""


class IdmError(Exception):
    """Base of everything this product raises on purpose."""


class Refusal(IdmError):
    """The act was understood and is not allowed, or its input cannot be accepted. Nothing has been changed.

    `code` is stable (messages, audit, tests and docs share it); `message` says what, where and what to do, in Japanese.
    """

    code = "REFUSED"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class NotFound(Refusal):
    """The thing named does not exist, or this person may not know that it does."""

    code = "NOT-FOUND"


class NotPermitted(Refusal):
    """This person's roles do not allow the act."""

    code = "NOT-PERMITTED"


class NotSeated(Refusal):
    """This person does not hold the seat that decides this step at this moment (FK 6-2(1)①)."""

    code = "NOT-SEATED"


class SeparationOfDuties(Refusal):
    """A numbered rule of `idm.separation_of_duties` forbids the act; `code` is the rule (FK 1-2(7), MT 2(6))."""

    code = "SOD"


class IllegalTransition(Refusal):
    """The thing is not in a state from which this event may happen."""

    code = "STATE"


class ContentChanged(Refusal):
    """What is decided on is not what was shown."""

    code = "CONTENT-CHANGED"


class DecidedMeanwhile(Refusal):
    """Somebody else decided first; look again."""

    code = "DECIDED-MEANWHILE"


class InvalidInput(Refusal):
    """One or more fields cannot be accepted. `fields` maps a field name to its message."""

    code = "INPUT"

    def __init__(self, message: str, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class CapReached(Refusal):
    """As many IDs of a kind have a holder in the system as may have (control D1)."""

    code = "D1-CAP"


class ZoneNotOpen(Refusal):
    """The profile keeps the organisation out of the My Number zone: nothing in it can be asked for (MD 6(3)ア)."""

    code = "MYNUMBER-FORBIDDEN"


class FreshFactorNeeded(Refusal):
    """The act asks for a second factor given a moment ago; the same act succeeds after that (control B3)."""

    code = "FRESH-FACTOR"


class FeedRefused(Refusal):
    """A personnel file is refused as a whole; `problems` names row, column and reason of each."""

    code = "FEED"

    def __init__(self, message: str, *, problems: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class PushTokenRefused(Refusal):
    """Whoever pushes people came without a token that is good now."""

    code = "PUSH-TOKEN"


class TooManyPushes(Refusal):
    """A system pushes faster than it may; a minute later it may again."""

    code = "PUSH-RATE"


class PushConflict(Refusal):
    """The person pushed has a name or a number that another has."""

    code = "PUSH-CONFLICT"


class SafetyLimit(Refusal):
    """The run would stop more people than the profile lets one run stop; nothing was done (exit code 5)."""

    code = "SAFETY-LIMIT"


class NobodyAsked(Refusal):
    """Silence would be taken for an answer, of rights that nobody could be asked about; nothing was done."""

    code = "NOBODY-ASKED"


class SameListAgain(Refusal):
    """A list has the very content of one that spoke for another day, and nobody said that it was printed anew."""

    code = "SAME-LIST-AGAIN"


class ConfigurationInvalid(Refusal):
    """A profile, feed or organisation file has mistakes; `mistakes` lists every one with file and key."""

    code = "CONFIG"

    def __init__(self, message: str, *, mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.mistakes = mistakes


class SignInRefused(Refusal):
    """The sign-in failed; the message never says which part was wrong."""

    code = "SIGN-IN"


class SignInUnavailable(Refusal):
    """The directory or the provider that people sign in with cannot be asked now; nobody was judged, nothing counts."""

    code = "SIGN-IN-DIRECTORY"


class TargetError(IdmError):
    """A directory or service did not do what was asked. One of the three below, never anything else."""


class TargetUnavailable(TargetError):
    """The target cannot answer now; the same call may succeed later. `retry_after`: seconds, where it said so."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TargetRefused(TargetError):
    """The target understood and said no; trying again does not help, a person must look."""


class NotOnTarget(TargetError):
    """The object named is not on the target."""
