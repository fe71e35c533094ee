"""The help desk asks whether an account is locked: a row for a worker, for nobody's own account, answered once."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, Refusal, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.help_desk import UnlockRequest
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.systems import Account
from idm.operations.passwords import unlocking
from idm.operations.passwords.unlocking import ANSWERED_WITHIN, Answer
from idm.ports import Lockout
from idm.vocabulary import Role, Zone
from tests.cast import NOW, TODAY, Cast

WORKER = Actor.job("tests.worker")


def account_of(office: Cast, who: str) -> int:
    office.approve(office.file("hr", (who, "ledger/account")))
    with office.database.writing() as session:
        found = session.scalars(select(Account).where(Account.person_id == office.people[who])).one()
        found.seen_present, found.external_id = True, f"id-of-{who}"
        return found.id


def ask(
    office: Cast, account_id: int, who: str = "desk", *, unlock: bool = False, later: timedelta = timedelta()
) -> int:  # fmt: skip
    with office.acting(who, "lock.ask", NOW + later) as session:
        return unlocking.ask(
            session, account_id=account_id, unlock=unlock, actor=office.actor(who), policy=office.policy,
            now=NOW + later,
        ).id  # fmt: skip


def give(office: Cast, request_id: int, given: Answer) -> UnlockRequest:
    with office.database.writing() as session:
        unlocking.answer(session, request_id, given, actor=WORKER, policy=office.policy, now=NOW)
        return session.get_one(UnlockRequest, request_id)


def test_what_is_asked_waits_for_a_worker_of_its_zone_and_is_answered_once(office: Cast) -> None:
    request_id = ask(office, account_of(office, "staff"), unlock=True)
    with office.database.reading() as session:
        assert [found.id for found in unlocking.waiting(session, [Zone.LGWAN])] == [request_id]
        assert unlocking.waiting(session, [Zone.MYNUMBER]) == []
    answered = give(office, request_id, Answer(Lockout(True, NOW + timedelta(minutes=5)), Lockout(False)))
    assert (answered.was_locked, answered.locked, answered.locked_until) == (True, False, None)
    again = give(office, request_id, Answer(failure="別の処理"))
    assert again.failure is None
    with office.database.reading() as session:
        assert unlocking.waiting(session, [Zone.LGWAN]) == []
        actions = session.scalars(
            select(AuditRecord.action).where(AuditRecord.action.like("lock.%")).order_by(AuditRecord.id)
        ).all()
    assert actions == ["lock.asked", "lock.answered"]


def test_an_officer_asks_about_nobodys_own_account_under_any_row(office: Cast) -> None:
    own, staff = account_of(office, "desk"), account_of(office, "staff")
    with pytest.raises(SeparationOfDuties, match="SOD-2"):
        ask(office, own)
    with office.database.writing() as session:
        for name in ("desk", "staff"):
            session.get_one(Person, office.people[name]).match_key = "one-human"
    with pytest.raises(SeparationOfDuties, match="SOD-2"):
        ask(office, staff)


def test_the_database_itself_keeps_an_officer_from_their_own_account(office: Cast) -> None:
    request_id = ask(office, account_of(office, "staff"))
    with pytest.raises(IntegrityError, match="not_for_oneself"), office.database.writing() as session:
        session.execute(text(f"UPDATE unlock_requests SET officer_id = subject_id WHERE id = {request_id}"))


def test_who_approved_the_account_does_not_open_it(office: Cast) -> None:
    account_id = account_of(office, "staff")
    with office.database.writing() as session:
        first = session.scalars(select(Officer.first_record_id)).first()
        session.add(
            Officer(role=Role.HANDOVER, person_id=office.people["chief"], valid_from=TODAY, first_record_id=first)
        )
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        ask(office, account_id, "chief")


@pytest.mark.parametrize("who", ["staff", "hr", "ciso", "auditor", "system"])
def test_others_ask_nothing_and_their_attempt_is_on_record(office: Cast, who: str) -> None:
    account_id = account_of(office, "other")
    with pytest.raises(NotPermitted):
        ask(office, account_id, who)
    with office.database.reading() as session:
        assert session.scalars(select(AuditRecord.code).where(AuditRecord.action == "lock.ask")).all() == [
            "NOT-PERMITTED"
        ]


def test_a_contractor_at_the_desk_opens_nothing(office: Cast) -> None:
    account_id = account_of(office, "staff")
    with office.database.writing() as session:
        first = session.scalars(select(Officer.first_record_id)).first()
        session.add(
            Officer(role=Role.HANDOVER, person_id=office.people["contractor"], valid_from=TODAY, first_record_id=first)
        )
    with pytest.raises(SeparationOfDuties, match="SOD-7"):
        ask(office, account_id, "contractor")


def test_an_account_never_seen_on_its_target_cannot_be_asked_about(office: Cast) -> None:
    account_id = account_of(office, "staff")
    with office.database.writing() as session:
        session.get_one(Account, account_id).external_id = None
    with pytest.raises(InvalidInput, match="確認されていない"):
        ask(office, account_id)
    with pytest.raises(NotFound):
        ask(office, 9999)


def test_one_question_at_a_time_but_a_forgotten_one_gives_way(office: Cast) -> None:
    account_id = account_of(office, "staff")
    first = ask(office, account_id)
    with pytest.raises(IllegalTransition, match="問い合わせ中"):
        ask(office, account_id, later=ANSWERED_WITHIN)
    assert ask(office, account_id, later=ANSWERED_WITHIN + timedelta(seconds=1)) != first
    with office.database.reading() as session:
        assert session.get_one(UnlockRequest, first).failure == unlocking.TOO_LATE


def test_every_refusal_says_what_to_do(office: Cast) -> None:
    with pytest.raises(Refusal) as caught:
        ask(office, account_of(office, "desk"))
    assert caught.value.message.endswith("（SOD-2）")
