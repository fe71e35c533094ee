"""An official account of 総務課, as the cast applies for it, keeps it and loses it."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from idm.actor import Actor
from idm.models.official_accounts import OfficialAccount, OfficialAccountPoster
from idm.models.work import Finding, MailMessage
from idm.operations.official_accounts import applications, daily, endings, keeping, take_overs
from idm.operations.official_accounts.applications import WantedOfficialAccount
from tests.cast import NOW, Cast

JOB = Actor.job("jobs.lifecycle")
DAY = timedelta(days=1)


def wanted(cast: Cast, **changed: object) -> WantedOfficialAccount:
    plain = WantedOfficialAccount(
        unit_code="0100", service="さえずり", handle="@kumiai", address="https://saezuri.example/kumiai",
        purpose="催しの案内", own_page="組合のウェブサイト", same_elsewhere="なし", custody="総務課の金庫",
        two_factors=True, recovery="総務課の金庫", only_public=True, responsible_id=cast.people["staff"],
    )  # fmt: skip
    return replace(plain, **changed)  # type: ignore[arg-type]


def ask(cast: Cast, who: str = "security", **changed: object) -> int:
    with cast.acting(who, "official_account.ask") as session:
        return applications.ask(
            session, wanted(cast, **changed), actor=cast.actor(who), policy=cast.policy, now=NOW
        ).id  # fmt: skip


def answer(cast: Cast, account_id: int, who: str = "chief", *, permit: bool = True) -> None:
    with cast.acting(who, "official_account.answer") as session:
        applications.answer(
            session, account_id, permit=permit, note="確認した", actor=cast.actor(who), policy=cast.policy, now=NOW
        )


def approved(cast: Cast, **changed: object) -> int:
    account_id = ask(cast, **changed)  # type: ignore[arg-type]
    answer(cast, account_id)
    return account_id


def name_poster(cast: Cast, account_id: int, whom: str = "other", who: str = "staff") -> int:
    with cast.acting(who, "official_account.name_poster") as session:
        return keeping.name_poster(
            session, account_id, cast.people[whom], actor=cast.actor(who), policy=cast.policy, now=NOW
        ).id


def change_password(cast: Cast, account_id: int, who: str = "staff") -> None:
    with cast.acting(who, "official_account.password_changed") as session:
        keeping.password_changed(session, account_id, actor=cast.actor(who), policy=cast.policy, now=NOW)


def check(cast: Cast, account_id: int, who: str = "staff", now: datetime = NOW) -> None:
    with cast.acting(who, "official_account.check", now) as session:
        keeping.check(session, account_id, comment="見た", actor=cast.actor(who), policy=cast.policy, now=now)


def taken(cast: Cast, account_id: int, who: str = "other") -> None:
    with cast.acting(who, "official_account.report_take_over") as session:
        take_overs.report(session, account_id, what="知らない投稿", actor=cast.actor(who), policy=cast.policy, now=NOW)


def do_step(cast: Cast, account_id: int, code: str, who: str = "staff", note: str = "した") -> None:
    with cast.acting(who, "official_account.step_done") as session:
        take_overs.step_done(session, account_id, code, note=note, actor=cast.actor(who), policy=cast.policy, now=NOW)


def settle(cast: Cast, account_id: int, who: str = "staff") -> None:
    with cast.acting(who, "official_account.settle") as session:
        take_overs.settle(session, account_id, note="確かめた", actor=cast.actor(who), policy=cast.policy, now=NOW)


def recover(cast: Cast, account_id: int, who: str) -> None:
    with cast.acting(who, "official_account.confirm_recovery") as session:
        take_overs.confirm(session, account_id, actor=cast.actor(who), policy=cast.policy, now=NOW)


def give_up(cast: Cast, account_id: int, who: str = "staff") -> None:
    with cast.acting(who, "official_account.give_up") as session:
        endings.give_up(session, account_id, how="削除した", actor=cast.actor(who), policy=cast.policy, now=NOW)


def confirm_end(cast: Cast, account_id: int, who: str, *, gone: bool = True) -> None:
    with cast.acting(who, "official_account.confirm_end") as session:
        endings.confirm(
            session, account_id, gone=gone, note="見た", actor=cast.actor(who), policy=cast.policy, now=NOW
        )  # fmt: skip


def nightfall(cast: Cast, now: datetime = NOW) -> int:
    """The day's run; how many people it took off."""
    with cast.database.writing() as session:
        return daily.follow(session, actor=JOB, policy=cast.policy, now=now)


def open_faults(cast: Cast) -> str:
    """What is found to be wrong, in one line."""
    with cast.database.reading() as session:
        query = select(Finding.label).where(Finding.kind.in_(daily.KINDS), Finding.resolved_at.is_(None))
        return "".join(session.scalars(query))


def account(cast: Cast, account_id: int) -> OfficialAccount:
    with cast.database.reading() as session:
        return session.get_one(OfficialAccount, account_id)


def posting(cast: Cast, account_id: int) -> set[int]:
    with cast.database.reading() as session:
        query = select(OfficialAccountPoster.person_id).where(
            OfficialAccountPoster.official_account_id == account_id, OfficialAccountPoster.ended_at.is_(None)
        )
        return set(session.scalars(query))


def told(cast: Cast, subject: str) -> set[int]:
    """Who had a notice with this in its subject."""
    with cast.database.reading() as session:
        return set(session.scalars(select(MailMessage.person_id).where(MailMessage.subject.contains(subject))))
