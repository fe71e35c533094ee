"""Deputies for privilege (代行者): named, accepted by the CISO, told of at once, and ended by what they rest on."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.errors import (
    FreshFactorNeeded,
    IllegalTransition,
    InvalidInput,
    NotFound,
    NotPermitted,
    Refusal,
    SeparationOfDuties,
)
from idm.models.audit import AuditRecord
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.privileged import PrivilegeDeputy
from idm.models.systems import InformationSystem
from idm.models.work import MailMessage
from idm.operations.privileged import privilege_deputies
from idm.operations.privileged.privilege_deputies import WantedDeputy
from idm.policy import Policy
from idm.queries.organisation.officers import deputations_on
from idm.queries.privileged.deputies import counting_in, systems_deputised
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast
from tests.operations.approval.test_decision_races import at_once

NEXT_MONTH = TODAY + timedelta(days=30)
JOB = Actor.job("tests.lifecycle")


def system_id(cast: Cast, code: str = "ledger") -> int:
    with cast.database.reading() as session:
        return session.scalars(select(InformationSystem.id).where(InformationSystem.code == code)).one()


def name(
    cast: Cast, by: str = "system", deputy: str = "desk", *, principal: str = "system", role: Role = Role.SYSTEM,
    begins: date = TODAY, ends: date = NEXT_MONTH, reason: str = "休暇中の保守のため", policy: Policy | None = None,
    fresh: bool = True, system: int | None = None,
) -> int:  # fmt: skip
    wanted = WantedDeputy(
        role=role, principal_id=cast.people[principal], system_id=system_id(cast) if system is None else system,
        deputy_id=cast.people[deputy], valid_from=begins, valid_until=ends, reason=reason,
    )  # fmt: skip
    actor = cast.actor(by) if fresh else cast.stale(by)
    with cast.acting(by, "privilege_deputy.name") as session:
        return privilege_deputies.name(session, wanted, actor=actor, policy=policy or cast.policy, now=NOW).id


def accept(cast: Cast, deputyship: int, by: str = "ciso", *, fresh: bool = True, day: date = TODAY) -> None:
    actor, now = cast.actor(by) if fresh else cast.stale(by), max(NOW, start_of(day))
    with cast.acting(by, "privilege_deputy.accept", now) as session:
        privilege_deputies.accept(session, deputyship, actor=actor, policy=cast.policy, now=now)


def end(cast: Cast, deputyship: int, by: str) -> None:
    with cast.acting(by, "privilege_deputy.end") as session:
        privilege_deputies.end(session, deputyship, actor=cast.stale(by), policy=cast.policy, now=NOW)


def deputised(cast: Cast, who: str = "desk", day: date = TODAY) -> list[int]:
    with cast.database.reading() as session:
        return sorted(systems_deputised(session, cast.people[who], day))


def told(cast: Cast, what: str) -> set[str]:
    with cast.database.reading() as session:
        return set(session.scalars(select(MailMessage.recipient).where(MailMessage.subject.contains(what))))


def same_human(cast: Cast, *names: str) -> None:
    with cast.database.writing() as session:
        for one in names:
            session.get_one(Person, cast.people[one]).match_key = "0" * 64


# --- named, accepted, told -------------------------------------------------------------------------------------------


def test_a_named_deputy_counts_once_the_ciso_accepts_and_for_the_period(office: Cast) -> None:
    deputyship = name(office)
    assert deputised(office) == []
    assert told(office, "承認を待って") == {"u100001@example.jp"}
    accept(office, deputyship)
    ledger = system_id(office)
    assert deputised(office) == [ledger]
    assert deputised(office, day=NEXT_MONTH - timedelta(days=1)) == [ledger]
    assert deputised(office, day=NEXT_MONTH) == []
    with office.database.reading() as session:
        assert [one.deputy_id for one in counting_in(session, [ledger], TODAY)] == [office.people["desk"]]
        assert counting_in(session, [system_id(office, "pension")], TODAY) == []
        actions = session.scalars(select(AuditRecord.action).where(AuditRecord.object_kind == "privilege_deputy"))
        assert list(actions) == ["privilege_deputy.named", "privilege_deputy.accepted"]


def test_the_officers_of_the_list_are_told_in_the_same_transaction(cast: Cast) -> None:
    """FK 6-2(3)③: chief, security officer, the manager of the deputy's section, the system's manager."""
    accept(cast, name(cast, deputy="staff"))
    chief, manager, security, deputy = (f"u10000{number}@example.jp" for number in (3, 4, 5, 9))
    assert told(cast, "承認されました") == {chief, manager, security, deputy}


def test_the_manager_of_another_section_is_not_told(cast: Cast) -> None:
    only_sections = replace(cast.policy.privileged, deputy_notified=(Role.SECTION,))
    deputyship = name(cast, "chief", "desk", principal="chief", role=Role.CHIEF)
    with cast.acting("ciso", "privilege_deputy.accept") as session:
        policy = replace(cast.policy, privileged=only_sections)
        privilege_deputies.accept(session, deputyship, actor=cast.actor("ciso"), policy=policy, now=NOW)
    assert "u100005@example.jp" not in told(cast, "承認されました")


def test_a_deputy_for_privilege_decides_nothing_and_a_decision_deputy_uses_nothing(cast: Cast) -> None:
    accept(cast, name(cast))
    with cast.database.reading() as session:
        assert session.scalars(deputations_on(TODAY)).all() == []


# --- who may name, accept and end ------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["ciso", "security", "hr", "staff", "auditor", "desk", "contractor"])
def test_others_than_the_profile_names_name_nobody(cast: Cast, by: str) -> None:
    with pytest.raises(NotPermitted):
        name(cast, by, "other")


def test_the_profile_may_have_the_security_officer_name_instead(cast: Cast) -> None:
    mito = replace(cast.policy, privileged=replace(cast.policy.privileged, deputy_named_by=(Role.SECURITY,)))
    accept(cast, name(cast, "security", policy=mito))
    assert deputised(cast) == [system_id(cast)]
    for by in ("chief", "system"):
        with pytest.raises(NotPermitted, match="情報セキュリティ責任者"):
            name(cast, by, "other", policy=mito)


def test_a_manager_names_for_their_own_systems_only(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.scalars(select(InformationSystem)).first().manager_unit_code = "0100"  # type: ignore[union-attr]
    with pytest.raises(NotPermitted, match="所管"):
        name(cast, principal="chief", role=Role.CHIEF)


FORBIDDEN: dict[str, tuple[Callable[[Cast], object], type[Refusal], str]] = {
    "oneself": (lambda cast: name(cast, "chief", "chief"), SeparationOfDuties, "SOD-3"),
    "the principal": (lambda cast: name(cast, "chief", "system"), SeparationOfDuties, "SOD-3"),
    "a contractor": (lambda cast: name(cast, deputy="contractor"), SeparationOfDuties, "SOD-7"),
    "an auditor": (lambda cast: name(cast, deputy="auditor"), SeparationOfDuties, "SOD-6"),
    "in nobody's place": (lambda cast: name(cast, principal="staff"), InvalidInput, "職"),
    "in the place of another office": (
        lambda cast: name(cast, principal="security", role=Role.SECURITY), InvalidInput, "職",
    ),
    "for too long": (lambda cast: name(cast, ends=TODAY + timedelta(days=367)), InvalidInput, "366日"),
    "backwards": (lambda cast: name(cast, ends=TODAY), InvalidInput, "期間"),
    "in the past": (lambda cast: name(cast, begins=TODAY - timedelta(days=1)), InvalidInput, "期間"),
    "without a reason": (lambda cast: name(cast, reason="　"), InvalidInput, "理由"),
    "for a system that is not there": (lambda cast: name(cast, system=4711), NotFound, "情報システム"),
    "without a second factor given just now": (lambda cast: name(cast, fresh=False), FreshFactorNeeded, "二つ目"),
}  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nobody_is_named(cast: Cast, what: str) -> None:
    act, refused, match = FORBIDDEN[what]
    with pytest.raises(refused, match=match):
        act(cast)
    with cast.database.reading() as session:
        assert session.scalars(select(PrivilegeDeputy)).all() == []


def test_no_second_row_of_namer_principal_contractor_or_auditor_is_named(cast: Cast) -> None:
    for who, rule in (("chief", "SOD-3"), ("system", "SOD-3"), ("contractor", "SOD-7"), ("auditor", "SOD-6")):
        same_human(cast, who, "other")
        with pytest.raises((SeparationOfDuties, NotPermitted, InvalidInput), match=rule):
            name(cast, "chief", "other")
        with cast.database.writing() as session:
            session.get_one(Person, cast.people[who]).match_key = None


def test_only_a_ciso_who_is_no_party_accepts_once_with_a_fresh_factor(cast: Cast) -> None:
    deputyship = name(cast)
    for by in ("chief", "system", "security", "vice", "desk"):
        with pytest.raises(NotPermitted):
            accept(cast, deputyship, by)
    with pytest.raises(FreshFactorNeeded):
        accept(cast, deputyship, fresh=False)
    same_human(cast, "ciso", "desk")
    with pytest.raises(SeparationOfDuties, match="SOD-1"):
        accept(cast, deputyship)
    with cast.database.writing() as session:
        session.get_one(Person, cast.people["ciso"]).match_key = None
    accept(cast, deputyship)
    with pytest.raises(IllegalTransition):
        accept(cast, deputyship)
    with pytest.raises(NotFound):
        accept(cast, 4711)


def test_what_can_stand_no_more_is_not_accepted(cast: Cast) -> None:
    deputyship = name(cast)
    with pytest.raises(IllegalTransition, match="指名し直して"):
        accept(cast, deputyship, day=NEXT_MONTH)
    with cast.database.writing() as session:
        cast.employment(session, "system").assignments[0].valid_until = TODAY
    with pytest.raises(IllegalTransition, match="職を離れた"):
        accept(cast, deputyship)


def test_whoever_has_become_an_auditor_is_not_accepted(cast: Cast) -> None:
    deputyship = name(cast)
    same_human(cast, "auditor", "desk")
    with pytest.raises(IllegalTransition, match="代行できない人"):
        accept(cast, deputyship)


def test_an_accepted_deputy_who_becomes_an_auditor_uses_nothing(cast: Cast) -> None:
    accept(cast, name(cast))
    same_human(cast, "auditor", "desk")
    assert deputised(cast) == []
    with cast.database.reading() as session:
        assert counting_in(session, [system_id(cast)], TODAY) == []


@pytest.mark.parametrize("by", ["chief", "system", "ciso"])
def test_namer_principal_and_ciso_end_it_early(cast: Cast, by: str) -> None:
    deputyship = name(cast, "chief")
    accept(cast, deputyship)
    end(cast, deputyship, by)
    assert deputised(cast) == []
    assert "u100007@example.jp" in told(cast, "終わりました")
    with pytest.raises(IllegalTransition):
        end(cast, deputyship, by)


def test_nobody_else_ends_it(cast: Cast) -> None:
    deputyship = name(cast)
    accept(cast, deputyship)
    for by in ("desk", "security", "auditor", "contractor"):
        with pytest.raises(NotPermitted):
            end(cast, deputyship, by)


# --- what ends it by itself ------------------------------------------------------------------------------------------


def leave(cast: Cast, who: str) -> None:
    with cast.database.writing() as session:
        cast.employment(session, who).valid_until = TODAY


def lose_office(cast: Cast) -> None:
    with cast.database.writing() as session:
        for tenure in session.scalars(select(Officer).where(Officer.person_id == cast.people["system"])):
            tenure.valid_until = TODAY


def become_contractor(cast: Cast) -> None:
    same_human(cast, "desk", "contractor")


def become_auditor(cast: Cast) -> None:
    same_human(cast, "desk", "auditor")


def hand_over_system(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.scalars(
            select(InformationSystem).where(InformationSystem.code == "ledger")
        ).one().manager_unit_code = "0100"


ENDS: dict[str, Callable[[Cast], None]] = {
    "the deputy left": lambda cast: leave(cast, "desk"), "the principal left": lambda cast: leave(cast, "system"),
    "the principal's office is over": lose_office, "the deputy is a contractor": become_contractor,
    "the deputy is an auditor": become_auditor, "another unit manages the system": hand_over_system,
}  # fmt: skip


@pytest.mark.parametrize("why", ENDS)
def test_it_ends_by_itself_at_once_and_the_next_run_writes_it_down(cast: Cast, why: str) -> None:
    accept(cast, name(cast))
    ENDS[why](cast)
    assert deputised(cast) == [], "it counts no more, whatever is written"
    with cast.database.writing() as session:
        assert privilege_deputies.end_what_stands_no_more(session, actor=JOB, policy=cast.policy, now=NOW) == 1
        assert privilege_deputies.end_what_stands_no_more(session, actor=JOB, policy=cast.policy, now=NOW) == 0
        assert session.scalars(select(PrivilegeDeputy)).one().ended_by_id is None


def test_the_database_itself_refuses_a_deputyship_of_or_by_oneself(cast: Cast) -> None:
    deputyship = name(cast)
    for change in ("deputy_id = principal_id", "deputy_id = named_by_id",
                   "accepted_by_id = deputy_id, accepted_at = named_at",
                   "accepted_by_id = named_by_id, accepted_at = named_at"):  # fmt: skip
        with pytest.raises(IntegrityError), cast.database.writing() as session:
            session.execute(text(f"UPDATE privilege_deputies SET {change} WHERE id = {deputyship}"))


# --- two at once -----------------------------------------------------------------------------------------------------


def test_a_deputyship_is_accepted_once_and_either_accepted_first_or_ended_first(postgres_office: Cast) -> None:
    cast = postgres_office
    for _ in range(5):
        twice, both = name(cast), name(cast)
        assert Counter(at_once(partial(accept, cast, twice), partial(accept, cast, twice))) == {"done": 1, "STATE": 1}
        said = at_once(partial(accept, cast, both), partial(end, cast, both, "system"))
        assert said in (["done", "done"], ["STATE", "done"])
        with cast.database.reading() as session:
            assert session.get_one(PrivilegeDeputy, both).ended_at is not None
        end(cast, twice, "system")
    assert deputised(cast) == []
