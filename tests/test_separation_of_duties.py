"""兼務の禁止: each rule by itself, under other rows of the same human, and with an exception."""

import inspect
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm import separation_of_duties
from idm.errors import SeparationOfDuties
from idm.separation_of_duties import EXCEPTABLE, RULES, Decision, Human, Rule, require, violations

DECIDER, APPLICANT, SUBJECT, COLLEAGUE, PRINCIPAL, SECOND_ROW = 1, 2, 3, 4, 5, 11
LAWFUL = Decision(decider=Human(DECIDER), applicant=APPLICANT, subject=SUBJECT, other_deciders=frozenset({COLLEAGUE}))
TWICE = Human(DECIDER, frozenset({SECOND_ROW}))
"""The decider, who has a second person row: another account, or another employment."""

FORBIDDEN = {
    "own application": ("SOD-1", replace(LAWFUL, applicant=DECIDER)),
    "own application from a second row": ("SOD-1", replace(LAWFUL, decider=TWICE, applicant=SECOND_ROW)),
    "about oneself": ("SOD-2", replace(LAWFUL, subject=DECIDER)),
    "about one's second row": ("SOD-2", replace(LAWFUL, decider=TWICE, subject=SECOND_ROW)),
    "deputy of the applicant": ("SOD-3", replace(LAWFUL, acting_for=Human(APPLICANT))),
    "deputy of the applicant's second row": (
        "SOD-3", replace(LAWFUL, acting_for=Human(PRINCIPAL, frozenset({APPLICANT}))),
    ),
    "deputy of the subject": ("SOD-3", replace(LAWFUL, acting_for=Human(SUBJECT))),
    "deputy of the subject's second row": (
        "SOD-3", replace(LAWFUL, acting_for=Human(PRINCIPAL, frozenset({SUBJECT}))),
    ),
    "deputy of oneself": ("SOD-3", replace(LAWFUL, acting_for=Human(DECIDER))),
    "deputy of one's second row": ("SOD-3", replace(LAWFUL, decider=TWICE, acting_for=Human(SECOND_ROW))),
    "deputy of the other step's decider": ("SOD-3", replace(LAWFUL, acting_for=Human(COLLEAGUE))),
    "deputy of the other step's decider's second row": (
        "SOD-3", replace(LAWFUL, acting_for=Human(SECOND_ROW, frozenset({COLLEAGUE}))),
    ),
    "deputy of a confirmer": (
        "SOD-3", replace(LAWFUL, acting_for=Human(PRINCIPAL), confirmers=frozenset({PRINCIPAL})),
    ),
    "deputy of an auditor or contractor": (
        "SOD-3", replace(LAWFUL, acting_for=Human(PRINCIPAL), principal_never_decides=True),
    ),
    "both steps": ("SOD-4", replace(LAWFUL, other_deciders=frozenset({DECIDER}))),
    "both steps under two rows": ("SOD-4", replace(LAWFUL, decider=TWICE, other_deciders=frozenset({SECOND_ROW}))),
    "confirmed a factor": ("SOD-4", replace(LAWFUL, confirmers=frozenset({DECIDER}))),
    "confirmed a factor from a second row": (
        "SOD-4", replace(LAWFUL, decider=TWICE, confirmers=frozenset({SECOND_ROW})),
    ),
    "an auditor": ("SOD-6", replace(LAWFUL, decider_audits=True)),
    "a contractor": ("SOD-7", replace(LAWFUL, decider_is_contractor=True)),
    "conflicting rights": ("SOD-8", replace(LAWFUL, conflicting_entitlements=(("伝票入力", "伝票承認"),))),
}  # fmt: skip


def rules_that_run() -> set[str]:
    """The numbers that the functions in RULES give, each shown by a decision that breaks it."""
    return {violation.rule for _, decision in FORBIDDEN.values() for rule in RULES if (violation := rule(decision))}


def documented(text: str | None) -> list[str]:
    return re.findall(r"SOD-\d+", text or "")


def test_the_specification_lists_exactly_the_rules_that_run() -> None:
    listed = re.findall(r"^(SOD-\d+)  ", separation_of_duties.__doc__ or "", re.MULTILINE)
    assert listed == [f"SOD-{number}" for number in range(1, len(listed) + 1)]
    # SOD-5 is not a rule beside the others: it says whom each of them means by "one".
    assert set(listed) == rules_that_run() | {"SOD-5"}


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_gives_the_number_its_docstring_names(rule: Rule) -> None:
    numbers = documented(inspect.getdoc(rule))
    given_numbers = {found.rule for _, decision in FORBIDDEN.values() if (found := rule(decision))}
    assert given_numbers == {numbers[0]}


def test_every_rule_of_the_module_is_among_those_that_run() -> None:
    written = [
        function
        for _, function in inspect.getmembers(separation_of_duties, inspect.isfunction)
        if documented(inspect.getdoc(function)) and function.__module__ == separation_of_duties.__name__
    ]
    assert set(written) - {require} == set(RULES)


def test_a_lawful_decision_is_let_through() -> None:
    assert violations(LAWFUL) == ()
    require(LAWFUL)


@pytest.mark.parametrize(("rule", "decision"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_forbidden_decision_is_refused_by_its_rule_and_by_no_other(rule: str, decision: Decision) -> None:
    assert [violation.rule for violation in violations(decision)] == [rule]
    with pytest.raises(SeparationOfDuties) as refusal:
        require(decision)
    assert refusal.value.code == rule
    assert rule in refusal.value.message


@pytest.mark.parametrize("name", FORBIDDEN)
def test_an_exception_lifts_the_two_step_rule_and_nothing_else(name: str) -> None:
    _, decision = FORBIDDEN[name]
    excepted = replace(decision, excepted_rules=frozenset({f"SOD-{number}" for number in range(1, 9)}))
    assert (violations(excepted) == ()) == (name in {"both steps", "both steps under two rows"})
    assert frozenset({"SOD-4"}) == EXCEPTABLE


def test_an_exception_to_another_rule_does_not_lift_the_two_step_rule() -> None:
    decision = replace(LAWFUL, other_deciders=frozenset({DECIDER}), excepted_rules=frozenset({"SOD-1"}))
    assert [violation.rule for violation in violations(decision)] == ["SOD-4"]


def test_deputy_of_somebody_uninvolved_may_decide() -> None:
    assert violations(replace(LAWFUL, acting_for=Human(PRINCIPAL))) == ()


def test_conflicting_rights_may_be_rejected_or_returned() -> None:
    conflicting = replace(LAWFUL, conflicting_entitlements=(("伝票入力", "伝票承認"),), approves=False)
    assert violations(conflicting) == ()


def test_every_broken_rule_is_told_and_the_first_is_the_refusal() -> None:
    decision = replace(LAWFUL, applicant=DECIDER, subject=DECIDER, decider_audits=True)
    assert [violation.rule for violation in violations(decision)] == ["SOD-1", "SOD-2", "SOD-6"]
    with pytest.raises(SeparationOfDuties) as refusal:
        require(decision)
    assert refusal.value.code == "SOD-1"


people = st.integers(min_value=1, max_value=6)
rows = st.frozensets(people, max_size=3)
decisions = st.builds(
    Decision,
    decider=st.builds(Human, people, rows),
    applicant=people,
    subject=people,
    other_deciders=rows,
    confirmers=rows,
    acting_for=st.none() | st.builds(Human, people, rows),
    principal_never_decides=st.booleans(),
    decider_audits=st.booleans(),
    decider_is_contractor=st.booleans(),
    conflicting_entitlements=st.just(()) | st.just((("a", "b"),)),
    approves=st.booleans(),
    excepted_rules=st.frozensets(st.sampled_from([f"SOD-{number}" for number in range(1, 9)])),
)


@given(decisions)
def test_no_decision_that_passes_was_made_by_anyone_involved(decision: Decision) -> None:
    if violations(decision):
        return
    every_row = decision.decider.rows
    assert not every_row & {decision.applicant, decision.subject}
    assert not every_row & decision.other_deciders or "SOD-4" in decision.excepted_rules
    assert not every_row & decision.confirmers
    assert not decision.decider_audits
    assert not decision.decider_is_contractor
    if decision.acting_for is not None:
        assert not decision.acting_for.rows & {decision.applicant, decision.subject}
        assert not decision.acting_for.rows & every_row
        assert not decision.acting_for.rows & decision.other_deciders, "no exception lifts it for the principal"
        assert not decision.acting_for.rows & decision.confirmers
        assert not decision.principal_never_decides
