"""A covered draft is approved at once, numbered and told; whatever is not covered stays a draft."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import select

from idm.errors import SeparationOfDuties
from idm.keys.sealing import new_handover_key
from idm.models.audit import AuditRecord
from idm.models.officers import Deputy
from idm.models.people import Person
from idm.models.requests import ApprovalStep, Grant, Request
from idm.models.standing import StandingApproval, StandingUse
from idm.models.systems import Account, InformationSystem
from idm.models.work import MailMessage
from idm.operations.approval import standing
from idm.operations.approval.requests import content_hash_of
from idm.operations.passwords import handovers
from idm.queries.governance.configuration import organisation_in_force
from idm.request_state import LineState, RequestState
from idm.standing_rules import rules_digest
from idm.vocabulary import LineEffect, RequestAction, Role, Zone
from tests.cast import NOW, PEOPLE, TODAY, Cast
from tests.operations.approval.test_decision_races import at_once
from tests.standing_office import (
    JOB,
    allowing,
    approve,
    become,
    change_post_rights,
    in_force,
    leave_post,
    move,
    personnel_draft,
    proposed,
    standing_now,
    use,
)

UNTIL = date(2027, 3, 31)


@pytest.fixture
def cast(cast: Cast) -> Cast:
    """The small office under a profile that cites a rule."""
    return allowing(cast)


def state(cast: Cast, request_id: int) -> RequestState:
    with cast.database.reading() as session:
        return session.get_one(Request, request_id).state


def uses(cast: Cast) -> list[tuple[int, int]]:
    """(Number, application) of every use."""
    with cast.database.reading() as session:
        return [(row.number, row.request_id) for row in session.scalars(select(StandingUse).order_by(StandingUse.id))]


def assert_left(cast: Cast, draft_id: int) -> None:
    """The draft is not used, and not touched either."""
    assert use(cast, draft_id) == []
    with cast.database.reading() as session:
        draft = session.get_one(Request, draft_id)
        assert (draft.state, draft.number, draft.applicant_id) == (RequestState.DRAFT, None, None)
        assert {line.state for line in draft.lines} == {LineState.PENDING}
    assert uses(cast) == []


# --- what a use does -------------------------------------------------------------------------------------------------


def test_a_covered_draft_is_an_approved_application_without_steps(cast: Cast) -> None:
    in_force(cast)
    draft = personnel_draft(cast)
    assert use(cast, draft) == [draft]
    with cast.database.reading() as session:
        request = session.get_one(Request, draft)
        assert request.state is RequestState.APPROVED
        assert {line.state for line in request.lines} == {LineState.APPROVED}
        assert request.applicant_id == cast.people["hr"]
        assert (request.number, request.submitted_at) == ("R8-000001", NOW)
        assert request.content_hash == content_hash_of(session, request)
        assert session.scalars(select(ApprovalStep)).all() == []


def test_its_rights_are_given_at_once(cast: Cast) -> None:
    in_force(cast)
    use(cast, personnel_draft(cast))
    with cast.database.reading() as session:
        rights = {(grant.entitlement.code, grant.account.person_id) for grant in session.scalars(select(Grant))}
    assert rights == {("account", cast.people["staff"]), ("enter", cast.people["staff"])}


def test_a_right_that_no_post_gives_any_longer_is_taken(cast: Cast) -> None:
    in_force(cast)
    use(cast, personnel_draft(cast))
    move(cast, "staff", "0900")
    taking = personnel_draft(cast, ("staff", "ledger/enter"), effect=LineEffect.REVOKE, action=RequestAction.CHANGE)
    assert use(cast, taking) == [taking]
    with cast.database.reading() as session:
        states = {grant.entitlement.code: grant.state.value for grant in session.scalars(select(Grant))}
    assert states == {"account": "in_force", "enter": "ended"}


def test_uses_are_numbered_and_every_one_is_told_to_both_approvers_and_hr(cast: Cast) -> None:
    standing_id = in_force(cast)
    drafts = [personnel_draft(cast), personnel_draft(cast, ("other", "ledger/account"))]
    assert use(cast, *drafts) == drafts
    assert uses(cast) == [(1, drafts[0]), (2, drafts[1])]
    assert standing_now(cast, standing_id).uses == 2
    for number, draft in uses(cast):
        with cast.database.reading() as session:
            told = session.scalars(
                select(MailMessage.recipient).where(
                    MailMessage.subject.contains(f"{number}回目"), MailMessage.link == f"/requests/{draft}"
                )
            )
            assert sorted(told) == sorted(f"u{PEOPLE[who][0]}@example.jp" for who in ("chief", "system", "hr"))


def test_a_notice_names_nobody_it_is_about(cast: Cast) -> None:
    in_force(cast)
    use(cast, personnel_draft(cast))
    with cast.database.reading() as session:
        bodies = session.scalars(select(MailMessage.body).where(MailMessage.subject.contains("回目"))).all()
    assert bodies
    assert not any("青木" in body for body in bodies)


def test_the_audit_names_the_standing_approval_the_use_and_both_approvers(cast: Cast) -> None:
    standing_id = in_force(cast)
    draft = personnel_draft(cast)
    use(cast, draft)
    with cast.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "standing.used")).one()
    assert (record.object_kind, record.object_id) == ("request", str(draft))
    payload = record.payload or ""
    assert f'"standing":{standing_id}' in payload
    assert '"use":1' in payload
    for who in ("chief", "system"):
        assert f'"person":{cast.people[who]}' in payload


def test_a_draft_is_used_once(cast: Cast) -> None:
    in_force(cast)
    draft = personnel_draft(cast)
    assert use(cast, draft) == [draft]
    assert use(cast, draft) == []
    assert len(uses(cast)) == 1


# --- what is never covered -------------------------------------------------------------------------------------------


def test_without_a_standing_approval_drafts_stay_drafts(cast: Cast) -> None:
    assert_left(cast, personnel_draft(cast))


def test_a_proposal_with_one_approval_covers_nothing(cast: Cast) -> None:
    approve(cast, "chief", proposed(cast))
    assert_left(cast, personnel_draft(cast))


def test_it_covers_nothing_once_the_profile_cites_no_rule_and_has_ended(cast: Cast) -> None:
    standing_id = in_force(cast)
    draft = personnel_draft(cast)
    assert_left(allowing(cast, rule=""), draft)
    assert standing_now(cast, standing_id).ended_at == NOW


def test_another_rule_of_the_profile_is_not_the_one_it_was_given_under(cast: Cast) -> None:
    in_force(cast)
    assert_left(allowing(cast, rule="別の規程 第1条"), personnel_draft(cast))


def test_changed_rights_by_post_are_not_covered(cast: Cast) -> None:
    standing_id = in_force(cast)
    change_post_rights(cast, {"system": "ledger", "rights": ["enter"], "posts": ["主任"]})
    assert_left(cast, personnel_draft(cast))
    assert "定めが変わりました" in (standing_now(cast, standing_id).end_reason or "")


def test_changed_rights_by_post_of_another_system_do_not_matter(cast: Cast) -> None:
    in_force(cast)
    change_post_rights(cast, {"system": "pension", "rights": ["account"], "units": ["0100"]})
    draft = personnel_draft(cast)
    assert use(cast, draft) == [draft]


def test_one_line_that_is_not_covered_leaves_the_whole_draft(cast: Cast) -> None:
    in_force(cast)
    assert_left(cast, personnel_draft(cast, ("staff", "ledger/account"), ("hr", "ledger/account")))


def test_a_right_outside_the_standing_approval_is_not_covered(cast: Cast) -> None:
    in_force(cast)
    move(cast, "staff", "0100")
    assert_left(cast, personnel_draft(cast, ("staff", "ledger/account"), ("staff", "ledger/approve")))


def make_privileged(cast: Cast) -> None:
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/enter").privileged = True


def make_by_name_only(cast: Cast) -> None:
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/enter").by_name_only = True


def make_my_number(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one().zone = Zone.MYNUMBER


def make_external_access(cast: Cast) -> None:
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/enter").external_access = True


@pytest.mark.parametrize("change", [make_privileged, make_by_name_only, make_my_number, make_external_access])
def test_a_right_that_may_no_longer_be_covered_is_not(cast: Cast, change: Callable[[Cast], None]) -> None:
    in_force(cast)
    change(cast)
    assert_left(cast, personnel_draft(cast, ("staff", "ledger/account"), ("staff", "ledger/enter"), valid_until=UNTIL))


def test_a_right_that_does_not_follow_from_the_subjects_post_is_not_covered(cast: Cast) -> None:
    in_force(cast)
    assert_left(cast, personnel_draft(cast, ("desk", "ledger/account")))


def test_a_right_that_the_post_still_gives_is_not_taken(cast: Cast) -> None:
    in_force(cast)
    taking = personnel_draft(cast, ("staff", "ledger/enter"), effect=LineEffect.REVOKE, action=RequestAction.CHANGE)
    assert_left(cast, taking)


@pytest.mark.parametrize("role", [Role.CHIEF, Role.SYSTEM, Role.VICE_CISO, Role.CISO])
def test_an_officer_of_the_route_confirmed_or_not_is_not_covered(cast: Cast, role: Role) -> None:
    in_force(cast)
    become(cast, "staff", role, "0900" if role is Role.SYSTEM else None, confirmed=False)
    assert_left(cast, personnel_draft(cast))


def test_an_officer_of_the_route_under_another_number_is_not_covered(cast: Cast) -> None:
    in_force(cast)
    with cast.database.writing() as session:
        for who in ("vice", "staff"):
            session.get_one(Person, cast.people[who]).match_key = "f" * 64
    assert_left(cast, personnel_draft(cast))


def test_a_line_that_was_overtaken_is_not_covered(cast: Cast) -> None:
    """What is to be taken was never held, or is gone already: HR looks at it."""
    in_force(cast)
    move(cast, "staff", "0900")
    taking = personnel_draft(cast, ("staff", "ledger/enter"), effect=LineEffect.REVOKE, action=RequestAction.CHANGE)
    assert_left(cast, taking)


def test_an_officer_of_another_kind_is_covered(cast: Cast) -> None:
    in_force(cast)
    become(cast, "staff", Role.HANDOVER)
    draft = personnel_draft(cast)
    assert use(cast, draft) == [draft]


def test_a_contractor_is_not_covered(cast: Cast) -> None:
    in_force(cast)
    move(cast, "contractor", "0100")
    assert_left(cast, personnel_draft(cast, ("contractor", "ledger/account"), valid_until=UNTIL))


def test_the_proposer_is_not_covered(cast: Cast) -> None:
    in_force(cast)
    assert_left(cast, personnel_draft(cast, ("hr", "ledger/account")))


def test_the_proposer_under_another_number_is_not_covered(cast: Cast) -> None:
    in_force(cast)
    with cast.database.writing() as session:
        for who in ("hr", "staff"):
            session.get_one(Person, cast.people[who]).match_key = "f" * 64
    assert_left(cast, personnel_draft(cast))


def test_an_approver_who_is_no_officer_is_not_covered(cast: Cast) -> None:
    """今泉 approved in the place of the system's manager."""
    with cast.database.writing() as session:
        session.add(
            Deputy(principal_id=cast.people["system"], role=Role.SYSTEM, deputy_id=cast.people["other"],
                   valid_from=TODAY, valid_until=UNTIL, named_at=NOW, accepted_at=NOW,
                   accepted_by_id=cast.people["ciso"])
        )  # fmt: skip
    standing_id = proposed(cast)
    approve(cast, "chief", standing_id)
    approve(cast, "other", standing_id)
    assert_left(cast, personnel_draft(cast, ("other", "ledger/account")))
    covered = personnel_draft(cast)
    assert use(cast, covered) == [covered]


def test_a_right_in_conflict_with_what_the_subject_holds_is_not_covered(cast: Cast) -> None:
    request_id = cast.file("hr", ("staff", "ledger/account"), ("staff", "ledger/approve"))
    cast.approve(request_id, line=0)
    cast.approve(request_id, line=1)
    in_force(cast)
    assert_left(cast, personnel_draft(cast, ("staff", "ledger/enter")))


def test_two_rights_of_one_draft_in_conflict_are_not_covered(cast: Cast) -> None:
    change_post_rights(cast, {"system": "ledger", "rights": ["approve"], "units": ["0100"]})
    in_force(cast)
    wanted = ("account", "enter", "approve")
    assert_left(cast, personnel_draft(cast, *(("staff", f"ledger/{right}") for right in wanted)))


def test_a_draft_that_no_personnel_file_made_is_not_covered(cast: Cast) -> None:
    in_force(cast)
    assert_left(cast, personnel_draft(cast, from_feed=False))


def test_what_could_not_be_submitted_is_not_covered(cast: Cast) -> None:
    """A group without the account of its system; and what somebody holds already."""
    in_force(cast)
    assert_left(cast, personnel_draft(cast, ("other", "ledger/enter")))
    request_id = cast.file("hr", ("staff", "ledger/account"))
    cast.approve(request_id)
    assert_left(cast, personnel_draft(cast))


def test_a_proposer_who_is_no_longer_hr_covers_nothing(cast: Cast) -> None:
    in_force(cast)
    leave_post(cast, "hr", TODAY)
    assert_left(cast, personnel_draft(cast))


def test_a_proposer_who_has_left_covers_nothing(cast: Cast) -> None:
    in_force(cast)
    become(cast, "hr", Role.HR)
    with cast.database.writing() as session:
        cast.employment(session, "hr").valid_until = TODAY
    assert_left(cast, personnel_draft(cast))


# --- the hand-over of what it gave -----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["chief", "system"])
def test_who_approved_in_advance_does_not_hand_over_the_password(cast: Cast, who: str) -> None:
    """SOD-4 holds for a standing approval as for a decided step."""
    in_force(cast)
    use(cast, personnel_draft(cast))
    become(cast, who, Role.HANDOVER)
    with cast.database.writing() as session:
        account = session.scalars(select(Account)).one()
        with pytest.raises(SeparationOfDuties, match="SOD-4"):
            handovers.ask(
                session, account_id=account.id, public_key=new_handover_key()[1], actor=cast.actor(who),
                policy=cast.policy, now=NOW,
            )  # fmt: skip


# --- numbering under a race ------------------------------------------------------------------------------------------


def test_uses_at_the_same_instant_get_different_numbers(office: Cast) -> None:
    cast = allowing(office)
    standing_id = in_force(cast)
    drafts = [personnel_draft(cast), personnel_draft(cast, ("other", "ledger/account"))]
    assert at_once(*(lambda draft=draft: use(cast, draft) for draft in drafts)) == ["done", "done"]
    assert sorted(number for number, _ in uses(cast)) == [1, 2]
    assert standing_now(cast, standing_id).uses == 2


def test_one_draft_at_the_same_instant_is_used_once(office: Cast) -> None:
    cast = allowing(office)
    in_force(cast)
    draft = personnel_draft(cast)
    at_once(lambda: use(cast, draft), lambda: use(cast, draft))
    assert uses(cast) == [(1, draft)]


def test_the_digest_is_of_the_rules_of_that_day(cast: Cast) -> None:
    standing_id = in_force(cast)
    with cast.database.reading() as session:
        rules = organisation_in_force(session, now=NOW).post_rights
        assert session.get_one(StandingApproval, standing_id).rules_digest == rules_digest("ledger", rules)


def test_no_draft_at_all_is_nothing_to_do(cast: Cast) -> None:
    with cast.database.writing() as session:
        assert standing.use(session, [], actor=JOB, policy=cast.policy, now=NOW) == ()
