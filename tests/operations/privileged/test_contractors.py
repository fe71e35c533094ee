"""Path by path: a contractor creates, changes, resets, applies for, permits or attends nothing (FK 6-2(3)④, D3).

The contractor of these tests has every office written beside their name, deputises two officers, and
still holds no role.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from idm.errors import FreshFactorNeeded, NotFound, Refusal
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.going_live import FoundAccount
from idm.models.officers import Deputy, Officer
from idm.models.people import Person
from idm.models.privileged import PrivilegeDeputy, PrivilegedUse, RegisteredId, Rotation
from idm.models.requests import Request
from idm.models.systems import InformationSystem
from idm.operations.governance import officers
from idm.operations.privileged import privilege_deputies, registered_ids, rotations, use_decisions
from idm.operations.privileged.privilege_deputies import WantedDeputy
from idm.operations.privileged.registered_ids import WantedId
from idm.permissions import PERMISSIONS, Action
from idm.queries.approval.bench import Bench
from idm.queries.organisation.officers import deputations_on, holders, roles_of
from idm.queries.organisation.reach import systems_reached, units_reached
from idm.queries.privileged.deputies import systems_deputised
from idm.request_state import RequestState
from idm.vocabulary import AccountKind, FoundState, Role
from tests.cast import NOW, TODAY, Cast, add_person
from tests.use_office import Uses
from web.route_access import ROUTES, Who

WHO = "contractor"


@pytest.fixture
def office(cast: Cast) -> Uses:
    """With everything written beside 委託's name that could make somebody of them."""
    office = Uses(cast)
    with cast.database.writing() as session:
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        for role in Role:
            session.add(
                Officer(role=role, person_id=cast.people[WHO], unit_code="0600", valid_from=TODAY, confirmed_at=NOW,
                        confirmed_by_id=cast.people["ciso"])
            )  # fmt: skip
        for role, principal in ((Role.CHIEF, "chief"), (Role.SYSTEM, "system")):
            session.add(
                Deputy(principal_id=cast.people[principal], role=role, deputy_id=cast.people[WHO], valid_from=TODAY,
                       valid_until=TODAY + timedelta(days=9), named_at=NOW, accepted_at=NOW,
                       accepted_by_id=cast.people["ciso"])
            )  # fmt: skip
            session.add(
                PrivilegeDeputy(
                    principal_id=cast.people[principal], role=role, deputy_id=cast.people[WHO], system_id=ledger.id,
                    reason="保守", valid_from=TODAY, valid_until=TODAY + timedelta(days=9), named_at=NOW,
                    named_by_id=cast.people[principal], accepted_at=NOW, accepted_by_id=cast.people["ciso"],
                )
            )  # fmt: skip
    return office


def test_no_action_of_the_permission_table_is_open_to_one_and_none_reaches_anything(office: Uses) -> None:
    person = office.cast.people[WHO]
    with office.cast.database.reading() as session:
        assert roles_of(session, person, TODAY) == frozenset()
        assert all(person not in holders(session, role, None, TODAY) for role in Role)
        for action in Action:
            assert not systems_reached(session, person, action, TODAY)
            assert units_reached(session, person, action, TODAY) == frozenset()
        assert session.scalars(deputations_on(TODAY)).all() == []
        assert systems_deputised(session, person, TODAY) == {}
        bench = Bench.on(session, TODAY)
        assert all(person not in {h.person_id for h in bench._held(role)} for role in Role)


def test_another_row_of_the_same_human_holds_no_role_either(cast: Cast) -> None:
    with cast.database.writing() as session:
        for who in ("chief", WHO):
            session.get_one(Person, cast.people[who]).match_key = "0" * 64
    with cast.database.reading() as session:
        assert roles_of(session, cast.people["chief"], TODAY) == frozenset()
        assert roles_of(session, cast.people["system"], TODAY) == {Role.SYSTEM, Role.SECTION}


def test_the_role_returns_when_the_contract_is_over(cast: Cast) -> None:
    with cast.database.writing() as session:
        for who in ("chief", WHO):
            session.get_one(Person, cast.people[who]).match_key = "0" * 64
        cast.employment(session, WHO).valid_until = TODAY + timedelta(days=9)
    with cast.database.reading() as session:
        assert roles_of(session, cast.people["chief"], TODAY + timedelta(days=8)) == frozenset()
        assert roles_of(session, cast.people["chief"], TODAY + timedelta(days=9)) == {Role.CHIEF}


def test_no_tenure_of_one_is_confirmed(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.add(Officer(role=Role.CHIEF, person_id=cast.people[WHO], valid_from=TODAY))
        session.flush()
        officer = session.scalars(select(Officer.id).where(Officer.person_id == cast.people[WHO])).one()
    with pytest.raises(Refusal, match="SOD-7"), cast.acting("ciso", "officer.confirm") as session:
        officers.confirm(session, officer, actor=cast.actor("ciso"), policy=cast.policy, now=NOW)


def _found(office: Uses) -> int:
    with office.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        found = FoundAccount(
            system_id=system.id, external_id="id-of-backup", login_name="backup", enabled=True, display_name="backup",
            candidates=[], first_seen_at=NOW, last_seen_at=NOW, protected=False, marked=False, groups=[],
            state=FoundState.UNDECIDED,
        )  # fmt: skip
        session.add(found)
        session.flush()
        return found.id


def _propose(office: Uses, found_id: int, by: str) -> int:
    wanted = WantedId(AccountKind.SERVICE, "夜間の複製", office.cast.people["system"], True, None)
    cast = office.cast
    with cast.acting(by, "registered_id.propose", office.now) as session:
        return registered_ids.propose(
            session, found_id, wanted, actor=cast.actor(by), policy=cast.policy, now=office.now
        ).id  # fmt: skip


def _registration(office: Uses, operation: Callable[..., object], **values: object) -> None:
    registered = _propose(office, _found(office), "security")
    with office.cast.acting(WHO, "test.registered_id", office.now) as session:
        operation(
            session, registered, actor=office.cast.actor(WHO), policy=office.cast.policy, now=office.now, **values
        )


def _rotate(office: Uses, *, suspected: bool) -> None:
    account = office.register()
    with office.cast.acting(WHO, "rotation.ask", office.now) as session:
        rotations.ask_by_hand(
            session, account, suspected=suspected, actor=office.cast.actor(WHO), policy=office.cast.policy,
            now=office.now,
        )  # fmt: skip


def _asked(office: Uses) -> int:
    office.give("staff")
    return office.ask("staff")


def _decide(office: Uses, operation: Callable[..., object]) -> None:
    use_id = _asked(office)
    with office.cast.acting(WHO, "privileged_use.decide", office.now) as session:
        operation(
            session, use_id, comment="よい", actor=office.cast.actor(WHO), policy=office.cast.policy, now=office.now
        )


def _attended_by_contractor(office: Uses) -> None:
    with office.cast.database.writing() as session:
        unit = office.cast.employment(session, WHO).assignments[0].unit
        office.cast.people["second"] = add_person(
            session, "900002", "業者　四郎", "ギョウシャ　シロウ", unit, "委託"
        ).id
    office.ask(
        "system", account_id=office.register(), person_id=office.cast.people["second"],
        attended_by_id=office.cast.people[WHO], grant_ids=(),
    )  # fmt: skip


def _name_deputy(office: Uses) -> None:
    with office.cast.database.reading() as session:
        ledger = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    wanted = WantedDeputy(Role.SYSTEM, office.cast.people["system"], ledger, office.cast.people["other"], TODAY,
                          TODAY + timedelta(days=5), "休暇中")  # fmt: skip
    with office.cast.acting(WHO, "privilege_deputy.name", office.now) as session:
        privilege_deputies.name(
            session, wanted, actor=office.cast.actor(WHO), policy=office.cast.policy, now=office.now
        )  # fmt: skip


def _deputyship(office: Uses, operation: Callable[..., object]) -> None:
    with office.cast.database.reading() as session:
        deputyship = session.scalars(select(PrivilegeDeputy.id)).first()
    with office.cast.acting(WHO, "privilege_deputy.answer", office.now) as session:
        operation(session, deputyship, actor=office.cast.actor(WHO), policy=office.cast.policy, now=office.now)


def _by_name(office: Uses, name: str, **values: object) -> None:
    use_id = office.opened("staff") if name in ("check", "stop") and _given(office) else _asked(office)
    if name == "check":
        office.act("give_back", use_id, "staff")
        office.act("write", use_id, "staff", text="終わりました")
    office.act(name, use_id, WHO, **values)


def _given(office: Uses) -> bool:
    office.give("staff")
    return True


AN_HOUR: dict[str, Any] = {"hours": 1, "grant_ids": ()}
PATHS: dict[str, Callable[[Uses], object]] = {
    "applies for a privileged right of their own": lambda office: office.cast.file(
        WHO, (WHO, "ledger/admin-account"), valid_until=TODAY + timedelta(days=30)),
    "applies for somebody else's": lambda office: office.cast.file(
        WHO, ("staff", "ledger/admin-account"), valid_until=TODAY + timedelta(days=30)),
    "proposes a registered ID": lambda office: _propose(office, _found(office), WHO),
    "accepts one": lambda office: _registration(office, registered_ids.accept),
    "refuses one": lambda office: _registration(office, registered_ids.refuse, reason="不要"),
    "renews one": lambda office: _registration(office, registered_ids.renew, valid_until=None),
    "ends one": lambda office: _registration(office, registered_ids.end, reason="不要"),
    "has a kept password replaced": lambda office: _rotate(office, suspected=False),
    "says that one may have leaked": lambda office: _rotate(office, suspected=True),
    "asks for the use of a registered ID": lambda office: office.ask(WHO, account_id=office.register(), **AN_HOUR),
    "asks for it with somebody of staff attending": lambda office: office.ask(
        WHO, account_id=office.register(), attended_by_id=office.cast.people["other"], **AN_HOUR),
    "uses one in an emergency": lambda office: office.ask(
        WHO, emergency=True, account_id=office.register(), **AN_HOUR),
    "names another contractor for a use": lambda office: office.ask(
        WHO, account_id=office.register(), person_id=office.cast.people["other"],
        attended_by_id=office.cast.people["staff"], **AN_HOUR),
    "permits a use": lambda office: _decide(office, use_decisions.permit),
    "refuses a use": lambda office: _decide(office, use_decisions.refuse),
    "is named to attend one": _attended_by_contractor,
    "attends one": lambda office: _by_name(office, "attend"),
    "stops one": lambda office: _by_name(office, "stop", reason="止める"),
    "checks a work report": lambda office: _by_name(office, "check"),
    "gives back another's": lambda office: _by_name(office, "give_back"),
    "withdraws another's": lambda office: _by_name(office, "withdraw"),
    "names a deputy for privilege": _name_deputy,
    "accepts one of them": lambda office: _deputyship(office, privilege_deputies.accept),
    "ends a deputyship for privilege": lambda office: _deputyship(office, privilege_deputies.end),
}  # fmt: skip


def _rows(office: Uses) -> list[object]:
    """What a contractor could have brought about."""
    with office.cast.database.reading() as session:
        return [
            *session.execute(select(PrivilegedUse.id, PrivilegedUse.state).where(
                PrivilegedUse.person_id == office.cast.people[WHO])).all(),
            *session.execute(select(Rotation.id).where(Rotation.asked_by_id == office.cast.people[WHO])).all(),
            *session.execute(select(RegisteredId.id).where(
                (RegisteredId.proposed_by_id == office.cast.people[WHO])
                | (RegisteredId.accepted_by_id == office.cast.people[WHO]))).all(),
            *session.execute(select(Request.id).where(Request.state != RequestState.DRAFT,
                                                      Request.applicant_id == office.cast.people[WHO])).all(),
        ]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_path_lets_a_contractor_do_it_and_the_refusal_is_on_record(office: Uses, path: str) -> None:
    with pytest.raises(Refusal) as refused:
        PATHS[path](office)
    assert not isinstance(refused.value, FreshFactorNeeded), "they have given one: it is not for want of it"
    assert _rows(office) == []
    with office.cast.database.reading() as session:
        outcomes = session.scalars(select(AuditRecord.outcome).order_by(AuditRecord.id.desc())).first()
    assert outcomes is AuditOutcome.REFUSED or isinstance(refused.value, NotFound)


PRIVILEGE = frozenset(
    action for action in Action
    if action in {
        Action.SEE_PRIVILEGED, Action.PROPOSE_REGISTERED_ID, Action.ACCEPT_REGISTERED_ID, Action.USE_REGISTERED_ID,
        Action.PERMIT_USE, Action.STOP_USE, Action.CHECK_WORK_REPORT, Action.RECEIVE_EMERGENCY_REPORT,
        Action.ROTATE_KEPT, Action.NAME_PRIVILEGE_DEPUTY, Action.ACCEPT_PRIVILEGE_DEPUTY, Action.REPORT_LEAK,
        Action.HAND_OVER, Action.KEEP_AUTHENTICATORS, Action.WITNESS_DESTRUCTION,
    }
)  # fmt: skip
ONES_OWN = {
    "privileged_uses.index", "privileged_uses.new", "privileged_uses.new_emergency", "privileged_uses.show",
    "privileged_uses.ask", "privileged_uses.ask_in_emergency", "privileged_uses.bring_key", "privileged_uses.reveal",
    "privileged_uses.withdraw", "privileged_uses.give_back", "privileged_uses.report",
    "privileged_use_oversight.index", "privileged_use_oversight.permit", "privileged_use_oversight.refuse",
    "privileged_use_oversight.attend", "privileged_use_oversight.stop", "leaks.new", "leaks.report",
}  # fmt: skip
"""Routes of privileged IDs that ask for a relation instead of a role; PATHS goes along each of them.

What is left to a contractor: the use that a manager asked for them, and the report that their own password leaked,
which only locks.
"""


def test_every_route_of_privileged_ids_asks_for_a_role_or_is_walked_above() -> None:
    """A new one makes this fail: it needs a permission, which no contractor has, or a path above."""
    rooms = ("privileged", "vault", "leaks", "privilege_deputies")
    routes = {
        endpoint: access for endpoint, access in ROUTES.items()
        if access.who is Who.SIGNED_IN and endpoint.startswith(rooms)
    }  # fmt: skip
    by_relation = {
        endpoint for endpoint, access in routes.items()
        if not access.opens and (not access.judged_by or access.instead)
    }  # fmt: skip
    assert by_relation == ONES_OWN
    for endpoint, access in routes.items():
        if endpoint not in ONES_OWN:
            assert not access.may_be_sent_by(frozenset()) or access.opens, endpoint
    assert all(PERMISSIONS[action] for action in PRIVILEGE)
