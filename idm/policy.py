"""A policy profile as frozen values: what one organisation's written standard asks for, with units in the names.

Read by `idm.policy_file`; never by guessing: every value has come from a named file and cites the clause it serves.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from idm.employment_kind import EmploymentKind
from idm.personnel_event import AbsenceKind
from idm.vocabulary import AccountKind, FindingKind, PasswordRuleset, Role, SafetyAction

STRICT = ConfigDict(extra="forbid")
Days = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]


@dataclass(frozen=True, config=STRICT)
class RoleTitle:
    """What an organisation calls a role, and where its standard says so."""

    title: str
    clause: str


@dataclass(frozen=True, config=STRICT)
class SeatRule:
    """Which post fills a role. `unit` None = the unit is given by what is decided on (a system's, a person's)."""

    role: Role
    post: str
    per: Literal["organisation", "unit", "system"]
    """`organisation` (one seat), `unit` (one in every unit with that post) or `system` (the unit named by a system)."""
    unit: str | None = None


@dataclass(frozen=True, config=STRICT)
class ApplicationRules:
    """Who may apply for whom, who decides, and how long an application waits (FK 6-2(1)①)."""

    route: tuple[Role, ...]
    own: bool
    section_for_own_unit: bool
    hr_for_all: bool
    lapse_days: Positive
    electronic_form_rule: str
    """The rule that makes the electronic form 書面; empty = it is also printed and filed."""


@dataclass(frozen=True, config=STRICT)
class PersonnelRules:
    """What personnel events do to rights, and what happens to a leaver's account (FK 6-2(2)①)."""

    delete_after_days: Days
    overlap_days: Days
    """猶予期間: how long a mover keeps what only the old post gave; always 0 for My Number systems."""
    suspending_absences: frozenset[AbsenceKind]
    """Absences during which nobody may sign in (休職, 育児休業 …)."""


@dataclass(frozen=True, config=STRICT)
class OutsideRules:
    """People outside HR and non-regular staff (FK 5-1(2), 6-3(2)⑪)."""

    number_prefix: Annotated[str, Field(pattern=r"^[A-Z]{1,4}$")]
    """What the numbers of the register of people outside HR begin with."""
    handover_days: Positive
    """How long a new sponsor may take to accept before the outside person's access ends."""
    longest_days: Positive
    """The longest period of one entry in the register."""
    consent_kinds: frozenset[EmploymentKind]
    """Kinds of employment that need a recorded consent before the first right (FK 5-1(2)②)."""


@dataclass(frozen=True, config=STRICT)
class LeavingRules:
    """What a leaver gives back (FK 5-1(1)⑧)."""

    return_items: tuple[str, ...]
    remind_before_days: Days
    remind_every_days: Positive


@dataclass(frozen=True, config=STRICT)
class StandingRules:
    """Standing approvals (包括承認): off unless a rule of the organisation allows them."""

    rule: str
    """The rule that allows them; empty = there are none."""
    lapse_days: Positive
    """How long one still holds after either approver changed."""


@dataclass(frozen=True, config=STRICT)
class RunLimit:
    """How many people one kind of run may do one thing to within a window; whichever is reached first stops it."""

    window_hours: Positive
    share: Annotated[float, Field(gt=0, le=1)]
    count: Positive
    unit_share: Annotated[float, Field(gt=0, le=1)]
    """Of the people of one department."""
    unit_count: Positive
    """A department's share only stops a run that touches more than so many of its people: two of three may move."""


@dataclass(frozen=True, config=STRICT)
class ReconciliationRules:
    """What happens to what a directory shows beyond, or short of, what was approved (FK 6-2(1)②)."""

    repair: Literal["report", "repair"]
    """`repair`: what gives more than was approved is put right at once. `report`: it waits for a person."""
    justify_days: Positive
    """For how long somebody may answer for a finding."""
    most_share: Annotated[float, Field(gt=0, le=1)]
    """Of a system's accounts: a run that would change, or misses, more than this share stops and says so."""
    most_accounts: Positive
    """The same in accounts; whichever is reached first. A wrong setting must not stop a town."""
    remind_before_days: Days
    """So long before the last day of taking over, the system's manager is reminded."""


@dataclass(frozen=True, config=STRICT)
class WorkOrderRules:
    """Work done by hand in systems without an interface (FK 6-1(4)③)."""

    due_days: Days
    """Days after the one it was issued on that ordinary work may take."""
    urgent_hours: Positive
    """How long stopping somebody may take."""
    escalate_to: Annotated[tuple[Role, ...], Field(min_length=1)]
    """Who is told that work is overdue, one level after the other."""
    escalate_hours: Positive
    """The time between two levels."""
    listing_days: Positive
    """How old the list of a system's user IDs may be before the system counts as not examined."""


@dataclass(frozen=True, config=STRICT)
class DormancyTimes:
    """After how many days what happens to an unused ID (FK 6-2(2)③): it is warned of, then disabled, then deleted."""

    unused_days: Positive
    never_used_days: Positive
    disable_after_days: Positive
    """Days between the warning and the stop; a step never falls on a day off."""
    delete_after_days: Days
    """Days between the stop and the deletion; 0 = it is never deleted for that."""

    def shortened(self, own: Mapping[str, int]) -> "DormancyTimes":
        """The sooner of each of these times and of those named in `own`; never is later than any day."""
        sooner = {name: days for name, days in own.items() if _is_sooner(name, days, getattr(self, name))}
        return replace(self, **sooner)

    def longer(self, own: Mapping[str, int]) -> list[str]:
        """Which of the times named in `own` are later than these."""
        return [name for name, days in own.items() if _is_sooner(name, getattr(self, name), days)]


def _is_sooner(name: str, days: int, than: int) -> bool:
    if name == "delete_after_days" and 0 in (days, than):
        return days != 0 and than == 0
    return days < than


@dataclass(frozen=True, config=STRICT)
class DormancyRules:
    """When an ID counts as unused, and what then happens (FK 6-2(2)③). A system may have times of its own."""

    times: DormancyTimes
    by_kind: dict[AccountKind, DormancyTimes]
    """Kinds of account with times of their own."""
    window_days: Positive
    """The sliding window of the next three: whichever is reached first holds the rest back, and says so."""
    most_share: Annotated[float, Field(gt=0, le=1)]
    """Of a system's accounts that may be stopped for disuse within the window; and as many may be deleted."""
    most_accounts: Positive
    keep_after_leaving_days: Positive
    """So long after somebody's last day nothing of theirs is deleted for disuse: records of a new term come late."""

    def times_of(self, kind: AccountKind) -> DormancyTimes:
        """The times of that kind of account."""
        return self.by_kind.get(kind, self.times)

    def in_system(self, own: Mapping[str, int]) -> "DormancyRules":
        """The rules in a system with those times of its own: of every kind of account the sooner holds."""
        by_kind = {kind: times.shortened(own) for kind, times in self.by_kind.items()}
        return replace(self, times=self.times.shortened(own), by_kind=by_kind)


@dataclass(frozen=True, config=STRICT)
class CalendarRules:
    """Which days are no working days, besides Saturdays, Sundays and national holidays."""

    closed_days: tuple[Annotated[str, Field(pattern=r"^\d{2}-\d{2}$")], ...]
    """Month and day (`12-29`): the organisation is closed every year."""
    opens_at: Annotated[str, Field(pattern=r"^\d{2}:\d{2}$")]
    closes_at: Annotated[str, Field(pattern=r"^\d{2}:\d{2}$")]
    """Working hours of a working day; decisions and administration outside stand out in the log check (FK 6-1(6)③)."""


@dataclass(frozen=True, config=STRICT)
class SweepRules:
    """The nightly examination as a whole (FK 6-2(2)③)."""

    sign_off: Annotated[tuple[Role, ...], Field(min_length=1)]
    """Who checks the result and puts their name to it, each of them (control C2)."""
    sign_off_every_days: Positive
    sign_off_days: Positive
    """How long one may wait for its names before the chief is told."""
    at_once: Positive
    """How many systems are examined at the same time."""
    hold_back_hours: Positive
    """How long one system may take before its examination counts as failed."""


@dataclass(frozen=True, config=STRICT)
class FindingRules:
    """The life of a finding: whose it is, until when, who is told when nothing happens (FK 7-2(1))."""

    due_days: Positive
    """Days for an answer, of which only working days are the last."""
    urgent_due_days: Days
    urgent: frozenset[FindingKind]
    """Kinds that are told of the same day and have the shorter time."""
    escalate_to: Annotated[tuple[Role, ...], Field(min_length=1)]
    escalate_every_days: Positive
    accept_longest_days: Positive
    """The longest time for which the CISO accepts a risk."""


@dataclass(frozen=True, config=STRICT)
class ReviewRules:
    """Access reviews (棚卸し; MT 7-2(1)イ(エ))."""

    every_months: Positive
    answer_days: Positive
    most_answer_days: Positive
    """The last day that whoever opens a campaign may name: so many days later at most."""
    remind_every_days: Positive
    escalate_after_days: Positive
    """Days past the last one until what nobody answered is treated as the next value says; whoever is asked in
    somebody's place later has as many of their own."""
    unanswered: Literal["remove", "stays_open"]
    approver_may_review: bool
    """Whether somebody may review what they approved themselves; the holder never may."""
    rubber_stamp_seconds: Positive
    """Decisions quicker than this, on average, are shown as rubber-stamping."""
    kept_at_once: Positive
    """So is keeping so many, and everything, in one act, however long it was looked at."""


@dataclass(frozen=True, config=STRICT)
class GivingBackRules:
    """What people no longer need, and what comes to its end (FK 6-2(2)②)."""

    way: Literal["application", "notice"]
    """`application`: the officers decide on giving back. `notice`: it is taken note of and ends at once."""
    remind_before_days: tuple[Positive, ...]
    """So many days before the last day of a right its holder is reminded."""
    renew_from_days: Positive
    """From so many days before the last day renewal can be applied for."""


@dataclass(frozen=True, config=STRICT)
class ExceptionRules:
    """The register of exceptions (例外措置; FK 8)."""

    asked_by: Annotated[tuple[Role, ...], Field(min_length=1)]
    longest_days: Positive
    remind_before_days: Positive
    check_every_days: Positive
    """How often those that hold are checked (FK 8(3))."""
    emergency_report_hours: Positive
    """After an act first, report later: so long until the report is overdue (FK 8(2))."""
    emergency_escalate_to: Annotated[tuple[Role, ...], Field(min_length=1)]


@dataclass(frozen=True, config=STRICT)
class StopRules:
    """Stopping a person, a card, a system or a list of accounts; and the way back (FK 5-4(1), 6-5(2), 10)."""

    told: tuple[Role, ...]
    """Who is told at once of a stop, whoever ordered it."""
    violation_decided_by: Annotated[tuple[Role, ...], Field(min_length=1)]
    """Who decides to stop somebody for a violation, after guidance has failed (FK 10(3))."""
    violation_told: tuple[Role, ...]
    watch_minutes: Positive
    """How often what an order in force names is read again: somebody may have enabled it by hand."""
    watch_at_once: Positive
    """How many IDs of one system one round of that reads at most: the rest wait for the next."""


@dataclass(frozen=True, config=STRICT)
class NoticeRules:
    """Mail: digests, and whom an unanswered one goes to next."""

    digest_at: Annotated[str, Field(pattern=r"^\d{2}:\d{2}$")]
    """When the daily digest leaves, on working days, for those who chose it."""
    remind_decision_days: Positive
    """After how many working days an undecided application is brought to mind."""
    escalate_decision_days: Positive
    """After how many more the next one in line is told."""
    escalate_to: Annotated[tuple[Role, ...], Field(min_length=1)]


@dataclass(frozen=True, config=STRICT)
class LogCheckRules:
    """What stands out in our own record (FK 6-1(6)③)."""

    window_minutes: Positive
    most_acts: Positive
    """More acts of one person within the window are a burst."""
    most_refusals: Positive
    """The same of refused ones."""
    decision_seconds: Positive
    """A decision so soon after the one before it, on another application, was hardly read."""
    most_quick_decisions: Positive
    """So many of them on one day are a finding."""
    most_decisions_an_hour: Positive
    """More decisions of one person within an hour are a finding as well, however evenly they came."""
    sudden_after_days: Positive
    """An ID not used for so long that is used again is a finding."""
    most_clock_seconds: Positive
    """So far may the clocks of a directory and of the product differ (FK 7-1(2))."""
    most_export_hours: Positive
    """What a collector of the record has not taken for so long is a finding (FK 6-1(6))."""
    check_every_days: Positive
    """How often somebody puts their name to having looked (FK 6-1(6)③)."""
    checked_by: Annotated[tuple[Role, ...], Field(min_length=1)]


@dataclass(frozen=True, config=STRICT)
class PasswordRules:
    """Temporary passwords and our own sign-in's passwords (FK 5-4(3), 6-2(9))."""

    temporary_length: Positive
    temporary_hours: Positive
    own_minimum_length: Positive
    own_guesses_log10: Annotated[int, Field(ge=0, le=20)]
    """How many tries somebody who knows the place would need to guess a password of the product's own: 8 = 10^8."""
    rules: PasswordRuleset
    """Which school of rules ordinary passwords in directories follow (controls E4, E5)."""
    minimum_length: Positive
    lockout_after: Positive
    """After how many wrong passwords a directory locks an ordinary ID, at the most."""
    maximum_age_days: Days
    """How old an ordinary password may grow; 0 = it is changed only on suspicion. More only with `legacy-periodic`."""
    spread_days: Days
    """Over how many days before its last one each ID's own day of change is spread, so that never all fall together."""
    deviation: str
    """Which rule of the organisation demands periodic change, and that it departs from current advice; or empty."""


@dataclass(frozen=True, config=STRICT)
class SignInRules:
    """The product's own sign-in (FK 6-2(6)②, 6-2(8))."""

    idle_minutes: Positive
    absolute_hours: Positive
    attempts: Positive
    lock_minutes: Positive
    enrolment_hours: Positive
    step_up_minutes: Positive
    """So fresh must the second factor be for what matters most (control B3)."""
    second_factor_roles: frozenset[Role]


@dataclass(frozen=True, config=STRICT)
class ZoneRules:
    """What a zone asks for before a right in it becomes effective (FK 3(1)②ア; MD 6(3)ア)."""

    mynumber_forbidden: bool


@dataclass(frozen=True, config=STRICT)
class FactorRules:
    """Authenticators and what is read back of them (FK 3(1)②ア, 5-4(1))."""

    readback_days: Positive
    """How old what was last read back may be before it shows nothing any more."""
    most_share: Annotated[float, Field(gt=0, le=1)]
    """Of a system's people: an enrolment list that would stop more than this share is refused until confirmed."""
    most_people: Positive
    """The same in people; whichever is reached first."""
    two_names_for_destruction: bool
    """Whether a second person puts their name to the collection and destruction of an authenticator."""
    follow_up_days: Positive
    """How long the follow-up of a loss may stay open before the security officer is reminded."""


@dataclass(frozen=True, config=STRICT)
class ExternalAccessRules:
    """Access from outside, and to the internet (FK 6-2(4), 6-2(5))."""

    longest_days: Positive
    """The longest period of one approval; what is still needed is applied for again, and so reviewed."""


@dataclass(frozen=True, config=STRICT)
class ProfileQuestion:
    """One thing to be written about: a check, a measure, a step. The code stays when the words change."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    question: Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, config=STRICT)
class ExternalServiceRules:
    """The register of external services: who applies, who decides, what is asked, when it ends (FK 11-2, 11-3)."""

    asked_by: Annotated[tuple[Role, ...], Field(min_length=1)]
    decided_by: Annotated[tuple[Role, ...], Field(min_length=1)]
    """Who answers an application; never who asked."""
    administrator_named: bool
    """Whether an approval names the service's administrator (FK 11-2(4)③)."""
    check_every_days: Positive
    end_notice_days: Annotated[int, Field(ge=0)]
    """How long before its end the users of a service are told."""
    end_within_days: Positive
    """How long after its day an end that is not finished becomes a finding."""
    checks: tuple[ProfileQuestion, ...]
    """What is looked into about a provider before an application, in this order (FK 11-2(2))."""

    @property
    def questions(self) -> dict[str, str]:
        """Code → question, in their order."""
        return {one.code: one.question for one in self.checks}


@dataclass(frozen=True, config=STRICT)
class OfficialAccountRules:
    """Official social-media accounts: who applies, who decides, what is done when one is taken over (FK 6-1(22))."""

    asked_by: Annotated[tuple[Role, ...], Field(min_length=1)]
    decided_by: Annotated[tuple[Role, ...], Field(min_length=1)]
    """Who answers an application; never who asked."""
    check_every_days: Positive
    confirm_within_days: Positive
    """How long one that was given up may wait for its confirmation before it is a finding."""
    told_of_take_over: Annotated[tuple[Role, ...], Field(min_length=1)]
    steps: Annotated[tuple[ProfileQuestion, ...], Field(min_length=1)]
    """What is done when one is taken over, in this order (FK 6-1(22)④)."""

    @property
    def questions(self) -> dict[str, str]:
        """Code → step, in their order."""
        return {one.code: one.question for one in self.steps}


@dataclass(frozen=True, config=STRICT)
class DevicePermit:
    """One office whose permit a device needs."""

    role: Role


@dataclass(frozen=True, config=STRICT)
class OwnDeviceRules:
    """Devices that the body did not issue: who permits them, for how long, what is asked (FK 5-1(1)④, MC 5.1)."""

    permits: Annotated[tuple[DevicePermit, ...], Field(min_length=1)]
    """One after the other, each by another person and never by the holder."""
    most_confidential: Annotated[int, Field(ge=1, le=3)]
    """The highest confidentiality of information that may be handled with one at all."""
    longest_days: Positive
    remind_days: Annotated[int, Field(ge=0)]
    """How long before its end the holder is reminded."""
    check_every_days: Positive
    clear_within_days: Positive
    """How long a device may wait to be cleared, or to be confirmed, before it is a finding."""
    told_of_loss: Annotated[tuple[Role, ...], Field(min_length=1)]
    checks: tuple[ProfileQuestion, ...]
    """The measures that an applicant says how they take, in this order (MC 5.1)."""

    @property
    def questions(self) -> dict[str, str]:
        """Code → question, in their order."""
        return {one.code: one.question for one in self.checks}


@dataclass(frozen=True, config=STRICT)
class PrivilegedRules:
    """Privileged IDs: their use, their passwords, who stands in (FK 6-2(3), 6-2(10))."""

    use_hours: Positive
    """The longest time of one use."""
    use_approval: bool
    """Whether another person approves each use; emergency use never waits for it."""
    approve_by: Annotated[tuple[Role, ...], Field(min_length=1)]
    """Who may."""
    asked_hours: Positive
    """How long an unanswered request to use one waits before it lapses."""
    at_once_hours: Positive
    """The same of one that was to begin as soon as it is permitted: whoever asked has gone home by then."""
    report_hours: Positive
    """How long after its end the work report of a use may take."""
    emergency_report_hours: Positive
    """The same of an emergency use, until the CISO has been given the report (FK 8(2))."""
    minimum_length: Positive
    lockout_after: Positive
    rotation_days: Positive
    """How old a privileged, shared or service password may grow, whatever holds for ordinary ones (D4)."""
    out_of_band: Literal["remove", "escalate"]
    """`remove`: a member of a privileged group without a grant is taken out in the same run; both are told of (D9)."""
    deputy_named_by: Annotated[tuple[Role, ...], Field(min_length=1)]
    """Who names deputies for privilege (代行者)."""
    deputy_notified: tuple[Role, ...]
    """Who is told at once when one is accepted."""
    deputy_longest_days: Positive
    longest_days: Positive
    """For how long a privileged right, the use of a shared ID or a place in the register is given at a time (D1)."""
    unused_days: Positive
    """After how many days without use a privileged right is proposed for removal (D1)."""
    end_notice_days: Positive
    """How many days before the last day of a registered ID its owner and its system's manager are told, once."""


@dataclass(frozen=True, config=STRICT)
class RecordRules:
    """How long records and logs are kept (FK 6-1(6))."""

    records_years: Positive
    logs_months: Positive


@dataclass(frozen=True, config=STRICT)
class Origin:
    """Where a value of a profile came from, and which clause it serves."""

    file: str
    clause: str


@dataclass(frozen=True, config=STRICT)
class Policy:
    """The values of one organisation's profile."""

    title: str
    standard: str
    roles: dict[Role, RoleTitle]
    seats: tuple[SeatRule, ...]
    applications: ApplicationRules
    personnel: PersonnelRules
    outside: OutsideRules
    leaving: LeavingRules
    standing: StandingRules
    safety: dict[SafetyAction, RunLimit]
    reconciliation: ReconciliationRules
    work_orders: WorkOrderRules
    dormancy: DormancyRules
    calendar: CalendarRules
    sweep: SweepRules
    findings: FindingRules
    reviews: ReviewRules
    giving_back: GivingBackRules
    exceptions: ExceptionRules
    stops: StopRules
    notices: NoticeRules
    log_check: LogCheckRules
    passwords: PasswordRules
    sign_in: SignInRules
    zones: ZoneRules
    factors: FactorRules
    external_access: ExternalAccessRules
    external_services: ExternalServiceRules
    official_accounts: OfficialAccountRules
    own_devices: OwnDeviceRules
    privileged: PrivilegedRules
    records: RecordRules
    digest: str = ""
    """SHA-256 of the effective values; every audit record cites it."""

    def title_of(self, role: Role) -> str:
        """What this organisation calls the role."""
        return self.roles[role].title

    @property
    def idle(self) -> timedelta:
        """How long a session may rest."""
        return timedelta(minutes=self.sign_in.idle_minutes)
