"""Officers follow from posts, a second person confirms them; deputies are named by one and accepted by another."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.officers import Deputy, Officer
from idm.models.people import Assignment, OrganisationUnit, Person
from idm.models.work import MailMessage
from idm.operations.governance import officers
from idm.queries.organisation.officers import roles_of
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast, add_person

NEXT_MONTH = TODAY + timedelta(days=30)


def follow(cast: Cast) -> list[int]:
    with cast.database.writing() as session:
        made = officers.follow_posts(session, policy=cast.policy, actor=cast.actor("hr"), now=NOW)
        return [officer.id for officer in made]


def take_post(cast: Cast, who: str, unit_code: str, post: str, begins: date = TODAY) -> int:
    """The person's new assignment, as a personnel file would write it."""
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == unit_code)).one()
        assignment = Assignment(unit=unit, post=post, primary=True, valid_from=begins)
        employment = cast.employment(session, who)
        employment.assignments.append(assignment)
        session.flush()
        return assignment.id


def new_chief(cast: Cast) -> int:
    """今泉's tenure as chief, which waits for confirmation."""
    take_post(cast, "other", "0000", "事務局次長")
    (officer_id,) = follow(cast)
    return officer_id


def confirm(cast: Cast, who: str, officer_id: int) -> None:
    with cast.acting(who, "officer.confirm") as session:
        officers.confirm(session, officer_id, actor=cast.actor(who), policy=cast.policy, now=NOW)


def name(
    cast: Cast, principal: str, deputy: str, role: Role = Role.CHIEF, *, begins: date = TODAY, ends: date = NEXT_MONTH
) -> int:
    with cast.acting(principal, "deputy.name") as session:
        return officers.name_deputy(
            session, role=role, deputy_id=cast.people.get(deputy, 4711), valid_from=begins, valid_until=ends,
            actor=cast.actor(principal), policy=cast.policy, now=NOW,
        ).id  # fmt: skip


def accept(cast: Cast, who: str, deputy_id: int) -> None:
    with cast.acting(who, "deputy.accept") as session:
        officers.accept_deputy(session, deputy_id, actor=cast.actor(who), policy=cast.policy, now=NOW)


def same_human(cast: Cast, *names: str) -> None:
    with cast.database.writing() as session:
        for one in names:
            session.get_one(Person, cast.people[one]).match_key = "0" * 64


def roles(cast: Cast, who: str, day: date = TODAY) -> frozenset[Role]:
    with cast.database.reading() as session:
        return roles_of(session, cast.people[who], day)


# --- officers follow from posts --------------------------------------------------------------------------------------


def test_the_signed_first_record_names_the_first_officers(cast: Cast) -> None:
    assert roles(cast, "chief") == {Role.CHIEF}
    assert roles(cast, "system") == {Role.SYSTEM, Role.SECTION}
    assert roles(cast, "security") == {Role.SECURITY, Role.SECTION}
    assert roles(cast, "staff") == frozenset()


def test_following_posts_twice_makes_no_second_tenure(cast: Cast) -> None:
    assert follow(cast) == []
    new_chief(cast)
    assert follow(cast) == []


def test_a_new_holder_of_the_post_waits_for_a_second_person_and_the_heads_are_told(cast: Cast) -> None:
    officer_id = new_chief(cast)
    assert roles(cast, "other") == frozenset()
    with cast.database.reading() as session:
        told = session.scalars(select(MailMessage).where(MailMessage.subject.contains("就任の確認依頼"))).all()
        assert {notice.recipient for notice in told} == {f"u10000{number}@example.jp" for number in (1, 2, 3, 5)}
        followed = select(AuditRecord).where(AuditRecord.action == "officer.followed")
        assert str(officer_id) in {record.object_id for record in session.scalars(followed)}
    confirm(cast, "security", officer_id)
    assert roles(cast, "other") == {Role.CHIEF}


def test_the_same_post_elsewhere_gives_no_seat_of_another_unit(cast: Cast) -> None:
    take_post(cast, "other", "0900", "課長")
    with cast.database.reading() as session:
        made = [session.get_one(Officer, officer_id).role for officer_id in follow(cast)]
    assert made == [Role.SECTION]


def test_the_first_record_is_used_once(cast: Cast) -> None:
    """天神 was chief by the first record, left the post and took it again: that is a matter for two people now."""
    with cast.database.writing() as session:
        for assignment in cast.employment(session, "chief").assignments:
            assignment.valid_until = TODAY
    take_post(cast, "chief", "0000", "事務局次長")
    (officer_id,) = follow(cast)
    assert roles(cast, "chief") == frozenset()
    confirm(cast, "ciso", officer_id)
    assert roles(cast, "chief") == {Role.CHIEF}


def test_somebody_of_the_same_post_whom_the_first_record_does_not_name_waits(cast: Cast) -> None:
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0000")).one()
        cast.people["second"] = add_person(session, "100099", "二人目　次長", "フタリメ", unit, "事務局次長").id
    follow(cast)
    assert roles(cast, "second") == frozenset()


def test_losing_the_post_loses_the_role_on_that_day(cast: Cast) -> None:
    with cast.database.writing() as session:
        for assignment in cast.employment(session, "chief").assignments:
            assignment.valid_until = NEXT_MONTH
    assert roles(cast, "chief", NEXT_MONTH - timedelta(days=1)) == {Role.CHIEF}
    assert roles(cast, "chief", NEXT_MONTH) == frozenset()


# --- confirming ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["system", "hr", "desk", "auditor", "staff", "other"])
def test_only_heads_confirm(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        confirm(cast, who, new_chief(cast))


def test_nobody_confirms_their_own_tenure_under_any_account(cast: Cast) -> None:
    take_post(cast, "security", "0000", "事務局次長")
    (own,) = follow(cast)
    with pytest.raises(SeparationOfDuties, match="SOD-2"):
        confirm(cast, "security", own)
    other = new_chief(cast)
    same_human(cast, "other", "security")
    with pytest.raises(SeparationOfDuties, match="SOD-2"):
        confirm(cast, "security", other)


def test_a_tenure_is_confirmed_once_and_audited(cast: Cast) -> None:
    officer_id = new_chief(cast)
    confirm(cast, "ciso", officer_id)
    with pytest.raises(IllegalTransition):
        confirm(cast, "vice", officer_id)
    with cast.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "officer.confirmed")).one()
        assert (record.object_id, record.actor_id) == (str(officer_id), cast.people["ciso"])


def test_an_unknown_tenure_is_not_found(cast: Cast) -> None:
    with pytest.raises(NotFound):
        confirm(cast, "ciso", 4711)


# --- deputies --------------------------------------------------------------------------------------------------------


def test_a_deputy_is_named_by_the_officer_and_accepted_by_the_ciso(cast: Cast) -> None:
    deputy_id = name(cast, "chief", "other")
    accept(cast, "ciso", deputy_id)
    with cast.database.reading() as session:
        deputy = session.get_one(Deputy, deputy_id)
        assert (deputy.accepted_at, deputy.accepted_by_id) == (NOW, cast.people["ciso"])
        acts = session.scalars(
            select(AuditRecord.action).where(AuditRecord.object_kind == "deputy").order_by(AuditRecord.id)
        ).all()
    assert acts == ["deputy.named", "deputy.accepted"]
    with pytest.raises(IllegalTransition):
        accept(cast, "ciso", deputy_id)


@pytest.mark.parametrize(
    ("who", "role"),
    [("chief", Role.SYSTEM), ("system", Role.CHIEF), ("hr", Role.HR), ("ciso", Role.CISO), ("staff", Role.CHIEF)],
)
def test_nobody_names_a_deputy_for_a_role_that_is_not_theirs_to_lend(cast: Cast, who: str, role: Role) -> None:
    with pytest.raises(NotPermitted):
        name(cast, who, "other", role)


def test_nobody_names_themself_under_any_account(cast: Cast) -> None:
    same_human(cast, "chief", "staff")
    for deputy in ("chief", "staff"):
        with pytest.raises(SeparationOfDuties, match="SOD-3"):
            name(cast, "chief", deputy)


@pytest.mark.parametrize(("deputy", "rule"), [("contractor", "SOD-7"), ("auditor", "SOD-6")])
def test_whoever_never_decides_is_never_named(cast: Cast, deputy: str, rule: str) -> None:
    with pytest.raises(SeparationOfDuties, match=rule):
        name(cast, "chief", deputy)


def test_a_second_account_of_a_contractor_is_never_named(cast: Cast) -> None:
    same_human(cast, "contractor", "other")
    with pytest.raises(SeparationOfDuties, match="SOD-7"):
        name(cast, "chief", "other")


@pytest.mark.parametrize("deputy", ["nobody", "leaver"])
def test_whoever_is_not_employed_is_not_named(cast: Cast, deputy: str) -> None:
    with cast.database.writing() as session:
        cast.employment(session, "other").valid_until = TODAY
    cast.people["leaver"] = cast.people["other"]
    with pytest.raises(InvalidInput) as refusal:
        name(cast, "chief", deputy)
    assert list(refusal.value.fields) == ["deputy"]


@pytest.mark.parametrize(
    ("begins", "ends"),
    [(TODAY, TODAY), (NEXT_MONTH, TODAY), (TODAY - timedelta(days=9), TODAY), (NEXT_MONTH, NEXT_MONTH)],
)
def test_a_period_that_is_over_or_upside_down_is_refused(cast: Cast, begins: date, ends: date) -> None:
    with pytest.raises(InvalidInput) as refusal:
        name(cast, "chief", "other", begins=begins, ends=ends)
    assert list(refusal.value.fields) == ["valid_until"]


@pytest.mark.parametrize("who", ["vice", "chief", "security", "other", "auditor"])
def test_nobody_but_the_ciso_accepts(cast: Cast, who: str) -> None:
    deputy_id = name(cast, "chief", "other")
    with pytest.raises(NotPermitted):
        accept(cast, who, deputy_id)


@pytest.mark.parametrize("involved", ["chief", "other"])
def test_the_ciso_accepts_nothing_that_involves_them_under_any_account(cast: Cast, involved: str) -> None:
    deputy_id = name(cast, "chief", "other")
    same_human(cast, "ciso", involved)
    with pytest.raises(SeparationOfDuties, match="SOD-1"):
        accept(cast, "ciso", deputy_id)


def test_an_unknown_deputy_is_not_found(cast: Cast) -> None:
    with pytest.raises(NotFound):
        accept(cast, "ciso", 4711)


# --- what a database can hold ----------------------------------------------------------------------------------------


def by_hand(cast: Cast, statement: str) -> None:
    """What somebody with the database's own tools does."""
    with cast.database.writing() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    "change",
    ["confirmed_by_id = person_id", "first_record_id = NULL, confirmed_by_id = NULL", "role = 'king'",
     "person_id = 4711", "assignment_id = 4711"],
)  # fmt: skip
def test_the_database_refuses_a_tenure_by_nobody_or_by_oneself(office: Cast, change: str) -> None:
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE officers SET {change} WHERE role = 'chief'")


def test_the_database_has_one_tenure_of_a_role_by_a_post(office: Cast) -> None:
    columns = "role, person_id, assignment_id, valid_from"
    with pytest.raises(IntegrityError):
        by_hand(office, f"INSERT INTO officers ({columns}) SELECT {columns} FROM officers")


@pytest.mark.parametrize(
    "change", ["deputy_id = principal_id", "accepted_by_id = deputy_id", "valid_until = valid_from", "deputy_id = 4711"]
)
def test_the_database_refuses_a_deputy_of_oneself_or_for_no_time(office: Cast, change: str) -> None:
    name(office, "chief", "other")
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE deputies SET {change}")
