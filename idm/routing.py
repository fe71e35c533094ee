"""Who decides a step, at the moment of decision: the ladder (control A2; FK 1-2(1)④⑤, 6-2(1)①).

The holder of the seat decides, unless they are the applicant, the subject, the decider of another step, or put the
subject's authenticator to use there (SOD-4). Then an accepted deputy of the holder, then the vice-CISO, then the CISO.
When nobody is left the step is held, and is shown as held. A holder who is the applicant or the subject is not
represented by their deputy: that would be deciding in their interest (SOD-3). Whoever never decides (SOD-6, SOD-7)
fills no rung, so that the ladder goes on past them. Pure: takes who is who, answers who may.
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

    `confirmers` saw the subject's authenticator work in the system of the line (SOD-4).
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
    """Those who may decide the step now, all on the first rung that has anyone; empty = held."""
    rungs = (_holders(facts), _deputies(facts), _rung(facts, Rung.VICE_CISO), _rung(facts, Rung.CISO))
    return next((rung for rung in rungs if rung), ())


def _free(human: Human, facts: SeatFacts) -> bool:
    barred = facts.other_deciders | facts.confirmers | facts.never_deciding | {facts.applicant, facts.subject}
    return not human.is_one_of(barred)


def _interested(human: Human, facts: SeatFacts) -> bool:
    return human.is_one_of(frozenset({facts.applicant, facts.subject}))


def _holders(facts: SeatFacts) -> tuple[Seated, ...]:
    return tuple(Seated(human.person_id, Rung.HOLDER) for human in facts.holders if _free(human, facts))


def _deputies(facts: SeatFacts) -> tuple[Seated, ...]:
    principals = {human.person_id for human in facts.holders if not _interested(human, facts)}
    return tuple(
        Seated(named.deputy.person_id, Rung.DEPUTY, named.principal)
        for named in facts.deputies
        if named.principal in principals and _free(named.deputy, facts)
    )


def _rung(facts: SeatFacts, rung: Rung) -> tuple[Seated, ...]:
    humans = facts.vice_cisos if rung is Rung.VICE_CISO else facts.cisos
    return tuple(Seated(human.person_id, rung) for human in humans if _free(human, facts))
