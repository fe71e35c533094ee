"""What is decided on is one hash: any difference in content changes it, the order of lines does not."""

from dataclasses import fields, replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from idm.content_hash import LineContent, RequestContent, content_hash
from idm.vocabulary import LineEffect, RequestAction

REQUEST = RequestContent(RequestAction.REGISTER, system_id=1, applicant_id=2, reason="業務のため", cites_id=None)
LINE = LineContent(9, 3, LineEffect.GRANT, date(2026, 4, 1), None)
OTHER_LINE = replace(LINE, subject_id=10)

CHANGED_REQUESTS = {
    "action": replace(REQUEST, action=RequestAction.CHANGE),
    "system_id": replace(REQUEST, system_id=2),
    "applicant_id": replace(REQUEST, applicant_id=3),
    "reason": replace(REQUEST, reason="業務のため。"),
    "cites_id": replace(REQUEST, cites_id=5),
}
CHANGED_LINES = {
    "subject_id": replace(LINE, subject_id=11),
    "entitlement_id": replace(LINE, entitlement_id=4),
    "effect": replace(LINE, effect=LineEffect.REVOKE),
    "valid_from": replace(LINE, valid_from=date(2026, 4, 2)),
    "valid_until": replace(LINE, valid_until=date(2027, 4, 1)),
}


def test_it_is_the_same_for_the_same_content_and_any_order_of_lines() -> None:
    assert content_hash(REQUEST, [LINE, OTHER_LINE]) == content_hash(REQUEST, [OTHER_LINE, LINE])
    assert len(content_hash(REQUEST, [LINE])) == 64


@pytest.mark.parametrize("field", [field.name for field in fields(RequestContent)])
def test_every_fact_of_the_application_counts(field: str) -> None:
    assert content_hash(CHANGED_REQUESTS[field], [LINE]) != content_hash(REQUEST, [LINE])


@pytest.mark.parametrize("field", [field.name for field in fields(LineContent)])
def test_every_fact_of_a_line_counts(field: str) -> None:
    assert content_hash(REQUEST, [CHANGED_LINES[field]]) != content_hash(REQUEST, [LINE])


def test_a_line_more_or_less_counts() -> None:
    hashes = {content_hash(REQUEST, lines) for lines in ([], [LINE], [LINE, OTHER_LINE])}
    assert len(hashes) == 3


# Half a surrogate pair is no text; forms refuse it.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
lines = st.builds(
    LineContent,
    subject_id=st.integers(1, 3),
    entitlement_id=st.integers(1, 3),
    effect=st.sampled_from(LineEffect),
    valid_from=st.dates(date(2026, 4, 1), date(2026, 4, 3)),
    valid_until=st.none() | st.dates(date(2026, 5, 1), date(2026, 5, 1) + timedelta(days=2)),
)
# One line per person, right and effect: so the database has it.
contents = st.lists(lines, max_size=4, unique_by=lambda line: (line.subject_id, line.entitlement_id, line.effect))


@given(contents, contents, TEXT, TEXT)
def test_different_contents_have_different_hashes(
    one: list[LineContent], other: list[LineContent], reason: str, other_reason: str
) -> None:
    assume((set(one), reason) != (set(other), other_reason))
    assert content_hash(replace(REQUEST, reason=reason), one) != content_hash(
        replace(REQUEST, reason=other_reason), other
    )


@given(contents.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_never_counts(orders: tuple[list[LineContent], list[LineContent]]) -> None:
    assert content_hash(REQUEST, orders[0]) == content_hash(REQUEST, orders[1])
