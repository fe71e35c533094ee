"""The fixed cast: a small office in which every role is held by somebody, and what tests say about them.

大濠 CISO · 百道 vice-CISO · 天神 chief · 箱崎 manager of the ledger system and of 情報システム課 · 香椎 security and
section manager of 総務課 · 薬院 HR · 西新 hand-over · 姪浜 auditor · 青木 and 今泉 staff of 総務課 · 委託 a contractor
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.database import Database
from idm.employment_kind import EmploymentKind
from idm.models import everything
from idm.models.outside import Contract
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.requests import ApprovalStep, Request
from idm.models.systems import Entitlement, InformationSystem
from idm.names.personal_names import search_key
from idm.operations.approval import decisions, requests
from idm.operations.approval.decisions import Verdict
from idm.operations.approval.requests import WantedLine
from idm.operations.governance import configuration, officers
from idm.operations.governance.configuration import ConfigurationText
from idm.organisation_file import effective_text as organisation_text
from idm.policy import Policy
from idm.policy_file import effective_text, load_profile
from idm.queries.governance.configuration import policy_in_force
from idm.request_state import Event
from idm.unit_of_work import unit_of_work
from idm.vocabulary import ConfigurationKind, LineEffect, RequestAction, Role

NOW = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
"""2026-04-01 10:00 in Tokyo."""
TODAY = date(2026, 4, 1)
ALWAYS_FRESH = datetime(9999, 1, 1, tzinfo=UTC)
"""Whoever acts in a test has just given a second factor, at whatever clock it lives by; `stale` has not."""

PEOPLE = {
    "ciso": ("100001", "大濠　公子", "オオホリ　キミコ", "0000", "事務局", "事務局長"),
    "vice": ("100002", "百道　浜男", "モモチ　ハマオ", "0000", "事務局", "事務局参事"),
    "chief": ("100003", "天神　太郎", "テンジン　タロウ", "0000", "事務局", "事務局次長"),
    "system": ("100004", "箱崎　花子", "ハコザキ　ハナコ", "0600", "情報システム課", "課長"),
    "security": ("100005", "香椎　宮子", "カシイ　ミヤコ", "0100", "総務課", "課長"),
    "hr": ("100006", "薬院　大通", "ヤクイン　オオミチ", "0110", "総務課人事係", "係長"),
    "desk": ("100007", "西新　町子", "ニシジン　マチコ", "0610", "情報システム課情報管理係", "係長"),
    "auditor": ("100008", "姪浜　駅男", "メイノハマ　エキオ", "0900", "監査室", "監査室長"),
    "staff": ("100009", "青木　一郎", "アオキ　イチロウ", "0100", "総務課", "主事"),
    "other": ("100010", "今泉　二葉", "イマイズミ　フタバ", "0100", "総務課", "主事"),
    "contractor": ("900001", "委託　三郎", "イタク　サブロウ", "0600", "情報システム課", "委託"),
}
FIRST_OFFICERS = {
    Role.CISO: "100001", Role.VICE_CISO: "100002", Role.CHIEF: "100003", Role.SECURITY: "100005",
    Role.HR: "100006", Role.HANDOVER: "100007", Role.AUDITOR: "100008",
}  # fmt: skip

ORGANISATION = """
name = "小さな組合"
profile = "fukuoka"
units = [{ code = "0110", parent = "0100" }, { code = "0610", parent = "0600" }]
conflicts = [{ first = "ledger/enter", second = "ledger/approve", reason = "入力と承認を一人で行わない" }]

[[systems]]
code = "ledger"
name = "会計システム"
zone = "lgwan"
confidentiality = 2
integrity = 2
availability = 2
manager_unit = "0600"
connector = "memory"
stage = "enforce"
credential = "ledger.password"
rights = [
  { code = "account", name = "利用者ID", kind = "account" },
  { code = "enter", name = "伝票入力", kind = "group", group = "ledger-enter" },
  { code = "approve", name = "伝票承認", kind = "group", group = "ledger-approve" },
  { code = "admin-account", name = "管理用ID", kind = "account", privileged = true },
  { code = "admin", name = "システム管理", kind = "group", group = "ledger-admin", privileged = true },
]

[systems.settings]
name = "ledger"

[[systems]]
code = "pension"
name = "年金システム"
zone = "mynumber"
confidentiality = 3
integrity = 2
availability = 2
manager_unit = "0600"
connector = "memory"
stage = "enforce"
rights = [{ code = "account", name = "利用者ID", kind = "account" }]
verification = { by = "group", name = "年金システムの二要素認証", group = "pension-two-factor" }

[systems.settings]
name = "pension"

[[post_rights]]
system = "ledger"
rights = ["account", "enter"]
units = ["0100"]
"""


@dataclass(frozen=True)
class Cast:
    """A database with the cast in it. Names of people are the keys of PEOPLE."""

    database: Database
    people: dict[str, int]
    policy: Policy

    def actor(self, name: str) -> Actor:
        """The person acting, who has just given a second factor."""
        return replace(self.stale(name), second_factor_at=ALWAYS_FRESH)

    def stale(self, name: str) -> Actor:
        """The person acting in a session in which they gave no second factor."""
        return Actor(self.people[name], PEOPLE[name][1] if name in PEOPLE else name)

    @contextmanager
    def acting(self, name: str, attempted: str = "test.act", now: datetime = NOW) -> Iterator[Session]:
        """A unit of work in that person's name."""
        with unit_of_work(
            self.database, actor=self.actor(name), now=now, attempted=attempted, obj=("test", "1")
        ) as session:
            yield session

    def entitlement(self, session: Session, right: str) -> Entitlement:
        """The right "system/right"."""
        system, _, code = right.partition("/")
        return session.scalars(
            select(Entitlement)
            .join(Entitlement.system)
            .where(InformationSystem.code == system, Entitlement.code == code)
        ).one()

    def line(
        self, session: Session, who: str, right: str, effect: LineEffect = LineEffect.GRANT, valid_from: date = TODAY,
        valid_until: date | None = None,
    ) -> WantedLine:  # fmt: skip
        """One person and one right."""
        return WantedLine(self.people[who], self.entitlement(session, right).id, effect, valid_from, valid_until)

    def file(
        self, applicant: str, *wanted: tuple[str, str], action: RequestAction = RequestAction.REGISTER,
        effect: LineEffect = LineEffect.GRANT, now: datetime = NOW, valid_from: date | None = None,
        valid_until: date | None = None, reason: str = "業務のため",
    ) -> int:  # fmt: skip
        """The id of an application that `applicant` has submitted, one line per (subject, right)."""
        start = valid_from or day_of(now)
        with self.acting(applicant, "request.submit", now) as session:
            lines = [self.line(session, who, right, effect, start, valid_until) for who, right in wanted]
            request = requests.draft(
                session, action=action, system_id=self.entitlement(session, wanted[0][1]).system_id, lines=lines,
                reason=reason, now=now,
            )  # fmt: skip
            requests.submit(session, request, actor=self.actor(applicant), policy=self.policy, now=now)
            return request.id

    def decide(
        self, who: str, request_id: int, seat: Role, event: Event = Event.APPROVE, *, now: datetime = NOW,
        line: int = 0, comment: str = "確認しました", shown_hash: str | None = None,
    ) -> None:  # fmt: skip
        """`who` decides the step of that seat on the application's line."""
        with self.acting(who, "request.decide", now) as session:
            step = self.step(session, request_id, seat, line)
            shown = shown_hash or step.line.request.content_hash or ""
            decisions.decide(
                session, step_id=step.id, verdict=Verdict(event, comment, shown), actor=self.actor(who),
                policy=self.policy, now=now,
            )  # fmt: skip

    def step(self, session: Session, request_id: int, seat: Role, line: int = 0) -> ApprovalStep:
        """The step of that seat on a line of the application."""
        request = session.get_one(Request, request_id)
        return next(step for step in request.lines[line].steps if step.seat is seat)

    def approve(self, request_id: int, *, now: datetime = NOW, line: int = 0) -> None:
        """Both seats of the route approve."""
        self.decide("chief", request_id, Role.CHIEF, now=now, line=line)
        self.decide("system", request_id, Role.SYSTEM, now=now, line=line)

    def employment(self, session: Session, who: str) -> Employment:
        """The person's first employment."""
        return (
            session.scalars(select(Employment).where(Employment.person_id == self.people[who])).first() or Employment()
        )


def build(database: Database) -> Cast:
    """The cast on an empty database whose tables exist."""
    people: dict[str, int] = {}
    profile = load_profile("fukuoka")
    with database.writing() as session:
        configuration.first_record(
            session,
            [
                ConfigurationText(ConfigurationKind.PROFILE, "fukuoka", effective_text(profile)),
                ConfigurationText(
                    ConfigurationKind.ORGANISATION, "small", organisation_text(organisation_source(), "small")
                ),
            ],
            actor=Actor.job("tests.cast"), now=NOW - timedelta(days=1),
        )  # fmt: skip
        units: dict[str, OrganisationUnit] = {}
        for name, (number, full_name, kana, code, unit_name, post) in PEOPLE.items():
            if code not in units:
                parent = {"0110": "0100", "0610": "0600"}.get(code)
                units[code] = OrganisationUnit(
                    code=code, name=unit_name, parent_code=parent, valid_from=date(2020, 4, 1)
                )
            people[name] = add_person(session, number, full_name, kana, units[code], post).id
        policy = policy_in_force(session, now=NOW)
        officers.follow_posts(session, policy=policy, actor=Actor.job("tests.cast"), now=NOW)
    return Cast(database, people, policy)


def add_person(
    session: Session, number: str, name: str, kana: str, unit: OrganisationUnit, post: str, *,
    match_key: str | None = None, person: Person | None = None,
) -> Person:  # fmt: skip
    """A person (or a known one) with a new employment in the unit since 2020."""
    if person is None:
        person = Person(
            name=name, kana=kana, search_key=search_key(name, kana), mail=f"u{number}@example.jp", created_at=NOW,
            match_key=match_key,
        )  # fmt: skip
    contract = _contract(session, number) if post == "委託" else None
    employment = Employment(
        person=person, staff_number=number, valid_from=date(2020, 4, 1),
        kind=EmploymentKind.CONTRACTOR if contract else EmploymentKind.REGULAR,
        valid_until=contract.valid_until if contract else None, contract_id=contract.id if contract else None,
    )  # fmt: skip
    employment.assignments.append(Assignment(unit=unit, post=post, primary=True, valid_from=date(2020, 4, 1)))
    session.add(employment)
    session.flush()
    return person


def _contract(session: Session, number: str) -> Contract:
    """A contract that the first person of the cast registered."""
    contract = Contract(
        number=f"契約{number}", company="委託株式会社", title="運用支援", manager_name="責任者", unit_code="0600",
        valid_from=date(2020, 4, 1), valid_until=date(2027, 4, 1), registered_at=NOW,
        registered_by_id=session.scalars(select(Person.id).order_by(Person.id)).first() or 0,
    )  # fmt: skip
    session.add(contract)
    session.flush()
    return contract


def organisation_source() -> str:
    """The text of the cast's organisation file."""
    named = [f'{{ role = "{role.value}", staff_number = "{number}" }}' for role, number in FIRST_OFFICERS.items()]
    named += [f'{{ role = "{role}", staff_number = "{number}" }}' for role, number in
              (("system", "100004"), ("section", "100004"), ("section", "100005"))]  # fmt: skip
    return f"first_officers = [{', '.join(named)}]\n{ORGANISATION}"


def create_tables(database: Database) -> None:
    """Afterwards the empty database has every table."""
    everything.METADATA.create_all(database.engine)
