"""Somebody who is there answers for every registered ID, and is told before its last day (A13)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.people import Person
from idm.models.privileged import OwnerChange
from idm.models.work import MailMessage
from idm.queries.privileged.holders import holders_on
from idm.vocabulary import AccountKind, FindingKind, RotationReason
from tests.cast import Cast
from tests.register_office import UNTIL, Register

CHANGED = {"reason": "担当が替わった"}


@pytest.fixture
def both(office: Cast) -> Register:
    """The office on both databases."""
    return Register(office)


@pytest.fixture
def one(cast: Cast) -> Register:
    """The same on SQLite alone, for what does not differ."""
    return Register(cast)


def told(one: Register, what: str) -> set[str]:
    """Whose mail box has a notice of that."""
    return one.uses.told(what)


def owned(one: Register, who: str, **more: object) -> int:
    """A registered ID for which `who` answers."""
    return one.register(owner_id=one.cast.people[who], **more)


def actions(one: Register, registered: int) -> list[str]:
    with one.cast.database.reading() as session:
        query = select(AuditRecord.action).where(
            AuditRecord.object_kind == "registered_id", AuditRecord.object_id == str(registered)
        )
        return list(session.scalars(query.order_by(AuditRecord.id)))


# --- who answers for it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("goes", ["leave", "move"])
def test_an_owner_who_leaves_or_leaves_the_section_is_a_finding_and_the_manager_is_told_once(
    both: Register, goes: str
) -> None:
    registered = owned(both, "other")
    both.run_of_the_day()
    assert (both.findings(), told(both, "管理責任者がいなくなりました")) == (set(), set())
    getattr(both, goes)("other")
    both.run_of_the_day()
    both.run_of_the_day()
    assert both.findings() == {(FindingKind.OWNER_GONE, "soumu")}
    assert told(both, "管理責任者がいなくなりました") == {"system"}
    assert actions(both, registered).count("registered_id.owner_gone") == 1


def test_where_the_system_has_no_manager_the_heads_of_security_are_told(one: Register) -> None:
    owned(one, "other")
    one.leave("system", days=1)
    one.leave("other", days=0)
    one.run_of_the_day()
    assert told(one, "管理責任者がいなくなりました") == {"chief", "security"}


def test_an_owner_who_is_gone_is_no_longer_among_those_who_may_know_its_password(both: Register) -> None:
    registered = owned(both, "other")
    assert both.users(registered) == {"chief", "system", "other"}
    both.leave("other")
    with both.cast.database.reading() as session:
        people = {person for _, person in holders_on(session, both.today(), now=both.now)}
    assert people == {both.cast.people[who] for who in ("chief", "system")}
    both.run_of_the_day()
    assert both.users(registered) == {"chief", "system"}
    assert both.rotations(registered)[-1] is RotationReason.HOLDER_CHANGED


def test_an_owner_who_is_there_again_is_told_of_again_when_they_go_again(one: Register) -> None:
    registered = owned(one, "other")
    one.leave("other")
    one.run_of_the_day()
    with one.cast.database.writing() as session:
        one.cast.employment(session, "other").valid_until = None
    one.run_of_the_day()
    assert (one.findings(), one.row(registered).owner_gone_at) == (set(), None)
    one.leave("other")
    one.run_of_the_day()
    assert actions(one, registered).count("registered_id.owner_gone") == 2


def test_another_owner_is_proposed_by_one_person_and_accepted_by_another(both: Register) -> None:
    registered = owned(both, "other")
    both.owner("propose", registered, "system", owner_id=both.cast.people["staff"], **CHANGED)
    assert both.row(registered).owner_id == both.cast.people["other"]
    assert told(both, "管理責任者の変更の申出があります") == {"chief", "security"}
    both.owner("accept", registered, "chief")
    row = both.row(registered)
    assert (row.owner_id, row.owner_unit) == (both.cast.people["staff"], "0100")
    assert both.users(registered) == {"chief", "system", "staff"}
    assert both.rotations(registered)[-1] is RotationReason.HOLDER_CHANGED
    assert told(both, "管理責任者が変わりました") == {"staff", "other", "system"}
    assert actions(both, registered)[-2:] == ["registered_id.owner_proposed", "registered_id.owner_changed"]


def test_a_new_owner_ends_the_finding(one: Register) -> None:
    registered = owned(one, "other")
    one.leave("other")
    one.run_of_the_day()
    one.owner("propose", registered, "system", owner_id=one.cast.people["staff"], **CHANGED)
    one.owner("accept", registered, "chief")
    assert (one.findings(), one.row(registered).owner_gone_at) == (set(), None)


def test_neither_whoever_proposes_an_owner_nor_the_new_one_accepts(one: Register) -> None:
    registered = owned(one, "other")
    one.owner("propose", registered, "security", owner_id=one.cast.people["chief"], **CHANGED)
    for who in ("security", "chief"):
        with pytest.raises(SeparationOfDuties):
            one.owner("accept", registered, who)
    with one.cast.database.writing() as session:
        for who in ("security", "ciso"):
            session.get_one(Person, one.cast.people[who]).match_key = "one-human"
    with pytest.raises(NotPermitted):
        one.owner("accept", registered, "ciso")


@pytest.mark.parametrize("who", ["staff", "hr", "auditor", "ciso", "contractor"])
def test_others_propose_no_owner(one: Register, who: str) -> None:
    registered = owned(one, "other")
    with pytest.raises(NotPermitted):
        one.owner("propose", registered, who, owner_id=one.cast.people["staff"], **CHANGED)


def test_who_may_not_answer_for_an_id_is_refused_also_when_it_comes_to_accepting(one: Register) -> None:
    registered = owned(one, "other")
    for who, said in (("contractor", "委託事業者"), ("other", "同じ人")):
        with pytest.raises(InvalidInput, match=said):
            one.owner("propose", registered, "system", owner_id=one.cast.people[who], **CHANGED)
    one.owner("propose", registered, "system", owner_id=one.cast.people["staff"], **CHANGED)
    with pytest.raises(IllegalTransition, match="すでに出ています"):
        one.owner("propose", registered, "security", owner_id=one.cast.people["hr"], **CHANGED)
    one.leave("staff")
    with pytest.raises(InvalidInput, match="在職している職員"):
        one.owner("accept", registered, "chief")
    one.owner("refuse", registered, "chief")
    assert one.row(registered).owner_id == one.cast.people["other"]
    with pytest.raises(NotFound):
        one.owner("accept", registered, "chief")


def test_with_the_registration_ends_what_was_proposed_for_it(both: Register) -> None:
    registered = owned(both, "other")
    both.owner("propose", registered, "system", owner_id=both.cast.people["staff"], **CHANGED)
    both.act("end", registered, "system", reason="不要")
    with both.cast.database.reading() as session:
        change = session.scalars(select(OwnerChange)).one()
    assert (change.accepted, change.decided_at) == (False, both.now)


# --- what is prolonged ----------------------------------------------------------------------------------------------


def test_what_nobody_answers_for_any_more_is_not_prolonged(one: Register) -> None:
    registered = owned(one, "other", kind=AccountKind.PRIVILEGED)
    later = UNTIL + timedelta(days=90)
    one.act("renew", registered, "chief", valid_until=later)
    one.leave("other")
    with pytest.raises(IllegalTransition, match="先に管理責任者を変更"):
        one.act("renew", registered, "chief", valid_until=later)


def test_a_shared_id_that_nobody_uses_any_more_is_not_prolonged(one: Register) -> None:
    registered = one.register()
    one.give("staff", registered)
    one.act("renew", registered, "chief", valid_until=UNTIL + timedelta(days=90))
    one.leave("staff")
    with pytest.raises(IllegalTransition, match="利用者が一人もいません"):
        one.act("renew", registered, "chief", valid_until=UNTIL + timedelta(days=180))


# --- before the last day --------------------------------------------------------------------------------------------


def test_owner_and_manager_are_told_once_before_the_last_day_of_each_period(both: Register) -> None:
    days = both.cast.policy.privileged.end_notice_days
    last = both.today() + timedelta(days=days + 5)
    registered = owned(both, "other", kind=AccountKind.PRIVILEGED, valid_until=last + timedelta(days=1))
    both.morning(days=5)
    assert told(both, "登録の最終日は") == set()
    for _ in range(3):
        both.morning(days=1)
    assert told(both, "登録の最終日は") == {"system", "other"}
    assert actions(both, registered).count("registered_id.end_told") == 1
    both.act("renew", registered, "chief", valid_until=both.today() + timedelta(days=7))
    both.morning()
    assert actions(both, registered).count("registered_id.end_told") == 2, "another last day, told of once as well"


def test_what_has_no_last_day_or_is_over_is_not_told_of(one: Register) -> None:
    registered = owned(one, "other", kind=AccountKind.SERVICE, valid_until=None)
    one.morning(days=400)
    one.act("renew", registered, "chief", valid_until=one.today() + timedelta(days=1))
    one.morning(days=1)
    assert told(one, "登録の最終日は") == set()


def test_a_last_day_is_told_to_no_owner_who_is_gone(one: Register) -> None:
    owned(one, "other", valid_until=one.today() + timedelta(days=10))
    one.leave("other")
    one.morning()
    assert told(one, "登録の最終日は") == {"system"}
    with one.cast.database.reading() as session:
        last = session.scalars(select(MailMessage.subject).where(MailMessage.subject.contains("最終日は"))).one()
    assert "令和8年4月10日" in last
