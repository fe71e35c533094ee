"""Who permits a device where the office's own holder cannot, and who is told (FK 5-1(1)④ア; control I4)."""

from datetime import date

import pytest
from sqlalchemy import delete, select, update

from idm.errors import IllegalTransition, NotPermitted, SeparationOfDuties
from idm.models.notices import NoticePreference
from idm.models.officers import Officer
from idm.models.people import Assignment, Employment, Person
from idm.models.work import MailMessage, MailState
from idm.operations.own_devices import endings
from idm.vocabulary import OwnDeviceState, Role
from tests.cast import NOW, TODAY, Cast
from tests.operations.own_devices.devices import (
    DAY,
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


def seat(cast: Cast, who: str, role: Role, unit: str | None) -> None:
    """`who` holds the role, whatever post they have."""
    with cast.database.writing() as session:
        session.add(
            Officer(
                role=role, person_id=cast.people[who], unit_code=unit, valid_from=date(2020, 4, 1), confirmed_at=NOW,
                confirmed_by_id=cast.people["vice"],
            )
        )  # fmt: skip


def one_human(cast: Cast, *names: str) -> None:
    with cast.database.writing() as session:
        rows = [cast.people[one] for one in names]
        session.execute(update(Person).where(Person.id.in_(rows)).values(match_key="one human"))


def test_for_the_cisos_own_device_the_vice_ciso_answers(office: Cast) -> None:
    device_id = ask(office, "ciso", unit_code="0000")
    assert told(office, "利用の申請") == {office.people["vice"]}
    with pytest.raises(SeparationOfDuties):
        answer(office, device_id, "ciso")
    answer(office, device_id, "vice")
    answer(office, device_id, "chief")
    assert device(office, device_id).state is OwnDeviceState.PERMITTED


def test_past_a_chief_who_applies_and_has_no_section_manager_the_vice_ciso_answers(office: Cast) -> None:
    device_id = ask(office, "chief", unit_code="0000")
    answer(office, device_id, "ciso")
    answer(office, device_id, "vice")
    assert device(office, device_id).state is OwnDeviceState.PERMITTED


def test_where_the_ciso_also_manages_the_section_another_person_gives_the_second_permit(office: Cast) -> None:
    with office.database.writing() as session:
        session.execute(delete(Officer).where(Officer.role == Role.SECTION, Officer.unit_code == "0100"))
    seat(office, "ciso", Role.SECTION, "0100")
    device_id = ask(office)
    answer(office, device_id, "ciso")
    with pytest.raises(NotPermitted):
        answer(office, device_id, "ciso")
    answer(office, device_id, "chief")
    assert device(office, device_id).state is OwnDeviceState.PERMITTED


def test_an_auditor_who_manages_a_section_permits_nothing_and_the_chief_does(office: Cast) -> None:
    seat(office, "auditor", Role.SECTION, "0100")
    with office.database.writing() as session:
        others = (Officer.role == Role.SECTION, Officer.unit_code == "0100")
        session.execute(delete(Officer).where(*others, Officer.person_id != office.people["auditor"]))
    device_id = ask(office)
    answer(office, device_id, "ciso")
    with pytest.raises(NotPermitted):
        answer(office, device_id, "auditor")
    answer(office, device_id, "chief")


def test_an_auditor_under_another_row_permits_nothing_either(office: Cast) -> None:
    one_human(office, "auditor", "security")
    device_id = ask(office)
    answer(office, device_id, "ciso")
    with pytest.raises(NotPermitted):
        answer(office, device_id, "security")
    assert device(office, device_id).state is OwnDeviceState.ASKED


def test_whoever_gave_the_first_permit_gives_no_second_one_under_another_row(office: Cast) -> None:
    one_human(office, "ciso", "security")
    device_id = ask(office)
    answer(office, device_id, "ciso")
    with pytest.raises(NotPermitted):
        answer(office, device_id, "security")


# --- somebody who has gone --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [Employment, Assignment])
def test_nothing_is_permitted_to_somebody_who_has_left_or_moved_and_their_application_lapses(
    office: Cast, table: type[Employment | Assignment]
) -> None:
    device_id = ask(office)
    with office.database.writing() as session:
        employment = session.scalars(select(Employment).where(Employment.person_id == office.people["staff"])).one()
        row = employment if table is Employment else employment.assignments[0]
        row.valid_until = TODAY + DAY
    assert nightfall(office) == 0
    assert device(office, device_id).state is OwnDeviceState.ASKED
    with pytest.raises(IllegalTransition, match=r"離職|所属"):
        answer(office, device_id, "ciso", now=NOW + DAY)
    nightfall(office, NOW + DAY)
    assert device(office, device_id).state is OwnDeviceState.LAPSED


def test_a_no_is_possible_though_the_holder_has_gone(office: Cast) -> None:
    device_id = ask(office)
    with office.database.writing() as session:
        gone = update(Employment).where(Employment.person_id == office.people["staff"])
        session.execute(gone.values(valid_until=TODAY + DAY))
    answer(office, device_id, "ciso", permit=False, now=NOW + DAY)
    assert device(office, device_id).state is OwnDeviceState.REFUSED


# --- who is told ------------------------------------------------------------------------------------------------------


def test_where_the_only_keeper_reports_the_chief_is_asked_to_confirm(office: Cast) -> None:
    device_id = ended(office)
    report(office, device_id, "security")
    assert told(office, "情報の削除の確認") == {office.people["chief"]}


def test_nobody_is_told_to_look_after_their_own_device_under_another_row(office: Cast) -> None:
    device_id = permitted(office)
    one_human(office, "staff", "security")
    with office.acting("staff", "own_device.end") as session:
        endings.end(session, device_id, actor=office.actor("staff"), policy=office.policy, now=NOW)
    assert told(office, "利用の終了") == {office.people["staff"], office.people["chief"]}


def test_what_is_sent_back_is_told_to_whoever_reported_it_too(office: Cast) -> None:
    device_id = ended(office)
    report(office, device_id, "security")
    confirm(office, device_id, "chief", gone=False)
    assert told(office, "やり直し") == {office.people["staff"], office.people["security"]}


def test_a_loss_waits_for_no_digest(office: Cast) -> None:
    device_id = permitted(office)
    with office.database.writing() as session:
        session.add(NoticePreference(person_id=office.people["ciso"], daily=True, changed_at=NOW))
    lose(office, device_id)
    with office.database.reading() as session:
        loss = select(MailMessage.state).where(MailMessage.subject.contains("紛失・盗難の届出"))
        assert set(session.scalars(loss)) == {MailState.WAITING}
