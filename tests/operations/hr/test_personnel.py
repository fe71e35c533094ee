"""A personnel file applied: people, posts and ends follow it at once; rights only become drafts."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.directory.wanted_account import wanted_account
from idm.employment_kind import EmploymentKind
from idm.errors import InvalidInput, NotPermitted
from idm.feed.profile import PostKind
from idm.feed.row import FeedRow
from idm.grant_state import GrantState
from idm.models.audit import AuditRecord
from idm.models.feeds import FeedRun, HeldRow
from idm.models.officers import Officer
from idm.models.outside import ServiceBlock
from idm.models.people import Employment, OrganisationUnit, Person
from idm.models.requests import Grant, Request
from idm.models.systems import Account, Entitlement
from idm.models.work import OutboxTask
from idm.names.personal_names import match_key
from idm.operations.approval import requests
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.hr import personnel
from idm.operations.hr.personnel import Applied, FeedIdentity
from idm.operations.hr.personnel_drafts import drop_lines
from idm.operations.rights.lifecycle import carry_out_due
from idm.personnel.plan import Identities, plan
from idm.personnel.told import Told
from idm.policy import ZoneRules
from idm.queries.governance.configuration import organisation_in_force, version_in_force
from idm.queries.hr.roll import known_employments, people_by_match_key, posts_on
from idm.queries.organisation.officers import roles_of
from idm.queries.rights.account_facts import account_facts
from idm.request_state import RequestState
from idm.vocabulary import ConfigurationKind, Role, Service, Zone
from tests.cast import NOW, PEOPLE, TODAY, Cast, add_person
from tests.standing_office import allowing, in_force

JOB = Actor.job("tests.personnel")
SECRET = b"0123456789abcdef0123456789abcdef"
MAY = date(2026, 5, 1)
OVERLAP = timedelta(days=5)
"""The profile's 猶予期間."""
NEW = FeedRow(
    row_number=2, staff_number="200001", name="新人　花", kana="シンジン　ハナ", birth_date=date(2000, 1, 1),
    unit_code="0100", unit_name="総務課", post="主事", post_kind=PostKind.PRIMARY,
    employment_kind=EmploymentKind.REGULAR, employed_from=TODAY, term_end=None, left_on=None, assigned_from=TODAY,
    mail="hana@example.jp",
)  # fmt: skip


def row_of(who: str, **changes: object) -> FeedRow:
    """The row that says of one of the cast what is known."""
    number, name, kana, unit, unit_name, post = PEOPLE[who]
    kind = EmploymentKind.CONTRACTOR if who == "contractor" else EmploymentKind.REGULAR
    row = replace(
        NEW, staff_number=number, name=name, kana=kana, birth_date=None, unit_code=unit, unit_name=unit_name, post=post,
        employment_kind=kind, employed_from=date(2020, 4, 1), assigned_from=date(2020, 4, 1),
        mail=f"u{number}@example.jp", term_end=date(2027, 3, 31) if who == "contractor" else None,
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def apply(cast: Cast, *rows: FeedRow, as_of: date = TODAY, now: datetime = NOW) -> Applied:
    """What the job does with a file of these rows."""
    with cast.database.writing() as session:
        keys = {row.staff_number: match_key(row.kana, row.birth_date, SECRET) for row in rows if row.birth_date}
        people = people_by_match_key(session, keys.values())
        same = {number: people[key] for number, key in keys.items() if key in people}
        identities = Identities(keys=keys, same_human=same)
        made = plan(Told(rows), known_employments(session), identities=identities, as_of=as_of)
        identity = FeedIdentity("town", f"{abs(hash(rows)):064d}"[:64], len(rows), keys=keys)
        return personnel.apply(
            session, made, identity, match_secret=SECRET, actor=JOB, policy=cast.policy, now=now
        )  # fmt: skip


def employment(session: Session, number: str) -> Employment:
    return session.scalars(select(Employment).where(Employment.staff_number == number)).one()


def posts(session: Session, number: str) -> list[tuple[str, str, date, date | None]]:
    held = employment(session, number).assignments
    return sorted((a.unit.code, a.post, a.valid_from, a.valid_until) for a in held)


def live_rights(session: Session, person_id: int) -> list[str]:
    """The codes of the rights whose grants have not ended."""
    query = select(Entitlement.code).join(Grant).join(Account, Grant.account_id == Account.id)
    return list(session.scalars(query.where(Account.person_id == person_id, Grant.state != GrantState.ENDED)))


def submit(cast: Cast, who: str, request_id: int, *, now: datetime = NOW) -> None:
    """`who` submits the draft."""
    with cast.acting(who, "request.submit", now) as session:
        request = session.get_one(Request, request_id)
        requests.submit(session, request, actor=cast.actor(who), policy=cast.policy, now=now)


def lines_of(cast: Cast, applied: Applied) -> set[tuple[str, str, str, str, date, date | None]]:
    """(action, person, right, effect, from, until) of every drafted line."""
    with cast.database.reading() as session:
        return {
            (request.action.value, line.subject.name, line.entitlement.code, line.effect.value, line.valid_from,
             line.valid_until)
            for request in (session.get_one(Request, made.id) for made in applied.drafts)
            for line in request.lines
        }  # fmt: skip


def held_reasons(cast: Cast) -> list[str]:
    with cast.database.reading() as session:
        return list(session.scalars(select(HeldRow.reason).order_by(HeldRow.id)))


def give(cast: Cast, who: str, *rights: str) -> None:
    """The person has the rights, by an application that both officers approved."""
    request_id = cast.file("hr", *((who, right) for right in rights))
    for line in range(len(rights)):
        cast.approve(request_id, line=line)


# --- joiners ---------------------------------------------------------------------------------------------------------


def test_a_joiner_becomes_a_person_with_an_employment_a_post_and_a_draft(cast: Cast) -> None:
    applied = apply(cast, NEW)
    with cast.database.reading() as session:
        joined = employment(session, "200001")
        assert (joined.person.name, joined.kind, joined.valid_from, joined.valid_until) == (
            "新人　花", EmploymentKind.REGULAR, TODAY, None,
        )  # fmt: skip
        assert joined.person.match_key == match_key(NEW.kana, date(2000, 1, 1), SECRET)
        assert posts(session, "200001") == [("0100", "主事", TODAY, None)]
        assert live_rights(session, joined.person_id) == []
    assert lines_of(cast, applied) == {
        ("register", "新人　花", "account", "grant", TODAY, None),
        ("register", "新人　花", "enter", "grant", TODAY, None),
    }


def test_a_joiner_of_next_month_gets_a_draft_for_that_day(cast: Cast) -> None:
    applied = apply(cast, replace(NEW, employed_from=MAY, assigned_from=MAY))
    assert {line[4] for line in lines_of(cast, applied)} == {MAY}


def test_every_joiner_is_audited_without_a_name(cast: Cast) -> None:
    apply(cast, NEW)
    with cast.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "feed.joined")).one()
        assert '"staff_number":"200001"' in (record.payload or "")
        assert "花" not in (record.payload or "")
        assert session.scalars(
            select(AuditRecord.action).where(AuditRecord.action == "feed.applied").order_by(AuditRecord.id)
        ).one()


def test_a_contractor_has_lines_of_their_own_that_end_with_the_contract(cast: Cast) -> None:
    give_rights_by_post(cast, {"system": "ledger", "rights": ["account"]})
    applied = apply(cast, NEW, row_of("contractor", mail="new@example.jp", row_number=3))
    with cast.database.reading() as session:
        subjects = [{line.subject_id for line in session.get_one(Request, made.id).lines} for made in applied.drafts]
    assert sorted(map(len, subjects)) == [1, 1]
    assert {line[5] for line in lines_of(cast, applied)} == {None, date(2027, 4, 1)}


def test_a_contractor_nobody_registered_waits_for_a_person(cast: Cast) -> None:
    contractor = replace(NEW, employment_kind=EmploymentKind.CONTRACTOR, term_end=date(2026, 9, 30))
    assert apply(cast, contractor).run.held == 1
    assert "外部者登録簿" in held_reasons(cast)[0]


def test_whoever_has_not_consented_yet_keeps_nobody_else_waiting(cast: Cast) -> None:
    term = {"employment_kind": EmploymentKind.FISCAL_YEAR_FULL, "term_end": date(2027, 3, 31), "birth_date": None}
    some = [replace(NEW, staff_number=f"20000{at}", row_number=at, **term) for at in (3, 4)]  # type: ignore[arg-type]
    applied = apply(cast, NEW, *some)
    with cast.database.reading() as session:
        groups = [{line.subject.name for line in session.get_one(Request, made.id).lines} for made in applied.drafts]
        assert sorted(map(len, groups)) == [1, 1]
        new, waiting = sorted(applied.drafts, key=lambda made: len(session.get_one(Request, made.id).lines))
    submit(cast, "hr", new.id)
    with pytest.raises(InvalidInput, match="同意"):
        submit(cast, "hr", waiting.id)


def test_a_service_reported_as_not_needed_is_not_proposed(cast: Cast) -> None:
    apply(cast, NEW)
    with cast.database.writing() as session:
        person_id = employment(session, "200001").person_id
        cast.entitlement(session, "ledger/enter").service = Service.INTERNET
        session.add(
            ServiceBlock(
                person_id=person_id, service=Service.INTERNET, reason="窓口の事務のみ", reported_at=NOW,
                reported_by_id=cast.people["hr"],
            )
        )  # fmt: skip
    assert {line[2] for line in lines_of(cast, apply(cast, replace(NEW, mail="new@example.jp")))} == {"account"}


def test_fifty_joiners_are_one_application_to_the_system(cast: Cast) -> None:
    joiners = [replace(NEW, staff_number=f"3{at:05d}", birth_date=None, row_number=at) for at in range(50)]
    applied = apply(cast, *joiners)
    assert len(applied.drafts) == 1
    assert len(lines_of(cast, applied)) == 2  # fifty people of one name, two rights
    with cast.database.reading() as session:
        assert len(session.get_one(Request, applied.drafts[0].id).lines) == 100


def give_rights_by_post(cast: Cast, *rules: Mapping[str, object]) -> None:
    """The organisation's rules are now these besides its own, proposed by one person and accepted by another."""
    with cast.acting("security") as session:
        present = version_in_force(session, ConfigurationKind.ORGANISATION, now=NOW)
        table = json.loads(present.content)
        table["post_rights"] += rules
        text = ConfigurationText(ConfigurationKind.ORGANISATION, present.name, json.dumps(table))
        proposed = configuration.propose(session, text, reason="職務の見直し", actor=cast.actor("security"), now=NOW).id
    with cast.acting("ciso") as session:
        configuration.accept(session, proposed, actor=cast.actor("ciso"), now=NOW)


def systems_drafted(cast: Cast) -> set[str]:
    give_rights_by_post(cast, {"system": "pension", "rights": ["account"], "units": ["0100"]})
    applied = apply(cast, NEW)
    with cast.database.reading() as session:
        return {session.get_one(Request, made.id).system.code for made in applied.drafts}


def test_a_right_in_the_mynumber_zone_is_drafted_like_others(cast: Cast) -> None:
    assert systems_drafted(cast) == {"ledger", "pension"}


def test_nothing_is_drafted_in_a_zone_that_the_profile_keeps_out_of(cast: Cast) -> None:
    assert systems_drafted(replace(cast, policy=replace(cast.policy, zones=ZoneRules(mynumber_forbidden=True)))) == {
        "ledger"
    }


# --- movers ----------------------------------------------------------------------------------------------------------

HEAD_OF_ACCOUNTS = {"system": "ledger", "rights": ["approve"], "units": ["0200"], "posts": ["課長"]}


def test_a_move_ahead_ends_the_old_post_on_the_day_the_new_one_begins(cast: Cast) -> None:
    apply(cast, row_of("staff", unit_code="0200", unit_name="会計課", assigned_from=MAY))
    with cast.database.reading() as session:
        assert posts(session, "100009") == [("0100", "主事", date(2020, 4, 1), MAY), ("0200", "主事", MAY, None)]
        organisation = organisation_in_force(session, now=NOW)
        person = cast.people["staff"]
        units = [
            posts_on(session, [person], day, organisation)[person][0].units for day in (MAY - timedelta(days=1), MAY)
        ]
        assert ["0100" in one for one in units] == [True, False]


def test_the_next_files_do_not_move_the_announced_day(cast: Cast) -> None:
    moved = row_of("staff", unit_code="0200", unit_name="会計課", assigned_from=MAY)
    apply(cast, moved)
    applied = apply(cast, moved, NEW, as_of=TODAY + timedelta(days=3))
    with cast.database.reading() as session:
        assert posts(session, "100009") == [("0100", "主事", date(2020, 4, 1), MAY), ("0200", "主事", MAY, None)]
        assert session.get_one(FeedRun, applied.run.id).movers == 0


def test_a_move_that_is_called_off_before_its_day_leaves_the_old_post_as_it_was(cast: Cast) -> None:
    apply(cast, row_of("staff", unit_code="0000", unit_name="事務局", post="事務局次長", assigned_from=MAY))
    with cast.database.reading() as session:
        tenure = select(Officer).where(Officer.person_id == cast.people["staff"])
        assert [officer.role for officer in session.scalars(tenure)] == [Role.CHIEF]
    apply(cast, row_of("staff"), as_of=TODAY + timedelta(days=3))
    with cast.database.reading() as session:
        assert posts(session, "100009") == [("0100", "主事", date(2020, 4, 1), None)]
        assert session.scalars(tenure).all() == []


def test_a_post_that_comes_back_after_it_ended_begins_anew(cast: Cast) -> None:
    apply(cast, row_of("staff", unit_code="0200", unit_name="会計課", assigned_from=TODAY))
    back = MAY + timedelta(days=30)
    apply(cast, row_of("staff", assigned_from=back), as_of=MAY)
    with cast.database.reading() as session:
        assert posts(session, "100009") == [
            ("0100", "主事", date(2020, 4, 1), TODAY), ("0100", "主事", back, None), ("0200", "主事", TODAY, back),
        ]  # fmt: skip


def test_of_two_new_posts_the_own_one_says_when_the_old_one_ends(cast: Cast) -> None:
    apply(
        cast,
        row_of("staff", unit_code="0200", unit_name="会計課", assigned_from=MAY),
        row_of("staff", post="主任", post_kind=PostKind.CONCURRENT, row_number=3, assigned_from=TODAY),
    )
    with cast.database.reading() as session:
        assert ("0100", "主事", date(2020, 4, 1), MAY) in posts(session, "100009")


def test_a_move_drafts_what_the_new_post_gives_and_what_the_old_one_no_longer_gives(cast: Cast) -> None:
    give_rights_by_post(cast, HEAD_OF_ACCOUNTS)
    give(cast, "staff", "ledger/account", "ledger/enter")
    applied = apply(cast, row_of("staff", unit_code="0200", unit_name="会計課", post="課長", assigned_from=MAY))
    assert lines_of(cast, applied) == {
        ("change", "青木　一郎", "approve", "grant", MAY, None),
        ("change", "青木　一郎", "account", "revoke", MAY + OVERLAP, None),
        # Entering and approving are never held by one person: no day of overlap for these two.
        ("change", "青木　一郎", "enter", "revoke", MAY, None),
    }


def test_in_the_mynumber_zone_a_mover_loses_the_old_right_on_the_day(cast: Cast) -> None:
    give_rights_by_post(cast, HEAD_OF_ACCOUNTS)
    give(cast, "staff", "ledger/account")
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/account").system.zone = Zone.MYNUMBER
    applied = apply(cast, row_of("staff", unit_code="0200", unit_name="会計課", assigned_from=MAY))
    assert lines_of(cast, applied) == {("change", "青木　一郎", "account", "revoke", MAY, None)}


def test_a_system_may_have_an_overlap_of_its_own(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/account").system.overlap_days = 2
    applied = apply(cast, row_of("staff", unit_code="0200", unit_name="会計課", assigned_from=MAY))
    assert {line[4] for line in lines_of(cast, applied)} == {MAY + timedelta(days=2)}


def test_a_concurrent_post_adds_and_takes_nothing(cast: Cast) -> None:
    give_rights_by_post(cast, HEAD_OF_ACCOUNTS)
    give(cast, "staff", "ledger/account", "ledger/enter")
    concurrent = row_of("staff", unit_code="0200", unit_name="会計課", post="課長", post_kind=PostKind.CONCURRENT,
                        row_number=3, assigned_from=TODAY)  # fmt: skip
    assert lines_of(cast, apply(cast, row_of("staff"), concurrent)) == {
        ("change", "青木　一郎", "approve", "grant", TODAY, None)
    }


def test_a_right_asked_for_by_hand_stays_when_the_post_changes(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", "ledger/approve")
    applied = apply(cast, row_of("staff", unit_code="0200", unit_name="会計課", assigned_from=MAY))
    assert {line[2] for line in lines_of(cast, applied)} == {"account"}


def test_what_is_asked_for_is_not_drafted_again_and_a_draft_gives_way_to_the_newer_one(cast: Cast) -> None:
    (old,) = apply(cast, NEW).drafts
    renamed = replace(NEW, name="新婚　花", kana="シンコン　ハナ")
    (new,) = apply(cast, renamed).drafts
    with cast.database.reading() as session:
        assert session.get(Request, old.id) is None
    submit(cast, "hr", new.id)
    assert lines_of(cast, apply(cast, replace(renamed, mail="other@example.jp"))) == set()


def test_a_post_that_is_announced_for_another_day_is_drafted_for_that_day(cast: Cast) -> None:
    first = replace(NEW, employed_from=MAY, assigned_from=MAY)
    apply(cast, first)
    later = date(2026, 6, 1)
    lines = lines_of(cast, apply(cast, replace(first, employed_from=later, assigned_from=later)))
    assert {line[4] for line in lines} == {later}


def test_two_changed_employments_of_one_person_are_drafted_once(cast: Cast) -> None:
    with cast.database.writing() as session:
        person = session.get_one(Person, cast.people["staff"])
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        add_person(session, "100099", person.name, person.kana, unit, "主事", person=person)
    renamed = {"name": "赤木　一郎", "kana": "アカギ　イチロウ"}
    second = row_of("staff", staff_number="100099", row_number=3, mail="u100009@example.jp", **renamed)
    applied = apply(cast, row_of("staff", **renamed), second)
    assert lines_of(cast, applied) == {
        ("register", "赤木　一郎", "account", "grant", TODAY, None),
        ("register", "赤木　一郎", "enter", "grant", TODAY, None),
    }


def test_lines_about_officers_of_the_route_are_applications_of_their_own(cast: Cast) -> None:
    everyone = {"system": "ledger", "rights": ["account"]}
    give_rights_by_post(cast, everyone)
    # Everyone's mail changes, so everyone is looked at.
    names = ("staff", "other", "chief", "system", "ciso", "vice", "contractor", "hr")
    applied = apply(cast, *(row_of(name, mail="new@example.jp", row_number=at) for at, name in enumerate(names)))
    with cast.database.reading() as session:
        groups = [{line.subject_id for line in session.get_one(Request, made.id).lines} for made in applied.drafts]
    alone = {cast.people[name] for name in ("chief", "system", "ciso", "vice", "contractor")}
    assert {next(iter(group)) for group in groups if len(group) == 1} == alone
    assert [group for group in groups if len(group) > 1] == [{cast.people[name] for name in ("staff", "other", "hr")}]


def test_what_a_standing_approval_covers_takes_effect_at_once_and_the_rest_is_drafted(cast: Cast) -> None:
    office = allowing(cast)
    in_force(office)
    term = {"employment_kind": EmploymentKind.FISCAL_YEAR_FULL, "term_end": date(2027, 3, 31), "birth_date": None}
    waiting = replace(NEW, staff_number="200003", row_number=3, **term)  # type: ignore[arg-type]
    applied = apply(office, NEW, waiting)
    assert (len(applied.approved), len(applied.drafts)) == (1, 1)
    with office.database.reading() as session:
        assert sorted(live_rights(session, employment(session, "200001").person_id)) == ["account", "enter"]
        assert live_rights(session, employment(session, "200003").person_id) == []


# --- leavers and successors ------------------------------------------------------------------------------------------


def test_a_leaver_is_drafted_for_removal_whatever_they_hold(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", "ledger/approve")
    applied = apply(cast, row_of("staff", left_on=date(2026, 4, 30)))
    assert lines_of(cast, applied) == {
        ("remove", "青木　一郎", "account", "revoke", MAY, None),
        ("remove", "青木　一郎", "approve", "revoke", MAY, None),
    }


def test_a_known_end_is_carried_to_the_directories_at_once(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    with cast.database.reading() as session:
        before = session.scalar(select(func.max(OutboxTask.generation)))
    apply(cast, row_of("staff", left_on=date(2026, 4, 30)))
    with cast.database.reading() as session:
        assert session.scalar(select(func.max(OutboxTask.generation))) == (before or 0) + 1
        account = session.scalars(select(Account)).one()
        facts = account_facts(session, [account.id], now=NOW)[account.id]
        wanted = wanted_account(facts, now=NOW, delete_after_days=90)
        assert wanted.expires_at == start_of(MAY)


def test_a_leaver_is_stopped_on_the_day_though_nobody_submitted_the_draft(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    apply(cast, row_of("staff", left_on=date(2026, 4, 30)))
    for day, left in ((date(2026, 4, 30), 0), (MAY, 1)):
        with cast.database.writing() as session:
            done = carry_out_due(session, actor=JOB, policy=cast.policy, now=start_of(day))
            assert done.left == left
            assert len(live_rights(session, cast.people["staff"])) == 1 - left


def test_the_removal_of_a_leaver_who_was_stopped_already_can_still_be_recorded(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    (draft,) = apply(cast, row_of("staff", left_on=date(2026, 4, 30))).drafts
    later = start_of(MAY) + timedelta(hours=10)
    with cast.database.writing() as session:
        carry_out_due(session, actor=JOB, policy=cast.policy, now=later)
    submit(cast, "hr", draft.id, now=later)
    cast.approve(draft.id, now=later)
    with cast.database.reading() as session:
        assert session.get_one(Request, draft.id).state is RequestState.APPROVED


def test_a_successor_employment_is_the_same_person_and_no_leaving(cast: Cast) -> None:
    with cast.database.writing() as session:
        person = session.get_one(Person, cast.people["staff"])
        person.match_key = match_key(PEOPLE["staff"][2], date(1960, 1, 1), SECRET)
    give(cast, "staff", "ledger/account", "ledger/enter")
    born = {"birth_date": date(1960, 1, 1)}
    successor = row_of("staff", staff_number="300009", row_number=3, employed_from=MAY, assigned_from=MAY,
                       employment_kind=EmploymentKind.REAPPOINTED, **born)  # fmt: skip
    applied = apply(cast, row_of("staff", left_on=date(2026, 4, 30), **born), successor)
    assert lines_of(cast, applied) == set()
    with cast.database.reading() as session:
        assert employment(session, "300009").person_id == cast.people["staff"]
        account = session.scalars(select(Account)).one()
        for moment in (start_of(MAY) - timedelta(seconds=1), start_of(MAY)):
            facts = account_facts(session, [account.id], now=moment)[account.id]
            wanted = wanted_account(replace(facts, handed_over=True), now=moment, delete_after_days=90)
            assert wanted.enabled
            assert wanted.expires_at is None
    with cast.database.writing() as session:
        assert carry_out_due(session, actor=JOB, policy=cast.policy, now=start_of(MAY)).left == 0


def test_a_successor_who_loses_rights_has_them_taken_by_a_change(cast: Cast) -> None:
    with cast.database.writing() as session:
        person = session.get_one(Person, cast.people["staff"])
        person.match_key = match_key(PEOPLE["staff"][2], date(1960, 1, 1), SECRET)
    give(cast, "staff", "ledger/account", "ledger/enter")
    born = {"birth_date": date(1960, 1, 1)}
    successor = row_of("staff", staff_number="300009", row_number=3, employed_from=MAY, assigned_from=MAY,
                       unit_code="0200", unit_name="会計課", **born)  # fmt: skip
    applied = apply(cast, row_of("staff", left_on=date(2026, 4, 30), **born), successor)
    assert {line[:1] + line[2:5] for line in lines_of(cast, applied)} == {
        ("change", "account", "revoke", MAY + OVERLAP), ("change", "enter", "revoke", MAY + OVERLAP),
    }  # fmt: skip


def test_absence_ends_nothing_and_is_held(cast: Cast) -> None:
    apply(cast, NEW)
    applied = apply(cast, replace(NEW, staff_number="200002", name="別人　太", kana="ベツジン　フトシ"))
    with cast.database.reading() as session:
        assert employment(session, "200001").valid_until is None
        held = session.scalars(select(HeldRow).where(HeldRow.run_id == applied.run.id)).one()
        assert (held.row_number, held.staff_number) == (None, "200001")


def test_an_employment_that_was_put_off_begins_on_its_new_day(cast: Cast) -> None:
    apply(cast, replace(NEW, employed_from=MAY, assigned_from=MAY))
    june = date(2026, 6, 1)
    apply(cast, replace(NEW, employed_from=june, assigned_from=june))
    with cast.database.reading() as session:
        assert employment(session, "200001").valid_from == june
        assert posts(session, "200001") == [("0100", "主事", june, None)]


def test_whoever_is_missing_was_last_seen_in_the_file_before(cast: Cast) -> None:
    first = apply(cast, NEW, replace(NEW, staff_number="200002", birth_date=None, row_number=3)).run.id
    second = apply(cast, NEW).run.id
    with cast.database.reading() as session:
        assert employment(session, "200001").seen_in_run_id == second
        assert employment(session, "200002").seen_in_run_id == first


# --- the same file twice ---------------------------------------------------------------------------------------------


def test_the_same_file_is_known_again_only_as_the_newest_of_its_feed(cast: Cast) -> None:
    first = FeedIdentity("town", "a" * 64, 1)
    with cast.database.writing() as session:
        assert personnel.already_applied(session, first) is None
        empty = plan(Told(), known_employments(session), identities=Identities(), as_of=TODAY)
        for identity in (first, FeedIdentity("town", "b" * 64, 1)):
            personnel.apply(session, empty, identity, match_secret=SECRET, actor=JOB, policy=cast.policy, now=NOW)
            assert personnel.already_applied(session, identity) is not None
        assert personnel.already_applied(session, first) is None
        assert personnel.already_applied(session, FeedIdentity("village", "b" * 64, 1)) is None


def test_applying_the_same_rows_again_plans_nothing(cast: Cast) -> None:
    rows = (NEW, row_of("staff", unit_code="0200", unit_name="会計課", assigned_from=MAY),
            row_of("other", left_on=date(2026, 4, 30)))  # fmt: skip
    apply(cast, *rows)
    for day in (TODAY, TODAY + timedelta(days=7), MAY):
        with cast.database.reading() as session:
            keys = {NEW.staff_number: match_key(NEW.kana, date(2000, 1, 1), SECRET)}
            people = people_by_match_key(session, keys.values())
            same = {number: people[key] for number, key in keys.items()}
            again = plan(Told(rows), known_employments(session), identities=Identities(keys, same), as_of=day)
        assert (again.joiners, again.changes, again.unchanged) == ((), (), 3)


# --- units -----------------------------------------------------------------------------------------------------------


def generations(session: Session, code: str) -> list[tuple[str, date, date | None]]:
    query = select(OrganisationUnit).where(OrganisationUnit.code == code).order_by(OrganisationUnit.valid_from)
    return [(unit.name, unit.valid_from, unit.valid_until) for unit in session.scalars(query)]


def test_a_renamed_unit_begins_a_new_generation_and_the_old_keeps_its_name(cast: Cast) -> None:
    apply(cast, replace(NEW, unit_name="総務部"))
    with cast.database.reading() as session:
        assert generations(session, "0100") == [("総務課", date(2020, 4, 1), TODAY), ("総務部", TODAY, None)]


def test_two_names_for_one_unit_in_one_file_make_one_generation(cast: Cast) -> None:
    second = replace(NEW, staff_number="200002", row_number=3, birth_date=None, unit_name="総務部")
    third = replace(second, staff_number="200003", row_number=4, unit_name="総務課")
    apply(cast, NEW, second, third)
    with cast.database.reading() as session:
        assert generations(session, "0100") == [("総務課", date(2020, 4, 1), None)]


# --- officers --------------------------------------------------------------------------------------------------------


def test_nobody_becomes_an_officer_by_a_file_alone(cast: Cast) -> None:
    applied = apply(cast, replace(NEW, unit_code="0000", unit_name="事務局", post="事務局次長"))
    assert applied.officers_waiting == 1
    with cast.database.reading() as session:
        person = employment(session, "200001").person_id
        assert roles_of(session, person, TODAY) == frozenset()


def test_an_officer_who_is_moved_away_loses_the_role_on_that_day(cast: Cast) -> None:
    apply(cast, row_of("chief", unit_code="0100", unit_name="総務課", post="参事", assigned_from=MAY))
    with cast.database.reading() as session:
        assert roles_of(session, cast.people["chief"], MAY - timedelta(days=1)) == {Role.CHIEF}
        assert roles_of(session, cast.people["chief"], MAY) == frozenset()


# --- what HR does with the drafts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["security", "staff", "system", "chief"])
def test_only_hr_submits_a_draft_even_one_about_oneself_or_ones_own_unit(cast: Cast, who: str) -> None:
    """総務課's manager could apply for 総務課 by hand, 青木 for himself; a personnel draft is HR's all the same."""
    give_rights_by_post(cast, HEAD_OF_ACCOUNTS)
    moved = row_of("staff", unit_code="0100", unit_name="総務課", post="主任", assigned_from=TODAY)
    (draft,) = apply(cast, moved).drafts
    with pytest.raises(NotPermitted):
        submit(cast, who, draft.id)


def test_hr_submits_a_draft_in_their_own_name(cast: Cast) -> None:
    (draft,) = apply(cast, NEW).drafts
    submit(cast, "hr", draft.id)
    with cast.database.reading() as session:
        request = session.get_one(Request, draft.id)
        assert request.applicant_id == cast.people["hr"]
        assert {(step.applicant_id, step.seat) for line in request.lines for step in line.steps} == {
            (cast.people["hr"], Role.CHIEF), (cast.people["hr"], Role.SYSTEM),
        }  # fmt: skip


def test_hr_leaves_out_lines_before_submitting_and_that_is_audited(cast: Cast) -> None:
    (draft,) = apply(cast, NEW).drafts
    with cast.acting("hr") as session:
        request = session.get_one(Request, draft.id)
        line = next(line for line in request.lines if line.entitlement.code == "enter")
        assert drop_lines(session, request, [line.id], actor=cast.actor("hr"), policy=cast.policy, now=NOW)
        assert [line.entitlement.code for line in request.lines] == ["account"]
        assert session.scalars(select(AuditRecord).where(AuditRecord.action == "request.line_dropped")).one()


def test_a_draft_with_no_line_left_is_gone(cast: Cast) -> None:
    (draft,) = apply(cast, NEW).drafts
    with cast.acting("hr") as session:
        request = session.get_one(Request, draft.id)
        ids = [line.id for line in request.lines]
        assert not drop_lines(session, request, ids, actor=cast.actor("hr"), policy=cast.policy, now=NOW)
    with cast.database.reading() as session:
        assert session.get(Request, draft.id) is None


def test_lines_that_something_else_overtook_are_left_out_at_submission(cast: Cast) -> None:
    (draft,) = apply(cast, row_of("staff", post="主任", assigned_from=TODAY)).drafts
    give(cast, "staff", "ledger/account")
    submit(cast, "hr", draft.id)
    with cast.database.reading() as session:
        request = session.get_one(Request, draft.id)
        assert [line.entitlement.code for line in request.lines] == ["enter"]


def test_a_draft_that_was_overtaken_as_a_whole_cannot_be_submitted(cast: Cast) -> None:
    (draft,) = apply(cast, row_of("staff", post="主任", assigned_from=TODAY)).drafts
    give(cast, "staff", "ledger/account", "ledger/enter")
    with pytest.raises(InvalidInput):
        submit(cast, "hr", draft.id)
