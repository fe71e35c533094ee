"""A provider of sign-in as the operations see it: it proves whom the test says, and remembers what it was asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from threading import Lock

from idm.errors import TargetError, TargetRefused
from idm.operations.signing_in.provider_sign_in import Arrived, Started, answer, start
from idm.operations.signing_in.web_sessions import SignedIn, resume_session
from idm.organisation import SignInProvider
from idm.ports import Begun, ProvenIdentity
from tests.cast import NOW, Cast
from tests.operations.signing_in.steps import HERE, KEY, POLICY

NAMED = SignInProvider("庁内認証基盤", "https://login.example.jp/tenant/v2.0", "idm", "provider.secret")
ANSWER_AT = "https://idm.example.jp/sign-in/provider/answer"


@dataclass
class AnsweringProvider:
    """The code of an answer is the subject it proves; every code is good once, as at a real one."""

    issuer: str = NAMED.issuer
    fault: TargetError | None = None
    asked: list[tuple[str, timedelta]] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)
    lock: Lock = field(default_factory=Lock)

    def begin(self, redirect_uri: str, *, max_age: timedelta) -> Begun:
        if self.fault is not None:
            raise self.fault
        self.asked.append((redirect_uri, max_age))
        number = next(self.numbers)
        return Begun("https://login.example.jp/authorize", f"state-{number}", f"kept-{number}")

    def complete(self, kept: str, said: Mapping[str, str]) -> ProvenIdentity:
        if self.fault is not None:
            raise self.fault
        with self.lock:
            if kept in self.completed or "code" not in said:
                raise TargetRefused("invalid_grant")
            self.completed.append(kept)
        return ProvenIdentity(self.issuer, said["code"], NOW)

    def sign_out_address(self) -> str | None:
        return None


def begin(
    office: Cast, provider: AnsweringProvider, *, link: str | None = None, later: timedelta = timedelta()
) -> tuple[Started, str]:
    """What the browser was given, and the state the provider was."""
    started = start(
        office.database, provider, redirect_uri=ANSWER_AT, key=KEY, policy=POLICY, now=NOW + later, link=link,
        wanted="/requests", carried="typed",
    )  # fmt: skip
    return started, f"state-{len(provider.asked) - 1}"


def come_back(
    office: Cast, provider: AnsweringProvider, token: str, later: timedelta = timedelta(), **said: str
) -> Arrived:  # fmt: skip
    return answer(
        office.database, provider, token=token, said=said, source=HERE, key=KEY, policy=POLICY, now=NOW + later
    )


def sign_in_as(
    office: Cast, provider: AnsweringProvider, subject: str, *, link: str | None = None, later: timedelta = timedelta()
) -> Arrived:
    """Somebody begins, is signed in by the provider as that subject, and comes back."""
    started, state = begin(office, provider, link=link, later=later)
    return come_back(office, provider, started.token, later, state=state, code=subject)


def who(office: Cast, token: str, later: timedelta = timedelta()) -> SignedIn | None:
    with office.database.reading() as session:
        return resume_session(session, token=token, policy=POLICY, now=NOW + later)
