"""A standing approval is off by default, proposed by HR, approved by two others, and ended by any of them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.errors import (
    ContentChanged,
    IllegalTransition,
    InvalidInput,
    NotPermitted,
    NotSeated,
    SeparationOfDuties,
)
from idm.models.audit import AuditRecord
from idm.models.officers import Deputy
from idm.models.standing import StandingRight
from idm.models.systems import Entitlement
from idm.models.work import MailMessage
from idm.operations.approval import standing
from idm.queries.approval.standing import standing_sheet
from idm.vocabulary import Role
from tests.cast import NOW, PEOPLE, TODAY, Cast
from tests.standing_office import (
    RULE,
    allowing,
    approve,
    become,
    change_post_rights,
    in_force,
    move,
    personnel_draft,
    proposed,
    standing_now,
    use,
)


@pytest.fixture
def cast(cast: Cast) -> Cast:
    """The small office under a profile that cites a rule."""
    return allowing(cast)


def covered(cast: Cast, standing_id: int) -> list[str]:
    """The codes of the rights it covers."""
    with cast.database.reading() as session:
        query = select(Entitlement.code).join(StandingRight, StandingRight.entitlement_id == Entitlement.id)
        return sorted(session.scalars(query.where(StandingRight.standing_id == standing_id)))


def told(cast: Cast, words: str) -> set[str]:
    """The people who have a notice whose subject has these words."""
    mails = {f"u{number}@example.jp": who for who, (number, *_) in PEOPLE.items()}
    with cast.database.reading() as session:
        rows = session.scalars(select(MailMessage.recipient).where(MailMessage.subject.contains(words)))
        return {mails[recipient] for recipient in rows}


def end(cast: Cast, who: str, standing_id: int, reason: str = "見直すため") -> None:
    with cast.acting(who, "standing.end") as session:
        standing.end(session, standing_id, reason, actor=cast.actor(who), policy=cast.policy, now=NOW)


def refuse(cast: Cast, who: str, standing_id: int, reason: str = "対象が広すぎる") -> None:
    with cast.acting(who, "standing.refuse") as session:
        standing.refuse(session, standing_id, reason, actor=cast.actor(who), policy=cast.policy, now=NOW)


# --- off by default --------------------------------------------------------------------------------------------------


def test_the_shipped_profile_allows_none(cast: Cast) -> None:
    shipped = allowing(cast, rule="")
    with pytest.raises(NotPermitted, match=r"standing\.rule"):
        proposed(shipped)


def test_what_was_given_cannot_be_approved_once_the_rule_is_gone(cast: Cast) -> None:
    standing_id = proposed(cast)
    with pytest.raises(NotPermitted, match=r"standing\.rule"):
        approve(allowing(cast, rule=""), "chief", standing_id)


# --- proposing -------------------------------------------------------------------------------------------------------


def test_a_proposal_cites_the_rule_and_covers_the_ordinary_rights_by_post(cast: Cast) -> None:
    standing_id = proposed(cast)
    assert standing_now(cast, standing_id).rule == RULE
    assert covered(cast, standing_id) == ["account", "enter"]
    assert standing_now(cast, standing_id).in_force_at is None


@pytest.mark.parametrize("who", ["staff", "chief", "system", "ciso", "security", "desk", "auditor"])
def test_only_hr_proposes(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        proposed(cast, who)


def test_a_privileged_right_is_never_covered_even_where_a_post_gives_it(cast: Cast) -> None:
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/enter").privileged = True
    assert covered(cast, proposed(cast)) == ["account"]


def test_a_right_given_by_name_only_is_never_covered(cast: Cast) -> None:
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/enter").by_name_only = True
    assert covered(cast, proposed(cast)) == ["account"]


def test_a_my_number_system_has_no_standing_approval(cast: Cast) -> None:
    change_post_rights(cast, {"system": "pension", "rights": ["account"], "units": ["0100"]})
    with pytest.raises(InvalidInput, match="マイナンバー"):
        proposed(cast, code="pension")


def test_a_system_has_one_at_a_time(cast: Cast) -> None:
    first = proposed(cast)
    with pytest.raises(IllegalTransition, match=f"第{first}号"):
        proposed(cast)
    end(cast, "hr", first)
    assert proposed(cast) != first


def test_a_proposal_needs_a_reason(cast: Cast) -> None:
    with cast.database.writing() as session, pytest.raises(InvalidInput) as refused:
        standing.propose(session, 1, " ", actor=cast.actor("hr"), policy=cast.policy, now=NOW)
    assert "reason" in refused.value.fields


def test_both_seats_are_asked(cast: Cast) -> None:
    proposed(cast)
    assert told(cast, "承認依頼") == {"chief", "system"}


# --- approving -------------------------------------------------------------------------------------------------------


def test_it_is_in_force_when_both_seats_have_approved(cast: Cast) -> None:
    standing_id = proposed(cast)
    approve(cast, "chief", standing_id)
    assert standing_now(cast, standing_id).in_force_at is None
    approve(cast, "system", standing_id)
    row = standing_now(cast, standing_id)
    assert (row.chief_id, row.manager_id) == (cast.people["chief"], cast.people["system"])
    assert (row.chief_at, row.manager_at, row.in_force_at) == (NOW, NOW, NOW)
    assert told(cast, "効力が生じました") == {"chief", "system", "hr"}


def test_the_order_of_the_route_in_the_profile_does_not_move_the_columns(cast: Cast) -> None:
    standing_id = proposed(cast)
    approve(cast, "system", standing_id)
    assert standing_now(cast, standing_id).manager_id == cast.people["system"]
    assert standing_now(cast, standing_id).chief_id is None


@pytest.mark.parametrize("who", ["staff", "ciso", "vice", "security", "desk"])
def test_whoever_is_not_seated_does_not_approve(cast: Cast, who: str) -> None:
    standing_id = proposed(cast)
    with pytest.raises(NotSeated):
        approve(cast, who, standing_id)


def test_nobody_approves_both(cast: Cast) -> None:
    become(cast, "chief", Role.SYSTEM, "0600")
    standing_id = proposed(cast)
    approve(cast, "chief", standing_id)
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        approve(cast, "chief", standing_id)


def test_what_a_deputy_approved_counts_for_both_and_the_page_says_in_whose_place(cast: Cast) -> None:
    """香椎 approved in 天神's place: 天神, who manages the system as well, does not fill the other column."""
    become(cast, "chief", Role.SYSTEM, "0600")
    with cast.database.writing() as session:
        session.add(
            Deputy(principal_id=cast.people["chief"], role=Role.CHIEF, deputy_id=cast.people["security"],
                   valid_from=TODAY, valid_until=TODAY + timedelta(days=9), named_at=NOW, accepted_at=NOW,
                   accepted_by_id=cast.people["ciso"])
        )  # fmt: skip
    standing_id = proposed(cast)
    approve(cast, "security", standing_id)
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        approve(cast, "chief", standing_id)
    approve(cast, "system", standing_id)
    found = standing_now(cast, standing_id)
    assert (found.chief_id, found.chief_for_id) == (cast.people["security"], cast.people["chief"])
    assert found.in_force_at is not None
    with cast.database.reading() as session:
        sheet = standing_sheet(session, standing_id, policy=cast.policy, now=NOW)
    assert [seat.acting_for for seat in sheet.seats] == [PEOPLE["chief"][1], None]


def test_nobody_approves_what_they_proposed(cast: Cast) -> None:
    become(cast, "hr", Role.CHIEF)
    standing_id = proposed(cast)
    with pytest.raises(SeparationOfDuties, match="SOD-1"):
        approve(cast, "hr", standing_id)


def test_an_auditor_does_not_approve(cast: Cast) -> None:
    become(cast, "auditor", Role.CHIEF)
    standing_id = proposed(cast)
    with pytest.raises(SeparationOfDuties, match="SOD-6"):
        approve(cast, "auditor", standing_id)


def test_the_next_rung_approves_where_the_seat_is_empty(cast: Cast) -> None:
    move(cast, "chief", "0900")
    with cast.database.writing() as session:
        cast.employment(session, "chief").assignments[0].valid_until = NOW.date()
    standing_id = proposed(cast)
    approve(cast, "vice", standing_id)
    assert standing_now(cast, standing_id).chief_id == cast.people["vice"]


def test_what_was_not_shown_is_not_approved(cast: Cast) -> None:
    standing_id = proposed(cast)
    with pytest.raises(ContentChanged):
        approve(cast, "chief", standing_id, shown="0" * 64)


def test_rules_that_changed_since_the_proposal_are_not_approved(cast: Cast) -> None:
    standing_id = proposed(cast)
    change_post_rights(cast, {"system": "ledger", "rights": ["enter"], "units": ["0200"]})
    with pytest.raises(ContentChanged, match="権限の定めが変わりました"):
        approve(cast, "chief", standing_id)


def test_a_right_that_became_privileged_since_the_proposal_is_not_approved(cast: Cast) -> None:
    standing_id = proposed(cast)
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/enter").privileged = True
    with pytest.raises(ContentChanged):
        approve(cast, "chief", standing_id)


def test_every_act_is_audited_with_what_was_shown(cast: Cast) -> None:
    in_force(cast)
    with cast.database.reading() as session:
        records = session.scalars(select(AuditRecord).where(AuditRecord.object_kind == "standing")).all()
    assert [record.action for record in records] == ["standing.proposed", "standing.approved", "standing.approved"]
    assert all('"shown":' in (record.payload or "") for record in records[1:])


# --- refusing and ending ---------------------------------------------------------------------------------------------


def test_a_seat_refuses_and_the_system_is_free_for_another_proposal(cast: Cast) -> None:
    standing_id = proposed(cast)
    refuse(cast, "system", standing_id)
    row = standing_now(cast, standing_id)
    assert row.in_force_at is None
    assert row.end_reason == "却下（箱崎　花子）：対象が広すぎる"
    with pytest.raises(IllegalTransition):
        approve(cast, "chief", standing_id)
    proposed(cast)


def test_whoever_is_not_seated_does_not_refuse(cast: Cast) -> None:
    standing_id = proposed(cast)
    with pytest.raises(NotSeated):
        refuse(cast, "desk", standing_id)


@pytest.mark.parametrize("who", ["chief", "system", "ciso", "hr"])
def test_either_approver_the_ciso_and_hr_end_it_at_once(cast: Cast, who: str) -> None:
    standing_id = in_force(cast)
    end(cast, who, standing_id)
    assert standing_now(cast, standing_id).ended_at == NOW
    assert use(cast, personnel_draft(cast)) == []
    assert told(cast, "終わりました") == {"chief", "system", "hr"}
    with pytest.raises(IllegalTransition):
        end(cast, who, standing_id)


@pytest.mark.parametrize("who", ["staff", "vice", "security", "desk", "auditor"])
def test_nobody_else_ends_it(cast: Cast, who: str) -> None:
    standing_id = in_force(cast)
    with pytest.raises(NotPermitted):
        end(cast, who, standing_id)
    assert standing_now(cast, standing_id).ended_at is None


def test_ending_needs_a_reason(cast: Cast) -> None:
    standing_id = in_force(cast)
    with pytest.raises(InvalidInput):
        end(cast, "hr", standing_id, " ")
