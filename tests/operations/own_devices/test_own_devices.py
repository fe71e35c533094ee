"""A device of one's own from its application to its clearing (FK 5-1(1)④, MC 5.1 and 6.1(19); control I4)."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from idm.errors import IllegalTransition, InvalidInput, NotPermitted, Refusal, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.own_devices import OwnDevice, OwnDevicePermit
from idm.models.people import Assignment, Employment, Person
from idm.models.work import Finding, MailMessage
from idm.operations.own_devices import applications, device_checks, endings, losses
from idm.oversight.finding_state import NEVER_ANSWERED
from idm.vocabulary import FindingKind, OwnDeviceEnd, OwnDeviceState, Role
from tests.cast import NOW, TODAY, Cast
from tests.operations.own_devices.devices import (
    END,
    JOB,
    answer,
    ask,
    confirm,
    device,
    ended,
    lose,
    nightfall,
    permitted,
    report,
    told,
)

DAY = timedelta(days=1)


def open_faults(cast: Cast) -> list[str]:
    with cast.database.reading() as session:
        query = select(Finding.label).where(
            Finding.kind.in_((FindingKind.OWN_DEVICE_UNCARED, FindingKind.OWN_DEVICE_LOST)),
            Finding.resolved_at.is_(None),
        )
        return list(session.scalars(query))


# --- applying ---------------------------------------------------------------------------------------------------------


def test_it_is_used_only_when_the_ciso_and_then_the_section_manager_have_permitted_it(office: Cast) -> None:
    device_id = ask(office)
    assert told(office, "利用の申請") == {office.people["ciso"]}
    with pytest.raises(NotPermitted):
        answer(office, device_id, "security")
    answer(office, device_id, "ciso")
    assert device(office, device_id).state is OwnDeviceState.ASKED
    assert told(office, "利用の申請") == {office.people["ciso"], office.people["security"]}
    answer(office, device_id, "security")
    assert device(office, device_id).state is OwnDeviceState.PERMITTED
    assert office.people["staff"] in told(office, "申請の結果")
    with office.database.reading() as session:
        acts = session.scalars(select(AuditRecord.action).where(AuditRecord.action.startswith("own_device."))).all()
    done = [one for one in acts if one != "own_device.answer"]
    assert done == ["own_device.asked", "own_device.permit_given", "own_device.permit_given", "own_device.permitted"]


def test_one_no_ends_the_application(office: Cast) -> None:
    device_id = ask(office)
    answer(office, device_id, "ciso", permit=False)
    assert device(office, device_id).state is OwnDeviceState.REFUSED
    with pytest.raises(IllegalTransition):
        answer(office, device_id, "security")


@pytest.mark.parametrize("who", ["staff", "other", "security", "chief", "hr", "auditor", "system", "contractor"])
def test_nobody_but_the_office_whose_turn_it_is_answers(office: Cast, who: str) -> None:
    device_id = ask(office)
    with pytest.raises((NotPermitted, SeparationOfDuties)):
        answer(office, device_id, who)
    assert device(office, device_id).state is OwnDeviceState.ASKED


def test_nobody_permits_their_own_and_where_the_manager_asks_the_chief_answers_for_the_section(office: Cast) -> None:
    device_id = ask(office, "security")
    answer(office, device_id, "ciso")
    assert told(office, "利用の申請") == {office.people["ciso"], office.people["chief"]}
    with pytest.raises(SeparationOfDuties):
        answer(office, device_id, "security")
    answer(office, device_id, "chief")
    assert device(office, device_id).state is OwnDeviceState.PERMITTED


def test_the_ciso_cannot_be_asked_for_the_own_device_by_another_row_of_the_same_human(office: Cast) -> None:
    with office.database.writing() as session:
        both = [office.people[one] for one in ("ciso", "staff")]
        session.execute(update(Person).where(Person.id.in_(both)).values(match_key="one human"))
    with pytest.raises(SeparationOfDuties):
        answer(office, ask(office), "ciso")


def test_the_database_itself_refuses_a_permit_of_the_holder_and_two_of_one_person(office: Cast) -> None:
    device_id = ask(office)
    answer(office, device_id, "ciso")
    for by in ("staff", "ciso"):
        row = OwnDevicePermit(
            device_id=device_id, holder_id=office.people["staff"], position=1, role=Role.SECTION, given=True,
            by_id=office.people[by], at=NOW, note="確認",
        )  # fmt: skip
        with pytest.raises(IntegrityError), office.database.writing() as session:
            session.add(row)


def test_a_contractor_and_somebody_who_does_not_work_here_apply_for_nothing(office: Cast) -> None:
    with pytest.raises(NotPermitted, match="委託事業者"):
        ask(office, "contractor", unit_code="0600")
    with office.database.writing() as session:
        session.execute(
            update(Employment).where(Employment.person_id == office.people["staff"]).values(valid_until=TODAY)
        )
    with pytest.raises(NotPermitted, match="在籍"):
        ask(office)


def test_every_mistake_is_told_at_once(office: Cast) -> None:
    wrong = {"maker": " ", "os_version": "", "confidentiality": 3, "ends_on": TODAY, "unit_code": "0600"}
    with pytest.raises(InvalidInput) as refused:
        ask(office, **wrong, answers={"lock": "あり"})  # type: ignore[arg-type]
    assert refused.value.fields.keys() >= {
        "maker", "os_version", "confidentiality", "last_day", "unit", "check_updates", "check_room",
    }  # fmt: skip
    assert "check_lock" not in refused.value.fields
    with office.database.reading() as session:
        assert session.scalars(select(OwnDevice)).all() == []


def test_only_whoever_applied_takes_it_back(office: Cast) -> None:
    device_id = ask(office)
    for who, refusal in (("other", NotPermitted), ("staff", None)):
        with office.acting(who, "own_device.withdraw") as session:
            if refusal is None:
                applications.withdraw(session, device_id, actor=office.actor(who), policy=office.policy, now=NOW)
                continue
            with pytest.raises(refusal):
                applications.withdraw(session, device_id, actor=office.actor(who), policy=office.policy, now=NOW)
    assert device(office, device_id).state is OwnDeviceState.WITHDRAWN


def test_a_renewal_replaces_what_was_permitted_only_when_it_is_permitted_itself(office: Cast) -> None:
    before = permitted(office)
    renewal = ask(office, replaces_id=before, begins_on=END, ends_on=END + 100 * DAY, os_version="17")
    assert device(office, before).state is OwnDeviceState.PERMITTED
    with pytest.raises(IllegalTransition, match="すでに申請"):
        ask(office, replaces_id=before)
    for who in ("ciso", "security"):
        answer(office, renewal, who)
    assert device(office, before).state is OwnDeviceState.REPLACED
    assert device(office, renewal).state is OwnDeviceState.PERMITTED
    assert device(office, renewal).begins_on == TODAY, "no day between the two is without a permit"


def test_a_first_day_in_the_past_or_after_a_gap_is_told_at_its_field(office: Cast) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(office, begins_on=TODAY - DAY)
    assert refused.value.fields.keys() == {"first_day"}
    before = permitted(office)
    with pytest.raises(InvalidInput) as refused:
        ask(office, replaces_id=before, begins_on=END + DAY, ends_on=END + 9 * DAY)
    assert refused.value.fields.keys() == {"first_day"}


def test_a_new_device_keeps_the_first_day_that_was_applied_for(office: Cast) -> None:
    assert device(office, permitted(office, begins_on=TODAY + DAY)).begins_on == TODAY + DAY


def test_a_renewal_is_about_the_same_device_of_the_same_person(office: Cast) -> None:
    before = permitted(office)
    with pytest.raises(InvalidInput) as refused:
        ask(office, replaces_id=before, model="N-2")
    assert refused.value.fields.keys() == {"model"}
    with pytest.raises(NotPermitted):
        ask(office, "other", replaces_id=before)


def test_what_was_permitted_too_late_is_not_permitted(office: Cast) -> None:
    device_id = ask(office)
    with pytest.raises(IllegalTransition, match="期間"):
        answer(office, device_id, "ciso", now=NOW + 100 * DAY)


# --- the end ----------------------------------------------------------------------------------------------------------


def test_its_holder_says_how_it_was_cleared_and_another_person_confirms(office: Cast) -> None:
    device_id = ended(office)
    assert device(office, device_id).end_reason is OwnDeviceEnd.NOT_NEEDED
    with pytest.raises(InvalidInput):
        report(office, device_id, how="　")
    report(office, device_id)
    assert office.people["security"] in told(office, "情報の削除の確認")
    with pytest.raises(SeparationOfDuties):
        confirm(office, device_id, "staff")
    with pytest.raises(NotPermitted):
        confirm(office, device_id, "other")
    confirm(office, device_id, "security")
    closed = device(office, device_id)
    assert (closed.state, closed.closed_by_id) == (OwnDeviceState.CLOSED, office.people["security"])


def test_what_cannot_be_confirmed_goes_back_to_its_holder(office: Cast) -> None:
    device_id = ended(office)
    report(office, device_id)
    confirm(office, device_id, "chief", gone=False)
    assert device(office, device_id).state is OwnDeviceState.TO_CLEAR
    assert office.people["staff"] in told(office, "やり直し")


def test_who_reported_for_somebody_else_does_not_confirm_it(office: Cast) -> None:
    device_id = ended(office)
    report(office, device_id, "security")
    with pytest.raises(SeparationOfDuties):
        confirm(office, device_id, "security")
    closed = update(OwnDevice).values(state=OwnDeviceState.CLOSED, closed_by_id=office.people["security"])
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(closed)
    confirm(office, device_id, "chief")


def test_who_looks_after_it_takes_a_permit_back_and_nobody_else_does(office: Cast) -> None:
    device_id = permitted(office)
    for who in ("other", "hr", "system"):
        with pytest.raises(NotPermitted), office.acting(who, "own_device.end") as session:
            endings.end(session, device_id, actor=office.actor(who), policy=office.policy, now=NOW)
    for note in ("　", "申請と違う使い方"):
        with office.acting("security", "own_device.end") as session:
            actor = office.actor("security")
            act = partial(endings.end, session, device_id, actor=actor, policy=office.policy, now=NOW)
            if note.strip():
                act(note=note)
                continue
            with pytest.raises(InvalidInput, match="理由"):
                act(note=note)
    taken_back = device(office, device_id)
    assert (taken_back.end_reason, taken_back.end_note) == (OwnDeviceEnd.TAKEN_BACK, "申請と違う使い方")
    with office.database.reading() as session:
        query = select(MailMessage.body).where(MailMessage.person_id == office.people["staff"])
        assert any("理由: 申請と違う使い方" in body for body in session.scalars(query))


def test_a_check_that_finds_it_not_needed_ends_it(office: Cast) -> None:
    device_id = permitted(office)
    for who, refusal in (("staff", SeparationOfDuties), ("other", NotPermitted)):
        with pytest.raises(refusal), office.acting(who, "own_device.check") as session:
            _check(office, session, device_id, who, needed=True)
    with office.acting("security", "own_device.check") as session:
        _check(office, session, device_id, "security", needed=True)
    assert device(office, device_id).state is OwnDeviceState.PERMITTED
    with office.acting("chief", "own_device.check") as session:
        _check(office, session, device_id, "chief", needed=False)
    assert device(office, device_id).state is OwnDeviceState.TO_CLEAR
    assert device(office, device_id).end_note == "本人に聞いた"


def _check(cast: Cast, session: object, device_id: int, who: str, *, needed: bool, now: object = NOW) -> None:
    device_checks.check(
        session, device_id, still_needed=needed, comment="本人に聞いた", actor=cast.actor(who), policy=cast.policy,  # type: ignore[arg-type]
        now=now,  # type: ignore[arg-type]
    )  # fmt: skip


# --- a loss -----------------------------------------------------------------------------------------------------------


def test_of_a_loss_everybody_named_is_told_in_the_same_moment_and_it_stays_found_until_it_is_settled(
    office: Cast,
) -> None:
    device_id = permitted(office)
    with pytest.raises(NotPermitted):
        lose(office, device_id, "other")
    lose(office, device_id)
    assert told(office, "紛失・盗難の届出") == {office.people["ciso"], office.people["security"]}
    nightfall(office)
    assert any("紛失・盗難" in one for one in open_faults(office))
    with office.database.reading() as session:
        assert session.scalars(select(Finding.kind)).all() == [FindingKind.OWN_DEVICE_LOST]
    assert "own_device_lost" in office.policy.findings.urgent
    assert FindingKind.OWN_DEVICE_LOST in NEVER_ANSWERED
    with pytest.raises(SeparationOfDuties):
        settle(office, device_id, "staff")
    settle(office, device_id, "security")
    nightfall(office)
    assert open_faults(office) == []
    assert device(office, device_id).state is OwnDeviceState.CLOSED


def settle(cast: Cast, device_id: int, who: str) -> None:
    with cast.acting(who, "own_device.settle_loss") as session:
        losses.settle_loss(session, device_id, note="遠隔で消した", actor=cast.actor(who), policy=cast.policy, now=NOW)


def test_what_is_found_again_is_cleared_and_not_used(office: Cast) -> None:
    device_id = permitted(office)
    lose(office, device_id)
    with office.acting("staff", "own_device.find_again") as session:
        losses.found_again(session, device_id, actor=office.actor("staff"), policy=office.policy, now=NOW)
    assert device(office, device_id).state is OwnDeviceState.TO_CLEAR
    assert device(office, device_id).lost_what is not None


# --- what a day does --------------------------------------------------------------------------------------------------


def test_it_ends_on_its_day_and_not_before_and_its_holder_was_reminded_once(office: Cast) -> None:
    device_id = permitted(office)
    nightfall(office, NOW + (100 - office.policy.own_devices.remind_days - 1) * DAY)
    assert told(office, "利用期間の終わり") == set()
    for days in (70, 75, 99):
        assert nightfall(office, NOW + days * DAY) == 0
    assert told(office, "利用期間の終わり") == {office.people["staff"]}
    with office.database.reading() as session:
        asked = list(session.scalars(select(OwnDevice.reminded_at)))
    assert asked == [NOW + 70 * DAY]
    assert nightfall(office, NOW + 100 * DAY) == 1
    assert device(office, device_id).end_reason is OwnDeviceEnd.PERIOD_OVER
    assert nightfall(office, NOW + 100 * DAY) == 0


@pytest.mark.parametrize(
    ("table", "reason"), [(Employment, OwnDeviceEnd.LEFT), (Assignment, OwnDeviceEnd.MOVED)]
)  # fmt: skip
def test_it_ends_when_its_holder_leaves_or_is_moved_to_another_section(
    office: Cast, table: type[Employment | Assignment], reason: OwnDeviceEnd
) -> None:
    device_id = permitted(office)
    with office.database.writing() as session:
        employment = session.scalars(select(Employment).where(Employment.person_id == office.people["staff"])).one()
        if table is Employment:
            employment.valid_until = TODAY + DAY
        else:
            session.execute(
                update(Assignment).where(Assignment.employment_id == employment.id).values(valid_until=TODAY + DAY)
            )
    assert nightfall(office) == 0
    assert nightfall(office, NOW + DAY) == 1
    assert device(office, device_id).end_reason is reason
    assert office.people["security"] in told(office, "利用の終了")


def test_an_application_that_nobody_answered_lapses_with_its_period(office: Cast) -> None:
    device_id = ask(office)
    nightfall(office, NOW + 99 * DAY)
    assert device(office, device_id).state is OwnDeviceState.ASKED
    nightfall(office, NOW + 100 * DAY)
    assert device(office, device_id).state is OwnDeviceState.LAPSED


def test_what_is_not_cleared_in_time_is_a_finding_until_it_is(office: Cast) -> None:
    device_id = ended(office)
    late = NOW + office.policy.own_devices.clear_within_days * DAY
    nightfall(office, late - DAY)
    assert open_faults(office) == []
    nightfall(office, late)
    (label,) = open_faults(office)
    assert f"第{device_id}号" in label
    report(office, device_id)
    confirm(office, device_id, "security")
    nightfall(office, late)
    assert open_faults(office) == []


def test_a_check_that_is_overdue_is_a_finding_until_it_was_made(office: Cast) -> None:
    device_id = permitted(office, ends_on=TODAY + 366 * DAY)
    late = NOW + (office.policy.own_devices.check_every_days + 1) * DAY
    nightfall(office, late)
    assert any("定期確認" in one for one in open_faults(office))
    with office.acting("security", "own_device.check", late) as session:
        _check(office, session, device_id, "security", needed=True, now=late)
    nightfall(office, late)
    assert open_faults(office) == []


def test_no_job_acts_in_anybodys_name(office: Cast) -> None:
    device_id = permitted(office)
    with office.database.writing() as session, pytest.raises(Refusal):
        endings.end(session, device_id, actor=JOB, policy=office.policy, now=NOW)
