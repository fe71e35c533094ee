"""Violations: told to the section at once, guided first, and only then decided on by the proper officers (H4, J5)."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from idm.errors import FreshFactorNeeded, IllegalTransition, InvalidInput, NotPermitted, SeparationOfDuties
from idm.models.people import Person
from idm.models.stops import StopOrder, ViolationReport
from idm.models.work import MailMessage
from idm.operations.stops import violations
from idm.vocabulary import Role, StopCause
from tests.cast import NOW, Cast
from tests.operations.stops.test_stops import ask_to_lift, lift, stopped, working

__all__ = ["working"]


def report(cast: Cast, who: str = "staff", *, by: str = "security") -> int:
    with cast.acting(by, "violation.report") as session:
        return violations.report(
            session, cast.people[who], what="他人のIDを使った", clause="5-4(3)", actor=cast.actor(by),
            policy=cast.policy, now=NOW,
        ).id  # fmt: skip


def guide(cast: Cast, violation_id: int, *, by: str = "security") -> None:
    with cast.acting(by, "violation.handle") as session:
        violations.guide(
            session, violation_id, guidance="注意した", actor=cast.actor(by), policy=cast.policy, now=NOW
        )  # fmt: skip


def failed(cast: Cast, violation_id: int, *, by: str = "security") -> None:
    with cast.acting(by, "violation.handle") as session:
        violations.guidance_failed(
            session, violation_id, note="また使った", actor=cast.actor(by), policy=cast.policy, now=NOW
        )  # fmt: skip


def stop(cast: Cast, violation_id: int, *, by: str = "chief", stale: bool = False) -> int:
    actor = cast.stale(by) if stale else cast.actor(by)
    with cast.acting(by, "violation.stop") as session:
        return violations.stop_for(
            session, violation_id, reason="改善されない", actor=actor, policy=cast.policy, now=NOW
        ).id  # fmt: skip


def told(cast: Cast, link: str) -> set[str]:
    with cast.database.reading() as session:
        names = {person: name for name, person in cast.people.items()}
        keys = {person.mail: names[person.id] for person in session.scalars(select(Person))}
        return {keys[one.recipient] for one in session.scalars(select(MailMessage)) if one.link.startswith(link)}


def test_guidance_comes_first_and_then_the_profiles_officers_decide(working: Cast) -> None:
    found = report(working)
    with pytest.raises(IllegalTransition):
        failed(working, found)
    guide(working, found)
    with pytest.raises(IllegalTransition):
        stop(working, found)
    failed(working, found)
    assert stopped(working) == set()
    order = stop(working, found)
    assert stopped(working) == {"staff"}
    with pytest.raises(IllegalTransition):
        stop(working, found, by="security")
    with working.database.reading() as session:
        row = session.get_one(StopOrder, order)
        assert (row.cause, row.violation_id) == (StopCause.VIOLATION, found)
    ask_to_lift(working, order)
    lift(working, order)
    assert stopped(working) == set()


def test_the_section_manager_and_the_ciso_are_told_at_once_of_the_report_and_of_the_stop(working: Cast) -> None:
    found = report(working, by="chief")
    assert told(working, "/violations/") == {"security", "ciso"}, "香椎 manages the section"
    guide(working, found)
    failed(working, found)
    stop(working, found, by="chief")
    assert told(working, "/stops/") == {"security", "ciso"}


@pytest.mark.parametrize("by", ["hr", "desk", "auditor", "staff", "system", "ciso"])
def test_nobody_else_reports_or_handles_a_violation(working: Cast, by: str) -> None:
    with pytest.raises((NotPermitted, SeparationOfDuties)):
        report(working, "other", by=by)
    found = report(working, "other")
    with pytest.raises((NotPermitted, SeparationOfDuties)):
        guide(working, found, by=by)


def test_a_section_manager_reports_their_own_people_only(working: Cast) -> None:
    assert report(working, "contractor", by="system") == 1
    with pytest.raises(NotPermitted):
        report(working, "staff", by="system")


def test_nobody_reports_guides_or_decides_about_themselves(working: Cast) -> None:
    with pytest.raises(SeparationOfDuties):
        report(working, "security", by="security")
    found = report(working, "security", by="chief")
    with pytest.raises(SeparationOfDuties):
        guide(working, found, by="security")
    guide(working, found, by="chief")
    failed(working, found, by="chief")
    with pytest.raises(SeparationOfDuties):
        stop(working, found, by="security")


def test_only_the_offices_that_the_profile_names_decide_and_with_a_fresh_factor(working: Cast) -> None:
    found = report(working)
    guide(working, found)
    failed(working, found)
    with pytest.raises(NotPermitted):
        stop(working, found, by="ciso")
    with pytest.raises(FreshFactorNeeded):
        stop(working, found, stale=True)
    narrow = replace(working.policy, stops=replace(working.policy.stops, violation_decided_by=(Role.CHIEF,)))
    with pytest.raises(NotPermitted):
        stop(replace(working, policy=narrow), found, by="security")
    stop(replace(working, policy=narrow), found, by="chief")
    assert stopped(working) == {"staff"}


def test_a_closed_report_stops_nobody(working: Cast) -> None:
    found = report(working)
    guide(working, found)
    failed(working, found)
    with working.acting("security", "violation.handle") as session:
        violations.close(
            session, found, note="改善された", actor=working.actor("security"), policy=working.policy, now=NOW
        )  # fmt: skip
    with pytest.raises(IllegalTransition):
        stop(working, found)
    with working.database.reading() as session:
        assert session.get_one(ViolationReport, found).closed_at == NOW


def test_a_report_says_what_happened(working: Cast) -> None:
    with pytest.raises(InvalidInput), working.acting("security", "violation.report") as session:
        violations.report(
            session, working.people["staff"], what=" ", clause="", actor=working.actor("security"),
            policy=working.policy, now=NOW,
        )  # fmt: skip


def test_guidance_is_the_section_managers_and_so_is_its_failure(working: Cast) -> None:
    """FK 10(2), (3): 香椎 manages 青木's section; the chief handles violations and manages none."""
    found = report(working, by="chief")
    with pytest.raises(NotPermitted):
        guide(working, found, by="chief")
    guide(working, found, by="security")
    with pytest.raises(NotPermitted):
        failed(working, found, by="chief")


def test_whoever_recorded_that_guidance_failed_leaves_the_decision_to_another(working: Cast) -> None:
    found = report(working)
    guide(working, found)
    failed(working, found)
    with pytest.raises(SeparationOfDuties):
        stop(working, found, by="security")
    assert stopped(working) == set()
    stop(working, found, by="chief")
