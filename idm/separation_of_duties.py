"""兼務の禁止: who may not decide what (FK 1-2(7), MT 2(6)). This docstring is the specification.

SOD-1  Nobody decides on their own application.
SOD-2  Nobody decides on an application about themselves.
SOD-3  Nobody decides as the deputy of the applicant, of the subject, or of themselves; nor of anybody else who might
       not decide it in person, by SOD-4, 6 or 7: a deputy is bound by the rules that bind their principal, and by their
       own. No exception lifts that.
SOD-4  One human decides at most one step of a line, unless the CISO permitted an exception named on the application.
       A step decided in somebody's place counts as decided by both.
       Nor does anybody decide who saw the subject's authenticator work in that system: no exception lifts that.
SOD-5  The same human under another account or another employment is the same person in every rule here.
SOD-6  Whoever audits never decides on what is audited.
SOD-7  A contractor never decides.
SOD-8  No line gives one human two entitlements declared to conflict.

No role is exempt, an administrator's least of all, and no command makes a decision. Every rule is a pure function of a
frozen `Decision`; `RULES` lists them in the order in which they are told. The database repeats SOD-1 to 4 as
constraints, for the day on which this file is not asked.
"""

from collections.abc import Callable
from dataclasses import dataclass

from idm.errors import SeparationOfDuties

PersonId = int


@dataclass(frozen=True)
class Human:
    """A person and every other person row that is, or may be, the same human (SOD-5)."""

    person_id: PersonId
    same_as: frozenset[PersonId] = frozenset()

    @property
    def rows(self) -> frozenset[PersonId]:
        """Every person row of this human."""
        return self.same_as | {self.person_id}

    def is_one_of(self, people: frozenset[PersonId]) -> bool:
        """Whether this human is among the people, under any of their rows."""
        return bool(people & self.rows)


@dataclass(frozen=True)
class Decision:
    """Everything the rules look at when somebody is about to decide one step of one line.

    `acting_for` is the officer a deputy stands in for; what is said of the decider holds for all of their rows (SOD-5).
    `other_deciders` decided another step of the line, or somebody did in their place. `confirmers` saw the subject's
    authenticator work in the system of the line. `principal_never_decides`: whom the deputy stands in for audits, or is
    a contractor.
    """

    decider: Human
    applicant: PersonId
    subject: PersonId
    other_deciders: frozenset[PersonId] = frozenset()
    confirmers: frozenset[PersonId] = frozenset()
    acting_for: Human | None = None
    principal_never_decides: bool = False
    decider_audits: bool = False
    decider_is_contractor: bool = False
    conflicting_entitlements: tuple[tuple[str, str], ...] = ()
    approves: bool = True
    excepted_rules: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Violation:
    """One rule that forbids the decision, in words for the person who is refused."""

    rule: str
    message: str
    exceptable: bool = False
    """Whether an exception to the rule lifts it."""


def own_application(decision: Decision) -> Violation | None:
    """SOD-1 and SOD-5."""
    if decision.decider.is_one_of(frozenset({decision.applicant})):
        return Violation("SOD-1", "自分が申請したものを自分で決裁することはできません。")
    return None


def about_oneself(decision: Decision) -> Violation | None:
    """SOD-2 and SOD-5."""
    if decision.decider.is_one_of(frozenset({decision.subject})):
        return Violation("SOD-2", "自分についての申請を自分で決裁することはできません。")
    return None


def deputy_of_the_interested(decision: Decision) -> Violation | None:
    """SOD-3 and SOD-5."""
    if decision.acting_for is None:
        return None
    if decision.acting_for.is_one_of(frozenset({decision.applicant, decision.subject})):
        return Violation("SOD-3", "申請者又は対象者の代理として決裁することはできません。")
    if decision.decider.is_one_of(decision.acting_for.rows):
        return Violation("SOD-3", "自分自身の代理として決裁することはできません。")
    return None


def deputy_of_the_barred(decision: Decision) -> Violation | None:
    """SOD-3 and SOD-5: whoever may not decide the step in person does not decide it through somebody else."""
    principal = decision.acting_for
    if principal is None:
        return None
    if principal.is_one_of(decision.other_deciders):
        return Violation("SOD-3", "別の決裁欄を決裁した人（代決された人を含む）の代理として決裁することはできません。")
    if principal.is_one_of(decision.confirmers):
        message = "この人の認証要素の使用を開始した人の代理として、その情報システムの権限を決裁することはできません。"
        return Violation("SOD-3", message)
    if decision.principal_never_decides:
        return Violation("SOD-3", "監査を行う者又は委託事業者の代理として決裁することはできません。")
    return None


def one_human_one_step(decision: Decision) -> Violation | None:
    """SOD-4 and SOD-5."""
    if decision.decider.is_one_of(decision.other_deciders):
        message = "同じ申請の二つの決裁欄を一人で決裁することはできません（代決をした人も、された人も同じです）。"
        return Violation("SOD-4", message, exceptable=True)
    return None


def desk_decides(decision: Decision) -> Violation | None:
    """SOD-4 and SOD-5: whoever put the authenticator to use does not give the right that rests on it."""
    if decision.decider.is_one_of(decision.confirmers):
        message = "この人の認証要素の使用を開始した人は、その情報システムの権限を決裁できません。"
        return Violation("SOD-4", message)
    return None


def auditor_decides(decision: Decision) -> Violation | None:
    """SOD-6 (FK 1-2(7)②, MT 2(6)イ)."""
    if decision.decider_audits:
        return Violation("SOD-6", "監査を行う者は、監査の対象となる決裁をすることはできません。")
    return None


def contractor_decides(decision: Decision) -> Violation | None:
    """SOD-7 (FK 6-2(3)④)."""
    if decision.decider_is_contractor:
        return Violation("SOD-7", "委託事業者は決裁をすることができません。")
    return None


def conflicting_entitlements(decision: Decision) -> Violation | None:
    """SOD-8. Only an approval gives anything."""
    if decision.approves and decision.conflicting_entitlements:
        first, second = decision.conflicting_entitlements[0]
        return Violation("SOD-8", f"「{first}」と「{second}」を一人が同時に持つことは禁じられています。")
    return None


Rule = Callable[[Decision], Violation | None]
RULES: tuple[Rule, ...] = (
    own_application,
    about_oneself,
    deputy_of_the_interested,
    one_human_one_step,
    desk_decides,
    deputy_of_the_barred,
    auditor_decides,
    contractor_decides,
    conflicting_entitlements,
)
EXCEPTABLE = frozenset({"SOD-4"})
"""Rules that an exception can lift ("unless unavoidable", FK 1-2(7)①). Nothing lifts the others."""


def violations(decision: Decision) -> tuple[Violation, ...]:
    """Every rule that forbids the decision, exceptions taken into account; empty = it may be made."""
    found = (rule(decision) for rule in RULES)
    lifted = decision.excepted_rules & EXCEPTABLE
    return tuple(one for one in found if one is not None and not (one.exceptable and one.rule in lifted))


def require(decision: Decision) -> None:
    """Afterwards no rule forbids the decision. Raises SeparationOfDuties with the code of the first that does."""
    for violation in violations(decision):
        raise SeparationOfDuties(f"{violation.message}（{violation.rule}）", code=violation.rule)
