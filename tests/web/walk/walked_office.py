"""The office that is walked through: every role held by somebody who holds no other, and objects in every state.

Two units (0100 and 0700) have a section manager each, two systems (ledger of 0600, pension of 0700) a manager each: so
there is somebody with the same role elsewhere for whatever belongs to a unit or a system.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idm.factors.authenticator_state import AuthenticatorState
from idm.grant_state import GrantState
from idm.models.audit import AuditRecord
from idm.models.authenticators import Authenticator, LossReport
from idm.models.dormancy import DormancyCase
from idm.models.exceptions import RegisteredException
from idm.models.external_services import ExternalService, ProviderAccount
from idm.models.feeds import MatchQuestion, UploadedFeed, UploadState
from idm.models.going_live import FoundAccount
from idm.models.leaving import LeavingChecklist, ReturnItem, ReturnState
from idm.models.log_checks import LegalHold
from idm.models.officers import ConfigurationVersion, Deputy, Officer
from idm.models.official_accounts import OfficialAccount, OfficialAccountPoster, TakeOver
from idm.models.outside import Contract, ServiceBlock, Sponsorship
from idm.models.own_devices import OwnDevice, OwnDevicePermit
from idm.models.people import OrganisationUnit
from idm.models.privileged import PrivilegeDeputy
from idm.models.requests import ApprovalStep, Grant, Request, RequestLine
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.models.safety import PlannedBatch, RunKind
from idm.models.standing import StandingApproval
from idm.models.stops import StopOrder, ViolationReport
from idm.models.systems import Account, Entitlement, Handover, InformationSystem
from idm.models.work import Finding
from idm.models.work_orders import Listing, WorkOrder, WorkOrderState
from idm.operations.approval import requests
from idm.queries.stops.orders import wish_to_lift
from idm.request_state import Event
from idm.vocabulary import (
    AccountKind,
    AuthenticatorKind,
    DormancyStage,
    ExceptionScope,
    ExceptionState,
    ExternalServiceState,
    FindingKind,
    FoundState,
    OfficialAccountState,
    OwnDeviceEnd,
    OwnDeviceState,
    ProviderAccountEnd,
    ReviewScope,
    Role,
    Service,
    StopCause,
    StopKind,
)
from tests.cast import NOW, PEOPLE, TODAY, Cast, add_person
from tests.templates import with_cast
from tests.web.walk.privileged_things import REGISTERED_STATES, STATES, kept_account, registered_id, use_of

LEDGER, PENSION = "ledger", "pension"
OWNER_UNIT = {LEDGER: "0600", PENSION: "0700"}
MORE_PEOPLE = {
    "section_a": ("100021", "課長　甲", "0100", "課長補佐"),
    "section_b": ("100022", "課長　乙", "0700", "課長"),
    "system_b": ("100023", "管理　乙", "0700", "管理係長"),
    "staff_b": ("100024", "職員　乙", "0700", "主事"),
    "sponsor": ("100025", "受入　担当", "0600", "主事"),
    "left": ("100026", "退職　済子", "0100", "主事"),
    "to_come": ("100027", "採用　予定", "0100", "主事"),
}
SINGLE_ROLES = {
    "ciso": Role.CISO, "vice": Role.VICE_CISO, "chief": Role.CHIEF, "security": Role.SECURITY, "hr": Role.HR,
    "desk": Role.HANDOVER, "auditor": Role.AUDITOR, "system": Role.SYSTEM, "system_b": Role.SYSTEM,
    "section_a": Role.SECTION, "section_b": Role.SECTION,
}  # fmt: skip
NO_ROLE = ("staff", "other", "staff_b", "contractor", "sponsor")
MISSING = 9_999


@dataclass(frozen=True)
class Thing:
    """One object that an address names, with the facts by which somebody stands to it.

    `persons`: whose it is, by relation (applicant, subject, sponsor, officer ...); `unit` and `system`: where it is.
    """

    id: int
    state: str = ""
    unit: str = ""
    system: str = ""
    persons: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    beside: dict[str, int] = field(default_factory=dict)
    """Other ids that addresses of this object carry."""

    @property
    def exists(self) -> bool:
        """Whether there is such an object at all."""
        return self.id != MISSING


Things = dict[str, list[Thing]]
"""The name of an address's parameter → what it is walked with."""


@dataclass(frozen=True)
class WalkedOffice:
    """The office with its things."""

    cast: Cast
    things: Things


def build(folder: Path) -> WalkedOffice:
    """The office on a new database in the folder."""
    cast = with_cast(folder / "walked.db")
    with cast.database.writing() as session:
        _people(session, cast)
    applications = _applications(cast)
    with cast.database.writing() as session:
        made = _Maker(session, cast)
        things: Things = {"request_id": applications(session), **made.things()}
    for of_kind in things.values():
        of_kind.append(Thing(MISSING, "missing"))
    return WalkedOffice(cast, things)


def _people(session: Session, cast: Cast) -> None:
    session.execute(delete(Officer).where(Officer.role.in_((Role.SECTION, Role.SYSTEM))))
    units = {unit.code: unit for unit in session.scalars(select(OrganisationUnit))}
    units["0700"] = OrganisationUnit(code="0700", name="税務課", valid_from=date(2020, 4, 1))
    for key, (number, name, code, post) in MORE_PEOPLE.items():
        person = add_person(session, number, name, "カナ　" + key, units[code], post)
        cast.people[key] = person.id
    for key, role in SINGLE_ROLES.items():
        if role in (Role.SECTION, Role.SYSTEM):
            unit = MORE_PEOPLE[key][2] if key in MORE_PEOPLE else "0600"
            _seat(session, cast, key, role, unit)
    session.scalars(
        select(InformationSystem).where(InformationSystem.code == PENSION)
    ).one().manager_unit_code = OWNER_UNIT[PENSION]
    cast.employment(session, "left").valid_until = TODAY
    cast.employment(session, "to_come").valid_from = TODAY + timedelta(days=30)


def _seat(session: Session, cast: Cast, key: str, role: Role, unit: str) -> None:
    session.add(
        Officer(
            role=role, person_id=cast.people[key], unit_code=unit, valid_from=date(2020, 4, 1), confirmed_at=NOW,
            confirmed_by_id=cast.people["ciso"],
        )
    )  # fmt: skip


def _applications(cast: Cast) -> Callable[[Session], list[Thing]]:
    """Applications in every state, with who stands in which relation to each."""
    account = "ledger/account"
    made = {
        "pending, for oneself": (cast.file("staff", ("staff", account)), "staff", "staff"),
        "pending, by the section": (cast.file("section_a", ("other", account)), "section_a", "other"),
        "pending, by HR": (cast.file("hr", ("staff_b", account)), "hr", "staff_b"),
        "pending, for the chief": (cast.file("hr", ("chief", account)), "hr", "chief"),
        "approved": (cast.file("hr", ("sponsor", account)), "hr", "sponsor"),
        "half approved": (cast.file("section_b", ("system_b", account)), "section_b", "system_b"),
        "rejected": (cast.file("section_b", ("section_b", account)), "section_b", "section_b"),
        "withdrawn": (cast.file("auditor", ("auditor", account)), "auditor", "auditor"),
    }
    cast.approve(made["approved"][0])
    cast.decide("chief", made["half approved"][0], Role.CHIEF)
    cast.decide("chief", made["rejected"][0], Role.CHIEF, Event.REJECT)
    with cast.acting("auditor", "request.withdraw") as session:
        withdrawn = session.get_one(Request, made["withdrawn"][0])
        requests.withdraw(session, withdrawn, actor=cast.actor("auditor"), policy=cast.policy, now=NOW)

    def things(session: Session) -> list[Thing]:
        found = []
        for state, (request_id, applicant, subject) in made.items():
            step = session.scalars(
                select(ApprovalStep).join(RequestLine).where(
                    RequestLine.request_id == request_id, ApprovalStep.seat == Role.CHIEF
                )
            ).one()  # fmt: skip
            request = session.get_one(Request, request_id)
            form = {
                f"verdict-{step.id}": Event.APPROVE.value, "comment": "確認した",
                "shown_hash": request.content_hash or "",
            }  # fmt: skip
            persons = {"applicant": applicant, "subject": subject}
            found.append(Thing(request_id, state, system=LEDGER, persons=persons, form=form))
        return found

    return things


class _Maker:
    """Makes the rows of everything else."""

    def __init__(self, session: Session, cast: Cast) -> None:
        self.session, self.cast = session, cast
        self.systems = {one.code: one for one in session.scalars(select(InformationSystem))}

    def things(self) -> Things:
        """Everything, by the parameter that names it."""
        accounts = self._accounts()
        return {
            "person_id": self._persons(),
            "account_id": [*accounts, self._kept()],
            "use_id": self._uses(),
            "registered_id": [
                Thing(registered_id(self.session, self.cast, state, self.systems[LEDGER]), state, system=LEDGER)
                for state in REGISTERED_STATES
            ],
            "system_id": [Thing(one.id, system=code) for code, one in self.systems.items()],
            "right_id": self._rights(),
            "finding_id": self._findings(accounts),
            "case_id": self._unused(accounts),
            "order_id": self._orders(accounts),
            "handover_id": self._handovers(accounts),
            "found_id": self._found(),
            "listing_id": self._listings(),
            "batch_id": self._batches(),
            "version_id": self._versions(),
            "employment_id": self._outside(),
            "contract_id": self._contracts(),
            "block_id": self._blocks(),
            "checklist_id": self._leaving(),
            "standing_id": self._standing(),
            "campaign_id": self._campaigns(accounts),
            "upload_id": self._uploads(),
            "question_id": self._questions(),
            "officer_id": self._officers(),
            "deputy_id": self._deputies(),
            "deputyship_id": self._deputyships(),
            "exception_id": self._exceptions(),
            **self._external_services(),
            "device_id": self._own_devices(),
            **self._official_accounts(),
            "stop_id": self._stops(),
            "violation_id": self._violations(),
            "hold_id": self._holds(),
            **self._authenticators(),
            "record_id": [Thing(one) for one in self.session.scalars(select(AuditRecord.id).limit(8))],
        }

    def _add(self, row: object) -> int:
        self.session.add(row)
        self.session.flush()
        return int(row.id)  # type: ignore[attr-defined]

    def _id(self, who: str) -> int:
        return self.cast.people[who]

    def _persons(self) -> list[Thing]:
        keys = ("staff", "chief", "staff_b", "contractor", "left", "section_a")
        standing = {"chief": "decides", "left": "gone"}
        where = {key: known[2] for key, known in MORE_PEOPLE.items()} | {key: known[3] for key, known in PEOPLE.items()}
        return [
            Thing(self._id(key), standing.get(key, "employed"), persons={"subject": key}, unit=where[key])
            for key in keys
        ]

    def _accounts(self) -> list[Thing]:
        made = []
        for code, system in self.systems.items():
            for who in ("other", "staff_b"):
                known = self.session.scalars(
                    select(Account).where(Account.system_id == system.id, Account.person_id == self._id(who))
                ).first()
                row = known or Account(
                    uuid=uuid4(), system_id=system.id, person_id=self._id(who), kind=AccountKind.PERSONAL,
                    login_name=f"walk-{who}", created_at=NOW, handed_over_at=NOW,
                )  # fmt: skip
                made.append(Thing(self._add(row), system=code, persons={"subject": who}))
        return made

    def _kept(self) -> Thing:
        account_id = kept_account(self.session, self.cast, "other", self.systems[LEDGER])
        return Thing(account_id, "kept", system=LEDGER, persons={"subject": "other"})

    def _uses(self) -> list[Thing]:
        made = []
        for state in STATES:
            use_id, persons = use_of(self.session, self.cast, state, self.systems[LEDGER])
            made.append(Thing(use_id, state, system=LEDGER, persons=persons))
        return made

    def _rights(self) -> list[Thing]:
        rows = self.session.scalars(select(Entitlement).order_by(Entitlement.id))
        return [Thing(one.id, system=one.system.code, beside={"system_id": one.system_id}) for one in rows]

    def _findings(self, accounts: list[Thing]) -> list[Thing]:
        made = []
        for number, account in enumerate(accounts):
            resolved = NOW if number % 2 else None
            row = Finding(
                kind=FindingKind.DRIFT, system_id=self.systems[account.system].id, account_id=account.id,
                subject_key=f"walk-{account.id}", label="差異", details={}, fingerprint="f" * 64, first_seen_at=NOW,
                last_seen_at=NOW, resolved_at=resolved,
            )  # fmt: skip
            made.append(Thing(self._add(row), "resolved" if resolved else "open", system=account.system))
        return made

    def _unused(self, accounts: list[Thing]) -> list[Thing]:
        made = []
        for account, stage in zip(accounts, (DormancyStage.DISABLED, DormancyStage.WARNED) * 2, strict=True):
            row = DormancyCase(
                account_id=account.id, kind=FindingKind.DORMANT, stage=stage, source="authTimestamp", warned_at=NOW,
                disable_on=NOW.date(), disabled_at=NOW if stage is DormancyStage.DISABLED else None,
                told_id=self._id(account.persons["subject"]) if "subject" in account.persons else None,
            )  # fmt: skip
            made.append(Thing(self._add(row), stage.value, system=account.system, persons=account.persons))
        return made

    def _orders(self, accounts: list[Thing]) -> list[Thing]:
        made = []
        states = (WorkOrderState.ISSUED, WorkOrderState.DONE, WorkOrderState.CONFIRMED, WorkOrderState.CANCELLED)
        for number, (account, state) in enumerate(zip(accounts, states, strict=True)):
            done = state in (WorkOrderState.DONE, WorkOrderState.CONFIRMED)
            row = WorkOrder(
                number=f"R8-{number}", system_id=self.systems[account.system].id, account_id=account.id,
                subject_id=self._id(account.persons["subject"]), generation=1, state=state, urgent=False,
                hands_over=False, base={"present": False, "handed_over": True}, wanted={}, issued_at=NOW,
                due_at=NOW + timedelta(days=1),
                done_by_id=self._id("sponsor") if done else None, done_at=NOW if done else None,
                confirmed_by_id=self._id("vice") if state is WorkOrderState.CONFIRMED else None,
                confirmed_at=NOW if state is WorkOrderState.CONFIRMED else None,
                cancelled_at=NOW if state is WorkOrderState.CANCELLED else None,
            )  # fmt: skip
            made.append(Thing(self._add(row), state.value, system=account.system, persons=account.persons))
        return made

    def _handovers(self, accounts: list[Thing]) -> list[Thing]:
        made = []
        for account, closed in ((accounts[0], None), (accounts[1], NOW)):
            row = Handover(
                account_id=account.id, system_id=self.systems[account.system].id,
                subject_id=self._id(account.persons["subject"]), officer_id=self._id("desk"), asked_at=NOW,
                public_key=b"-", closed_at=closed,
            )  # fmt: skip
            made.append(Thing(self._add(row), "closed" if closed else "open", persons={"officer": "desk"}))
        return made

    def _found(self) -> list[Thing]:
        made = []
        for code, system in self.systems.items():
            for state in (FoundState.UNDECIDED, FoundState.FINDING):
                row = FoundAccount(
                    system_id=system.id, external_id=f"{code}-{state}", login_name=f"{code}-{state}", display_name="旧",
                    enabled=True, protected=False, marked=False, groups=[], first_seen_at=NOW, last_seen_at=NOW,
                    state=state, candidates=[],
                )  # fmt: skip
                made.append(Thing(self._add(row), state.value, system=code, beside={"system_id": system.id}))
        return made

    def _listings(self) -> list[Thing]:
        made = []
        for code, system in self.systems.items():
            row = Listing(
                system_id=system.id, file_name="a.csv", sha256="0" * 64, as_of=TODAY, row_count=1,
                uploaded_by_id=self._id("desk"), uploaded_by_label="西新", uploaded_at=NOW, shows_enabled=True,
                shows_groups=False, shows_last_use=False,
            )  # fmt: skip
            made.append(Thing(self._add(row), system=code))
        return made

    def _batches(self) -> list[Thing]:
        approved = {"approved_by_id": self._id("chief"), "approved_at": NOW}
        answers: dict[str, dict[str, Any]] = {"waiting": {}, "permitted": approved, "refused": {"refused_at": NOW}}
        made = []
        for state, answer in answers.items():
            row = PlannedBatch(
                kind=RunKind.LIFECYCLE,
                day=TODAY,
                reason="異動",
                proposed_by_id=self._id("hr"),
                proposed_at=NOW,
                **answer,
            )
            made.append(Thing(self._add(row), state, persons={"proposer": "hr"}))
        return made

    def _versions(self) -> list[Thing]:
        first = self.session.scalars(select(ConfigurationVersion).order_by(ConfigurationVersion.id)).first()
        assert first is not None
        made = [Thing(first.id, "in force")]
        for state, refused in (("waiting", None), ("refused", NOW)):
            row = ConfigurationVersion(
                kind=first.kind, name=first.name, version=2 + len(made), content=first.content, digest=first.digest,
                reason="変更", proposed_at=NOW, proposed_by_id=self._id("security"), refused_at=refused,
            )  # fmt: skip
            made.append(Thing(self._add(row), state, persons={"proposer": "security"}))
        return made

    def _outside(self) -> list[Thing]:
        employment = self.cast.employment(self.session, "contractor")
        row = Sponsorship(
            employment_id=employment.id, person_id=self._id("contractor"), sponsor_id=self._id("sponsor"),
            unit_code="0600", since=NOW, accepted_at=NOW, accepted_by_id=self._id("sponsor"),
        )  # fmt: skip
        self._add(row)
        persons = {"sponsor": "sponsor", "subject": "contractor"}
        regular = self.cast.employment(self.session, "staff")
        return [
            Thing(employment.id, "sponsored", unit="0600", persons=persons),
            Thing(regular.id, "not in the register", unit="0100"),
        ]

    def _contracts(self) -> list[Thing]:
        made = []
        for unit in ("0100", "0700"):
            row = Contract(
                number=f"契{unit}", company="会社", title="業務", manager_name="責任者", unit_code=unit,
                valid_from=date(2020, 4, 1), valid_until=date(2027, 4, 1), registered_at=NOW,
                registered_by_id=self._id("hr"),
            )  # fmt: skip
            made.append(Thing(self._add(row), unit=unit))
        return made

    def _blocks(self) -> list[Thing]:
        made = []
        for who, unit in (("staff", "0100"), ("staff_b", "0700")):
            row = ServiceBlock(
                person_id=self._id(who),
                service=Service.MAIL,
                reason="不要",
                reported_by_id=self._id("hr"),
                reported_at=NOW,
            )
            made.append(Thing(self._add(row), unit=unit, persons={"subject": who}))
        return made

    def _leaving(self) -> list[Thing]:
        made = []
        for who, unit in (("left", "0100"), ("staff_b", "0700")):
            employment = self.cast.employment(self.session, who)
            checklist = LeavingChecklist(employment_id=employment.id, due_on=TODAY, made_at=NOW)
            item = ReturnItem(person_id=self._id(who), title="職員証", state=ReturnState.OPEN)
            checklist.items.append(item)
            checklist_id = self._add(checklist)
            made.append(Thing(checklist_id, unit=unit, persons={"subject": who}, beside={"item_id": item.id}))
        return made

    def _standing(self) -> list[Thing]:
        made = []
        for code, ended in ((LEDGER, None), (PENSION, NOW)):
            row = StandingApproval(
                system_id=self.systems[code].id, rule="要綱", reason="異動", rules_digest="0" * 64,
                proposed_by_id=self._id("hr"), proposed_at=NOW, ended_at=ended, end_reason="終" if ended else None,
            )  # fmt: skip
            made.append(Thing(self._add(row), "ended" if ended else "waiting", system=code, persons={"proposer": "hr"}))
        return made

    def _campaigns(self, accounts: list[Thing]) -> list[Thing]:
        """Reviews of one right of somebody in 0100: one that waits for an answer, one that is over."""
        account = next(one for one in accounts if one.system == LEDGER and one.persons["subject"] == "other")
        line = self.session.scalars(select(RequestLine).order_by(RequestLine.id)).first()
        grant = Grant(
            account_id=account.id, entitlement_id=self.cast.entitlement(self.session, "ledger/approve").id,
            line_id=line.id if line else 0, valid_from=TODAY, state=GrantState.IN_FORCE,
        )  # fmt: skip
        self._add(grant)
        made = []
        for closed_at in (None, NOW):
            campaign = ReviewCampaign(
                title="棚卸し", scope=ReviewScope.UNIT, unit_code="0100", looks_at="unit:0100", opened_at=NOW,
                answer_until=TODAY, closed_at=closed_at,
            )  # fmt: skip
            campaign.lines.append(ReviewLine(grant=grant, holder_id=self._id("other"), alike=0, alike_holding=0))
            campaign_id = self._add(campaign)
            answer = {"line": str(campaign.lines[0].id), f"decision-{campaign.lines[0].id}": "keep"}
            made.append(Thing(campaign_id, "closed" if closed_at else "open", unit="0100", form=answer))
        return made

    def _stops(self) -> list[Thing]:
        """Orders in force: one that nobody asks to lift, one that the chief does, one that an operator gave."""
        made = []
        for state in ("open", "asked", "unconfirmed"):
            row = StopOrder(
                kind=StopKind.ACCOUNTS, cause=StopCause.INCIDENT, reason="不審",
                ordered_by_id=self._id("ciso") if state != "unconfirmed" else None,
                operator="運用　四郎" if state == "unconfirmed" else None,
                ordered_at=NOW, lift_asked_by_id=self._id("chief") if state == "asked" else None,
                lift_asked_at=NOW if state == "asked" else None,
            )  # fmt: skip
            made.append(Thing(self._add(row), state, form={"wish": wish_to_lift(row) or ""}))
        return made

    def _holds(self) -> list[Thing]:
        """Holds on the erasure of logs: one that nobody asks to lift, one that the chief does."""
        made = []
        for state in ("open", "asked"):
            asked = {"lift_asked_by_id": self._id("chief"), "lift_asked_at": NOW} if state == "asked" else {}
            row = LegalHold(reason="訴訟", ordered_by_id=self._id("ciso"), ordered_at=NOW, **asked)
            made.append(Thing(self._add(row), state))
        return made

    def _violations(self) -> list[Thing]:
        made = []
        for state in ("reported", "guided", "failed"):
            row = ViolationReport(
                person_id=self._id("staff"), what="共用", reported_by_id=self._id("security"), reported_at=NOW,
                guided_by_id=self._id("security") if state != "reported" else None,
                guided_at=NOW if state != "reported" else None, guidance_failed_at=NOW if state == "failed" else None,
                guidance_failed_by_id=self._id("security") if state == "failed" else None,
            )  # fmt: skip
            made.append(Thing(self._add(row), state, unit="0100", persons={"subject": "staff"}))
        return made

    def _exceptions(self) -> list[Thing]:
        made = []
        for state in (ExceptionState.ASKED, ExceptionState.PERMITTED):
            answered = state is ExceptionState.PERMITTED
            row = RegisteredException(
                state=state, clause="6-2(2)③", scope=ExceptionScope.SYSTEM, system_id=self.systems[LEDGER].id,
                what="年に一度", reason="決算", compensating_control="確認", valid_from=TODAY,
                valid_until=TODAY + timedelta(days=30), asked_by_id=self._id("staff"), asked_at=NOW,
                answered_by_id=self._id("ciso") if answered else None, answered_at=NOW if answered else None,
            )  # fmt: skip
            made.append(Thing(self._add(row), state.value, system=LEDGER, persons={"asker": "staff"}))
        return made

    def _external_services(self) -> Things:
        services, accounts = [], []
        for state in (ExternalServiceState.ASKED, ExternalServiceState.APPROVED, ExternalServiceState.ENDING):
            answered, ending = state is not ExternalServiceState.ASKED, state is ExternalServiceState.ENDING
            row = ExternalService(
                state=state, name="クラウド会計", provider="那珂川電算", purpose="会計", users="総務課",
                information="会計", confidential=True, place="日本", answers={},
                asked_by_id=self._id("security"), asked_at=NOW,
                answered_by_id=self._id("chief") if answered else None, answered_at=NOW if answered else None,
                administrator_id=self._id("other") if answered else None,
                end_on=TODAY + timedelta(days=40) if ending else None,
                end_planned_by_id=self._id("other") if ending else None,
            )  # fmt: skip
            services.append(Thing(self._add(row), state.value, persons={"administrator": "other", "asker": "security"}
                                  if answered else {"asker": "security"}))  # fmt: skip
        for done in (False, True):
            account = ProviderAccount(
                service_id=services[-1].id, name="admin", administers=True, named_by_id=self._id("other"), named_at=NOW,
                done_how=ProviderAccountEnd.DELETED if done else None, done_note="確認" if done else None,
                done_by_id=self._id("other") if done else None, done_at=NOW if done else None,
            )  # fmt: skip
            accounts.append(Thing(self._add(account), "done" if done else "there", persons={"administrator": "other"}))
        return {"service_id": services, "provider_account_id": accounts}

    def _official_accounts(self) -> Things:
        made, posters = [], []
        for state in ("asked", "in_use", "taken_over", "settled", "ended"):
            asked, ended = state == "asked", state == "ended"
            row = OfficialAccount(
                state=OfficialAccountState.TAKEN_OVER if state == "settled" else OfficialAccountState(state), since=NOW,
                unit_code="0100", service="さえずり", handle=f"@{state}", address="https://example", purpose="案内",
                own_page="掲載", same_elsewhere="なし", custody="金庫", two_factors=True, recovery="金庫",
                responsible_id=self._id("staff"), asked_by_id=self._id("security"), asked_at=NOW,
                answered_by_id=None if asked else self._id("chief"), answered_at=None if asked else NOW,
                ended_how="削除" if ended else None, ended_by_id=self._id("staff") if ended else None,
            )  # fmt: skip
            persons = {"responsible": "staff", "asker": "security"} | ({} if asked else {"poster": "other"})
            made.append(Thing(self._add(row), state, unit="0100", persons=persons))
            if state in ("taken_over", "settled"):
                self._add(self._take_over(row.id, settled=state == "settled"))
            if not asked:
                poster = OfficialAccountPoster(
                    official_account_id=row.id, person_id=self._id("other"), unit_code="0100",
                    named_by_id=self._id("staff"), since=NOW,
                )  # fmt: skip
                posters.append(Thing(self._add(poster), state, unit="0100", persons=persons))
        return {"official_account_id": made, "poster_id": posters}

    def _take_over(self, official_account_id: int, *, settled: bool) -> TakeOver:
        return TakeOver(
            official_account_id=official_account_id, what="投稿", reported_by_id=self._id("staff"), reported_at=NOW,
            settled_note="確認" if settled else None, settled_by_id=self._id("staff") if settled else None,
            settled_at=NOW if settled else None,
        )  # fmt: skip

    def _own_devices(self) -> list[Thing]:
        made = []
        for state in ("asked", "ciso permitted", "permitted", "to_clear", "cleared", "lost"):
            row = OwnDevice(
                state=OwnDeviceState.ASKED if state == "ciso permitted" else OwnDeviceState(state), since=NOW,
                holder_id=self._id("staff"), unit_code="0100", contact="092", contract_holder="なし", maker="電子",
                model="N-1", os="Android", os_version="16", purpose="連絡", information="連絡網", confidentiality=1,
                place="自宅", line="光回線", connects_inside=False, answers={}, begins_on=TODAY,
                ends_on=TODAY + timedelta(days=30), asked_at=NOW,
                end_reason=OwnDeviceEnd.NOT_NEEDED if state in ("to_clear", "cleared") else None,
                cleared_how="消した" if state == "cleared" else None,
                cleared_by_id=self._id("staff") if state == "cleared" else None,
                lost_what="電車" if state == "lost" else None,
                lost_told_by_id=self._id("staff") if state == "lost" else None,
                lost_at=NOW if state == "lost" else None,
            )  # fmt: skip
            made.append(Thing(self._add(row), state, unit="0100", persons={"holder": "staff"}))
        permit = OwnDevicePermit(
            device_id=made[1].id, holder_id=self._id("staff"), position=0, role=Role.CISO, given=True,
            by_id=self._id("ciso"), at=NOW, note="確認",
        )  # fmt: skip
        self._add(permit)
        return made

    def _uploads(self) -> list[Thing]:
        row = UploadedFeed(
            feed="aoba", file_name="a.csv", content=None, sha256="0" * 64, as_of=TODAY, uploaded_by_id=self._id("hr"),
            uploaded_at=NOW, expires_at=NOW + timedelta(days=1), state=UploadState.DISCARDED,
        )  # fmt: skip
        return [Thing(self._add(row), "discarded")]

    def _questions(self) -> list[Thing]:
        row = MatchQuestion(feed="aoba", staff_number="100099", match_key="k", name="氏名", kana="シメイ", asked_at=NOW)
        return [Thing(self._add(row), "open")]

    def _officers(self) -> list[Thing]:
        row = Officer(role=Role.SECTION, person_id=self._id("staff_b"), unit_code="0700", valid_from=TODAY)
        confirmed = self.session.scalars(select(Officer.id).where(Officer.role == Role.CHIEF)).one()
        return [Thing(self._add(row), "unconfirmed", persons={"subject": "staff_b"}), Thing(confirmed, "confirmed")]

    def _authenticators(self) -> Things:
        cards, reports = [], []
        for who, unit in (("other", "0100"), ("staff_b", "0700")):
            card = Authenticator(
                person_id=self._id(who), kind=AuthenticatorKind.SMART_CARD, label=f"C-{who}", issued_at=NOW,
                state=AuthenticatorState.LOST if who == "staff_b" else AuthenticatorState.ACTIVE,
                issued_by_id=self._id("desk"), activated_at=NOW, activated_by_id=self._id("desk"),
            )  # fmt: skip
            cards.append(Thing(self._add(card), card.state.value, unit=unit, persons={"subject": who}))
        report = LossReport(
            authenticator_id=cards[1].id, owner_id=self._id("staff_b"), reported_by_id=self._id("staff_b"),
            reported_at=NOW, circumstances="紛失",
        )  # fmt: skip
        reports.append(Thing(self._add(report), "open", unit="0700", persons={"subject": "staff_b"}))
        return {"authenticator_id": cards, "report_id": reports}

    def _deputyships(self) -> list[Thing]:
        row = PrivilegeDeputy(
            principal_id=self._id("chief"), role=Role.CHIEF, deputy_id=self._id("other"), named_by_id=self._id("chief"),
            system_id=self.session.scalars(select(InformationSystem.id).order_by(InformationSystem.id)).first(),
            reason="休暇中", valid_from=TODAY, valid_until=TODAY + timedelta(days=9), named_at=NOW,
        )  # fmt: skip
        return [Thing(self._add(row))]

    def _deputies(self) -> list[Thing]:
        row = Deputy(
            principal_id=self._id("chief"), role=Role.CHIEF, deputy_id=self._id("other"), valid_from=TODAY,
            valid_until=TODAY + timedelta(days=10), named_at=NOW,
        )  # fmt: skip
        return [Thing(self._add(row), "named", persons={"subject": "other"})]
