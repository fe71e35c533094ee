"""Who may use a privileged ID, who permits it, and how each use begins and ends (D3, D6, D8)."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from idm.calendar_days import start_of
from idm.errors import (
    DecidedMeanwhile,
    FreshFactorNeeded,
    IllegalTransition,
    InvalidInput,
    NotFound,
    NotPermitted,
    NotSeated,
    Refusal,
    SeparationOfDuties,
)
from idm.grant_state import GrantState, SuspensionReason
from idm.keys.sealing import KEY_BYTES
from idm.models.audit import AuditRecord
from idm.models.officers import Deputy, Officer
from idm.models.outside import Contract
from idm.models.people import Employment, Person
from idm.models.privileged import PrivilegedUse, RegisteredId, Rotation
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.operations.privileged import use_decisions, uses
from idm.operations.rights import suspensions
from idm.operations.stops import orders
from idm.operations.stops.orders import Why
from idm.queries.privileged.uses import reports_to_check, usable_ids, uses_to_attend, uses_to_decide
from idm.vocabulary import Role, RotationReason, UseEnd, UseState
from tests.cast import TODAY, Cast
from tests.use_office import JOB, Uses

KEY = bytes(KEY_BYTES)


@pytest.fixture
def office(sqlite_office: Cast) -> Uses:
    """青木 has a privileged ID of their own in the ledger system."""
    found = Uses(sqlite_office)
    found.give("staff")
    return found


# --- asking ----------------------------------------------------------------------------------------------------------


def test_holder_asks_another_permits_and_it_opens_for_its_hours_and_ends_on_the_second(office: Uses) -> None:
    use_id = office.ask(hours=2)
    assert office.state(use_id) is UseState.ASKED
    office.permit(use_id, "system")
    assert office.carry_on() == 1
    office.worker()
    use = office.use(use_id)
    assert (use.state, use.opens_at, use.opened_at) == (UseState.OPEN, office.now, office.now)
    assert use.ends_at == office.now + timedelta(hours=2)
    assert office.carry_on(seconds=2 * 3600 - 1) == 0
    assert office.carry_on(seconds=1) == 1
    use = office.use(use_id)
    assert (use.state, use.end_reason, use.ended_at) == (UseState.ENDING, UseEnd.TIME_UP, use.ends_at)
    office.worker()
    assert office.state(use_id) is UseState.ENDED
    assert office.use(use_id).closed_at == office.now


def test_every_step_of_a_use_is_in_the_audit_record(office: Uses) -> None:
    use_id = office.opened()
    office.act("give_back", use_id, "staff")
    office.worker()
    office.act("write", use_id, "staff", text="設定を変えました")
    office.act("check", use_id, "system")
    with office.cast.database.reading() as session:
        about = AuditRecord.object_kind == "privileged_use", AuditRecord.object_id == str(use_id)
        actions = session.scalars(select(AuditRecord.action).where(*about).order_by(AuditRecord.id)).all()
    assert [action.partition(".")[2] for action in actions] == [
        "asked", "permitted", "opened", "shown_open", "ended", "closed", "reported", "report_checked",
    ]  # fmt: skip


@pytest.mark.parametrize("emergency", [False, True])
def test_whoever_asks_has_just_given_a_second_factor(office: Uses, emergency: bool) -> None:
    with pytest.raises(FreshFactorNeeded):
        office.ask(fresh=False, emergency=emergency)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"hours": 0}, "hours"), ({"hours": 9}, "hours"), ({"purpose": "  "}, "purpose"),
        ({"grant_ids": (999999,)}, "grants"), ({"ticket": "x" * 101}, "ticket"),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_whole_and_within_the_profile(
    office: Uses, changes: dict[str, Any], field: str
) -> None:  # fmt: skip
    with pytest.raises(InvalidInput) as refused:
        office.ask(**changes)
    assert field in refused.value.fields


@pytest.mark.parametrize("away", [timedelta(minutes=-11), timedelta(days=32)])
def test_a_use_begins_neither_in_the_past_nor_in_the_far_future(office: Uses, away: timedelta) -> None:
    with pytest.raises(InvalidInput) as refused:
        office.ask(wanted_from=office.now + away)
    assert "wanted_from" in refused.value.fields


def test_the_profiles_longest_time_is_allowed(office: Uses) -> None:
    assert office.use(office.ask(hours=office.cast.policy.privileged.use_hours)).hours == 8


def test_nobody_uses_the_own_id_of_somebody_else(office: Uses) -> None:
    with pytest.raises(NotPermitted):
        office.ask("system", account_id=office.account_id("staff"))


def test_the_chief_does_not_use_somebodys_own_id_either(office: Uses) -> None:
    with pytest.raises(NotPermitted):
        office.ask("chief", account_id=office.account_id("staff"), emergency=True)


def test_a_daily_id_is_not_used_this_way(office: Uses) -> None:
    request = office.cast.file("hr", ("other", "ledger/account"))
    office.cast.approve(request)
    with office.cast.database.reading() as session:
        daily = session.scalars(select(Account.id).where(Account.person_id == office.cast.people["other"])).one()
    with pytest.raises(NotPermitted):
        office.ask("other", account_id=daily)


def test_a_right_that_is_held_back_is_not_activated(office: Uses) -> None:
    (grant_id,) = office.grant_ids()
    with office.cast.database.writing() as session:
        grant = session.get_one(Grant, grant_id)
        suspensions.suspend(
            session, grant, SuspensionReason.LOST_CARD, actor=JOB, policy=office.cast.policy, now=office.now
        )
    with pytest.raises(InvalidInput):
        office.ask()
    assert office.state(office.ask(grant_ids=())) is UseState.ASKED, "the ID itself is not held back"


def test_without_the_right_to_the_id_nothing_is_used(office: Uses) -> None:
    with office.cast.database.writing() as session:
        for grant_id in office.grant_ids(right="admin-account"):
            session.get_one(Grant, grant_id).state = GrantState.SUSPENDED
    with pytest.raises(NotPermitted):
        office.ask()
    with office.cast.database.reading() as session:
        assert usable_ids(session, office.cast.people["staff"], now=office.now) == []


def test_nobody_asks_twice_for_the_same_time_of_an_id(office: Uses) -> None:
    tomorrow = office.now + timedelta(days=1)
    office.ask()
    office.ask(wanted_from=tomorrow, hours=2)
    with pytest.raises(IllegalTransition):
        office.ask()
    with pytest.raises(IllegalTransition):
        office.ask(wanted_from=tomorrow + timedelta(minutes=119))
    assert office.ask(wanted_from=tomorrow + timedelta(hours=2))


def test_whoever_left_uses_nothing(office: Uses) -> None:
    with office.cast.database.writing() as session:
        office.cast.employment(session, "staff").valid_until = TODAY
    with pytest.raises(NotPermitted):
        office.ask()


def test_where_the_profile_asks_for_no_permission_it_is_approved_at_once(office: Uses) -> None:
    rules = office.cast.policy.privileged
    office.cast = replace(
        office.cast, policy=replace(office.cast.policy, privileged=replace(rules, use_approval=False))
    )
    use_id = office.ask()
    assert office.state(use_id) is UseState.APPROVED
    with pytest.raises(IllegalTransition):
        office.ask()
    assert office.carry_on() == 1
    assert (office.state(use_id), office.use(use_id).approver_id) == (UseState.OPEN, None)


# --- permitting ------------------------------------------------------------------------------------------------------


def test_the_officers_of_the_profile_are_asked_and_see_it_and_nobody_else(office: Uses) -> None:
    use_id = office.ask()
    assert office.told("利用の許可の依頼") == {"system", "chief", "security"}
    with office.cast.database.reading() as session:
        for name, person_id in office.cast.people.items():
            seen = [one.id for one in uses_to_decide(session, person_id, policy=office.cast.policy, now=office.now)]
            assert seen == ([use_id] if name in ("system", "chief", "security") else []), name


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("staff", SeparationOfDuties), ("auditor", SeparationOfDuties), ("contractor", SeparationOfDuties),
        ("other", NotSeated), ("ciso", NotSeated), ("hr", NotSeated),
    ],
)  # fmt: skip
def test_nobody_else_permits(office: Uses, who: str, refusal: type[Refusal]) -> None:
    use_id = office.ask()
    with pytest.raises(refusal):
        office.permit(use_id, who)
    assert office.state(use_id) is UseState.ASKED


def test_an_officer_does_not_permit_their_own_use(office: Uses) -> None:
    office.give("security")
    use_id = office.ask("security")
    with pytest.raises(SeparationOfDuties) as refused:
        office.permit(use_id, "security")
    assert refused.value.code == "SOD-1"
    assert "security" not in office.told("利用の許可の依頼")


def test_the_same_human_under_another_row_does_not_permit(office: Uses) -> None:
    with office.cast.database.writing() as session:
        for name in ("staff", "chief"):
            session.get_one(Person, office.cast.people[name]).match_key = "one human"
    use_id = office.ask()
    with pytest.raises(SeparationOfDuties):
        office.permit(use_id, "chief")


def test_a_manager_permits_only_for_systems_of_their_unit(office: Uses) -> None:
    use_id = office.ask()
    with office.cast.database.writing() as session:
        session.get_one(Account, office.account_id()).system.manager_unit_code = "0900"
    with pytest.raises(NotSeated):
        office.permit(use_id, "system")
    office.permit(use_id, "chief")


def _deputy(office: Uses, principal: str, deputy: str, role: Role = Role.CHIEF) -> None:
    with office.cast.database.writing() as session:
        people = office.cast.people
        named = Deputy(
            role=role, principal_id=people[principal], deputy_id=people[deputy], valid_from=TODAY,
            valid_until=TODAY + timedelta(days=7), named_at=office.now,
            accepted_by_id=people["ciso"], accepted_at=office.now,
        )  # fmt: skip
        session.add(named)


def test_a_decision_deputy_permits_in_the_officers_place(office: Uses) -> None:
    _deputy(office, "chief", "other")
    use_id = office.ask()
    office.permit(use_id, "other")
    use = office.use(use_id)
    assert (use.approver_id, use.acting_for_id) == (office.cast.people["other"], office.cast.people["chief"])


def test_a_deputy_of_the_user_does_not_permit_the_users_use(office: Uses) -> None:
    office.give("chief")
    _deputy(office, "chief", "other")
    use_id = office.ask("chief")
    with pytest.raises(NotSeated):
        office.permit(use_id, "other")


def test_whoever_permits_has_just_given_a_second_factor(office: Uses) -> None:
    use_id = office.ask()

    with pytest.raises(FreshFactorNeeded), office.cast.acting("chief") as session:
        use_decisions.permit(
            session, use_id, comment="可", actor=office.cast.stale("chief"), policy=office.cast.policy, now=office.now
        )


def test_what_was_decided_is_not_decided_again(office: Uses) -> None:
    use_id = office.ask()
    office.refuse(use_id)
    with pytest.raises(DecidedMeanwhile):
        office.permit(use_id, "system")
    assert office.state(use_id) is UseState.REFUSED
    assert office.told("利用の却下") == {"staff"}


def test_a_right_that_is_gone_meanwhile_is_not_permitted(office: Uses) -> None:
    use_id = office.ask()
    with office.cast.database.writing() as session:
        session.execute(update(Grant).values(state=GrantState.SUSPENDED))
    with pytest.raises(IllegalTransition):
        office.permit(use_id)


def test_an_id_is_used_once_at_a_time(office: Uses) -> None:
    office.register()
    account_id = office.register("root")
    first, second = office.ask("system", account_id=account_id), office.ask("chief", account_id=account_id)
    office.permit(first, "security")
    with pytest.raises(IllegalTransition):
        office.permit(second, "security")


def test_a_use_that_is_permitted_for_another_time_keeps_the_id_from_nobody(office: Uses) -> None:
    account_id = office.register()
    far = office.now + timedelta(days=20)
    ahead = office.ask("chief", account_id=account_id, wanted_from=far, hours=4)
    office.permit(ahead, "security")
    now = office.opened("system", account_id=account_id, hours=8)
    assert (office.state(ahead), office.state(now)) == (UseState.APPROVED, UseState.OPEN)
    office.carry_on(hours=8)
    office.worker()
    office.now = far
    office.carry_on()
    assert (office.state(ahead), office.state(now)) == (UseState.OPEN, UseState.ENDED)


@pytest.mark.parametrize(("begins", "hours", "possible"), [(-2, 2, True), (-2, 3, False), (3, 1, False), (4, 1, True)])
def test_times_of_one_id_may_touch_and_not_overlap(office: Uses, begins: int, hours: int, possible: bool) -> None:
    account_id = office.register()
    tomorrow = office.now + timedelta(hours=20)
    office.permit(office.ask("system", account_id=account_id, wanted_from=tomorrow, hours=4), "security")
    other = office.ask("chief", account_id=account_id, wanted_from=tomorrow + timedelta(hours=begins), hours=hours)
    if possible:
        office.permit(other, "security")
    else:
        with pytest.raises(IllegalTransition, match="時間の重なる"):
            office.permit(other, "security")
    assert office.state(other) is (UseState.APPROVED if possible else UseState.ASKED)


def test_a_use_waits_for_the_one_before_to_be_over_and_ends_with_its_own_time(office: Uses) -> None:
    first = office.opened(hours=2)
    following = office.ask(wanted_from=office.now + timedelta(hours=2), hours=1)
    office.permit(following)
    ends_at = office.now + timedelta(hours=3)
    office.carry_on(hours=2)
    assert (office.state(first), office.state(following)) == (UseState.ENDING, UseState.APPROVED)
    office.carry_on(seconds=600)
    assert office.state(following) is UseState.APPROVED
    office.worker()
    office.carry_on()
    assert (office.state(first), office.state(following)) == (UseState.ENDED, UseState.OPEN)
    assert (office.use(following).opens_at, office.use(following).ends_at) == (office.now, ends_at)


def test_a_use_whose_time_went_by_while_the_one_before_was_ending_lapses(office: Uses) -> None:
    office.opened(hours=2)
    following = office.ask(wanted_from=office.now + timedelta(hours=2), hours=1)
    office.permit(following)
    office.carry_on(hours=2)
    office.carry_on(hours=1)
    assert office.state(following) is UseState.LAPSED


# --- the clock -------------------------------------------------------------------------------------------------------


def test_what_nobody_answers_lapses_after_the_profiles_hours(office: Uses) -> None:
    use_id = office.ask(wanted_from=office.now + timedelta(days=5))
    assert office.carry_on(hours=24, seconds=-1) == 0
    assert office.carry_on(seconds=1) == 1
    assert office.state(use_id) is UseState.LAPSED
    assert office.told("利用の申出の終了") == {"staff"}


def test_what_has_lapsed_is_not_permitted_though_no_worker_has_come_round(office: Uses) -> None:
    use_id = office.ask()
    office.now += timedelta(hours=office.cast.policy.privileged.asked_hours)
    with pytest.raises(IllegalTransition):
        office.permit(use_id)


def test_what_was_wanted_at_once_is_wanted_for_so_long_as_the_profile_says(office: Uses) -> None:
    late, in_time = office.ask(hours=1), office.ask("chief", account_id=office.register(), hours=1)
    office.now += timedelta(hours=4, seconds=-1)
    office.permit(in_time, "security")
    office.now += timedelta(seconds=1)
    with pytest.raises(IllegalTransition, match=r"4時間以内に許可がなかった.*もう一度申し出て"):
        office.permit(late)
    office.carry_on()
    assert (office.state(late), office.state(in_time)) == (UseState.LAPSED, UseState.OPEN)
    ends_at = office.use(in_time).ends_at
    assert ends_at == office.now + timedelta(hours=1, seconds=-1), "its hours, from the permission"


def test_a_time_that_was_named_and_has_gone_by_is_not_permitted_any_more(office: Uses) -> None:
    use_id = office.ask(wanted_from=office.now + timedelta(hours=1), hours=1)
    office.now += timedelta(hours=2)
    with pytest.raises(IllegalTransition, match=r"申し出た時間.*過ぎた.*もう一度申し出て"):
        office.permit(use_id)
    assert office.carry_on() == 1
    assert office.state(use_id) is UseState.LAPSED


def test_what_is_permitted_within_the_time_that_was_named_has_the_rest_of_it(office: Uses) -> None:
    use_id = office.ask(wanted_from=office.now + timedelta(hours=1), hours=2)
    named_until = office.now + timedelta(hours=3)
    office.now += timedelta(hours=2, minutes=30)
    office.permit(use_id)
    office.carry_on()
    assert (office.use(use_id).opens_at, office.use(use_id).ends_at) == (office.now, named_until)


def test_a_permitted_use_opens_when_its_time_has_come_not_before(office: Uses) -> None:
    use_id = office.ask(wanted_from=office.now + timedelta(hours=3))
    office.permit(use_id)
    assert office.carry_on(hours=3, seconds=-1) == 0
    assert office.carry_on(seconds=1) == 1
    assert office.use(use_id).opens_at == office.now


def test_a_permitted_use_that_no_worker_opened_in_its_window_lapses(office: Uses) -> None:
    use_id = office.ask(hours=2)
    office.permit(use_id)
    assert office.carry_on(hours=2) == 1
    assert (office.state(use_id), office.use(use_id).opens_at) == (UseState.LAPSED, None)


def test_a_use_ends_with_the_right_it_rests_on(office: Uses) -> None:
    # The account's right has no end; the group's ends at midnight, which is 14 hours away.
    with office.cast.database.writing() as session:
        session.get_one(Grant, office.grant_ids()[0]).valid_until = TODAY + timedelta(days=1)
    office.now += timedelta(hours=9)
    use_id = office.opened(hours=8)
    ends_at = office.use(use_id).ends_at
    assert ends_at is not None
    assert ends_at - office.now == timedelta(hours=5)


def test_a_use_ends_at_once_when_a_right_it_activates_is_held_back(office: Uses) -> None:
    use_id = office.opened()
    with office.cast.database.writing() as session:
        grant = session.get_one(Grant, office.grant_ids()[0])
        suspensions.suspend(
            session, grant, SuspensionReason.LOST_CARD, actor=JOB, policy=office.cast.policy, now=office.now
        )
    assert office.carry_on(seconds=1) == 1
    assert office.use(use_id).end_reason is UseEnd.RIGHT_LOST


@pytest.mark.parametrize("by", ["grant", "person", "account"])
def test_whatever_a_use_rests_on_takes_it_with_it(office: Uses, by: str) -> None:
    office.register()
    opened = office.opened()
    waiting = office.ask("system", account_id=office.register("root"))
    possible: dict[str, dict[str, Any]] = {
        "grant": {"grant_ids": office.grant_ids()}, "person": {"person_ids": [office.cast.people["staff"]]},
        "account": {"account_ids": [office.account_id()]},
    }  # fmt: skip
    resting = possible[by]
    with office.cast.database.writing() as session:
        assert uses.end_resting_on(session, actor=JOB, policy=office.cast.policy, now=office.now, **resting) == 1
    assert (office.state(opened), office.use(opened).end_reason) == (UseState.ENDING, UseEnd.RIGHT_LOST)
    assert office.state(waiting) is UseState.ASKED


def test_a_waiting_use_is_withdrawn_with_what_it_rests_on(office: Uses) -> None:
    use_id = office.ask()
    with office.cast.database.writing() as session:
        people = [office.cast.people["staff"]]
        uses.end_resting_on(session, person_ids=people, actor=JOB, policy=office.cast.policy, now=office.now)
    assert office.state(use_id) is UseState.WITHDRAWN


# --- ending it oneself, or being stopped -----------------------------------------------------------------------------


def test_a_use_is_given_back_by_its_user_only_and_once(office: Uses) -> None:
    use_id = office.opened()
    with pytest.raises(NotFound):
        office.act("give_back", use_id, "chief")
    office.act("give_back", use_id, "staff")
    assert office.use(use_id).end_reason is UseEnd.RETURNED
    with pytest.raises(IllegalTransition):
        office.act("give_back", use_id, "staff")


@pytest.mark.parametrize("permitted", [False, True])
def test_a_use_that_has_not_begun_is_withdrawn(office: Uses, permitted: bool) -> None:
    use_id = office.ask(wanted_from=office.now + timedelta(hours=1))
    if permitted:
        office.permit(use_id)
    office.act("withdraw", use_id, "staff")
    assert office.state(use_id) is UseState.WITHDRAWN
    assert office.carry_on(hours=1) == 0


def test_a_use_that_has_begun_is_not_withdrawn(office: Uses) -> None:
    use_id = office.opened()
    with pytest.raises(IllegalTransition):
        office.act("withdraw", use_id, "staff")


@pytest.mark.parametrize("who", ["ciso", "vice", "chief", "security", "system"])
def test_an_officer_stops_a_use_with_a_reason_and_without_a_second_factor(office: Uses, who: str) -> None:
    use_id = office.opened()
    with office.cast.acting(who) as session:
        uses.stop(
            session,
            use_id,
            reason="不審な操作",
            actor=office.cast.stale(who),
            policy=office.cast.policy,
            now=office.now,
        )
    use = office.use(use_id)
    assert (use.state, use.end_reason, use.end_note) == (UseState.ENDING, UseEnd.STOPPED, "不審な操作")
    assert office.told("利用の終了") == {"staff"}


@pytest.mark.parametrize("who", ["staff", "other", "auditor", "hr", "contractor"])
def test_nobody_else_stops_a_use(office: Uses, who: str) -> None:
    use_id = office.opened()
    with pytest.raises(NotPermitted):
        office.act("stop", use_id, who, reason="なんとなく")


def test_stopping_says_why(office: Uses) -> None:
    use_id = office.opened()
    with pytest.raises(InvalidInput):
        office.act("stop", use_id, "chief", reason=" ")


def test_a_password_that_was_wanted_is_rotated_at_the_end_and_the_use_waits_for_it(office: Uses) -> None:
    use_id = office.opened(public_key=KEY)
    office.act("give_back", use_id, "staff")
    with office.cast.database.reading() as session:
        rotation = session.scalars(select(Rotation).where(Rotation.account_id == office.account_id())).one()
        assert (rotation.reason, rotation.use_id) == (RotationReason.RETURNED, use_id)
    office.worker()
    assert office.state(use_id) is UseState.ENDING, "the directory is done, the password is not"


# --- registered IDs --------------------------------------------------------------------------------------------------


def test_a_registered_id_is_used_by_the_chief_and_by_its_systems_manager(office: Uses) -> None:
    account_id = office.register()
    for who in ("chief", "system"):
        use_id = office.ask(who, account_id=account_id)
        assert office.state(use_id) is UseState.ASKED
    for who in ("staff", "security", "ciso", "auditor", "contractor"):
        with pytest.raises(NotPermitted):
            office.ask(who, account_id=account_id)


def test_a_registered_id_is_opened_and_closed_without_a_word_to_its_directory(office: Uses) -> None:
    use_id = office.opened("system", account_id=office.register())
    assert office.use(use_id).opened_at == office.now
    office.act("give_back", use_id, "system")
    assert office.carry_on() == 1
    assert office.state(use_id) is UseState.ENDED
    with office.cast.database.reading() as session:
        assert session.get_one(Account, office.use(use_id).account_id).generation == 0


def test_a_registration_that_ended_is_used_by_nobody(office: Uses) -> None:
    account_id = office.register()
    use_id = office.opened("system", account_id=account_id)
    with office.cast.database.writing() as session:
        registered = session.scalars(select(RegisteredId)).one()
        registered.ended_at, registered.end_reason = office.now, "不要"
    assert office.carry_on(seconds=1) == 1
    assert office.use(use_id).end_reason is UseEnd.RIGHT_LOST
    with pytest.raises(NotPermitted):
        office.ask("chief", account_id=account_id)


def test_a_manager_who_loses_the_office_loses_the_use_at_once(office: Uses) -> None:
    use_id = office.opened("system", account_id=office.register())
    with office.cast.database.writing() as session:
        held = select(Officer).where(Officer.person_id == office.cast.people["system"], Officer.role == Role.SYSTEM)
        for tenure in session.scalars(held):
            tenure.valid_until = TODAY
    office.carry_on(seconds=1)
    assert office.use(use_id).end_reason is UseEnd.RIGHT_LOST


# --- contractors -----------------------------------------------------------------------------------------------------


def _attended(office: Uses, who: str = "system", **changes: Any) -> int:
    values: dict[str, Any] = {
        "account_id": office.register(), "person_id": office.cast.people["contractor"],
        "attended_by_id": office.cast.people["other"], **changes,
    }  # fmt: skip
    return office.ask(who, **values)


def test_a_contractor_works_only_while_a_named_member_of_staff_is_there(office: Uses) -> None:
    use_id = _attended(office)
    office.permit(use_id, "chief")
    assert office.carry_on() == 0, "nobody has said that they are there"
    with office.cast.database.reading() as session:
        assert [one.id for one in uses_to_attend(session, office.cast.people["other"], now=office.now)] == [use_id]
    office.act("attend", use_id, "other")
    assert office.carry_on() == 1
    use = office.use(use_id)
    assert (use.state, use.person_id) == (UseState.OPEN, office.cast.people["contractor"])
    office.act("stop", use_id, "other", reason="退席します")
    assert office.use(use_id).end_reason is UseEnd.STOPPED


@pytest.mark.parametrize("who", ["system", "staff", "chief", "contractor"])
def test_nobody_else_says_that_they_attend(office: Uses, who: str) -> None:
    use_id = _attended(office)
    office.permit(use_id, "chief")
    with pytest.raises(NotFound):
        office.act("attend", use_id, who)


def test_nobody_attends_long_before_it_begins_nor_before_it_is_permitted(office: Uses) -> None:
    use_id = _attended(office, wanted_from=office.now + timedelta(hours=1))
    with pytest.raises(IllegalTransition):
        office.act("attend", use_id, "other")
    office.permit(use_id, "chief")
    with pytest.raises(IllegalTransition):
        office.act("attend", use_id, "other")
    office.now += timedelta(minutes=45)
    office.act("attend", use_id, "other")


@pytest.mark.parametrize("attendant", [None, "contractor"])
def test_whoever_attends_is_named_and_is_staff(office: Uses, attendant: str | None) -> None:
    attended_by_id = office.cast.people[attendant] if attendant else None
    with pytest.raises((InvalidInput, SeparationOfDuties)):
        _attended(office, attended_by_id=attended_by_id)


def _one_human(office: Uses, *names: str) -> None:
    with office.cast.database.writing() as session:
        for name in names:
            session.get_one(Person, office.cast.people[name]).match_key = "one human"


def _leaves(office: Uses, who: str, day: date = TODAY) -> None:
    with office.cast.database.writing() as session:
        theirs = Employment.person_id == office.cast.people[who]
        session.execute(update(Employment).where(theirs).values(valid_until=day))


def test_nobody_attends_themself_under_another_row(office: Uses) -> None:
    _one_human(office, "contractor", "other")
    with pytest.raises(SeparationOfDuties) as refused:
        _attended(office)
    assert refused.value.code == "SOD-2"


def test_a_manager_who_is_the_contractor_under_another_row_names_nobody(office: Uses) -> None:
    _one_human(office, "contractor", "system")
    with pytest.raises(SeparationOfDuties) as refused:
        _attended(office)
    assert refused.value.code == "SOD-7"


def test_whoever_is_employed_no_more_is_not_chosen_to_attend(office: Uses) -> None:
    _leaves(office, "other")
    with pytest.raises(InvalidInput) as refused:
        _attended(office)
    assert set(refused.value.fields) == {"attended_by"}


def test_whoever_attends_has_just_given_a_second_factor(office: Uses) -> None:
    use_id = _attended(office)
    office.permit(use_id, "chief")
    actor, policy = office.cast.stale("other"), office.cast.policy
    with office.cast.database.writing() as session, pytest.raises(FreshFactorNeeded):
        uses.attend(session, use_id, actor=actor, policy=policy, now=office.now)


def test_attendance_that_was_said_long_before_anything_opened_is_said_again(office: Uses) -> None:
    use_id = _attended(office, hours=8)
    office.permit(use_id, "chief")
    office.act("attend", use_id, "other")
    with pytest.raises(IllegalTransition):
        office.act("attend", use_id, "other")
    assert office.carry_on(seconds=25 * 60 + 1) == 0
    office.act("attend", use_id, "other")
    assert office.carry_on(seconds=25 * 60) == 1
    assert office.state(use_id) is UseState.OPEN


def test_a_use_does_not_open_on_the_word_of_somebody_who_has_left_since(office: Uses) -> None:
    office.now = start_of(TODAY + timedelta(days=1)) - timedelta(minutes=10)
    use_id = _attended(office, wanted_from=office.now + timedelta(minutes=10))
    office.permit(use_id, "chief")
    office.act("attend", use_id, "other")
    _leaves(office, "other", TODAY + timedelta(days=1))
    office.carry_on(seconds=10 * 60)
    assert office.state(use_id) is UseState.LAPSED


def test_a_use_ends_when_whoever_attends_leaves(office: Uses) -> None:
    use_id = _attended(office)
    office.permit(use_id, "chief")
    office.act("attend", use_id, "other")
    office.carry_on()
    _leaves(office, "other")
    office.carry_on(seconds=1)
    assert office.use(use_id).end_reason is UseEnd.RIGHT_LOST


@pytest.mark.parametrize(("successor", "state"), [(None, UseState.LAPSED), ("desk", UseState.OPEN)])
def test_a_contractor_is_named_by_an_office_that_somebody_holds(
    office: Uses, successor: str | None, state: UseState
) -> None:
    use_id = _attended(office)
    office.permit(use_id, "chief")
    office.act("attend", use_id, "other")
    with office.cast.database.writing() as session:
        [tenure] = session.scalars(select(Officer).where(Officer.role == Role.SYSTEM, Officer.unit_code == "0600"))
        if successor is None:
            tenure.valid_until = TODAY
        else:
            tenure.person_id, tenure.assignment_id = office.cast.people[successor], None
    office.carry_on()
    assert office.state(use_id) is state


def test_nobody_names_themself_under_another_row(office: Uses) -> None:
    _one_human(office, "contractor", "system")
    with pytest.raises(SeparationOfDuties):
        _attended(office)


def test_a_contractors_use_ends_with_the_contract_whatever_their_own_period_says(office: Uses) -> None:
    with office.cast.database.writing() as session:
        session.scalars(select(Contract)).one().valid_until = TODAY + timedelta(days=1)
    use_id = _attended(office, hours=8, wanted_from=start_of(TODAY + timedelta(days=1)) - timedelta(hours=5))
    office.permit(use_id, "chief")
    office.now = start_of(TODAY + timedelta(days=1)) - timedelta(hours=5)
    office.act("attend", use_id, "other")
    office.carry_on()
    assert office.use(use_id).ends_at == start_of(TODAY + timedelta(days=1))


def test_a_reading_from_before_the_end_closes_nothing(office: Uses) -> None:
    use_id = office.opened()
    with office.cast.database.writing() as session:
        account = session.get_one(Account, office.account_id())
        account.seen_enabled, account.seen_groups = False, []
    office.now += timedelta(seconds=1)
    office.act("give_back", use_id, "staff")
    with office.cast.database.writing() as session:
        ids = [office.account_id()]
        assert uses.follow(session, ids, actor=JOB, policy=office.cast.policy, now=office.now) == 0
    assert office.state(use_id) is UseState.ENDING


def test_whoever_named_the_contractor_does_not_permit_it(office: Uses) -> None:
    use_id = _attended(office)
    with pytest.raises(SeparationOfDuties):
        office.permit(use_id, "system")


def test_a_contractor_asks_for_nothing_registered_themself_and_names_nobody(office: Uses) -> None:
    account_id = office.register()
    with pytest.raises(NotPermitted):
        office.ask("contractor", account_id=account_id, attended_by_id=office.cast.people["other"])
    with pytest.raises(SeparationOfDuties):
        office.ask("contractor", account_id=account_id, person_id=office.cast.people["staff"])


def test_nobody_is_named_who_is_no_contractor(office: Uses) -> None:
    with pytest.raises(InvalidInput):
        _attended(office, person_id=office.cast.people["staff"])


def test_a_contractor_has_no_emergency_use(office: Uses) -> None:
    with pytest.raises(NotPermitted):
        _attended(office, emergency=True)


def test_a_contractors_use_ends_with_the_contract(office: Uses) -> None:
    with office.cast.database.writing() as session:
        contract = session.scalars(select(Employment).where(Employment.contract_id.is_not(None))).one()
        contract.valid_until = TODAY + timedelta(days=1)
    office.now += timedelta(hours=9)
    use_id = _attended(office, hours=8)
    office.permit(use_id, "chief")
    office.act("attend", use_id, "other")
    office.carry_on()
    ends_at = office.use(use_id).ends_at
    assert ends_at is not None
    assert ends_at - office.now == timedelta(hours=5)


# --- emergency -------------------------------------------------------------------------------------------------------


def test_an_emergency_use_opens_at_once_and_two_others_are_told_in_the_same_transaction(office: Uses) -> None:
    use_id = office.ask(emergency=True)
    use = office.use(use_id)
    assert (use.state, use.opens_at, use.approver_id) == (UseState.OPEN, office.now, None)
    assert office.told("緊急利用の開始") == {"ciso", "system"}


@pytest.mark.parametrize(("who", "told"), [("ciso", {"system", "vice"}), ("system", {"ciso", "vice"})])
def test_of_an_emergency_the_next_heads_are_told_in_the_users_place(office: Uses, who: str, told: set[str]) -> None:
    office.give(who)
    office.ask(who, emergency=True)
    assert office.told("緊急利用の開始") == told


def test_an_emergency_use_of_which_nobody_would_know_is_none(office: Uses) -> None:
    with office.cast.database.writing() as session:
        for name in ("ciso", "vice", "chief", "security"):
            session.get_one(Person, office.cast.people[name]).mail = None
    with pytest.raises(NotPermitted):
        office.ask(emergency=True)
    with office.cast.database.reading() as session:
        assert session.scalars(select(PrivilegedUse)).all() == []


def _common_box(office: Uses, whose: str, *others: str) -> None:
    with office.cast.database.writing() as session:
        box = session.get_one(Person, office.cast.people[whose]).mail
        assert box is not None
        for name in others:
            session.get_one(Person, office.cast.people[name]).mail = box.upper()


def test_a_mail_box_that_is_the_users_too_tells_nobody_of_an_emergency(office: Uses) -> None:
    _common_box(office, "staff", "ciso", "system")
    office.ask(emergency=True)
    assert office.told("緊急利用の開始") == {"vice", "chief"}


def test_two_who_share_a_mail_box_are_one_to_tell_of_an_emergency(office: Uses) -> None:
    _common_box(office, "ciso", "system")
    office.ask(emergency=True)
    assert office.told("緊急利用の開始") == {"ciso", "vice"}


def test_an_emergency_use_that_only_the_users_mail_box_would_know_of_is_none(office: Uses) -> None:
    _common_box(office, "staff", "ciso", "vice", "chief", "security")
    with pytest.raises(NotPermitted):
        office.ask(emergency=True)


def test_an_emergency_goes_before_a_permitted_use_of_the_same_time_and_no_other(office: Uses) -> None:
    soon, far = (office.ask(wanted_from=office.now + timedelta(hours=ahead)) for ahead in (1, 400))
    office.permit(soon)
    office.permit(far)
    urgent = office.ask(emergency=True, hours=2)
    states = [office.state(use_id) for use_id in (soon, far, urgent)]
    assert states == [UseState.LAPSED, UseState.APPROVED, UseState.OPEN]


def test_an_emergency_does_not_break_into_a_use_that_is_open(office: Uses) -> None:
    account_id = office.register()
    office.opened("system", account_id=account_id)
    with pytest.raises(IllegalTransition):
        office.ask("chief", account_id=account_id, emergency=True)


# --- work reports ----------------------------------------------------------------------------------------------------


def _over(office: Uses, **changes: Any) -> int:
    use_id = office.ask(**changes) if changes.get("emergency") else office.opened(**changes)
    office.worker()
    office.act("give_back", use_id, "staff")
    office.worker()
    return use_id


def test_a_report_is_due_after_the_profiles_hours_and_an_emergencys_sooner(office: Uses) -> None:
    ordinary, urgent = _over(office), _over(office, emergency=True)
    assert office.use(ordinary).report_due_at == office.now + timedelta(hours=48)
    assert office.use(urgent).report_due_at == office.now + timedelta(hours=24)


def test_the_user_writes_the_report_once_after_the_end_and_another_reads_it(office: Uses) -> None:
    use_id = office.opened()
    with pytest.raises(IllegalTransition):
        office.act("write", use_id, "staff", text="まだ途中")
    office.act("give_back", use_id, "staff")
    with pytest.raises(NotFound):
        office.act("write", use_id, "other", text="代わりに")
    with pytest.raises(InvalidInput):
        office.act("write", use_id, "staff", text=" ")
    with pytest.raises(IllegalTransition):
        office.act("check", use_id, "system")
    office.act("write", use_id, "staff", text="設定を変えました")
    with pytest.raises(IllegalTransition):
        office.act("write", use_id, "staff", text="書き直し")
    with pytest.raises(NotPermitted):
        office.act("check", use_id, "other")
    with office.cast.database.reading() as session:
        assert [one.id for one in reports_to_check(session, office.cast.people["system"], now=office.now)] == [use_id]
        assert reports_to_check(session, office.cast.people["auditor"], now=office.now) == []
    office.act("check", use_id, "system")
    assert office.use(use_id).checked_by_id == office.cast.people["system"]


def test_nobody_checks_their_own_report(office: Uses) -> None:
    office.give("system")
    use_id = office.opened("system")
    office.act("give_back", use_id, "system")
    office.act("write", use_id, "system", text="設定を変えました")
    with pytest.raises(SeparationOfDuties):
        office.act("check", use_id, "system")
    office.act("check", use_id, "security")


def test_the_report_of_an_emergency_is_the_cisos_to_receive(office: Uses) -> None:
    use_id = _over(office, emergency=True)
    office.act("write", use_id, "staff", text="復旧しました")
    assert office.told("作業報告の確認の依頼") == {"ciso"}
    with pytest.raises(NotPermitted):
        office.act("check", use_id, "system")
    office.act("check", use_id, "ciso")


def test_an_overdue_report_is_asked_for_once_and_goes_higher_a_day_later(office: Uses) -> None:
    _over(office)
    office.now += timedelta(hours=48, seconds=-1)
    assert office.escalate() == 0
    office.now += timedelta(seconds=1)
    assert (office.escalate(), office.escalate()) == (1, 0)
    assert office.told("作業報告の期限切れ") == {"staff", "system"}
    office.now += timedelta(days=1)
    assert (office.escalate(), office.escalate()) == (1, 0)
    assert office.told("作業報告の期限切れ") == {"staff", "system", "chief", "ciso"}


def test_whoever_owes_an_overdue_report_gets_no_new_use_but_an_emergency(office: Uses) -> None:
    use_id = _over(office)
    office.now += timedelta(hours=48)
    with pytest.raises(IllegalTransition):
        office.ask()
    assert office.state(office.ask(emergency=True)) is UseState.OPEN
    office.act("write", use_id, "staff", text="設定を変えました")


def _overdue(office: Uses, who: str, **changes: Any) -> None:
    use_id = office.opened(who, **changes)
    office.act("give_back", use_id, who)
    office.now += timedelta(hours=48)
    assert office.escalate() == 1


def test_the_overdue_report_of_a_manager_goes_higher_at_once(office: Uses) -> None:
    _overdue(office, "system", account_id=office.register())
    assert office.told("作業報告の期限切れ") == {"system", "chief", "ciso"}


def test_the_overdue_report_of_an_emergency_is_told_to_the_ciso_when_it_is_due(office: Uses) -> None:
    use_id = office.ask(emergency=True)
    office.act("give_back", use_id, "staff")
    office.now += timedelta(hours=24)
    assert office.escalate() == 1
    assert office.told("作業報告の期限切れ") == {"staff", "system", "ciso"}


def test_the_emergency_report_of_the_ciso_is_the_vice_cisos_to_receive(office: Uses) -> None:
    office.give("ciso")
    use_id = office.ask("ciso", emergency=True)
    office.act("give_back", use_id, "ciso")
    office.act("write", use_id, "ciso", text="復旧しました")
    assert office.told("作業報告の確認の依頼") == {"vice"}


# --- stops -----------------------------------------------------------------------------------------------------------


def stopped(office: Uses, who: str) -> None:
    """`who` is stopped everywhere."""
    cast, now = office.cast, office.now
    with cast.acting("ciso", "stop.order", now) as session:
        person, actor = cast.people[who], cast.actor("ciso")
        orders.stop_person(session, person, Why("不審な操作"), actor=actor, policy=cast.policy, now=now)


@pytest.mark.parametrize("who", ["other", "system"], ids=["who attends it", "who named its user"])
def test_a_contractors_use_ends_when_somebody_it_rests_on_is_stopped(office: Uses, who: str) -> None:
    use_id = _attended(office)
    office.permit(use_id, "chief")
    office.act("attend", use_id, "other")
    assert office.carry_on() == 1
    stopped(office, who)
    office.carry_on(seconds=1)
    assert office.use(use_id).state is not UseState.OPEN


@pytest.mark.parametrize("whole_system", [True, False])
def test_a_use_of_an_id_is_over_with_the_order_that_stops_the_id_or_its_system(
    office: Uses, whole_system: bool
) -> None:  # fmt: skip
    use_id = office.opened()
    cast, now, actor = office.cast, office.now, office.cast.actor("chief")
    with cast.acting("chief", "stop.order", now) as session:
        account, why = session.get_one(Account, office.account_id()), Why("不審な操作")
        if whole_system:
            orders.stop_system(session, account.system_id, why, actor=actor, policy=cast.policy, now=now)
        else:
            orders.stop_accounts(session, account.login_name, why, actor=actor, policy=cast.policy, now=now)
    assert office.state(use_id) is not UseState.OPEN
