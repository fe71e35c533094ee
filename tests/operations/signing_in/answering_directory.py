"""A directory that people of the cast sign in with, as the sign-in sees it."""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from idm.errors import TargetError
from idm.models.systems import Account, InformationSystem
from idm.operations.signing_in.sign_in import sign_in
from idm.operations.signing_in.web_sessions import SignedIn, resume_session
from idm.ports import PasswordCheck, PasswordVerdict
from tests.cast import NOW, Cast
from tests.operations.signing_in.steps import HERE, POLICY

PASSWORD = "PC-Password-2026"
WRONG = "Not-The-Password"
OWN_PASSWORD = "あおばの庭で大きな犬がねむる"
LOGIN = "u100009"
EXTERNAL_ID = "6f9a7c52-0000-4000-8000-000000000009"


@dataclass
class DirectoryAnswers:
    """A directory as the sign-in sees it: names, passwords, and what it says of them; and every question it got."""

    known: dict[str, PasswordCheck] = field(
        default_factory=lambda: {LOGIN: PasswordCheck(PasswordVerdict.RIGHT, EXTERNAL_ID)}
    )
    fault: TargetError | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, system: InformationSystem, login_name: str, password: str) -> PasswordCheck:
        self.asked.append((login_name, password))
        if self.fault is not None:
            raise self.fault
        known = self.known.get(login_name)
        return known if known is not None and password == PASSWORD else PasswordCheck(PasswordVerdict.WRONG)

    def says(
        self, verdict: PasswordVerdict, external_id: str | None = EXTERNAL_ID, *, proven: bool = True
    ) -> None:  # fmt: skip
        self.known[LOGIN] = PasswordCheck(verdict, external_id, proven)


def account_of(office: Cast, who: str, external_id: str) -> None:
    office.approve(office.file("hr", (who, "ledger/account")))
    with office.database.writing() as session:
        account = session.scalars(select(Account).where(Account.person_id == office.people[who])).one()
        account.external_id, account.seen_present, account.handed_over_at = external_id, True, NOW


def arrive(
    office: Cast, directory: DirectoryAnswers, name: str = LOGIN, password: str = PASSWORD, *,
    later: timedelta = timedelta(),
) -> str:  # fmt: skip
    return sign_in(
        office.database, name=name, password=password, source=HERE, policy=POLICY, now=NOW + later,
        check_password=directory,
    )  # fmt: skip


def who(office: Cast, token: str) -> SignedIn | None:
    with office.database.reading() as session:
        return resume_session(session, token=token, policy=POLICY, now=NOW)
