"""A shared ID has a list of users: a right by application, ended like any other, and its password with it (A13)."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotPermitted
from idm.grant_state import EndReason, GrantState
from idm.models.requests import Grant
from idm.models.systems import Entitlement, InformationSystem
from idm.models.work import MailMessage
from idm.ports import AccountId
from idm.publication import Reader
from idm.queries.privileged.holders import holders_on
from idm.queries.privileged.id_history import Then, at_moment
from idm.queries.privileged.shared_ids import users_gone
from idm.queries.privileged.uses import usable_ids
from idm.vocabulary import (
    AccountKind,
    FindingKind,
    LineEffect,
    RequestAction,
    Role,
    RotationReason,
    UseEnd,
    UseState,
)
from jobs.sweep.directory_reading import strays_of
from tests.cast import Cast
from tests.register_office import UNTIL, Register

OFFICE = {"chief", "system"}
"""Who may use every registered ID of the ledger system; 箱崎 answers for it, too."""


@pytest.fixture
def both(office: Cast) -> Register:
    """The office on both databases."""
    return Register(office)


@pytest.fixture
def one(cast: Cast) -> Register:
    """The same on SQLite alone, for what does not differ."""
    return Register(cast)


def usable(one: Register, who: str) -> list[int]:
    with one.cast.database.reading() as session:
        return [row.account_id for row in usable_ids(session, one.cast.people[who], now=one.now)]


def then(one: Register, registered: int, **earlier: float) -> Then:
    at = one.now - timedelta(**earlier)
    with one.cast.database.reading() as session:
        return at_moment(session, one.account_id(registered), at, reader=Reader(one.today()))


def test_who_uses_it_is_asked_for_by_name_and_decided_like_every_right(both: Register) -> None:
    registered = both.register()
    account_id = both.account_id(registered)
    assert usable(both, "staff") == []
    with pytest.raises(NotPermitted, match="申請により利用者となった職員"):
        both.uses.ask("staff", account_id=account_id)
    both.give("staff", registered)
    right = both.grant("staff", registered)
    assert (right.state, right.valid_until, right.account.person_id) == (
        GrantState.IN_FORCE, UNTIL, both.cast.people["staff"],
    )  # fmt: skip
    assert both.users(registered) == OFFICE | {"staff"}
    assert usable(both, "staff") == [account_id]
    use_id = both.uses.ask("staff", account_id=account_id)
    both.uses.permit(use_id)
    both.uses.carry_on()
    assert both.uses.state(use_id) is UseState.OPEN


def test_a_use_lasts_no_longer_than_the_right(one: Register) -> None:
    registered = one.register()
    one.give("staff", registered, until=one.today() + timedelta(days=1))
    one.uses.now += timedelta(hours=12)  # 22:00
    use_id = one.uses.ask("staff", account_id=one.account_id(registered), hours=8)
    one.uses.permit(use_id)
    one.uses.carry_on()
    assert one.uses.use(use_id).ends_at == one.now + timedelta(hours=2)


def test_only_a_shared_id_has_such_a_list(one: Register) -> None:
    registered = one.register(kind=AccountKind.PRIVILEGED)
    with one.cast.database.reading() as session:
        assert session.scalars(select(Entitlement).where(Entitlement.shared_account_id.is_not(None))).all() == []
    assert one.users(registered) == OFFICE


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"until": None}, "終了日が必要"),
        ({"account": False}, "利用者IDも一緒に"),
        ({"who": "contractor", "until": UNTIL}, "委託事業者は、共用IDの利用者になれません"),
    ],
)
def test_what_may_not_be_asked_for_is_refused(one: Register, asked: dict[str, object], told: str) -> None:
    registered = one.register()
    with pytest.raises(InvalidInput, match=told):
        one.asked(**{"who": "staff", "registered": registered, **asked})  # type: ignore[arg-type]


def test_what_is_no_longer_registered_is_neither_asked_for_nor_given(one: Register) -> None:
    registered = one.register()
    request = one.asked("staff", registered)
    one.act("end", registered, "system", reason="個人のIDにした")
    one.cast.decide("chief", request, Role.CHIEF, now=one.now, line=0)
    with pytest.raises(InvalidInput, match="いまは登録簿にありません"):
        one.cast.decide("chief", request, Role.CHIEF, now=one.now, line=1)
    with pytest.raises(InvalidInput, match="いまは登録簿にありません"):
        one.asked("other", registered)


def test_the_day_after_its_last_day_nobody_may_ask_for_it(one: Register) -> None:
    registered = one.register(valid_until=one.today() + timedelta(days=1))
    one.uses.now += timedelta(days=1)
    with pytest.raises(InvalidInput, match="期限切れ"):
        one.asked("staff", registered)


def test_no_right_but_one_to_a_shared_id_names_one(both: Register) -> None:
    registered = both.register()
    with pytest.raises(IntegrityError), both.cast.database.writing() as session:
        both.cast.entitlement(session, "ledger/enter").shared_account_id = both.account_id(registered)


def test_whoever_is_taken_off_the_list_stops_working_at_once_and_knows_no_password(both: Register) -> None:
    registered = both.register()
    both.give("staff", registered)
    use_id = both.uses.opened("staff", account_id=both.account_id(registered), public_key=b"k" * 32)
    request = both.cast.file(
        "hr",
        ("staff", both.right(registered)),
        now=both.now,
        effect=LineEffect.REVOKE,
        action=RequestAction.CHANGE,
    )
    both.cast.decide("chief", request, Role.CHIEF, now=both.now)
    both.cast.decide("system", request, Role.SYSTEM, now=both.now)
    assert both.users(registered) == OFFICE
    assert both.uses.use(use_id).end_reason is UseEnd.RIGHT_LOST
    assert RotationReason.HOLDER_CHANGED in both.rotations(registered)
    assert usable(both, "staff") == []


@pytest.mark.parametrize(("goes", "reason"), [("leave", EndReason.LEFT), ("move", EndReason.POST_LOST)])
def test_whoever_leaves_or_moves_is_off_the_list_in_the_run_of_the_day(
    one: Register, goes: str, reason: EndReason
) -> None:
    registered = one.register()
    one.give("staff", registered)
    assert one.users(registered) == OFFICE | {"staff"}
    getattr(one, goes)("staff")
    assert usable(one, "staff") == [], "at once, before any run"
    one.run_of_the_day()
    assert one.grant("staff", registered).end_reason is reason
    assert one.users(registered) == OFFICE
    assert one.rotations(registered)[-1] is RotationReason.HOLDER_CHANGED
    assert one.row(registered).change_due_since is None, "we change it, nobody has to do so by hand"


@pytest.mark.parametrize("goes", ["leave", "move"])
def test_until_the_run_of_the_day_has_done_so_whoever_is_gone_is_found_on_the_list(one: Register, goes: str) -> None:
    registered = one.register()
    one.give("staff", registered)
    assert left_behind(one) == []
    getattr(one, goes)("staff")
    assert left_behind(one) == [one.grant("staff", registered).id]
    one.run_of_the_day()
    assert left_behind(one) == []


def left_behind(one: Register) -> list[int]:
    with one.cast.database.reading() as session:
        systems = session.scalars(select(InformationSystem)).all()
        return [grant.id for each in systems for grant in users_gone(session, each.id, now=one.now)]


def test_whoever_has_left_is_on_no_list_whatever_their_right_rests_on(one: Register) -> None:
    registered = one.register()
    one.give("staff", registered)
    with one.cast.database.writing() as session:
        for grant in session.scalars(select(Grant)):
            grant.rests_on_unit = grant.rests_on_post = None
    one.leave("staff")
    assert left_behind(one) == [one.grant("staff", registered).id]
    with one.cast.database.reading() as session:
        people = {person for _, person in holders_on(session, one.today(), now=one.now)}
    assert people == {one.cast.people[who] for who in OFFICE}


def test_whoever_is_only_held_back_stays_on_the_list_and_uses_nothing(one: Register) -> None:
    registered = one.register()
    one.give("staff", registered)
    with one.cast.database.writing() as session:
        session.merge(one.grant("staff", registered)).state = GrantState.SUSPENDED
    one.run_of_the_day()
    assert one.users(registered) == OFFICE | {"staff"}
    assert usable(one, "staff") == []


def test_with_the_registration_everybody_s_right_ends_and_registered_again_it_is_the_same_right(one: Register) -> None:
    registered = one.register()
    one.give("staff", registered)
    one.act("end", registered, "system", reason="使わなくなった")
    assert one.grant("staff", registered).end_reason is EndReason.ID_GONE
    assert one.users(registered) == set()
    again = one.register()
    one.give("staff", again, account=False)
    assert one.right(again) == one.right(registered)
    assert one.users(again) == OFFICE | {"staff"}


def test_who_used_it_at_a_moment_is_one_person_and_who_might_have_is_the_list_of_then(both: Register) -> None:
    registered = both.register()
    both.give("staff", registered)
    use_id = both.uses.opened("staff", account_id=both.account_id(registered), public_key=b"k" * 32)
    both.uses.now += timedelta(hours=1)
    both.uses.act("give_back", use_id, "staff")
    both.uses.now += timedelta(hours=1)
    both.run_of_the_day()
    at_work, ended, before = then(both, registered, hours=1.5), then(both, registered), then(both, registered, days=1)
    assert [(use.use_id, use.person.name, use.over) for use in at_work.uses] == [(use_id, "青木　一郎", False)]
    assert [(use.use_id, use.over) for use in ended.uses] == [(use_id, True)], "its password is still to be replaced"
    assert before == Then((), ())
    users = {one.person.name: one.by_right for one in at_work.users}
    by_right = users.pop("青木　一郎")
    assert by_right is not None
    assert (by_right.number, by_right.valid_until) == ("R8-000001", UNTIL)
    assert set(users.values()) == {None}, "the others by their office"


def test_the_list_of_an_earlier_moment_has_whoever_has_left_since(one: Register) -> None:
    registered = one.register()
    one.give("staff", registered)
    one.leave("staff", days=3)
    one.run_of_the_day()
    names = [[user.person.name for user in then(one, registered, days=ago).users] for ago in (1, 0)]
    assert "青木　一郎" in names[0]
    assert "青木　一郎" not in names[1]


# --- a password that we do not keep ---------------------------------------------------------------------------------


def test_where_we_do_not_keep_it_somebody_changes_it_by_hand_and_says_so(both: Register) -> None:
    registered = both.register(kept=False)
    both.give("staff", registered)
    assert both.findings() == set()
    both.leave("staff")
    both.run_of_the_day()
    both.run_of_the_day()
    assert both.rotations(registered) == []
    assert both.findings() == {(FindingKind.ROTATION_OVERDUE, "soumu")}
    assert told(both, "手作業で変更してください") == ["u100004@example.jp"]
    both.uses.now += timedelta(hours=1)
    both.changed_by_hand(registered)
    row = both.row(registered)
    assert (row.change_due_since, row.changed_at, row.changed_by_id) == (None, both.now, both.cast.people["system"])
    assert both.findings() == set()


def test_only_those_who_look_after_the_system_say_so_and_never_of_what_we_keep(one: Register) -> None:
    registered = one.register()
    with pytest.raises(NotPermitted):
        one.changed_by_hand(registered, "staff")
    with pytest.raises(IllegalTransition, match="預かり"):
        one.changed_by_hand(registered)


def told(one: Register, what: str) -> list[str]:
    with one.cast.database.reading() as session:
        rows = session.scalars(select(MailMessage).where(MailMessage.subject.contains(what)).order_by(MailMessage.id))
        return [row.recipient for row in rows]


def test_whoever_knew_it_still_does_when_the_registration_ends_until_somebody_has_changed_it(one: Register) -> None:
    registered = one.register(kept=False)
    one.give("staff", registered)
    one.act("end", registered, "system", reason="使わなくなった")
    assert (FindingKind.ROTATION_OVERDUE, "soumu") in one.findings()
    one.changed_by_hand(registered)
    assert (FindingKind.ROTATION_OVERDUE, "soumu") not in one.findings()
    with pytest.raises(IllegalTransition):
        one.changed_by_hand(registered)


@pytest.mark.parametrize("over", ["ended", "past its last day", "registered again"])
def test_an_id_whose_registration_is_over_is_nobodys_in_its_directory(one: Register, over: str) -> None:
    registered = one.register()
    assert _found_as(one) is None
    if over == "past its last day":
        one.uses.now += UNTIL - day_of(one.now) + timedelta(days=1)
    else:
        one.act("end", registered, "system", reason="使わなくなった")
    if over == "registered again":
        assert _found_as(one) is FindingKind.ORPHAN
        one.register()
    assert _found_as(one) is (None if over == "registered again" else FindingKind.ORPHAN)


def _found_as(one: Register) -> FindingKind | None:
    """What the sweep of the ledger takes the shared ID in its directory for."""
    found = one.ledger.found("soumu")
    with one.cast.database.reading() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        strays = strays_of(session, system, [found.external_id], one.now)
    return strays.kind_of(AccountId(found.external_id, None, found.login_name))
