"""Lists of who is enrolled, taken over: our read-back of a product, by which the gate opens and closes (B1, B2)."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from idm.actor import Actor
from idm.errors import (
    ContentChanged,
    FeedRefused,
    FreshFactorNeeded,
    IllegalTransition,
    InvalidInput,
    NotPermitted,
    SafetyLimit,
    SameListAgain,
)
from idm.factors.authenticator_state import AuthenticatorState
from idm.factors.enrolment_comparison import DECIDED
from idm.grant_state import GrantState
from idm.models.audit import AuditRecord
from idm.models.authenticators import Authenticator, AuthenticatorUse, EnrolmentListImport, FactorReading
from idm.models.requests import ApprovalStep
from idm.models.systems import Account, Entitlement
from idm.operations.factors import enrolment_lists
from idm.operations.factors.enrolment_lists import SentEnrolments
from idm.vocabulary import AuthenticatorKind, EntitlementKind, RequestAction, Role
from tests.authenticator_office import at_desk
from tests.cast import NOW, Cast
from tests.factor_office import HEADING, bring, grant, list_of, login_name, row, states, system_id, verify_by_product
from tests.hand_office import seat

HELD, OPEN = GrantState.SUSPENDED, GrantState.IN_FORCE
DAY = timedelta(days=1)


@pytest.fixture
def office(office: Cast) -> Cast:
    """The office in which 青木 and 今泉 were granted a pension account, verified by a product; on two databases."""
    return with_pension(office)


@pytest.fixture
def pension(cast: Cast) -> Cast:
    """The same on one database."""
    return with_pension(cast)


def with_pension(cast: Cast) -> Cast:
    verify_by_product(cast)
    grant(cast, "staff", "other")
    return cast


def authenticators(cast: Cast, who: str) -> list[tuple[AuthenticatorKind, AuthenticatorState, int | None]]:
    with cast.database.reading() as session:
        query = select(Authenticator).where(Authenticator.person_id == cast.people[who]).order_by(Authenticator.id)
        return [(one.kind, one.state, one.issued_by_id) for one in session.scalars(query)]


def uses(cast: Cast, who: str) -> list[bool]:
    """Of each enrolment of the person's in the system, whether it is open."""
    with cast.database.reading() as session:
        query = select(AuthenticatorUse).join(AuthenticatorUse.authenticator)
        query = query.where(Authenticator.person_id == cast.people[who]).order_by(AuthenticatorUse.id)
        return [use.until is None for use in session.scalars(query)]


def readings(cast: Cast, *names: str) -> set[datetime]:
    """When what is known of these people, or of everybody, was read."""
    with cast.database.reading() as session:
        query = select(FactorReading.read_at).join(FactorReading.account)
        people = [cast.people[name] for name in names]
        return set(session.scalars(query.where(Account.person_id.in_(people)) if people else query))


def own(cast: Cast, who: str, state: AuthenticatorState) -> int:
    """The person has an IC card in this state; its id."""
    with cast.database.writing() as session:
        card = Authenticator(
            person_id=cast.people[who], kind=AuthenticatorKind.IC_CARD, label="C-1", state=state, issued_at=NOW,
            issued_by_id=cast.people["desk"], activated_at=NOW if state is not AuthenticatorState.ISSUED else None,
            activated_by_id=cast.people["desk"],
        )  # fmt: skip
        session.add(card)
        session.flush()
        return card.id


def test_an_approved_right_waits_for_the_list_and_is_in_effect_with_it(office: Cast) -> None:
    assert states(office, "staff", "other") == [HELD, HELD]
    taken = bring(office, list_of(office, "staff"))
    assert states(office, "staff", "other") == [OPEN, HELD]
    assert (taken.changed, taken.record.people, taken.record.unknown) == (1, 1, 0)
    assert authenticators(office, "staff") == [
        (AuthenticatorKind.IC_CARD, AuthenticatorState.ACTIVE, office.people["desk"])
    ]
    assert uses(office, "staff") == [True]


def test_what_was_read_is_kept_with_the_moment_for_which_the_list_speaks(pension: Cast) -> None:
    made_on = NOW - timedelta(days=3)
    bring(pension, HEADING + row(pension, "staff", "ICカード・顔", "いいえ"), made_on=made_on)
    with pension.database.reading() as session:
        readings = {reading.account.person_id: reading for reading in session.scalars(select(FactorReading))}
        staff, other = readings[pension.people["staff"]], readings[pension.people["other"]]
        assert (staff.required, staff.kinds, staff.read_at) == (False, ["biometric", "ic_card"], made_on)
        assert (other.required, other.kinds, other.read_at) == (False, [], made_on)
        assert staff.list_import_id == session.scalars(select(EnrolmentListImport.id)).one()
    assert states(pension, "staff") == [HELD]


def test_whoever_is_no_longer_listed_is_stopped_at_once(office: Cast) -> None:
    bring(office, list_of(office, "staff", "other"))
    bring(office, list_of(office, "other"), now=NOW + DAY)
    assert states(office, "staff", "other") == [HELD, OPEN]
    assert uses(office, "staff") == [False]
    bring(office, list_of(office, "staff", "other"), now=NOW + 2 * DAY, same=True)
    assert states(office, "staff", "other") == [OPEN, OPEN]
    assert len(authenticators(office, "staff")) == 1
    assert uses(office, "staff") == [False, True]


def test_a_card_of_the_register_begins_to_be_used_and_none_is_made_up(pension: Cast) -> None:
    card = own(pension, "staff", AuthenticatorState.ACTIVE)
    bring(pension, list_of(pension, "staff"))
    with pension.database.reading() as session:
        assert session.scalars(select(AuthenticatorUse.authenticator_id)).all() == [card]
    assert states(pension, "staff") == [OPEN]


@pytest.mark.parametrize("state", [AuthenticatorState.LOST, AuthenticatorState.COLLECTED, AuthenticatorState.ISSUED])
def test_a_list_revives_nothing_that_was_lost_or_given_back(pension: Cast, state: AuthenticatorState) -> None:
    own(pension, "staff", state)
    taken = bring(pension, list_of(pension, "staff", "other"))
    assert states(pension, "staff", "other") == [HELD, OPEN]
    assert [found for _, found, _ in authenticators(pension, "staff")] == [state]
    (told,) = [one.differences for one in taken.comparison.lines if one.person_id == pension.people["staff"]]
    assert "数えません" in told[0]


def test_nobody_opens_the_gate_for_themself(office: Cast) -> None:
    grant(office, "desk")
    taken = bring(office, list_of(office, "desk", "staff"))
    assert states(office, "desk", "staff") == [HELD, OPEN]
    assert authenticators(office, "desk") == []
    (told,) = [one.differences for one in taken.comparison.lines if one.person_id == office.people["desk"]]
    assert told[0].startswith("取り込む人自身の登録は、増やせません。")
    at_desk(office, "auditor")
    bring(office, list_of(office, "desk", "staff"), who="auditor", now=NOW + timedelta(hours=2))
    assert states(office, "desk", "staff") == [OPEN, OPEN]


def test_whoever_approved_a_right_does_not_open_its_gate_but_may_close_it(office: Cast) -> None:
    taken = bring(office, list_of(office, "staff", "other"), who="system")
    assert states(office, "staff", "other") == [HELD, HELD]
    assert authenticators(office, "staff") == []
    told = {one.differences for one in taken.comparison.lines}
    assert told == {(DECIDED,)}
    bring(office, list_of(office, "staff", "other"), now=NOW + timedelta(hours=1))
    assert states(office, "staff", "other") == [OPEN, OPEN]
    bring(office, list_of(office, "staff"), who="system", now=NOW + DAY)
    assert states(office, "staff", "other") == [OPEN, HELD]


def test_what_an_approver_brings_makes_no_reading_fresher(pension: Cast) -> None:
    bring(pension, list_of(pension, "staff", "other"))
    bring(pension, list_of(pension, "staff", "other"), who="system", now=NOW + DAY, same=True)
    assert readings(pension) == {NOW - timedelta(hours=1)}


def test_whoever_approved_as_the_first_of_two_opens_nothing_either(pension: Cast) -> None:
    with pension.database.writing() as session:
        for decider, earlier in (("chief", "ciso"), ("system", "vice")):
            steps = update(ApprovalStep).where(ApprovalStep.decider_id == pension.people[decider])
            session.execute(steps.values(decider_id=pension.people[earlier]))
        session.add(Entitlement(system_id=system_id(pension), code="view", name="照会", kind=EntitlementKind.GROUP,
                                target_name="view", privileged=False))  # fmt: skip
    request = pension.file("hr", ("staff", "pension/view"), action=RequestAction.CHANGE)
    pension.decide("chief", request, Role.CHIEF)
    seat(pension, "chief", Role.SYSTEM, "0600")
    bring(pension, list_of(pension, "staff", "other"), who="chief")
    assert states(pension, "staff", "other") == [HELD, OPEN]


def test_a_list_that_would_stop_too_many_is_refused_until_somebody_says_how_many_is_right(pension: Cast) -> None:
    grant(pension, "security", "hr")
    everybody = ("staff", "other", "security", "hr")
    bring(pension, list_of(pension, *everybody))
    assert states(pension, *everybody) == [OPEN] * 4
    for right in (0, 2):
        with pytest.raises(SafetyLimit, match="いま利用している 4 人のうち 3 人の利用が止まるため"):
            bring(pension, list_of(pension, "staff"), now=NOW + DAY, right=right)
    assert states(pension, *everybody) == [OPEN] * 4
    bring(pension, list_of(pension, "staff"), now=NOW + DAY, right=3)
    assert states(pension, *everybody) == [OPEN, HELD, HELD, HELD]


def test_what_a_list_would_do_is_shown_before_and_is_what_it_does(pension: Cast) -> None:
    bring(pension, list_of(pension, "staff", "other"))
    with pension.acting("desk") as session:
        sent = SentEnrolments(system_id(pension), NOW, "x.csv", list_of(pension, "other").encode("cp932"))
        shown = enrolment_lists.look(session, sent, actor=pension.actor("desk"), policy=pension.policy, now=NOW)
    assert states(pension, "staff", "other") == [OPEN, OPEN]
    stopped = {one.person_id for one in shown.lines if one.stops}
    assert (shown.in_effect, shown.stopped, stopped) == (2, 1, {pension.people["staff"]})
    taken = bring(pension, list_of(pension, "other"), made_on=NOW)
    assert taken.comparison == shown
    assert states(pension, "staff", "other") == [HELD, OPEN]


@pytest.mark.parametrize(
    ("made_on", "refusal", "told"),
    [
        (NOW - timedelta(hours=2), IllegalTransition, "より新しい一覧"),
        (NOW - timedelta(hours=1), IllegalTransition, "同じ日時の同じファイル"),
        (NOW + timedelta(hours=1), InvalidInput, "まだ来ていない日時です"),
    ],
)
def test_a_list_that_is_old_or_of_the_future_changes_nothing(
    pension: Cast, made_on: datetime, refusal: type[Exception], told: str
) -> None:
    bring(pension, list_of(pension, "staff"))
    with pytest.raises(refusal, match=told):
        bring(pension, list_of(pension, "staff"), made_on=made_on)
    with pension.database.reading() as session:
        assert len(session.scalars(select(EnrolmentListImport)).all()) == 1


def test_a_broken_list_changes_nothing(pension: Cast) -> None:
    with pytest.raises(FeedRefused, match="登録者一覧を受け付けません"):
        bring(pension, list_of(pension, "staff") + "u1,123456789012,はい\r\n")
    assert states(pension, "staff") == [HELD]


def test_a_system_whose_list_nobody_described_takes_none(pension: Cast) -> None:
    sent = SentEnrolments(system_id(pension, "ledger"), NOW, "x.csv", b"x\r\n")
    with pension.acting("desk") as session, pytest.raises(InvalidInput, match="登録者一覧の形"):
        enrolment_lists.take_over(session, sent, actor=pension.actor("desk"), policy=pension.policy, now=NOW)


@pytest.mark.asvs("8.2.1")
@pytest.mark.parametrize("who", ["staff", "chief", "hr", "auditor", "security", "contractor"])
def test_nobody_else_brings_a_list(pension: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        bring(pension, list_of(pension, "staff"), who=who)


@pytest.mark.asvs("8.2.2")
def test_a_manager_brings_lists_of_their_own_systems_only_and_a_contractor_none(pension: Cast) -> None:
    seat(pension, "auditor", Role.SYSTEM, "0900")
    with pytest.raises(NotPermitted, match="所管"):
        bring(pension, list_of(pension, "staff"), who="auditor")
    seat(pension, "contractor", Role.SYSTEM, "0600")
    with pytest.raises(NotPermitted):
        bring(pension, list_of(pension, "staff"), who="contractor")
    bring(pension, list_of(pension, "staff"), who="system")


def test_whoever_brings_a_list_has_just_given_a_second_factor(pension: Cast) -> None:
    sent = SentEnrolments(system_id(pension), NOW, "x.csv", list_of(pension, "staff").encode("cp932"))
    with pension.acting("desk") as session, pytest.raises(FreshFactorNeeded):
        enrolment_lists.take_over(session, sent, actor=pension.stale("desk"), policy=pension.policy, now=NOW)


def test_a_command_for_which_nobody_answers_stops_people_and_opens_nothing(pension: Cast) -> None:
    by_command(pension, list_of(pension, "staff"), NOW)
    assert authenticators(pension, "staff") == []
    assert states(pension, "staff") == [HELD]
    bring(pension, list_of(pension, "staff", "other"), now=NOW + DAY)
    by_command(pension, list_of(pension, "staff"), NOW + 2 * DAY, same=True)
    assert states(pension, "staff", "other") == [OPEN, HELD]
    assert readings(pension, "staff") == {NOW + DAY - timedelta(hours=1)}


def by_command(cast: Cast, text: str, now: datetime, *, same: bool = False) -> None:
    with cast.database.writing() as session:
        sent = SentEnrolments(system_id(cast), now, "x.csv", text.encode("cp932"))
        enrolment_lists.take_over(
            session, sent, same_content_is_right=same, actor=Actor.job("idm factors import"), policy=cast.policy,
            now=now,
        )  # fmt: skip


def test_the_same_content_under_another_date_is_refused_until_somebody_says_it_was_printed_anew(office: Cast) -> None:
    bring(office, list_of(office, "staff", "other"))
    with pytest.raises(SameListAgain, match="令和8年4月1日現在の一覧と中身がまったく同じ"):
        bring(office, list_of(office, "staff", "other"), now=NOW + DAY)
    assert readings(office) == {NOW - timedelta(hours=1)}
    bring(office, list_of(office, "staff", "other"), now=NOW + DAY, same=True)
    assert readings(office) == {NOW + DAY - timedelta(hours=1)}
    with office.database.reading() as session:
        first = session.scalars(select(EnrolmentListImport.id).order_by(EnrolmentListImport.id)).first()
        query = select(AuditRecord.payload).where(AuditRecord.action == "enrolment_list.taken_over")
        said = [json.loads(payload or "{}").get("same_content_as") for payload in session.scalars(query)]
    assert said == [None, first]


def test_what_is_taken_over_is_the_file_that_was_shown(pension: Cast) -> None:
    shown = SentEnrolments(system_id(pension), NOW, "x.csv", list_of(pension, "staff").encode("cp932"))
    other = replace(shown, content=list_of(pension, "staff", "other").encode("cp932"), shown=shown.digest)
    with pension.acting("desk") as session, pytest.raises(ContentChanged, match="表示したファイルと違う"):
        enrolment_lists.take_over(session, other, actor=pension.actor("desk"), policy=pension.policy, now=NOW)
    assert states(pension, "staff", "other") == [HELD, HELD]


def test_the_list_and_everybody_it_changed_are_in_the_audit(pension: Cast) -> None:
    name = login_name(pension, "staff")
    bring(pension, HEADING + f"{name},ICカード,はい\r\nyoso,顔,はい\r\n")
    with pension.database.reading() as session:
        records = {r.action: json.loads(r.payload or "{}") for r in session.scalars(select(AuditRecord))}
        changed = session.scalars(select(AuditRecord).where(AuditRecord.action == "enrolment_list.read")).all()
    taken = records["enrolment_list.taken_over"]
    assert (taken["people"], taken["unknown"], taken["missing"], taken["changed_rights"]) == (1, 1, 1, 1)
    assert {json.loads(record.payload or "{}")["person"] for record in changed} == {
        pension.people["staff"], pension.people["other"]
    }  # fmt: skip
    assert name not in json.dumps(taken)
