"""A loss stops at once exactly what rests on the lost thing; only the desk, never its owner, gives it back."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from idm.errors import (
    FreshFactorNeeded,
    IllegalTransition,
    InvalidInput,
    NotFound,
    NotPermitted,
    SeparationOfDuties,
)
from idm.factors.authenticator_state import AuthenticatorState
from idm.grant_state import GrantState, SuspensionReason
from idm.models.audit import AuditRecord
from idm.models.authenticators import Authenticator, LossReport
from idm.models.people import Person
from idm.models.requests import Grant
from idm.models.sign_in import SignIn, WebSession
from idm.models.systems import Account, InformationSystem
from idm.models.work import MailMessage, OutboxTask, TaskState
from idm.operations.factors import losses
from idm.operations.rights.suspensions import suspend
from idm.operations.signing_in import own_factors
from idm.vocabulary import BY_HAND, AuthenticatorKind, LossOutcome, Role, Stage
from tests.authenticator_office import activate, at_desk, card, end, furnish, held, issue, lose, recover, remove, state
from tests.cast import NOW, PEOPLE, Cast
from tests.factor_office import bring, grant, list_of, verify_by_product

S = AuthenticatorState
IN_FORCE, STOPPED = (GrantState.IN_FORCE, False), (GrantState.SUSPENDED, True)


def close(
    cast: Cast, outcome: LossOutcome = LossOutcome.GIVEN_UP, *, by: str = "chief", note: str = "確認した",
    report: int | None = None, fresh: bool = True,
) -> None:  # fmt: skip
    with cast.database.reading() as session:
        report_id = report or session.scalars(select(LossReport.id).order_by(LossReport.id.desc())).first() or 0
    with cast.acting(by, "loss.close") as session:
        losses.close_loss(
            session, report_id, outcome=outcome, note=note, actor=cast.actor(by) if fresh else cast.stale(by),
            policy=cast.policy, now=NOW,
        )  # fmt: skip


def told(cast: Cast, words: str) -> set[str]:
    """Who has a notice about it."""
    by_mail = {f"u{number}@example.jp": name for name, (number, *_) in PEOPLE.items()}
    with cast.database.reading() as session:
        found = session.scalars(select(MailMessage.recipient).where(MailMessage.subject.contains(words)))
        return {by_mail[recipient] for recipient in found}


def due_tasks(cast: Cast) -> set[str]:
    """The systems whose worker has something to do at this moment about 青木."""
    with cast.database.reading() as session:
        tasks = session.scalars(
            select(OutboxTask)
            .join(Account, OutboxTask.account_id == Account.id)
            .where(
                OutboxTask.state == TaskState.WAITING, OutboxTask.due_at <= NOW,
                OutboxTask.generation == Account.generation, Account.person_id == cast.people["staff"],
            )
        )  # fmt: skip
        return {task.account.system.code for task in tasks}


def work_done(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.execute(text("UPDATE outbox_tasks SET state = 'done', finished_at = created_at"))


def test_a_loss_stops_at_once_what_rests_on_it_and_nothing_else(office: Cast) -> None:
    furnish(office)
    furnish_other(office)
    one = card(office, "ledger")
    work_done(office)
    assert lose(office, one) == 1
    assert state(office, one) is S.LOST
    assert held(office) == {"ledger": STOPPED, "pension": IN_FORCE}
    assert held(office, "other") == {"ledger": IN_FORCE}
    assert due_tasks(office) == {"ledger"}


def furnish_other(office: Cast) -> None:
    """今泉 has an account in the same system, and a card in use there."""
    office.approve(office.file("hr", ("other", "ledger/account")))
    card(office, "ledger", label="of-other", to="other")


def test_a_card_in_use_in_two_systems_stops_both(office: Cast) -> None:
    furnish(office)
    assert lose(office, card(office, "ledger", "pension")) == 2
    assert held(office) == {"ledger": STOPPED, "pension": STOPPED}


def test_a_card_that_was_never_in_use_stops_nothing_and_is_lost_all_the_same(office: Cast) -> None:
    furnish(office)
    one = issue(office)
    assert lose(office, one) == 0
    assert state(office, one) is S.LOST
    assert held(office) == {"ledger": IN_FORCE, "pension": IN_FORCE}
    with pytest.raises(IllegalTransition, match="回収"):
        recover(office, one)


def test_every_right_there_is_stopped_also_one_that_begins_later_and_one_decided_later(office: Cast) -> None:
    furnish(office)
    begins = NOW.date() + timedelta(days=10)
    office.approve(office.file("hr", ("staff", "ledger/enter"), valid_from=begins))
    assert lose(office, card(office, "ledger")) == 2
    privileged = office.file("hr", ("staff", "ledger/admin-account"), ("staff", "ledger/admin"), valid_until=begins)
    for line in (0, 1):
        office.approve(privileged, line=line)
    with office.database.reading() as session:
        rights = session.scalars(select(Grant).join(Grant.account).where(Account.person_id == office.people["staff"]))
        there = {grant.entitlement.code: grant for grant in rights if grant.account.system.code == "ledger"}
        reasons = {
            code: [one.reason for one in grant.suspensions if one.until is None] for code, grant in there.items()
        }
    lost = [SuspensionReason.LOST_CARD]
    assert reasons == {"account": lost, "enter": lost, "admin-account": lost, "admin": lost}


def test_found_again_it_gives_back_exactly_that_and_no_more(office: Cast) -> None:
    furnish(office)
    one = card(office, "ledger", "pension")
    with office.database.writing() as session:
        on_leave = session.scalars(select(Grant).join(Grant.account).where(Account.system.has(code="pension"))).one()
        suspend(
            session, on_leave, SuspensionReason.LEAVE, actor=office.actor("hr"), policy=office.policy, now=NOW
        )  # fmt: skip
    lose(office, one)
    recover(office, one)
    assert state(office, one) is S.ACTIVE
    assert held(office) == {"ledger": IN_FORCE, "pension": (GrantState.SUSPENDED, False)}
    with office.database.reading() as session:
        assert session.get_one(Authenticator, one).ended_at is None


def test_a_second_loss_keeps_it_stopped_when_the_first_is_found(office: Cast) -> None:
    furnish(office)
    one, two = card(office, "ledger"), card(office, "ledger", "pension", label="0002")
    lose(office, one)
    assert lose(office, two) == 1, "the ledger is stopped already"
    recover(office, one)
    assert held(office) == {"ledger": STOPPED, "pension": STOPPED}
    recover(office, two)
    assert held(office) == {"ledger": IN_FORCE, "pension": IN_FORCE}


def test_a_replacement_lifts_it_where_it_has_been_seen_to_work(office: Cast) -> None:
    furnish(office)
    old = card(office, "ledger", "pension")
    lose(office, old)
    new = issue(office, "0002", replaces=old)
    assert held(office) == {"ledger": STOPPED, "pension": STOPPED}
    activate(office, new, "ledger")
    assert held(office) == {"ledger": IN_FORCE, "pension": STOPPED}
    activate(office, new, "pension")
    assert held(office) == {"ledger": IN_FORCE, "pension": IN_FORCE}
    with pytest.raises(IllegalTransition, match="取り替えたもの"):
        recover(office, old)


def test_a_replacement_ends_everything_that_was_lost_on_the_way_to_it(office: Cast) -> None:
    furnish(office)
    first = card(office, "ledger", "pension")
    lose(office, first)
    second = issue(office, "0002", replaces=first)
    lose(office, second)
    third = issue(office, "0003", replaces=second)
    activate(office, third, "ledger")
    assert held(office) == {"ledger": IN_FORCE, "pension": STOPPED}
    close(office, LossOutcome.REPLACED)
    close(office, LossOutcome.REPLACED, report=1)


def test_a_card_that_replaces_nothing_lifts_nothing(office: Cast) -> None:
    furnish(office)
    lose(office, card(office, "ledger"))
    card(office, "ledger", label="0002")
    assert held(office)["ledger"] == STOPPED


def test_a_second_card_given_up_for_good_stops_nobody_once_it_is_removed_from_the_product(office: Cast) -> None:
    furnish(office)
    card(office, "ledger", "pension")
    second = card(office, "ledger", "pension", label="0002")
    with pytest.raises(IllegalTransition, match="紛失として"):
        remove(office, second, "ledger")
    lose(office, second)
    close(office)
    assert held(office) == {"ledger": STOPPED, "pension": STOPPED}
    remove(office, second, "ledger")
    assert held(office) == {"ledger": IN_FORCE, "pension": STOPPED}
    for codes in ((), ("ledger",)):
        with pytest.raises(InvalidInput, match="一つ以上"):
            remove(office, second, *codes)
    remove(office, second, "pension")
    assert held(office) == {"ledger": IN_FORCE, "pension": IN_FORCE}
    assert state(office, second) is S.LOST
    with pytest.raises(IllegalTransition):
        recover(office, second)
    with office.database.reading() as session:
        query = select(AuditRecord.payload).where(AuditRecord.action == "authenticator.removed_from_product")
        first = json.loads(session.scalars(query.order_by(AuditRecord.id)).first() or "{}")
    assert (first["systems"], first["removed_by"], first["lifted"]) == (["ledger"], "西新　町子", 1)
    assert "staff" in told(office, "登録の削除")


def test_a_lost_card_that_the_desk_takes_back_endangers_nothing_any_more(office: Cast) -> None:
    furnish(office)
    one = card(office, "ledger")
    lose(office, one)
    end(office, "collect", one)
    assert held(office)["ledger"] == IN_FORCE


@pytest.mark.parametrize("who", ["staff", "security", "desk"])
def test_owner_section_manager_desk_and_security_officer_report_it_without_a_fresh_factor(
    office: Cast, who: str
) -> None:
    furnish(office)
    assert lose(office, card(office, "ledger"), by=who) == 1


def test_a_section_manager_reports_it_for_their_own_unit_only(office: Cast) -> None:
    furnish(office)
    one = card(office, "ledger")
    with pytest.raises(NotPermitted, match="所属の課長"):
        lose(office, one, by="system")
    assert held(office)["ledger"] == IN_FORCE
    own = issue(office, "0009", to="desk", by=second_desk(office))
    assert lose(office, own, by="system") == 0, "情報管理係 belongs to 情報システム課"


def second_desk(office: Cast) -> str:
    at_desk(office, "other")
    return "other"


@pytest.mark.parametrize("who", ["other", "hr", "auditor", "chief", "contractor"])
def test_nobody_else_reports_it(office: Cast, who: str) -> None:
    furnish(office)
    one = card(office, "ledger")
    with pytest.raises(NotPermitted):
        lose(office, one, by=who)
    assert state(office, one) is S.ACTIVE


def test_the_same_human_under_another_row_is_the_owner_too(office: Cast) -> None:
    furnish(office)
    one = card(office, "ledger")
    with office.database.writing() as session:
        for name in ("staff", "other"):
            session.get_one(Person, office.people[name]).match_key = "one-human"
    assert lose(office, one, by="other") == 1


def test_what_is_lost_is_not_lost_twice_and_what_is_gone_is_not_lost(office: Cast) -> None:
    furnish(office)
    one = card(office, "ledger")
    lose(office, one)
    with pytest.raises(IllegalTransition, match="すでに紛失"):
        lose(office, one)
    end(office, "collect", one)
    end(office, "destroy", one)
    end(office, "witness", one, by="system")
    with pytest.raises(IllegalTransition):
        lose(office, one)
    with pytest.raises(NotFound):
        lose(office, 999)


def test_a_list_on_which_the_lost_card_no_longer_stands_lifts_nothing(cast: Cast) -> None:
    verify_by_product(cast)
    grant(cast, "staff", "other")
    bring(cast, list_of(cast, "staff", "other"))
    with cast.database.reading() as session:
        query = select(Authenticator.id).where(Authenticator.person_id == cast.people["staff"])
        one = session.scalars(query).one()
    lose(cast, one)
    bring(cast, list_of(cast, "other"), now=NOW + timedelta(days=1))
    card_of_another(cast)
    assert held(cast)["pension"] == STOPPED
    assert held(cast, "other")["pension"] == IN_FORCE
    recover(cast, one)
    assert not held(cast)["pension"][1], "the desk lifts it, and the gate goes on judging"


def card_of_another(cast: Cast) -> None:
    """Something else happens to the same person's authenticators, and what is held back is judged again."""
    end(cast, "collect", issue(cast, "9"))


def test_those_who_answer_for_it_are_told_at_once_and_what_was_stopped(office: Cast) -> None:
    furnish(office)
    lose(office, card(office, "ledger"), text="帰宅途中の電車の中で")
    assert told(office, "【紛失】") == {"security", "chief", "system"}
    with office.database.reading() as session:
        body = session.scalars(select(MailMessage.body).where(MailMessage.subject.contains("【紛失】"))).first() or ""
    assert "会計システム：利用者ID" in body
    assert "年金" not in body
    assert "帰宅途中の電車の中で" in body


def test_what_we_cannot_stop_is_told_apart_with_whoever_has_to_stop_it(office: Cast) -> None:
    furnish(office)
    with office.database.writing() as session:
        session.execute(
            update(InformationSystem).where(InformationSystem.code == "pension").values(stage=Stage.OBSERVE)
        )
    lose(office, card(office, "ledger", "pension"))
    assert body_of(office, "【紛失】") == [
        "この届出で、次の利用を止めました。", "・会計システム：利用者ID", "",
        "次の利用は止まっていません。観察の段階のため idm は止められません。管理者が手で止めてください。",
        "・年金システム：利用者ID",
    ]  # fmt: skip


def test_of_a_system_without_an_interface_it_is_told_that_somebody_has_a_work_order(office: Cast) -> None:
    furnish(office)
    with office.database.writing() as session:
        session.execute(update(InformationSystem).values(connector=BY_HAND))
    lose(office, card(office, "pension"))
    assert body_of(office, "【紛失】") == [
        "次の利用は手作業で止めます。手作業の指示書を出しました。作業が終わるまで、止まっていません。",
        "・年金システム：利用者ID",
    ]  # fmt: skip


def body_of(cast: Cast, words: str) -> list[str]:
    """What a notice says that the report did."""
    with cast.database.reading() as session:
        body = session.scalars(select(MailMessage.body).where(MailMessage.subject.contains(words))).first() or ""
    return body.splitlines()[3:-2]


def test_the_owner_is_told_when_somebody_else_reports_it(office: Cast) -> None:
    furnish(office)
    lose(office, card(office, "ledger"), by="desk")
    assert told(office, "【紛失】") == {"security", "chief", "system", "staff"}


def test_the_audit_names_owner_and_reporter(office: Cast) -> None:
    furnish(office)
    lose(office, card(office, "ledger"), by="desk")
    with office.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "authenticator.lost")).one()
    said = json.loads(record.payload or "{}")
    assert (said["owner"], said["reported_by"], said["systems"], said["stopped"]) == (
        "青木　一郎", "西新　町子", ["ledger"], 1
    )  # fmt: skip


def test_a_lost_own_factor_is_withdrawn_and_every_session_of_its_owner_is_ended(cast: Cast) -> None:
    with cast.database.writing() as session:
        own = own_factors.register(
            session,
            person_id=cast.people["staff"],
            kind=AuthenticatorKind.PASSKEY,
            label="電話",
            replaces=None,
            now=NOW,
        )
        session.add(
            WebSession(
                token_hash="x" * 64, person_id=cast.people["staff"], created_at=NOW, last_seen_at=NOW,
                expires_at=NOW + timedelta(hours=1),
            )
        )  # fmt: skip
        session.add(SignIn(person_id=cast.people["staff"], name="aoki", password_hash="-"))
        own_id = own.id
    lose(cast, own_id)
    assert state(cast, own_id) is S.WITHDRAWN
    with cast.database.reading() as session:
        assert session.scalars(select(WebSession.ended_at)).all() == [NOW]
    with pytest.raises(IllegalTransition):
        recover(cast, own_id)
    close(cast, LossOutcome.REPLACED)


def test_the_follow_up_is_closed_by_somebody_who_is_neither_owner_nor_reporter(office: Cast) -> None:
    furnish(office)
    lose(office, card(office, "ledger"), by="security")
    with pytest.raises(SeparationOfDuties, match="SOD-1"):
        close(office, by="security")
    at_desk(office, "staff", role=Role.CHIEF)
    with pytest.raises(SeparationOfDuties, match="SOD-2"):
        close(office, by="staff")
    at_desk(office, "contractor", role=Role.CHIEF)
    for who in ("contractor", "desk", "system", "ciso", "auditor"):
        with pytest.raises(NotPermitted):
            close(office, by=who)
    with pytest.raises(FreshFactorNeeded):
        close(office, fresh=False)
    with pytest.raises(InvalidInput, match="確かめたこと"):
        close(office, note=" ")
    close(office)
    with pytest.raises(IllegalTransition):
        close(office)
    assert held(office)["ledger"] == STOPPED, "what was given up stays stopped"


@pytest.mark.parametrize("name", ["owner_id", "reported_by_id"])
def test_the_database_itself_keeps_owner_and_reporter_from_closing_it(office: Cast, name: str) -> None:
    furnish(office)
    lose(office, card(office, "ledger"), by="security")
    with pytest.raises(IntegrityError, match="closed_by_another"), office.database.writing() as session:
        session.execute(
            text(f"UPDATE loss_reports SET closed_at = reported_at, outcome = 'found', closed_by_id = {name}")
        )


def test_the_follow_up_ends_as_the_register_shows_it(office: Cast) -> None:
    furnish(office)
    old = card(office, "ledger")
    lose(office, old)
    for outcome in (LossOutcome.FOUND, LossOutcome.REPLACED):
        with pytest.raises(InvalidInput, match="登録簿の状態"):
            close(office, outcome)
    card(office, "ledger", label="0002", replaces=old)
    for outcome in (LossOutcome.FOUND, LossOutcome.GIVEN_UP):
        with pytest.raises(InvalidInput):
            close(office, outcome)
    close(office, LossOutcome.REPLACED)
    found = card(office, "ledger", label="0003")
    lose(office, found)
    recover(office, found)
    with pytest.raises(InvalidInput):
        close(office, LossOutcome.GIVEN_UP)
    close(office, LossOutcome.FOUND)


def test_the_same_card_lost_again_stops_again_and_goes_on_in_the_open_report(office: Cast) -> None:
    furnish(office)
    one = card(office, "ledger")
    lose(office, one, text="一度目")
    recover(office, one)
    lose(office, one, text="二度目")
    assert held(office)["ledger"] == STOPPED
    with office.database.reading() as session:
        (report,) = session.scalars(select(LossReport)).all()
    assert "一度目" in report.circumstances
    assert "二度目" in report.circumstances


def remind(cast: Cast, **later: float) -> int:
    with cast.database.writing() as session:
        return losses.remind(session, policy=cast.policy, now=NOW + timedelta(**later))


def test_an_open_follow_up_is_told_to_the_security_officer_each_time_the_days_have_passed(office: Cast) -> None:
    furnish(office)
    lose(office, card(office, "ledger"))
    days = office.policy.factors.follow_up_days
    assert remind(office, days=days - 1) == 0
    assert remind(office, days=days) == 1
    assert remind(office, days=days + 1) == 0
    assert told(office, "【紛失の事後処理】") == {"security"}
    assert remind(office, days=2 * days) == 1
    close(office)
    assert remind(office, days=4 * days) == 0


def test_a_report_needs_no_words_and_takes_no_unseen_ones(office: Cast) -> None:
    furnish(office)
    one = card(office, "ledger")
    with pytest.raises(InvalidInput):
        lose(office, one, text="電車\u202eで")
    assert lose(office, one, text="  ") == 1
