"""Who decides a step, at the moment of decision: the ladder (control A2; FK 1-2(1)④⑤, 6-2(1)①).

The holder of the seat decides, or in their place, for the period named, their accepted deputy (代決): unless they are
the applicant, the subject, the decider of another step, or put the subject's authenticator to use there (SOD-4). Then
the vice-CISO, then the CISO. When nobody is left the step is held, and is shown as held. Whoever may not decide a step
is not represented on it either (SOD-3): a deputy is bound by every rule that binds their principal, and by their own;
what a barred holder may not decide goes up the ladder. What was decided in somebody's place counts as decided by both
(SOD-4). Whoever never decides (SOD-6, SOD-7) fills no rung and is represented on none, so that the ladder goes on past
them. Pure: takes who is who, answers who may.
"""

from dataclasses import dataclass
from enum import StrEnum

from idm.separation_of_duties import Human, PersonId


class Rung(StrEnum):
    """How the decider came to the seat."""

    HOLDER = "holder"
    DEPUTY = "deputy"
    VICE_CISO = "vice_ciso"
    CISO = "ciso"


RUNG_TITLES = {Rung.HOLDER: "", Rung.DEPUTY: "代決", Rung.VICE_CISO: "副CISO", Rung.CISO: "CISO"}


@dataclass(frozen=True)
class Deputation:
    """A deputy who was named, accepted, and whose period holds."""

    principal: PersonId
    deputy: Human


@dataclass(frozen=True)
class SeatFacts:
    """Who is who for one step at one moment. `never_deciding` are auditors and contractors, by any row of theirs.

    `other_deciders` decided another step of the line, or somebody decided it in their place. `confirmers` saw the
    subject's authenticator work in the system of the line (SOD-4).
    """

    holders: tuple[Human, ...]
    deputies: tuple[Deputation, ...]
    vice_cisos: tuple[Human, ...]
    cisos: tuple[Human, ...]
    applicant: PersonId
    subject: PersonId
    other_deciders: frozenset[PersonId]
    never_deciding: frozenset[PersonId] = frozenset()
    confirmers: frozenset[PersonId] = frozenset()


@dataclass(frozen=True)
class Seated:
    """One human who may decide the step, and on whose behalf."""

    person_id: PersonId
    rung: Rung
    acting_for: PersonId | None = None


def seated(facts: SeatFacts) -> tuple[Seated, ...]:
    """Those who may decide the step now; empty = held.

    Holders and their deputies stand on one rung, the holders first; the next is asked only where it has nobody.
    """
    rungs = ((*_holders(facts), *_deputies(facts)), _rung(facts, Rung.VICE_CISO), _rung(facts, Rung.CISO))
    return next((rung for rung in rungs if rung), ())


def _free(human: Human, facts: SeatFacts) -> bool:
    barred = facts.other_deciders | facts.confirmers | facts.never_deciding | {facts.applicant, facts.subject}
    return not human.is_one_of(barred)


def _holders(facts: SeatFacts) -> tuple[Seated, ...]:
    return tuple(Seated(human.person_id, Rung.HOLDER) for human in facts.holders if _free(human, facts))


def represented(facts: SeatFacts) -> frozenset[PersonId]:
    """The holders whose deputies may decide the step in their place: those who might decide it themselves (SOD-3)."""
    return frozenset(human.person_id for human in facts.holders if _free(human, facts))


def _deputies(facts: SeatFacts) -> tuple[Seated, ...]:
    principals = represented(facts)
    named_by_free_holders = (named for named in facts.deputies if named.principal in principals)
    return tuple(
        Seated(named.deputy.person_id, Rung.DEPUTY, named.principal)
        for named in named_by_free_holders
        if _free(named.deputy, facts) and not named.deputy.is_one_of(principals)
    )


def _rung(facts: SeatFacts, rung: Rung) -> tuple[Seated, ...]:
    humans = facts.vice_cisos if rung is Rung.VICE_CISO else facts.cisos
    return tuple(Seated(human.person_id, rung) for human in humans if _free(human, facts))
