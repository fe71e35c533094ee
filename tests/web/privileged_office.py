"""The office with somebody who holds a privileged right, and a worker that opens, seals and closes as one would."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.keys.sealing import seal_to
from idm.models.going_live import FoundAccount
from idm.models.privileged import PrivilegedUse, RegisteredId, VaultKey, VaultSecret
from idm.models.requests import Grant
from idm.models.sign_in import WebSession
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.operations.privileged import check_outs, uses
from idm.vocabulary import AccountKind, EntitlementKind, FoundState, UseState, VerifiedHow
from tests.carried_out import WORKER, carry_out
from tests.cast import TODAY
from tests.web.office import Browser, Office

PASSWORD = "tW9-vLq2_rMzK7xHc4bNpYs8"
PURPOSE = "会計システムの月次処理の設定を変更する"
FOR_A_YEAR = TODAY + timedelta(days=365)


def with_holder(office: Office, who: str = "staff") -> int:
    """The ID of the account with which this person may use the ledger's administration, on its target, asleep."""
    rights = ((who, "ledger/account"), (who, "ledger/admin-account"), (who, "ledger/admin"))
    request_id = office.cast.file(who, *rights, valid_until=FOR_A_YEAR)
    for line in range(len(rights)):
        office.cast.approve(request_id, line=line)
    carry_out(office.cast, now=office.now)
    with office.database.writing() as session:
        query = select(Account).where(
            Account.kind == AccountKind.PRIVILEGED, Account.person_id == office.cast.people[who]
        )
        account = session.scalars(query).one()
        _keep(session, account.id, office)
        return account.id


def _keep(session: Session, account_id: int, office: Office) -> None:
    """Afterwards the password of the account is in our keeping."""
    key = session.scalars(select(VaultKey)).first()
    if key is None:
        key = VaultKey(fingerprint="f" * 64, created_at=office.now)
        session.add(key)
        session.flush()
    session.add(
        VaultSecret(
            account_id=account_id, key_id=key.id, sealed=b"sealed", confirmed_at=office.now,
            verified_how=VerifiedHow.CHANGE_TIME,
        )
    )  # fmt: skip


def with_registered(office: Office) -> int:
    """The id of the account of a shared ID of the ledger that stands in the register, and whose password is kept."""
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        account = Account(
            uuid=uuid4(), system_id=system.id, kind=AccountKind.SHARED, login_name="kanri", created_at=office.now,
            external_id="id-of-kanri",
        )  # fmt: skip
        session.add(account)
        session.flush()
        people = office.cast.people
        found = FoundAccount(
            system_id=system.id, external_id="id-of-kanri", login_name="kanri", display_name="管理", enabled=True,
            protected=False, marked=False, groups=[], first_seen_at=office.now, last_seen_at=office.now,
            state=FoundState.NOT_PERSONAL, kind=AccountKind.SHARED, candidates=[], account_id=account.id,
        )  # fmt: skip
        session.add(found)
        session.flush()
        session.add(
            RegisteredId(
                system_id=system.id, found_id=found.id, account_id=account.id, kind=AccountKind.SHARED,
                purpose="監視画面の当番", owner_id=people["system"], kept=True, valid_until=FOR_A_YEAR,
                proposed_by_id=people["security"], proposed_at=office.now, accepted_by_id=people["chief"],
                accepted_at=office.now,
            )
        )  # fmt: skip
        _keep(session, account.id, office)
        return account.id


def right_of(office: Office, account_id: int) -> int:
    """The grant of the privileged group of that account."""
    with office.database.reading() as session:
        query = select(Grant.id).join(Entitlement, Grant.entitlement_id == Entitlement.id)
        return session.scalars(
            query.where(Grant.account_id == account_id, Entitlement.kind == EntitlementKind.GROUP)
        ).one()


def asking(office: Office, account_id: int, **more: str) -> dict[str, str | int | list[str | int]]:
    """The fields of the form, filled in."""
    return {
        "account": account_id, "purpose": PURPOSE, "ticket": "変更-12", "hours": "2", "from": "now",
        "grants": right_of(office, account_id), "check_out": "yes", **more,
    }  # fmt: skip


def ask(office: Office, browser: Browser, account_id: int, **more: str) -> int:
    """The id of the use that was asked for at this browser."""
    answer = browser.send("/privileged-uses", asking(office, account_id, **more))
    assert answer.status_code == 302, answer.text
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def work(office: Office) -> None:
    """Afterwards a worker has carried on every use, and the directory was read back as it is wanted."""
    with office.database.writing() as session:
        uses.carry_on(session, actor=WORKER, policy=office.cast.policy, now=office.now)
    carry_out(office.cast, now=office.now)
    with office.database.writing() as session:
        accounts = session.scalars(select(PrivilegedUse.account_id)).all()
        uses.follow(session, accounts, actor=WORKER, policy=office.cast.policy, now=office.now)


def seal(office: Office, password: str = PASSWORD) -> None:
    """Afterwards the password waits, sealed, for every open use that wants one and has none yet."""
    with office.database.writing() as session:
        for use in session.scalars(select(PrivilegedUse).where(PrivilegedUse.state == UseState.OPEN)):
            if use.public_key is not None and use.sealed is None and use.shown_at is None:
                sealed = seal_to(use.public_key, password.encode(), check_outs.context(use))
                confirmed_at = session.get_one(VaultSecret, use.account_id).confirmed_at
                assert check_outs.seal(
                    session, use.id, sealed, public_key=use.public_key, confirmed_at=confirmed_at, actor=WORKER,
                    policy=office.cast.policy, now=office.now,
                )  # fmt: skip


def opened(office: Office, account_id: int, holder: Browser, officer: Browser, **more: str) -> int:
    """The id of a use that was asked for, permitted, opened, and whose password waits to be seen."""
    use_id = ask(office, holder, account_id, **more)
    answer = officer.send(f"/privileged-uses/{use_id}/permission", {"comment": "確認しました"})
    assert answer.status_code == 302, answer.text
    work(office)
    seal(office)
    return use_id


def without_fresh_factor(office: Office) -> None:
    """Everybody's second factor was given an hour ago."""
    with office.database.writing() as session:
        for one in session.scalars(select(WebSession)):
            one.second_factor_at = office.now - timedelta(hours=1)
