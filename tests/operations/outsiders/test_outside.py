"""The register of people outside HR: who registers whom, for how long, under which number; it gives no right."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from idm.calendar_days import start_of
from idm.employment_kind import OUTSIDE_KINDS, EmploymentKind
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.grant_state import GrantState
from idm.models.audit import AuditRecord
from idm.models.outside import Sponsorship
from idm.models.people import Employment, Person
from idm.models.requests import Grant, Request
from idm.models.systems import Account
from idm.models.work import MailMessage
from idm.names.personal_names import match_key
from idm.operations.outsiders import outside
from idm.operations.outsiders.outside_entry import KnownAlready, NewPerson, check
from idm.queries.organisation.officers import humans
from idm.vocabulary import Role
from tests.cast import NOW, PEOPLE, TODAY, Cast
from tests.outsiders import COMMITTEE, CONTRACT, SECRET, WORKER, accept, end, enter, entry, let, sponsorships

AUGUST = date(2026, 8, 1)
OCTOBER = COMMITTEE.valid_until
TOMORROW = start_of(TODAY + timedelta(days=1))


def renew(cast: Cast, employment_id: int, until: date, *, who: str = "security", now: Any = NOW) -> None:
    with cast.acting(who, "outside.renew", now) as session:
        outside.renew(session, employment_id, until, actor=cast.actor(who), policy=cast.policy, now=now)


def end_now(cast: Cast, employment_id: int, *, who: str = "security", now: Any = NOW, reason: str = "終了") -> None:
    with cast.acting(who, "outside.end", now) as session:
        outside.end_now(session, employment_id, reason=reason, actor=cast.actor(who), policy=cast.policy, now=now)


def leave(cast: Cast, who: str, day: date) -> None:
    """The member of staff leaves; their birth date is known."""
    with cast.database.writing() as session:
        cast.employment(session, who).valid_until = day


def born(cast: Cast, who: str, day: date) -> None:
    with cast.database.writing() as session:
        person = session.get_one(Person, cast.people[who])
        person.match_key = match_key(person.kana, day, SECRET)


def someone(cast: Cast, who: str, **changes: Any) -> NewPerson:
    """An entry in the name of a member of the cast."""
    return replace(COMMITTEE, name=PEOPLE[who][1], kana=PEOPLE[who][2], birth_date=None, **changes)


# --- registering -----------------------------------------------------------------------------------------------------


def test_an_entry_has_a_number_a_post_an_end_and_a_sponsor(cast: Cast) -> None:
    found = entry(cast, enter(cast))
    assert (found.staff_number, found.kind) == ("G00001", EmploymentKind.COMMITTEE)
    assert (found.valid_from, found.valid_until) == (TODAY, OCTOBER)
    assert [(post.unit.code, post.post, post.primary) for post in found.assignments] == [("0100", "委員", True)]
    assert found.person.match_key == match_key(COMMITTEE.kana, date(1970, 5, 5), SECRET)
    assert [one.sponsor_id for one in sponsorships(cast, found.id)] == [cast.people["security"]]
    assert entry(cast, enter(cast, WORKER_OF_NOBODY)).staff_number == "G00002"


WORKER_OF_NOBODY = replace(COMMITTEE, name="別人", kana="ベツジン", birth_date=date(1990, 1, 1))


def test_registering_gives_no_right_and_files_no_application(cast: Cast) -> None:
    enter(cast)
    with cast.database.reading() as session:
        for table in (Grant, Account, Request):
            assert session.scalars(select(table)).all() == []


def test_the_entry_is_audited_without_a_name(cast: Cast) -> None:
    enter(cast)
    with cast.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "outside.registered")).one()
    assert '"number":"G00001"' in (record.payload or "")
    assert "吉塚" not in (record.payload or "")
    assert "1970" not in (record.payload or "")


@pytest.mark.parametrize("who", ["system", "staff", "contractor", "chief", "ciso", "desk", "auditor"])
def test_only_the_section_manager_of_the_unit_and_hr_register(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        enter(cast, who=who)
    enter(cast, who="hr")


def test_a_section_manager_registers_for_the_units_below(cast: Cast) -> None:
    enter(cast, replace(COMMITTEE, unit_code="0110"), sponsor="hr")


def test_a_manager_who_is_a_contractor_elsewhere_never_acts(cast: Cast) -> None:
    with cast.database.writing() as session:
        for who in ("security", "contractor"):
            session.get_one(Person, cast.people[who]).match_key = "0" * 64
    with pytest.raises(NotPermitted, match="委託事業者"):
        enter(cast)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"), ({"name": "\ue000田"}, "name"), ({"kana": " "}, "kana"), ({"kana": "・"}, "kana"),
        ({"post": ""}, "post"), ({"post": "課長"}, "post"), ({"kind": EmploymentKind.REGULAR}, "kind"),
        ({"kind": EmploymentKind.CONTRACTOR}, "contract_id"), ({"valid_from": TODAY - timedelta(days=1)}, "valid_from"),
        ({"valid_until": TODAY}, "valid_until"), ({"valid_until": TODAY + timedelta(days=367)}, "valid_until"),
        ({"mail": "a b@example.jp"}, "mail"), ({"mail": "吉塚@example.jp"}, "mail"), ({"mail": "x"}, "mail"),
        ({"mail": "tanaka@"}, "mail"),
    ],
)  # fmt: skip
def test_what_cannot_be_registered_is_told_at_its_field(cast: Cast, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        enter(cast, replace(COMMITTEE, **changes))
    assert list(refused.value.fields) == [field]


def test_a_unit_that_is_not_there_is_told(cast: Cast) -> None:
    with pytest.raises(InvalidInput) as refused:
        enter(cast, replace(COMMITTEE, unit_code="9999"), who="hr")
    assert list(refused.value.fields) == ["unit_code"]


def test_only_kinds_outside_hr_are_registered(cast: Cast) -> None:
    for kind in set(EmploymentKind) - OUTSIDE_KINDS:
        with pytest.raises(InvalidInput):
            enter(cast, replace(COMMITTEE, kind=kind))


@pytest.mark.parametrize("sponsor", ["system", "contractor", "hr"])
def test_a_sponsor_belongs_to_the_unit(cast: Cast, sponsor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        enter(cast, sponsor=sponsor)
    assert list(refused.value.fields) == ["sponsor_id"]


def test_neither_somebody_outside_hr_nor_a_leaver_sponsors(cast: Cast) -> None:
    outsider = enter(cast)
    cast.people["committee"] = entry(cast, outsider).person_id
    with pytest.raises(InvalidInput):
        enter(cast, WORKER_OF_NOBODY, sponsor="committee")
    leave(cast, "staff", TODAY)
    with pytest.raises(InvalidInput):
        enter(cast, WORKER_OF_NOBODY, sponsor="staff")


def test_a_contractor_is_registered_within_a_contract_of_ones_own_unit(cast: Cast) -> None:
    ours = let(cast, replace(CONTRACT, valid_until=AUGUST))
    theirs = let(cast, replace(CONTRACT, number="別", unit_code="0600"), who="system")
    with pytest.raises(InvalidInput) as refused:
        enter(cast, replace(WORKER, contract_id=ours))
    assert list(refused.value.fields) == ["valid_until"]
    with pytest.raises(NotPermitted):
        enter(cast, replace(WORKER, contract_id=theirs))
    with pytest.raises(NotFound):
        enter(cast, replace(WORKER, contract_id=999))
    assert entry(cast, enter(cast, replace(WORKER, contract_id=ours, valid_until=AUGUST))).contract_id == ours


def test_somebody_under_a_subcontract_ends_no_later_than_the_contract_above(cast: Cast) -> None:
    top = let(cast, replace(CONTRACT, valid_until=AUGUST))
    below = let(cast, replace(CONTRACT, number="再", above_id=top, valid_until=AUGUST))
    with pytest.raises(InvalidInput, match="令和8年7月31日"):
        enter(cast, replace(WORKER, contract_id=below, valid_until=AUGUST + timedelta(days=1)))


def test_nobody_registers_themselves(cast: Cast) -> None:
    born(cast, "security", date(1980, 1, 1))
    with pytest.raises(NotPermitted, match="自分"):
        enter(cast, someone(cast, "security", another_person=True), sponsor="staff")
    wanted = replace(COMMITTEE, kana=PEOPLE["security"][2], birth_date=date(1980, 1, 1))
    with pytest.raises(NotPermitted, match="自分"):
        enter(cast, wanted, sponsor="staff")
    with pytest.raises(NotPermitted, match="自分"):
        enter(cast, replace(COMMITTEE, same_person_id=cast.people["security"]), sponsor="staff")


def test_checking_an_entry_changes_nothing(cast: Cast) -> None:
    with cast.database.reading() as session:
        wanted = replace(COMMITTEE, sponsor_id=cast.people["staff"])
        found = check(
            session, wanted, match_secret=SECRET, actor=cast.actor("security"), policy=cast.policy, now=NOW
        )  # fmt: skip
        assert (found.unit.name, found.sponsor.id, found.joins) == ("総務課", cast.people["staff"], None)
        assert session.scalars(select(Sponsorship)).all() == []


# --- somebody known --------------------------------------------------------------------------------------------------


def test_somebody_of_the_same_kana_and_birth_date_is_told_and_can_only_be_joined(cast: Cast) -> None:
    born(cast, "staff", COMMITTEE.birth_date or TODAY)
    leave(cast, "staff", TODAY)
    wanted = replace(COMMITTEE, name="青木　壱郎", kana="アオキ イチロウ", another_person=True)
    with pytest.raises(KnownAlready, match="青木　一郎（100009 総務課）") as refused:
        enter(cast, wanted)
    assert refused.value.certain
    joined = entry(cast, enter(cast, replace(wanted, same_person_id=cast.people["staff"])))
    assert joined.person_id == cast.people["staff"]
    assert joined.person.name == PEOPLE["staff"][1]


def test_a_namesake_is_joined_or_said_to_be_somebody_else(cast: Cast) -> None:
    leave(cast, "staff", TODAY)
    wanted = someone(cast, "staff")
    with pytest.raises(KnownAlready) as refused:
        enter(cast, wanted)
    assert not refused.value.certain
    other = entry(cast, enter(cast, replace(wanted, another_person=True)))
    assert other.person_id != cast.people["staff"]


def test_a_namesake_of_another_birth_date_is_somebody_else(cast: Cast) -> None:
    born(cast, "staff", date(1999, 9, 9))
    leave(cast, "staff", TODAY)
    found = entry(cast, enter(cast, replace(someone(cast, "staff"), birth_date=date(1971, 1, 1))))
    assert found.person_id != cast.people["staff"]


def test_nobody_is_joined_to_somebody_of_another_name(cast: Cast) -> None:
    leave(cast, "staff", TODAY)
    with pytest.raises(InvalidInput, match="一致しません"):
        enter(cast, replace(COMMITTEE, same_person_id=cast.people["staff"]))


def test_whoever_is_employed_in_that_time_is_not_registered_besides(cast: Cast) -> None:
    with pytest.raises(InvalidInput, match="在職している記録"):
        enter(cast, someone(cast, "staff", same_person_id=cast.people["staff"]))
    first = enter(cast)
    with pytest.raises(InvalidInput, match="更新"):
        enter(cast, replace(COMMITTEE, same_person_id=entry(cast, first).person_id, valid_from=AUGUST))


def test_nobody_is_registered_besides_an_employment_under_another_row(cast: Cast) -> None:
    born(cast, "staff", COMMITTEE.birth_date or TODAY)
    born(cast, "other", COMMITTEE.birth_date or TODAY)
    with cast.database.writing() as session:
        keys = [session.get_one(Person, cast.people[who]) for who in ("staff", "other")]
        keys[1].match_key = keys[0].match_key
    leave(cast, "staff", TODAY)
    with pytest.raises(InvalidInput, match="100010"):
        enter(cast, replace(COMMITTEE, kana=PEOPLE["staff"][2], same_person_id=cast.people["staff"]))


def test_an_appointment_that_is_not_published_is_not_told_by_its_number(cast: Cast) -> None:
    leave(cast, "staff", TODAY)
    with cast.database.writing() as session:
        session.add(
            Employment(
                person_id=cast.people["staff"], staff_number="200099", kind=EmploymentKind.REAPPOINTED,
                valid_from=AUGUST, published_on=date(2026, 7, 20),
            )
        )  # fmt: skip
    with pytest.raises(InvalidInput, match="在職している記録があるため") as refused:
        enter(cast, someone(cast, "staff", same_person_id=cast.people["staff"]))
    assert "200099" not in refused.value.message


def test_a_contractor_who_was_staff_is_one_human_for_the_separation_of_duties(cast: Cast) -> None:
    """SOD-5: what 天神 applied for as chief, 天神 the contractor could not decide, and SOD-7 holds for both."""
    leave(cast, "chief", AUGUST)
    contract = let(cast)
    wanted = someone(
        cast, "chief", kind=EmploymentKind.CONTRACTOR, contract_id=contract, valid_from=AUGUST, post="SE",
        same_person_id=cast.people["chief"],
    )  # fmt: skip
    joined = entry(cast, enter(cast, wanted))
    with cast.database.reading() as session:
        assert humans(session, [joined.person_id])[joined.person_id].rows == {cast.people["chief"]}
    later = start_of(AUGUST)
    request_id = cast.file("hr", ("other", "ledger/account"), now=later)
    with pytest.raises(SeparationOfDuties) as refused:
        cast.decide("chief", request_id, Role.CHIEF, now=later)
    assert refused.value.code == "SOD-7"


def test_rights_of_an_earlier_employment_end_with_it_although_the_entry_follows_at_once(cast: Cast) -> None:
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    leave(cast, "staff", AUGUST)
    enter(cast, someone(cast, "staff", same_person_id=cast.people["staff"], valid_from=AUGUST))
    with cast.database.reading() as session:
        grant = session.scalars(select(Grant)).one()
    assert (grant.state, grant.valid_until) == (GrantState.IN_FORCE, AUGUST)


# --- renewing --------------------------------------------------------------------------------------------------------


def test_the_sponsor_renews(cast: Cast) -> None:
    found = enter(cast)
    renew(cast, found, date(2027, 3, 1))
    assert entry(cast, found).valid_until == date(2027, 3, 1)


def test_hr_renews_but_not_the_manager_who_is_not_the_sponsor(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    accept(cast, found, "staff")
    with pytest.raises(NotPermitted):
        renew(cast, found, date(2027, 3, 1))
    renew(cast, found, date(2027, 3, 1), who="hr")


def test_the_person_does_not_renew_their_own_entry(cast: Cast) -> None:
    found = enter(cast)
    cast.people["committee"] = entry(cast, found).person_id
    with pytest.raises(NotPermitted):
        renew(cast, found, date(2027, 3, 1), who="committee")


def test_nothing_is_renewed_before_the_sponsor_has_accepted(cast: Cast) -> None:
    found = enter(cast, sponsor="staff")
    with pytest.raises(IllegalTransition, match="引き受けて"):
        renew(cast, found, date(2027, 3, 1), who="hr")


@pytest.mark.parametrize("until", [TODAY + timedelta(days=367), OCTOBER, AUGUST, TODAY])
def test_a_renewal_is_later_and_within_the_profiles_days(cast: Cast, until: date) -> None:
    found = enter(cast)
    with pytest.raises(InvalidInput) as refused:
        renew(cast, found, until)
    assert list(refused.value.fields) == ["valid_until"]


def test_a_renewal_does_not_pass_the_end_of_the_contract(cast: Cast) -> None:
    contract = let(cast)
    found = enter(cast, replace(WORKER, contract_id=contract))
    end(cast, contract, date(2026, 12, 1))
    with pytest.raises(InvalidInput, match="契約が終わる日"):
        renew(cast, found, date(2026, 12, 2))
    renew(cast, found, date(2026, 12, 1))


def test_an_entry_that_is_over_is_not_renewed(cast: Cast) -> None:
    found = enter(cast)
    with pytest.raises(IllegalTransition, match="もう一度登録"):
        renew(cast, found, date(2027, 3, 1), now=start_of(OCTOBER))


def test_whoever_is_not_in_the_register_is_not_renewed(cast: Cast) -> None:
    with cast.database.reading() as session:
        staff, contractor = (cast.employment(session, who).id for who in ("staff", "contractor"))
    for found in (staff, contractor, 999):
        with pytest.raises(NotFound):
            renew(cast, found, date(2027, 3, 1), who="hr")


# --- ending ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["staff", "security", "hr"])
def test_sponsor_manager_and_hr_end_an_entry_at_once(cast: Cast, who: str) -> None:
    found = enter(cast, sponsor="staff")
    end_now(cast, found, who=who, now=TOMORROW)
    assert entry(cast, found).valid_until == TODAY + timedelta(days=1)


@pytest.mark.parametrize("who", ["system", "other", "contractor"])
def test_nobody_else_ends_an_entry(cast: Cast, who: str) -> None:
    found = enter(cast, sponsor="staff")
    with pytest.raises(NotPermitted):
        end_now(cast, found, who=who, now=TOMORROW)


def test_ending_on_the_first_day_takes_the_rights_at_once(cast: Cast) -> None:
    found = enter(cast)
    cast.people["committee"] = entry(cast, found).person_id
    cast.approve(cast.file("hr", ("committee", "ledger/account")))
    end_now(cast, found)
    assert entry(cast, found).valid_until == TODAY + timedelta(days=1)
    with cast.database.reading() as session:
        assert session.scalars(select(Grant.state)).all() == [GrantState.ENDED]


def test_an_entry_that_has_not_begun_is_called_off(cast: Cast) -> None:
    found = enter(cast, replace(COMMITTEE, valid_from=AUGUST))
    end_now(cast, found)
    with cast.database.reading() as session:
        assert session.get(Employment, found) is None
        assert session.scalars(select(Sponsorship)).all() == []
    assert entry(cast, enter(cast, WORKER_OF_NOBODY)).staff_number == "G00002"


def test_ending_needs_a_reason_and_happens_once(cast: Cast) -> None:
    found = enter(cast)
    with pytest.raises(InvalidInput):
        end_now(cast, found, reason=" ", now=TOMORROW)
    end_now(cast, found, now=TOMORROW)
    with pytest.raises(IllegalTransition):
        end_now(cast, found, now=TOMORROW)


def test_a_sponsor_named_by_somebody_else_is_asked(cast: Cast) -> None:
    enter(cast, sponsor="staff")
    with cast.database.reading() as session:
        asked = session.scalars(select(MailMessage)).one()
    assert asked.recipient == "u100009@example.jp"
    assert "令和8年4月15日まで" in asked.body
