"""An external service from its application to its last account (FK 11-2, MT 9(2); controls I2 and I3)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.directory.wanted_account import WantedAccount, wanted_account
from idm.errors import IllegalTransition, InvalidInput, NotPermitted, Refusal, SeparationOfDuties
from idm.grant_state import EndReason, GrantState
from idm.models.audit import AuditRecord
from idm.models.external_services import ExternalService, ProviderAccount
from idm.models.people import Person
from idm.models.requests import Grant
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding, MailMessage, SweepRun
from idm.operations.external_services import applications, provider_accounts, service_checks, service_ends
from idm.operations.external_services.applications import WantedService
from idm.queries.rights.account_facts import account_facts
from idm.vocabulary import ExternalServiceState, FindingKind, ProviderAccountEnd
from tests.cast import NOW, TODAY, Cast

JOB = Actor.job("jobs.lifecycle")
DAY = timedelta(days=1)
END = TODAY + 30 * DAY
THE_DAY = start_of(END) + timedelta(hours=1)


@pytest.fixture
def service_office(office: Cast) -> Cast:
    """The office, whose ledger is somebody else's service."""
    with office.database.writing() as session:
        session.execute(update(InformationSystem).values(external_service=True))
    return office


def wanted(cast: Cast, **changed: object) -> WantedService:
    """The ledger in a cloud."""
    with cast.database.reading() as session:
        system = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    plain = WantedService(
        name="クラウド会計", provider="那珂川電算", purpose="会計事務", users="総務課の職員", information="会計の記録",
        confidential=True, place="日本国内、日本法",
        answers=dict.fromkeys(cast.policy.external_services.questions, "提供者の回答書で確認した"), system_id=system,
    )  # fmt: skip
    return replace(plain, **changed)  # type: ignore[arg-type]


def ask(cast: Cast, who: str = "security", **changed: object) -> int:
    with cast.acting(who, "external_service.ask") as session:
        return applications.ask(
            session, wanted(cast, **changed), actor=cast.actor(who), policy=cast.policy, now=NOW
        ).id  # fmt: skip


def answer(
    cast: Cast, service_id: int, who: str = "chief", *, permit: bool = True, administrator: str | None = "system"
) -> None:
    with cast.acting(who, "external_service.answer") as session:
        applications.answer(
            session, service_id, permit=permit, note="確認した",
            administrator_id=cast.people[administrator] if administrator else None, actor=cast.actor(who),
            policy=cast.policy, now=NOW,
        )  # fmt: skip


def approved(cast: Cast) -> int:
    service_id = ask(cast)
    answer(cast, service_id)
    return service_id


def plan(cast: Cast, service_id: int, who: str = "system") -> None:
    with cast.acting(who, "external_service.plan_end") as session:
        service_ends.plan(
            session, service_id, end_on=END, reason="契約の満了", actor=cast.actor(who), policy=cast.policy, now=NOW
        )


def close(cast: Cast, service_id: int, now: datetime = THE_DAY) -> None:
    with cast.acting("system", "external_service.close", now) as session:
        service_ends.close(session, service_id, actor=cast.actor("system"), policy=cast.policy, now=now)


def nightfall(cast: Cast, now: datetime = THE_DAY) -> int:
    """The day's run; how many ends it carried out."""
    with cast.database.writing() as session:
        return service_ends.follow(session, actor=JOB, policy=cast.policy, now=now)


def service_of(cast: Cast, service_id: int) -> ExternalService:
    with cast.database.reading() as session:
        return session.get_one(ExternalService, service_id)


def subjects(cast: Cast, who: str) -> list[str]:
    with cast.database.reading() as session:
        query = select(MailMessage.subject).where(MailMessage.person_id == cast.people[who])
        return [one for one in session.scalars(query.order_by(MailMessage.id)) if "外部サービス" in one]


# --- applying and deciding --------------------------------------------------------------------------------------------


def test_a_service_is_asked_for_decided_by_another_and_has_an_administrator(service_office: Cast) -> None:
    service_id = ask(service_office)
    assert any("利用の申請" in one for one in subjects(service_office, "chief"))
    answer(service_office, service_id)
    service = service_of(service_office, service_id)
    assert (service.state, service.administrator_id) == (
        ExternalServiceState.APPROVED, service_office.people["system"],
    )  # fmt: skip
    assert any("管理者の指名" in one for one in subjects(service_office, "system"))
    assert any("申請の結果" in one for one in subjects(service_office, "security"))
    with service_office.database.reading() as session:
        actions = set(session.scalars(select(AuditRecord.action).where(AuditRecord.object_kind == "external_service")))
    assert {"external_service.asked", "external_service.approved"} <= actions


@pytest.mark.parametrize("who", ["staff", "hr", "system", "auditor", "contractor"])
def test_only_the_office_of_the_profile_asks(service_office: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        ask(service_office, who)


@pytest.mark.parametrize("who", ["staff", "system", "vice", "auditor", "ciso"])
def test_only_the_office_of_the_profile_decides(service_office: Cast, who: str) -> None:
    service_id = ask(service_office)
    with pytest.raises(NotPermitted):
        answer(service_office, service_id, who)


def test_nobody_decides_on_an_application_of_their_own_under_whatever_row(service_office: Cast) -> None:
    service_id = ask(service_office)
    with service_office.database.writing() as session:
        both = [service_office.people[who] for who in ("security", "chief")]
        session.execute(update(Person).where(Person.id.in_(both)).values(match_key="one-human"))
    with pytest.raises(SeparationOfDuties):
        answer(service_office, service_id)


def test_the_database_keeps_the_two_apart(service_office: Cast) -> None:
    service_id = ask(service_office)
    both = update(ExternalService).where(ExternalService.id == service_id).values(
        answered_by_id=ExternalService.asked_by_id, state=ExternalServiceState.APPROVED
    )  # fmt: skip
    with service_office.database.writing() as session, pytest.raises(IntegrityError, match="two_people"):
        session.execute(both)


@pytest.mark.parametrize("field", ["name", "provider", "purpose", "users", "information", "place"])
def test_every_field_of_the_form_is_needed(service_office: Cast, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        ask(service_office, **{field: "  "})
    assert field in refusal.value.fields


def test_the_checks_of_the_provider_are_needed(service_office: Cast) -> None:
    with pytest.raises(InvalidInput) as refusal:
        ask(service_office, answers={})
    assert set(refusal.value.fields) == {f"check_{code}" for code in service_office.policy.external_services.questions}


@pytest.mark.parametrize("administrator", [None, "contractor"])
def test_the_administrator_is_one_of_the_staff(service_office: Cast, administrator: str | None) -> None:
    service_id = ask(service_office)
    with pytest.raises(InvalidInput) as refusal:
        answer(service_office, service_id, administrator=administrator)
    assert "administrator" in refusal.value.fields
    assert service_of(service_office, service_id).state is ExternalServiceState.ASKED


def test_an_application_is_taken_back_by_whoever_asked(service_office: Cast) -> None:
    service_id = ask(service_office)
    with pytest.raises(NotPermitted), service_office.acting("chief", "external_service.withdraw") as session:
        applications.withdraw(
            session, service_id, actor=service_office.actor("chief"), policy=service_office.policy, now=NOW
        )
    with service_office.acting("security", "external_service.withdraw") as session:
        applications.withdraw(
            session, service_id, actor=service_office.actor("security"), policy=service_office.policy, now=NOW
        )
    with pytest.raises(IllegalTransition):
        answer(service_office, service_id)


def test_what_is_changed_is_asked_for_anew_and_replaces_the_entry(service_office: Cast) -> None:
    before = approved(service_office)
    with pytest.raises(InvalidInput, match="すでに台帳"):
        ask(service_office)
    changed = ask(service_office, purpose="会計事務と決算", replaces_id=before)
    with pytest.raises(IllegalTransition, match="すでに申請"):
        ask(service_office, replaces_id=before)
    assert service_of(service_office, before).state is ExternalServiceState.APPROVED
    answer(service_office, changed)
    assert service_of(service_office, before).state is ExternalServiceState.REPLACED
    assert service_of(service_office, changed).state is ExternalServiceState.APPROVED


def test_whoever_decides_names_another_administrator(service_office: Cast) -> None:
    service_id = approved(service_office)
    with service_office.acting("chief", "external_service.name_administrator") as session:
        applications.name_administrator(
            session, service_id, service_office.people["staff"], actor=service_office.actor("chief"),
            policy=service_office.policy, now=NOW,
        )  # fmt: skip
    assert service_of(service_office, service_id).administrator_id == service_office.people["staff"]


# --- rights there -----------------------------------------------------------------------------------------------------


def test_no_right_is_given_before_the_service_is_approved_or_once_its_end_is_planned(service_office: Cast) -> None:
    with pytest.raises(InvalidInput, match="外部サービス台帳"):
        service_office.file("hr", ("staff", "ledger/account"))
    service_id = approved(service_office)
    waiting = service_office.file("hr", ("staff", "ledger/account"))
    plan(service_office, service_id)
    with pytest.raises(InvalidInput, match="外部サービス台帳"):
        service_office.approve(waiting)
    with pytest.raises(InvalidInput, match="外部サービス台帳"):
        service_office.file("hr", ("other", "ledger/account"))


def test_other_systems_know_nothing_of_the_register(office: Cast) -> None:
    office.approve(office.file("hr", ("staff", "ledger/account")))
    with pytest.raises(InvalidInput) as refusal:
        ask(office)
    assert "system" in refusal.value.fields


# --- regular checks ---------------------------------------------------------------------------------------------------


def test_who_looks_after_it_records_a_check_and_what_is_not_needed_is_told(service_office: Cast) -> None:
    service_id = approved(service_office)
    with pytest.raises(NotPermitted), service_office.acting("staff", "external_service.check") as session:
        _check(service_office, session, service_id, "staff", needed=True)
    with service_office.acting("system", "external_service.check") as session:
        _check(service_office, session, service_id, "system", needed=False)
    assert any("利用を終える手続" in one for one in subjects(service_office, "security"))


def _check(cast: Cast, session: object, service_id: int, who: str, *, needed: bool) -> None:
    service_checks.check(
        session, service_id, still_needed=needed, comment="利用状況を確かめた", actor=cast.actor(who),  # type: ignore[arg-type]
        policy=cast.policy, now=NOW,
    )  # fmt: skip


def open_faults(cast: Cast) -> list[str]:
    with cast.database.reading() as session:
        query = select(Finding.label).where(Finding.kind == FindingKind.SERVICE_UNCARED, Finding.resolved_at.is_(None))
        return list(session.scalars(query))


def test_a_check_that_is_overdue_is_a_finding_until_it_was_made(service_office: Cast) -> None:
    service_id = approved(service_office)
    late = NOW + (service_office.policy.external_services.check_every_days + 1) * DAY
    nightfall(service_office, late - DAY)
    assert open_faults(service_office) == []
    nightfall(service_office, late)
    (label,) = open_faults(service_office)
    assert "クラウド会計" in label
    assert "定期確認" in label
    with service_office.acting("system", "external_service.check", late) as session:
        service_checks.check(
            session, service_id, still_needed=True, comment="確かめた", actor=service_office.actor("system"),
            policy=service_office.policy, now=late,
        )  # fmt: skip
    nightfall(service_office, late)
    assert open_faults(service_office) == []


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ending(service_office: Cast) -> tuple[Cast, int]:
    """青木 works with the ledger, whose end is planned."""
    service_id = approved(service_office)
    service_office.approve(service_office.file("hr", ("staff", "ledger/account")))
    with service_office.database.writing() as session:
        account = session.scalars(select(Account)).one()
        account.external_id, account.handed_over_at = "e-1", NOW
        account.seen_at, account.seen_present, account.seen_enabled = NOW, True, True
    plan(service_office, service_id)
    return service_office, service_id


def test_its_users_and_their_managers_are_told_and_nothing_ends_before_the_day(ending: tuple[Cast, int]) -> None:
    cast, service_id = ending
    assert any("利用の終了の予告" in one for one in subjects(cast, "staff"))
    assert any("利用の終了の予告" in one for one in subjects(cast, "security"))
    assert service_of(cast, service_id).users_told == 1
    assert nightfall(cast, THE_DAY - DAY) == 0
    assert _wanted(cast, THE_DAY - DAY).enabled


def test_on_its_day_every_right_ends_and_every_account_goes(ending: tuple[Cast, int]) -> None:
    cast, _ = ending
    assert nightfall(cast) == 1
    assert nightfall(cast) == 0
    with cast.database.reading() as session:
        (grant,) = session.scalars(select(Grant))
    assert (grant.state, grant.end_reason) == (GrantState.ENDED, EndReason.SERVICE_ENDED)
    assert not _wanted(cast, THE_DAY).present


def _wanted(cast: Cast, now: datetime) -> WantedAccount:
    with cast.database.reading() as session:
        account = session.scalars(select(Account)).one()
        facts = account_facts(session, [account.id], now=now)[account.id]
    return wanted_account(facts, now=now, delete_after_days=cast.policy.personnel.delete_after_days)


def test_an_end_is_called_off_before_its_day_and_not_after(ending: tuple[Cast, int]) -> None:
    cast, service_id = ending
    with pytest.raises(IllegalTransition, match="過ぎて"):
        _call_off(cast, service_id, THE_DAY)
    _call_off(cast, service_id, NOW)
    assert service_of(cast, service_id).state is ExternalServiceState.APPROVED
    assert nightfall(cast) == 0
    assert _wanted(cast, THE_DAY).enabled
    cast.file("hr", ("other", "ledger/account"))


def _call_off(cast: Cast, service_id: int, now: datetime) -> None:
    with cast.acting("system", "external_service.call_off_end", now) as session:
        service_ends.call_off(session, service_id, actor=cast.actor("system"), policy=cast.policy, now=now)


def test_it_closes_only_when_nothing_is_left(ending: tuple[Cast, int]) -> None:
    cast, service_id = ending
    nightfall(cast)
    with pytest.raises(InvalidInput, match="利用者ID") as refusal:
        close(cast, service_id)
    for left in ("終わっていない権限", "終了の日になっていません"):
        assert left not in refusal.value.fields["close"]
    _read_back_as_none(cast)
    with pytest.raises(InvalidInput, match="一つも"):
        close(cast, service_id)
    account_id = _name_account(cast, service_id)
    with pytest.raises(InvalidInput, match="1件"):
        close(cast, service_id)
    _finish(cast, account_id)
    close(cast, service_id)
    service = service_of(cast, service_id)
    assert (service.state, service.closed_by_id) == (ExternalServiceState.CLOSED, cast.people["system"])
    assert not _wanted(cast, THE_DAY).present


def test_a_service_does_not_close_while_its_target_was_not_read_after_its_day(ending: tuple[Cast, int]) -> None:
    cast, service_id = ending
    nightfall(cast)
    _read_back_as_none(cast, at=THE_DAY - 2 * DAY)
    _finish(cast, _name_account(cast, service_id))
    with pytest.raises(InvalidInput, match="読取り"):
        close(cast, service_id)


def _read_back_as_none(cast: Cast, at: datetime = THE_DAY) -> None:
    with cast.database.writing() as session:
        account = session.scalars(select(Account)).one()
        account.seen_present, account.seen_enabled = False, False
        session.add(SweepRun(
            system_id=account.system_id, started_at=at, finished_at=at, examined=0, found=0, new=0, resolved=0,
        ))  # fmt: skip


def _name_account(cast: Cast, service_id: int) -> int:
    with cast.acting("system", "external_service.name_account") as session:
        return provider_accounts.name_account(
            session, service_id, name="admin@example.jp", administers=True, actor=cast.actor("system"),
            policy=cast.policy, now=NOW,
        ).id  # fmt: skip


def _done(cast: Cast, account_id: int, who: str = "system") -> None:
    with cast.acting(who, "external_service.account_done") as session:
        provider_accounts.done(
            session, account_id, how=ProviderAccountEnd.RETURNED, note="サインインできないことを確かめた",
            actor=cast.actor(who), policy=cast.policy, now=THE_DAY,
        )  # fmt: skip


def _confirm(cast: Cast, account_id: int, who: str) -> None:
    with cast.acting(who, "external_service.account_confirm") as session:
        provider_accounts.confirm(session, account_id, actor=cast.actor(who), policy=cast.policy, now=THE_DAY)


def _finish(cast: Cast, account_id: int) -> None:
    _done(cast, account_id)
    _confirm(cast, account_id, "security")


def test_an_account_at_the_provider_is_ended_by_one_and_confirmed_by_another(ending: tuple[Cast, int]) -> None:
    cast, service_id = ending
    account_id = _name_account(cast, service_id)
    with pytest.raises(IllegalTransition):
        _confirm(cast, account_id, "security")
    _done(cast, account_id)
    with pytest.raises(SeparationOfDuties):
        _confirm(cast, account_id, "system")
    _confirm(cast, account_id, "security")
    with pytest.raises(IllegalTransition):
        _done(cast, account_id)
    by_oneself = update(ProviderAccount).values(confirmed_by_id=ProviderAccount.done_by_id)
    with cast.database.writing() as session, pytest.raises(IntegrityError, match="two_people"):
        session.execute(by_oneself)


@pytest.mark.parametrize("who", ["staff", "hr", "auditor"])
def test_nobody_else_ends_a_service(service_office: Cast, who: str) -> None:
    service_id = approved(service_office)
    acts: tuple[Callable[[], object], ...] = (
        lambda: plan(service_office, service_id, who), lambda: close(service_office, service_id),
    )  # fmt: skip
    for act in acts:
        with pytest.raises(Refusal):
            act()
    assert service_of(service_office, service_id).state is ExternalServiceState.APPROVED


def test_every_refusal_is_on_record_and_changes_nothing(service_office: Cast) -> None:
    with pytest.raises(NotPermitted):
        ask(service_office, "staff")
    with service_office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ExternalService)) == 0
        assert session.scalar(select(func.count()).where(AuditRecord.action == "external_service.ask")) == 1
