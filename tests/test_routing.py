"""The ladder: holder or accepted deputy, vice-CISO, CISO, held; and nobody on it who has an interest."""

from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from idm.routing import RUNG_TITLES, Deputation, Rung, Seated, SeatFacts, represented, seated
from idm.separation_of_duties import Human

HOLDER, DEPUTY, VICE, CISO, APPLICANT, SUBJECT, ELSEWHERE = range(1, 8)
FACTS = SeatFacts(
    holders=(Human(HOLDER),),
    deputies=(Deputation(HOLDER, Human(DEPUTY)),),
    vice_cisos=(Human(VICE),),
    cisos=(Human(CISO),),
    applicant=APPLICANT,
    subject=SUBJECT,
    other_deciders=frozenset(),
)


def test_the_holder_decides_or_their_deputy_in_their_place() -> None:
    assert seated(FACTS) == (Seated(HOLDER, Rung.HOLDER), Seated(DEPUTY, Rung.DEPUTY, HOLDER))
    assert seated(replace(FACTS, deputies=())) == (Seated(HOLDER, Rung.HOLDER),)


def test_every_free_holder_may_decide() -> None:
    facts = replace(FACTS, holders=(Human(HOLDER), Human(ELSEWHERE)), deputies=())
    assert seated(facts) == (Seated(HOLDER, Rung.HOLDER), Seated(ELSEWHERE, Rung.HOLDER))


def test_a_second_holder_decides_about_the_first_and_no_deputy_of_the_first_does() -> None:
    facts = replace(FACTS, holders=(Human(HOLDER), Human(ELSEWHERE)), applicant=HOLDER)
    assert seated(facts) == (Seated(ELSEWHERE, Rung.HOLDER),)


def test_a_holder_who_is_another_holders_deputy_decides_in_their_own_name() -> None:
    both = replace(FACTS, holders=(Human(HOLDER), Human(DEPUTY)))
    assert seated(both) == (Seated(HOLDER, Rung.HOLDER), Seated(DEPUTY, Rung.HOLDER))


def test_whoever_decided_the_other_step_is_not_represented_on_this_one() -> None:
    assert seated(replace(FACTS, other_deciders=frozenset({HOLDER}))) == (Seated(VICE, Rung.VICE_CISO),)


def test_an_auditor_or_contractor_who_holds_the_post_is_not_represented() -> None:
    facts = replace(FACTS, holders=(Human(HOLDER, frozenset({ELSEWHERE})),), never_deciding=frozenset({ELSEWHERE}))
    assert seated(facts) == (Seated(VICE, Rung.VICE_CISO),)


def test_of_two_holders_only_the_one_who_might_decide_is_represented() -> None:
    two = (Human(HOLDER), Human(ELSEWHERE))
    assert represented(replace(FACTS, holders=two, other_deciders=frozenset({HOLDER}))) == {ELSEWHERE}


def test_whoever_put_the_subjects_card_to_use_is_not_represented_either() -> None:
    facts = replace(FACTS, confirmers=frozenset({HOLDER}))
    assert seated(facts) == (Seated(VICE, Rung.VICE_CISO),)
    facts = replace(FACTS, confirmers=frozenset({HOLDER, DEPUTY, VICE}))
    assert seated(facts) == (Seated(CISO, Rung.CISO),)


def test_the_deputy_of_an_applicant_does_not_decide_for_them() -> None:
    assert seated(replace(FACTS, applicant=HOLDER)) == (Seated(VICE, Rung.VICE_CISO),)


def test_the_deputy_of_a_subject_does_not_decide_for_them() -> None:
    assert seated(replace(FACTS, subject=HOLDER)) == (Seated(VICE, Rung.VICE_CISO),)


def test_the_deputy_of_an_applicants_second_row_does_not_decide_for_them() -> None:
    facts = replace(FACTS, holders=(Human(HOLDER, frozenset({APPLICANT})),))
    assert seated(facts) == (Seated(VICE, Rung.VICE_CISO),)


def test_a_deputy_of_somebody_else_does_not_decide() -> None:
    facts = replace(FACTS, holders=(), deputies=(Deputation(ELSEWHERE, Human(DEPUTY)),))
    assert seated(facts) == (Seated(VICE, Rung.VICE_CISO),)


def test_without_holder_and_deputy_the_vice_ciso_decides() -> None:
    assert seated(replace(FACTS, holders=(), deputies=())) == (Seated(VICE, Rung.VICE_CISO),)


def test_the_ciso_decides_where_the_vice_ciso_has_an_interest() -> None:
    facts = replace(FACTS, holders=(), deputies=(), vice_cisos=(Human(VICE, frozenset({SUBJECT})),))
    assert seated(facts) == (Seated(CISO, Rung.CISO),)


def test_where_everyone_has_an_interest_the_step_is_held() -> None:
    facts = replace(
        FACTS, applicant=HOLDER, subject=VICE, other_deciders=frozenset({CISO}), deputies=(),
    )  # fmt: skip
    assert seated(facts) == ()


def test_one_human_who_holds_both_seats_does_not_fill_both() -> None:
    second_row = Human(HOLDER, frozenset({ELSEWHERE}))
    facts = replace(FACTS, holders=(second_row,), deputies=(), other_deciders=frozenset({ELSEWHERE}))
    assert seated(facts) == (Seated(VICE, Rung.VICE_CISO),)


def test_every_rung_has_a_title() -> None:
    assert set(RUNG_TITLES) == set(Rung)


PEOPLE = range(1, 8)


@st.composite
def seat_facts(draw: st.DrawFn) -> SeatFacts:
    """Seven person rows of one to seven humans, in any roles."""
    human_of = dict(zip(PEOPLE, draw(st.lists(st.integers(1, 7), min_size=7, max_size=7)), strict=True))
    people = st.sampled_from(PEOPLE)

    def human(person_id: int) -> Human:
        same = {other for other in PEOPLE if human_of[other] == human_of[person_id]}
        return Human(person_id, frozenset(same - {person_id}))

    some = st.lists(people, max_size=3, unique=True).map(lambda ids: tuple(human(person_id) for person_id in ids))
    return SeatFacts(
        holders=draw(some),
        deputies=tuple(Deputation(draw(people), deputy) for deputy in draw(some)),
        vice_cisos=draw(some),
        cisos=draw(some),
        applicant=draw(people),
        subject=draw(people),
        other_deciders=draw(st.frozensets(people, max_size=2)),
        never_deciding=draw(st.frozensets(people, max_size=2)),
        confirmers=draw(st.frozensets(people, max_size=2)),
    )


def barred_of(facts: SeatFacts) -> frozenset[int]:
    """Everybody whom a rule keeps from the step, whoever decides for them."""
    return facts.other_deciders | facts.confirmers | facts.never_deciding | {facts.applicant, facts.subject}


def rows_of(facts: SeatFacts, person_id: int) -> list[Human]:
    everyone = (*facts.holders, *(named.deputy for named in facts.deputies), *facts.vice_cisos, *facts.cisos)
    return [human for human in everyone if human.person_id == person_id]


@given(seat_facts())
def test_nobody_seated_is_barred_under_any_row(facts: SeatFacts) -> None:
    for seat in seated(facts):
        assert any(not human.rows & barred_of(facts) for human in rows_of(facts, seat.person_id))


@given(seat_facts())
def test_whoever_is_represented_might_decide_in_person_under_every_row(facts: SeatFacts) -> None:
    for seat in seated(facts):
        assert (seat.acting_for is not None) == (seat.rung is Rung.DEPUTY)
        if seat.acting_for is not None:
            principals = [human for human in facts.holders if human.person_id == seat.acting_for]
            assert any(not human.rows & barred_of(facts) for human in principals)


@given(seat_facts())
def test_all_seated_stand_on_one_rung_and_every_rung_above_is_empty(facts: SeatFacts) -> None:
    ladder = list(Rung)
    found = {seat.rung for seat in seated(facts)}
    assert len(found) <= 1 or found == {Rung.HOLDER, Rung.DEPUTY}
    free = {
        Rung.HOLDER: any(not human.rows & barred_of(facts) for human in facts.holders),
        Rung.VICE_CISO: any(not human.rows & barred_of(facts) for human in facts.vice_cisos),
        Rung.CISO: any(not human.rows & barred_of(facts) for human in facts.cisos),
    }
    for rung in found - {Rung.DEPUTY}:
        assert not any(free.get(above, False) for above in ladder[: ladder.index(rung)])


def test_whoever_a_step_was_decided_for_and_whoever_decided_it_both_count_on_every_line_of_four_people() -> None:
    """Exhaustive: one line, two seats, every way of filling holders and deputies from four people."""
    people = range(1, 5)
    for first, second, deputy_one, deputy_two in product(people, repeat=4):
        if first == deputy_one or second == deputy_two:
            continue
        facts = SeatFacts(
            holders=(Human(second),), deputies=(Deputation(second, Human(deputy_two)),), vice_cisos=(), cisos=(),
            applicant=8, subject=9, other_deciders=frozenset({deputy_one, first}),
        )  # fmt: skip
        for seat in seated(facts):
            took_part = {seat.person_id, seat.acting_for} - {None}
            assert took_part.isdisjoint({deputy_one, first})
