"""Lists of user IDs: compared before they count, our read-back afterwards, and never against open work (A9, C1)."""

import json
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from idm.calendar_days import start_of
from idm.errors import ContentChanged, FeedRefused, IllegalTransition, InvalidInput, NotPermitted, SafetyLimit
from idm.lists.listing_comparison import Compared, Verdict
from idm.models.audit import AuditRecord
from idm.models.systems import InformationSystem
from idm.models.work_orders import ListedAccount, Listing
from idm.operations.information_systems import listings
from idm.operations.information_systems.listings import SentListing
from idm.queries.information_systems.listings import comparison, find_listing, moment_of, newest_listing
from idm.queries.rights.account_status import Agreement, accounts_of_person
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast
from tests.hand_office import SYSTEM, account, add_system, carry_out, confirm, do, grant, orders, seat

HEADING = "利用者ID,氏名,職員番号,状態,最終利用日,権限\r\n"
STAFF = "u100009,青木　一郎,100009,有効,R8.4.10,K-view\r\n"
LATER = NOW + timedelta(days=20)


@pytest.fixture
def office(office: Cast) -> Cast:
    """The office with a system that has no interface, in which 青木 has an account by a confirmed order."""
    add_system(office)
    grant(office, "staff", "account", "view")
    carry_out(office)
    return office


def system_id(cast: Cast, code: str = SYSTEM) -> int:
    with cast.database.reading() as session:
        return session.scalars(select(InformationSystem.id).where(InformationSystem.code == code)).one()


def send(
    cast: Cast, text: str, *, who: str = "desk", as_of: date | None = None, now: datetime = LATER, code: str = SYSTEM
) -> int:
    sent = SentListing(
        system_id(cast, code), as_of or (now - timedelta(days=1)).date(), "ids.csv", text.encode("cp932")
    )
    with cast.acting(who, "listing.upload", now) as session:
        return listings.receive(session, sent, actor=cast.actor(who), policy=cast.policy, now=now).id


def take(
    cast: Cast, listing_id: int, *, who: str = "desk", now: datetime = LATER, shown: str | None = None,
    missing_is_right: int = 0,
) -> None:  # fmt: skip
    with cast.acting(who, "listing.take", now) as session:
        digest = shown or find_listing(session, listing_id).sha256
        listings.take_over(
            session, listing_id, shown=digest, missing_is_right=missing_is_right, actor=cast.actor(who),
            policy=cast.policy, now=now,
        )  # fmt: skip


def compared(cast: Cast, listing_id: int, *, now: datetime = LATER) -> list[Compared]:
    with cast.database.reading() as session:
        return list(comparison(session, find_listing(session, listing_id), now=now))


def agreement(cast: Cast, who: str = "staff", *, now: datetime = LATER) -> Agreement:
    with cast.database.reading() as session:
        (status,) = accounts_of_person(session, cast.people[who], now=now, delete_after_days=90)
        return status.agreement


def test_nothing_of_a_list_counts_before_it_is_taken_over(office: Cast) -> None:
    listing_id = send(office, HEADING + STAFF.replace("有効", "停止"))
    assert [(one.verdict, one.differences) for one in compared(office, listing_id)] == [
        (Verdict.DIFFERS, ("一覧では無効、台帳では有効",))
    ]
    assert agreement(office) is Agreement.COMPLETE
    take(office, listing_id)
    assert agreement(office) is Agreement.DIFFERS


def test_a_list_that_agrees_is_the_newest_reading(office: Cast) -> None:
    listing_id = send(office, HEADING + STAFF)
    take(office, listing_id)
    with office.database.reading() as session:
        listing = find_listing(session, listing_id)
        assert (listing.agreeing, listing.differing, listing.orphans, listing.missing) == (1, 0, 0, 0)
        assert account(session, office, "staff").seen_at == moment_of(listing)
        assert account(session, office, "staff").handed_over_at == NOW
    assert agreement(office) is Agreement.COMPLETE


def test_ids_of_one_side_only_are_counted_and_what_is_missing_is_gone_from_the_books(office: Cast) -> None:
    listing_id = send(office, HEADING + "shokuin1,,,有効,,\r\n")
    take(office, listing_id)
    with office.database.reading() as session:
        listing = find_listing(session, listing_id)
        assert (listing.orphans, listing.missing) == (1, 1)
        found = account(session, office, "staff")
        assert (found.seen_present, found.handed_over_at) == (False, None)
    assert agreement(office) is Agreement.DIFFERS


def more_accounts(cast: Cast, *names: str, now: datetime = NOW) -> None:
    for name in names:
        grant(cast, name, "account", now=now)
    carry_out(cast, now=now)


def present(cast: Cast, *names: str) -> list[tuple[bool, bool]]:
    """Of each: whether the books have the account, and whether its hand-over is on them."""
    with cast.database.reading() as session:
        found = [account(session, cast, name) for name in names]
        return [(bool(one.seen_present), one.handed_over_at is not None) for one in found]


def taken_over_record(cast: Cast) -> dict[str, object]:
    with cast.database.reading() as session:
        query = select(AuditRecord.payload).where(AuditRecord.action == "listing.taken_over")
        said = json.loads(session.scalars(query).one() or "")
        assert isinstance(said, dict)
        return said


def test_the_list_of_one_department_is_not_taken_over_as_that_of_the_system(office: Cast) -> None:
    more_accounts(office, "other", "vice")
    listing_id = send(office, HEADING + STAFF)
    with pytest.raises(SafetyLimit, match=r"3 件のうち 2 件（2 人分）.*--missing-is-right"):
        take(office, listing_id)
    assert present(office, "staff", "other", "vice") == [(True, True)] * 3
    with office.database.reading() as session:
        assert newest_listing(session, system_id(office)) is None


def test_that_many_are_rightly_missing_is_said_for_as_many_as_were_shown_and_audited(office: Cast) -> None:
    more_accounts(office, "other", "vice")
    listing_id = send(office, HEADING + STAFF)
    with pytest.raises(SafetyLimit):
        take(office, listing_id, missing_is_right=1)
    take(office, listing_id, missing_is_right=2)
    assert present(office, "staff", "other", "vice") == [(True, True), (False, False), (False, False)]
    record = taken_over_record(office)
    assert (record["missing"], record["missing_is_right"], record["missing_of"]) == (2, 2, 3)


def test_a_single_missing_account_is_taken_over_without_a_word(office: Cast) -> None:
    more_accounts(office, "other")
    take(office, send(office, HEADING + STAFF), missing_is_right=1)
    assert present(office, "staff", "other") == [(True, True), (False, False)]
    assert "missing_is_right" not in taken_over_record(office)


def test_accounts_that_the_list_does_not_speak_of_are_not_missing_from_it(office: Cast) -> None:
    more_accounts(office, "other")
    more_accounts(office, "vice", now=LATER)  # confirmed after the day of the list
    grant(office, "other", "print", now=LATER)  # and this one is being worked on
    take(office, send(office, HEADING + "shokuin1,,,有効,,\r\n"))
    assert present(office, "staff", "other", "vice") == [(False, False), (True, True), (True, True)]


def test_another_list_than_the_one_looked_at_is_not_taken_over(office: Cast) -> None:
    listing_id = send(office, HEADING + STAFF)
    with pytest.raises(ContentChanged):
        take(office, listing_id, shown="0" * 64)


def test_a_right_found_or_missing_on_the_list_differs(office: Cast) -> None:
    take(office, send(office, HEADING + STAFF.replace("K-view", "K-view・K-print")))
    assert agreement(office) is Agreement.DIFFERS


def test_a_list_does_not_speak_of_an_account_on_which_work_is_open(office: Cast) -> None:
    grant(office, "staff", "print", now=LATER)
    listing_id = send(office, HEADING + STAFF.replace("有効", "停止"))
    assert [one.verdict for one in compared(office, listing_id)] == [Verdict.IN_HAND]
    take(office, listing_id)
    with office.database.reading() as session:
        assert account(session, office, "staff").seen_enabled is True


def test_a_list_does_not_speak_of_work_done_on_its_day_or_after(office: Cast) -> None:
    grant(office, "staff", "print", now=LATER)
    do(office, orders(office)[-1], handed_to="", now=LATER)
    confirm(office, orders(office)[-1], now=LATER)
    take(office, send(office, HEADING + STAFF, as_of=LATER.date(), now=LATER + timedelta(hours=1)))
    with office.database.reading() as session:
        assert account(session, office, "staff").seen_groups == ["K-print", "K-view"]
    take(office, send(office, HEADING + STAFF, as_of=LATER.date() + timedelta(days=1), now=LATER + timedelta(days=1)),
         now=LATER + timedelta(days=1))  # fmt: skip
    with office.database.reading() as session:
        assert account(session, office, "staff").seen_groups == ["K-view"]


def test_a_list_is_of_the_end_of_its_day_or_of_its_upload(office: Cast) -> None:
    for as_of, moment in ((TODAY, start_of(TODAY + timedelta(days=1))), (LATER.date(), LATER)):
        listing_id = send(office, HEADING + STAFF, as_of=as_of)
        with office.database.reading() as session:
            assert moment_of(find_listing(session, listing_id)) == moment


def test_the_same_list_is_taken_over_once_and_no_older_one_after_it(office: Cast) -> None:
    listing_id = send(office, HEADING + STAFF)
    take(office, listing_id)
    with pytest.raises(IllegalTransition, match="すでに取り込まれています"):
        take(office, listing_id)
    with pytest.raises(IllegalTransition, match="同じファイル"):
        take(office, send(office, HEADING + STAFF))
    with pytest.raises(IllegalTransition, match="より新しい一覧"):
        take(office, send(office, HEADING + STAFF, as_of=TODAY))


def test_a_list_nobody_took_over_goes_when_another_comes_or_it_is_discarded(office: Cast) -> None:
    send(office, HEADING + "first,,,有効,,\r\n")
    second = send(office, HEADING + STAFF)
    with office.database.reading() as session:
        assert session.scalars(select(ListedAccount.login_name)).all() == ["u100009"]
    with office.acting("desk") as session:
        listings.discard(session, second, actor=office.actor("desk"), policy=office.policy, now=LATER)
    with office.database.reading() as session:
        assert session.scalars(select(Listing)).all() == []
        assert session.scalars(select(ListedAccount)).all() == []


def test_a_list_nobody_took_over_goes_after_a_day_and_one_that_counts_stays(office: Cast) -> None:
    take(office, send(office, HEADING + STAFF))
    send(office, HEADING + STAFF + "shokuin1,,,有効,,\r\n")
    for hours, left in ((23, [True, False]), (24, [True])):
        with office.database.writing() as session:
            listings.empty_expired(session, now=LATER + timedelta(hours=hours))
        with office.database.reading() as session:
            assert [one.taken_at is not None for one in session.scalars(select(Listing).order_by(Listing.id))] == left


def test_a_list_that_counts_is_not_discarded(office: Cast) -> None:
    listing_id = send(office, HEADING + STAFF)
    take(office, listing_id)
    with pytest.raises(IllegalTransition), office.acting("desk") as session:
        listings.discard(session, listing_id, actor=office.actor("desk"), policy=office.policy, now=LATER)


def test_a_broken_list_is_refused_whole(office: Cast) -> None:
    with pytest.raises(FeedRefused, match="2行目にもあります"):
        send(office, HEADING + STAFF + STAFF)
    with office.database.reading() as session:
        assert newest_listing(session, system_id(office)) is None
        assert session.scalars(select(Listing)).all() == []


def test_a_day_to_come_and_a_system_with_an_interface_have_no_list(office: Cast) -> None:
    with pytest.raises(InvalidInput, match="まだ来ていない日"):
        send(office, HEADING + STAFF, as_of=LATER.date() + timedelta(days=1))
    with pytest.raises(InvalidInput, match="一覧の形"):
        send(office, HEADING + STAFF, code="ledger")


@pytest.mark.parametrize("who", ["chief", "security", "hr", "auditor", "staff"])
def test_others_bring_no_list(office: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        send(office, HEADING + STAFF, who=who)


def test_a_manager_of_other_systems_and_a_contractor_bring_and_take_over_none(office: Cast) -> None:
    listing_id = send(office, HEADING + STAFF, who="system")
    seat(office, "staff", Role.SYSTEM, "0100")
    seat(office, "contractor", Role.HANDOVER)
    for who in ("staff", "contractor"):
        with pytest.raises(NotPermitted):
            send(office, HEADING + STAFF, who=who)
        with pytest.raises(NotPermitted):
            take(office, listing_id, who=who)


def test_what_became_of_a_list_is_audited(office: Cast) -> None:
    take(office, send(office, HEADING + STAFF))
    with office.database.reading() as session:
        acts = session.scalars(
            select(AuditRecord.action).where(AuditRecord.object_kind == "listing").order_by(AuditRecord.id)
        ).all()
    assert acts == ["listing.received", "listing.taken_over"]
