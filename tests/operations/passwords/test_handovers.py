"""Hand-over of temporary passwords: asked by the desk, sealed to one key, shown once, received."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.directory.hand_work import HandStep
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, Refusal, SeparationOfDuties
from idm.keys.sealing import KEY_BYTES, SealBroken, new_handover_key, seal_to
from idm.models.audit import AuditRecord
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.systems import Account, CredentialEvent, Handover
from idm.models.work_orders import WorkOrder, WorkOrderState
from idm.operations.passwords import handovers
from idm.operations.passwords.handovers import Shown
from idm.vocabulary import CredentialEventKind, HandoverWay, LineEffect, RequestAction, Role
from tests import hand_office
from tests.cast import NOW, TODAY, Cast

WORKER = Actor.job("tests.worker")
PASSWORD = "Kt7-qmR4xnPw2Ybz"


@pytest.fixture
def account(cast: Cast) -> int:
    """青木's account: approved, made in the directory, not handed over."""
    return make_account(cast, "staff")


def make_account(cast: Cast, who: str) -> int:
    cast.approve(cast.file("hr", (who, "ledger/account")))
    with cast.database.writing() as session:
        found = session.scalars(select(Account).where(Account.person_id == cast.people[who])).one()
        found.seen_present = True
        return found.id


def ask(cast: Cast, account_id: int, public: bytes, who: str = "desk") -> int:
    with cast.acting(who, "handover.ask") as session:
        return handovers.ask(
            session, account_id=account_id, public_key=public, actor=cast.actor(who), policy=cast.policy, now=NOW
        ).id


def seal(cast: Cast, handover_id: int) -> None:
    with cast.database.writing() as session:
        handover = session.get_one(Handover, handover_id)
        sealed = seal_to(handover.public_key or b"", PASSWORD.encode(), handovers.context(handover))
        handovers.seal(session, handover, sealed, actor=WORKER, policy=cast.policy, now=NOW)


def show(cast: Cast, handover_id: int, private: bytes, who: str = "desk") -> Shown:
    with cast.acting(who, "handover.show") as session:
        return handovers.show(
            session, handover_id=handover_id, private_key=private, actor=cast.actor(who), policy=cast.policy, now=NOW
        )


def receive(cast: Cast, handover_id: int, who: str = "desk") -> None:
    with cast.acting(who, "handover.receive") as session:
        handovers.receive(session, handover_id=handover_id, actor=cast.actor(who), policy=cast.policy, now=NOW)


def make_desk(cast: Cast, who: str) -> None:
    """The person is hand-over officer too."""
    with cast.database.writing() as session:
        session.add(
            Officer(role=Role.HANDOVER, person_id=cast.people[who], valid_from=date(2020, 4, 1), confirmed_at=NOW,
                    confirmed_by_id=cast.people["security"])
        )  # fmt: skip


def refusal_of_asking(cast: Cast, account_id: int, who: str) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        ask(cast, account_id, new_handover_key()[1], who)
    with cast.database.reading() as session:
        assert session.scalars(select(Handover)).all() == []
    return refusal.value


def test_a_password_goes_from_the_worker_to_one_pair_of_eyes_once(cast: Cast, account: int) -> None:
    private, public = new_handover_key()
    handover_id = ask(cast, account, public)
    seal(cast, handover_id)
    shown = show(cast, handover_id, private)
    assert (shown.login_name, shown.password) == ("u100009", PASSWORD)
    assert PASSWORD not in repr(shown)
    with pytest.raises(IllegalTransition, match="すでに表示"):
        show(cast, handover_id, private)
    receive(cast, handover_id)
    with cast.database.reading() as session:
        handover = session.get_one(Handover, handover_id)
        assert (handover.sealed, handover.shown_at, handover.received_at) == (None, NOW, NOW)
        assert session.get_one(Account, account).handed_over_at == NOW
        kinds = session.scalars(select(CredentialEvent.kind).order_by(CredentialEvent.id)).all()
    assert kinds == [CredentialEventKind.ISSUED, CredentialEventKind.HANDED_OVER]


@pytest.mark.asvs("16.2.5")
def test_the_password_is_nowhere_in_the_database(cast: Cast, account: int) -> None:
    private, public = new_handover_key()
    handover_id = ask(cast, account, public)
    seal(cast, handover_id)
    show(cast, handover_id, private)
    with cast.database.engine.connect() as connection:
        for table in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all():
            rows = connection.execute(text(f'SELECT * FROM "{table}"')).all()
            assert PASSWORD not in repr(rows)
            assert private not in [value for row in rows for value in row]


def test_every_step_of_a_hand_over_is_audited(cast: Cast, account: int) -> None:
    private, public = new_handover_key()
    handover_id = ask(cast, account, public)
    seal(cast, handover_id)
    show(cast, handover_id, private)
    receive(cast, handover_id)
    with cast.database.reading() as session:
        acts = session.scalars(
            select(AuditRecord.action).where(AuditRecord.object_kind == "handover").order_by(AuditRecord.id)
        ).all()
    assert acts == ["handover.asked", "handover.sealed", "handover.shown", "handover.received"]


def test_asking_makes_a_worker_look_at_the_account(cast: Cast, account: int) -> None:
    with cast.database.reading() as session:
        before = session.get_one(Account, account).generation
    ask(cast, account, new_handover_key()[1])
    with cast.database.reading() as session:
        assert session.get_one(Account, account).generation == before + 1


# --- who hands over --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["chief", "system", "hr", "ciso", "security", "auditor", "staff"])
def test_nobody_but_the_desk_hands_over(cast: Cast, account: int, who: str) -> None:
    assert isinstance(refusal_of_asking(cast, account, who), NotPermitted)


def test_nobody_without_a_name_hands_over(cast: Cast, account: int) -> None:
    with pytest.raises(NotPermitted), cast.database.writing() as session:
        handovers.ask(
            session, account_id=account, public_key=new_handover_key()[1], actor=WORKER, policy=cast.policy, now=NOW
        )


@pytest.mark.parametrize("who", ["chief", "system"])
def test_no_approver_of_the_right_hands_it_over(cast: Cast, account: int, who: str) -> None:
    make_desk(cast, who)
    assert refusal_of_asking(cast, account, who).code == "SOD-4"


def test_no_second_account_of_an_approver_hands_it_over(cast: Cast, account: int) -> None:
    with cast.database.writing() as session:
        for name in ("desk", "chief"):
            session.get_one(Person, cast.people[name]).match_key = "0" * 64
    assert refusal_of_asking(cast, account, "desk").code == "SOD-4"


def test_nobody_hands_over_to_themself_under_any_account(cast: Cast, account: int) -> None:
    assert refusal_of_asking(cast, make_account(cast, "desk"), "desk").code == "SOD-2"
    with cast.database.writing() as session:
        for name in ("desk", "staff"):
            session.get_one(Person, cast.people[name]).match_key = "0" * 64
    assert refusal_of_asking(cast, account, "desk").code == "SOD-2"


def test_a_contractor_never_hands_over(cast: Cast, account: int) -> None:
    make_desk(cast, "contractor")
    assert refusal_of_asking(cast, account, "contractor").code == "SOD-7"


def test_an_officer_who_lost_the_role_meanwhile_is_shown_nothing(cast: Cast, account: int) -> None:
    private, public = new_handover_key()
    handover_id = ask(cast, account, public)
    seal(cast, handover_id)
    with cast.database.writing() as session:
        for assignment in cast.employment(session, "desk").assignments:
            assignment.valid_until = TODAY
    with pytest.raises(NotPermitted):
        show(cast, handover_id, private)


@pytest.mark.asvs("8.2.2")
def test_another_officer_does_not_see_the_hand_over(cast: Cast, account: int) -> None:
    make_desk(cast, "other")
    private, public = new_handover_key()
    handover_id = ask(cast, account, public)
    seal(cast, handover_id)
    with pytest.raises(NotFound):
        show(cast, handover_id, private, "other")
    with pytest.raises(NotFound):
        receive(cast, handover_id, "other")


# --- when ------------------------------------------------------------------------------------------------------------


def test_nothing_is_handed_over_before_the_account_is_in_the_directory(cast: Cast, account: int) -> None:
    with cast.database.writing() as session:
        session.get_one(Account, account).seen_present = None
    assert isinstance(refusal_of_asking(cast, account, "desk"), InvalidInput)


def test_nothing_is_handed_over_without_a_right_in_force(cast: Cast, account: int) -> None:
    cast.approve(cast.file("hr", ("staff", "ledger/account"), action=RequestAction.REMOVE, effect=LineEffect.REVOKE))
    assert isinstance(refusal_of_asking(cast, account, "desk"), InvalidInput)


@pytest.mark.parametrize("public", [b"", b"x" * 31, b"x" * 33, b"x" * 10_000])
def test_a_key_that_is_none_is_refused(cast: Cast, account: int, public: bytes) -> None:
    with pytest.raises(InvalidInput, match="鍵"):
        ask(cast, account, public)


def test_an_unknown_account_is_not_found(cast: Cast) -> None:
    assert isinstance(refusal_of_asking(cast, 4711, "desk"), NotFound)


def test_an_unknown_hand_over_is_not_found(cast: Cast) -> None:
    with pytest.raises(NotFound):
        show(cast, 4711, new_handover_key()[0])


def test_what_is_not_ready_is_not_shown_and_not_received(cast: Cast, account: int) -> None:
    private, public = new_handover_key()
    handover_id = ask(cast, account, public)
    with pytest.raises(IllegalTransition, match="まだ準備"):
        show(cast, handover_id, private)
    with pytest.raises(IllegalTransition):
        receive(cast, handover_id)


def test_another_key_opens_nothing_and_the_password_still_waits(cast: Cast, account: int) -> None:
    private, public = new_handover_key()
    handover_id = ask(cast, account, public)
    seal(cast, handover_id)
    with pytest.raises(SealBroken):
        show(cast, handover_id, new_handover_key()[0])
    assert show(cast, handover_id, private).password == PASSWORD


def test_a_receipt_is_recorded_once(cast: Cast, account: int) -> None:
    private, public = new_handover_key()
    handover_id = ask(cast, account, public)
    seal(cast, handover_id)
    show(cast, handover_id, private)
    receive(cast, handover_id)
    with pytest.raises(IllegalTransition):
        receive(cast, handover_id)


def test_asking_again_closes_what_was_not_shown_and_empties_it(cast: Cast, account: int) -> None:
    private, public = new_handover_key()
    first = ask(cast, account, public)
    seal(cast, first)
    second = ask(cast, account, public)
    with cast.database.reading() as session:
        closed = session.get_one(Handover, first)
        assert (closed.sealed, closed.closed_at) == (None, NOW)
        assert session.get_one(Handover, second).closed_at is None
    with pytest.raises(NotFound):
        show(cast, first, private)


# --- what a database can hold ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    ["officer_id = subject_id", "shown_at = asked_at, sealed = public_key", "system_id = 2", "subject_id = 4711"],
)
def test_the_database_refuses_a_hand_over_to_oneself_or_a_password_that_stays(office: Cast, change: str) -> None:
    ask(office, make_account(office, "staff"), new_handover_key()[1])
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE handovers SET {change}")


def test_the_database_has_one_open_hand_over_for_an_account(office: Cast) -> None:
    ask(office, make_account(office, "staff"), new_handover_key()[1])
    columns = "account_id, system_id, subject_id, officer_id, asked_at, public_key"
    with pytest.raises(IntegrityError):
        by_hand(office, f"INSERT INTO handovers ({columns}) SELECT {columns} FROM handovers")


def by_hand(cast: Cast, statement: str) -> None:
    """What somebody with the database's own tools does."""
    with cast.database.writing() as session:
        session.execute(text(statement))


def test_a_hand_over_whose_hours_are_over_is_shown_to_nobody(cast: Cast, account: int) -> None:
    private, public = new_handover_key()
    handover_id = ask(cast, account, public)
    seal(cast, handover_id)
    late = NOW + timedelta(hours=cast.policy.passwords.temporary_hours)
    with pytest.raises(IllegalTransition, match="期限"), cast.acting("desk", now=late) as session:
        handovers.show(
            session,
            handover_id=handover_id,
            private_key=private,
            actor=cast.actor("desk"),
            policy=cast.policy,
            now=late,
        )
    assert show(cast, handover_id, private).password == PASSWORD


def test_a_separation_refusal_is_named(cast: Cast, account: int) -> None:
    make_desk(cast, "chief")
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        ask(cast, account, new_handover_key()[1], "chief")


# --- where hands alone change anything -------------------------------------------------------------------------------


@pytest.fixture
def by_hand_account(cast: Cast) -> int:
    """青木's account of a system without an interface, which was handed over long ago and is confirmed."""
    hand_office.add_system(cast)
    hand_office.grant(cast, "staff", "account")
    with cast.database.writing() as session:
        account = session.scalars(select(Account)).one()
        account.seen_present, account.seen_enabled, account.handed_over_at = True, True, NOW - timedelta(days=9)
        for order in session.scalars(select(WorkOrder)):
            order.state, order.cancelled_at = WorkOrderState.CANCELLED, NOW
        return account.id


def ask_by_hand(cast: Cast, account_id: int, who: str = "desk") -> None:
    with cast.acting(who, "handover.ask") as session:
        handovers.ask_by_hand(session, account_id=account_id, actor=cast.actor(who), policy=cast.policy, now=NOW)


def test_a_forgotten_password_of_a_system_without_an_interface_is_an_order_to_set_another(
    cast: Cast, by_hand_account: int
) -> None:
    ask_by_hand(cast, by_hand_account)
    hand_office.issue_due(cast)
    with cast.database.reading() as session:
        order = session.scalars(select(WorkOrder).where(WorkOrder.state == WorkOrderState.ISSUED)).one()
        assert [step.kind for step in order.steps] == [HandStep.PASSWORD]
        assert order.hands_over
    with pytest.raises(InvalidInput, match="すでに手作業の指示書"):
        ask_by_hand(cast, by_hand_account)


@pytest.mark.parametrize(("who", "refusal"), [("staff", NotPermitted), ("hr", NotPermitted)])
def test_nobody_but_the_desk_asks_for_such_an_order(
    cast: Cast, by_hand_account: int, who: str, refusal: type[Refusal]
) -> None:  # fmt: skip
    with pytest.raises(refusal):
        ask_by_hand(cast, by_hand_account, who)


def test_no_approver_of_the_right_asks_for_such_an_order(cast: Cast, by_hand_account: int) -> None:
    make_desk(cast, "chief")
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        ask_by_hand(cast, by_hand_account, "chief")


# --- printed inside a zone -------------------------------------------------------------------------------------------


def test_what_is_printed_inside_a_zone_has_no_key_and_is_never_sealed(cast: Cast, account: int) -> None:
    with cast.acting("desk", "handover.ask") as session:
        handover_id = handovers.ask(
            session, account_id=account, public_key=None, way=HandoverWay.ZONE_PRINTER, actor=cast.actor("desk"),
            policy=cast.policy, now=NOW,
        ).id  # fmt: skip
    for change in ({"sealed": b"x"}, {"public_key": b"x"}):
        with pytest.raises(IntegrityError), cast.database.writing() as session:
            session.execute(update(Handover).where(Handover.id == handover_id).values(**change))


@pytest.mark.parametrize(("way", "key"), [(HandoverWay.ZONE_PRINTER, bytes(KEY_BYTES)), (HandoverWay.SCREEN, None)])
def test_a_key_belongs_to_a_screen_and_to_nothing_else(
    cast: Cast, account: int, way: HandoverWay, key: bytes | None
) -> None:
    with pytest.raises(InvalidInput, match="鍵の形"), cast.acting("desk", "handover.ask") as session:
        handovers.ask(
            session, account_id=account, public_key=key, way=way, actor=cast.actor("desk"), policy=cast.policy, now=NOW
        )


def test_the_receipt_says_who_took_the_closed_notice(cast: Cast, account: int) -> None:
    private, public = new_handover_key()
    handover_id = ask(cast, account, public)
    seal(cast, handover_id)
    show(cast, handover_id, private)
    with cast.acting("desk", "handover.receive") as session:
        handovers.receive(
            session, handover_id=handover_id, received_by=" 庶務　係 ", actor=cast.actor("desk"), policy=cast.policy,
            now=NOW,
        )  # fmt: skip
    with cast.database.reading() as session:
        assert session.get_one(Handover, handover_id).received_by == "庶務　係"
