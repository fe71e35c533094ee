"""The town of `tests.year.lives` for a year: its people and officers do what the table says, the jobs do the rest.

Sign-ins are real binds at a real directory whose clock is the town's; so are the tries of those who are shut out.
"""

import json
import re
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.calendar_days import TOKYO
from idm.database import Database
from idm.employment_kind import EmploymentKind
from idm.errors import SafetyLimit
from idm.keys.sealing import new_handover_key
from idm.models.dormancy import DormancyCase
from idm.models.nights import SweepNight
from idm.models.people import Employment
from idm.models.systems import Account, Entitlement
from idm.models.work import Finding, MailMessage, MailState
from idm.operations.approval import requests
from idm.operations.approval.requests import WantedLine
from idm.operations.exceptions import register
from idm.operations.exceptions.register import WantedException
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.outsiders import contracts, outside
from idm.operations.outsiders.contracts import NewContract
from idm.operations.outsiders.outside_entry import NewPerson
from idm.operations.passwords import handovers
from idm.operations.sweep import dormancy_cases, finding_answers
from idm.operations.sweep.nights import LEASE
from idm.samples.people import UNITS, Worker, feed_file, half_width
from idm.schema import upgrade
from idm.settings import MailSettings, Settings
from idm.vocabulary import ConfigurationKind, ExceptionScope, FindingKind, LineEffect, RequestAction
from idm.wareki import format_wareki
from jobs import first_record, lifecycle, provision, worker
from jobs.demo.prepare import GROUPS, configuration_texts
from jobs.hr.hr_feed import import_feed
from jobs.installation import Installation
from jobs.sweep import nights
from tests.feed.files import EVENT_HEADING, text_file
from tests.sample_office import CISO, HR, SYSTEM, SampleOffice
from tests.servers.ldap_tools import Entry
from tests.servers.shifted_openldap import Doors, ShiftedOpenLDAP
from tests.servers.smtp_sink import Received, SmtpSink
from tests.year.lives import (
    DAY,
    DIRECTORY_AWAY,
    FIRST,
    KILLED,
    LAST,
    LONG_AGO,
    ORPHAN,
    Life,
    days,
    working_day_from,
)
from tests.year.oracle import DELETED_LEFT, DELETED_UNUSED, OVERLAP

DESK = "000462"
MIDNIGHT, NIGHT, MORNING, TEN = time(0, 10), time(2, 5), time(9, 0), time(10, 0)
ANNOUNCED = timedelta(days=8)
TUESDAY = 1
LOCKED_FOR_GOOD = "000001010000Z"
MOST_ROUNDS = 12
"""More rounds than it can take until nothing is left to do."""


class Clock:
    """The machine's time, moved by `ahead`."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        """Now."""
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Seen:
    """One ID as its directory keeps it: looking leaves no date of use behind."""

    opens: bool
    folders: frozenset[str]
    entry: Entry


@dataclass
class Record:
    """What was seen, night by night."""

    nights: dict[date, dict[str, Seen]] = field(default_factory=dict)
    """Login name → the ID after the night of the day."""
    signed_in: dict[tuple[str, date], bool] = field(default_factory=dict)
    """Whoever wanted to work on a day, and whether they got in."""
    tried: dict[tuple[str, date], bool] = field(default_factory=dict)
    """Whoever tried while their ID was closed, and whether they got in."""
    findings: dict[date, set[tuple[FindingKind, str]]] = field(default_factory=dict)
    """What was open on the night of the day."""
    mails: list[tuple[date, Received]] = field(default_factory=list)


@dataclass
class Town(SampleOffice):
    """The town, at the evening of a day."""

    clock: Clock
    directory: ShiftedOpenLDAP
    post: SmtpSink
    lives: tuple[Life, ...]
    logins: dict[str, str] = field(default_factory=dict)
    record: Record = field(default_factory=Record)
    rounds: worker.Rounds = field(default_factory=worker.Rounds)
    passwords: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.doors = Doors(self.directory)
        self.died: set[date] = set()
        self.contracts: dict[str, int] = {}
        self.orders = _orders(self.lives)

    # --- time ---------------------------------------------------------------------------------------------------------

    def to(self, day: date, at: time) -> None:
        """Afterwards it is that moment, for the product and for the directory."""
        ahead = datetime.combine(day, at, TOKYO) - datetime.now(UTC)
        self.clock.ahead = timedelta(seconds=round(ahead.total_seconds()))
        self._later(timedelta())

    def _later(self, by: timedelta) -> None:
        self.clock.ahead += by
        self.directory.shift(self.clock.ahead)

    def year(self) -> None:
        """Afterwards a year has gone by."""
        self.day(FIRST)
        for day in days(FIRST + DAY, LAST + DAY):
            if self._stirs(day):
                self.to(day, MIDNIGHT)
                self.work()
            self.night(day)
            self.day(day)

    def close(self) -> None:
        """Afterwards nothing of it is open any more; what was seen stays."""
        self.doors.close()
        self.database.dispose()

    def night(self, day: date) -> None:
        """The night's sweep and what follows from it; one that is killed goes on."""
        self.to(day, NIGHT)
        with self._directory_of(day):
            if day in KILLED:
                self._killed(KILLED[day])
                self._later(LEASE)  # until then the night may still be somebody's
            nights.run_due(self.installation)
        self.work()
        self._look(day)

    def work(self) -> None:
        """The worker's rounds, until nothing is left to do."""
        for _ in range(MOST_ROUNDS):
            worker.one_round(self.installation, self.rounds, worker="town")
            if not self._left():
                return
        raise RuntimeError("the worker comes to no end")

    def _left(self) -> int:
        with self.database.reading() as session:
            waiting = select(func.count(MailMessage.id)).where(MailMessage.state == MailState.WAITING)
            mails = session.scalar(waiting) or 0
        return mails + len(provision.due_systems(self.installation))

    @contextmanager
    def _directory_of(self, day: date) -> Iterator[None]:
        if day not in DIRECTORY_AWAY:
            yield
            return
        port = self.directory.ldaps_port
        self.doors.close()
        self.directory.stop()
        yield
        self.directory.start(port)

    def _killed(self, when: str) -> None:
        settings = self.installation.settings.model_dump_json()
        ahead = str(self.clock.ahead.total_seconds())
        command = [sys.executable, "-m", "tests.year.dying_night", settings, ahead, when]
        if subprocess.run(command, check=False).returncode == -signal.SIGKILL:
            self.died.add(self.clock().astimezone(TOKYO).date())

    def nights_had(self) -> list[date]:
        """The days whose night came to its end."""
        with self.database.reading() as session:
            ended = select(SweepNight.day).where(SweepNight.finished_at.is_not(None))
            return list(session.scalars(ended.order_by(SweepNight.day)))

    def _stirs(self, day: date) -> bool:
        """Whether the table has something that begins or ends by the calendar; else the day's run may come later."""
        return any(day in _stirring(life) for life in self.lives)

    # --- what is seen -------------------------------------------------------------------------------------------------

    def _look(self, day: date) -> None:
        self._note_logins()
        administrator, base = self.directory.administrator, self.directory.people_base
        entries = administrator.search(base, "(objectClass=*)", "*", "+", scope="one")
        groups = administrator.search(self.directory.groups_base, "(objectClass=groupOfNames)", "cn", "member")
        seen = {}
        for dn, entry in entries.items():
            folders = {one["cn"][0] for one in groups.values() if dn in one["member"]}
            seen[entry["uid"][0]] = Seen(self._opens(entry), frozenset(folders), entry)
        self.record.nights[day] = seen
        with self.database.reading() as session:
            open_ones = session.execute(
                select(Finding.kind, Finding.label).where(Finding.resolved_at.is_(None))
            )  # fmt: skip
            self.record.findings[day] = {(kind, label) for kind, label in open_ones}
        self.record.mails += [(day, mail) for mail in self.post.received[len(self.record.mails) :]]
        if day.weekday() == TUESDAY:
            self._try_closed(day, seen)

    def _opens(self, entry: Entry) -> bool:
        ends = entry.get("pwdEndTime", ["9999"])[0]
        at = self.clock().strftime("%Y%m%d%H%M%SZ")
        return ends > at and entry.get("pwdAccountLockedTime", [""])[0] != LOCKED_FOR_GOOD

    def _try_closed(self, day: date, seen: Mapping[str, Seen]) -> None:
        for number, password in self.passwords.items():
            if (known := seen.get(self.logins[number])) is not None and not known.opens:
                self.record.tried[number, day] = self.doors.sign_in(self._dn(number), password)

    def _dn(self, number: str) -> str:
        return f"uid={self.logins[number]},{self.directory.people_base}"

    # --- the day ------------------------------------------------------------------------------------------------------

    def day(self, day: date) -> None:
        """What the table says of the day: the office at nine, sign-ins at ten."""
        acts = list(self._acts(day))
        if acts:
            self.to(day, MORNING)
            for act in acts:
                act()
            self.submit_and_approve_all()
            self.work()
        handed = self._hand_over(day)
        users = [life for life in self.lives if day in life.uses]
        if users:
            self.to(day, TEN)
            for life in users:
                self._sign_in(life.number, day, handed.get(life.number))
            if handed:
                self.work()
        self._permit(day + DAY)

    def _acts(self, day: date) -> Iterator[Callable[[], None]]:
        if day == FIRST:
            yield self._first_day
        if day in self.orders:
            yield partial(self._take_in, self.orders[day])
        for life in self.lives:
            due = {
                self._enter: FIRST if life.contract else None,
                self._prolong: life.prolonged[0] if life.prolonged else None,
                self._cover: working_day_from(life.covered[0] - 3 * DAY) if life.covered else None,
                self._give_back: life.asks_back, self._open_by_hand: life.opened_by_hand,
                self._put_right: life.put_right,
            }  # fmt: skip
            yield from (partial(act, life) for act, when in due.items() if when == day)
        if day in ORPHAN:
            yield partial(self._orphan, day)

    def _first_day(self) -> None:
        staff = [_worker(life) for life in self.lives if life.joins == LONG_AGO and not life.contract]
        self._import(feed_file(staff), "aoba")

    def _take_in(self, orders: Collection[Mapping[str, str]]) -> None:
        rows = [[order.get(name, "") for name in EVENT_HEADING] for order in orders]
        self._import(text_file([list(EVENT_HEADING), *rows, ["件数", str(len(rows))]]), "aoba-events")

    def _import(self, data: bytes, feed: str) -> None:
        try:
            import_feed(self.installation, data, feed_name=feed, as_of=None, dry_run=False)
        except SafetyLimit:
            self.permit_file(data, feed)
            import_feed(self.installation, data, feed_name=feed, as_of=None, dry_run=False)

    def _permit(self, day: date) -> None:
        """Who sees that a run of the morrow touches many has it permitted beforehand."""
        if self._stirs(day):
            self.to(day - DAY, time(16, 0))
            if lifecycle.rehearse(self.installation, as_of=day).excesses:
                self.permit(day)

    # --- passwords and sign-ins ---------------------------------------------------------------------------------------

    def _hand_over(self, day: date) -> dict[str, str]:
        """The temporary passwords of the day, by number."""
        if not any(day in life.handed for life in self.lives):
            return {}
        self._note_logins()
        asked = {}
        private, public = new_handover_key()
        for life in self.lives:
            if day in life.handed:
                with self.acting(DESK) as (session, actor, policy):
                    account = session.scalars(
                        select(Account).where(Account.login_name == self.logins[life.number])
                    ).one()
                    asked[life.number] = handovers.ask(
                        session, account_id=account.id, public_key=public, actor=actor, policy=policy, now=self.now
                    ).id  # fmt: skip
        self.work()
        shown = {}
        for number, handover in asked.items():
            with self.acting(DESK) as (session, actor, policy):
                shown[number] = handovers.show(
                    session, handover_id=handover, private_key=private, actor=actor, policy=policy, now=self.now
                ).password  # fmt: skip
        self.passwords |= shown
        return shown

    def _note_logins(self) -> None:
        contracts_of = {contract: number for number, contract in self.contracts.items()}
        with self.database.reading() as session:
            rows = session.execute(
                select(Employment.staff_number, Employment.contract_id, Account.login_name)
                .join(Account, Account.person_id == Employment.person_id)
            )  # fmt: skip
            self.logins = {contracts_of.get(contract or 0, number): name for number, contract, name in rows}

    def _sign_in(self, number: str, day: date, temporary: str | None) -> None:
        if temporary is not None:
            chosen = f"Machi-{number}-{day:%m%d}-kaigan"
            done = self.doors.change_password(self._dn(number), temporary, chosen)
            self.passwords[number] = chosen
        else:
            done = self.doors.sign_in(self._dn(number), self.passwords[number])
        self.record.signed_in[number, day] = done

    # --- the office ---------------------------------------------------------------------------------------------------

    def _enter(self, life: Life) -> None:
        until = (life.prolonged[1] if life.prolonged else life.last_day or LAST) + DAY
        with self.acting(SYSTEM) as (session, actor, policy):
            contract = contracts.register_contract(
                session,
                NewContract(f"契約{life.number}", "那珂川電算株式会社", "運用支援", "責任者", life.unit, FIRST, until),
                actor=actor, policy=policy, now=self.now,
            )  # fmt: skip
            self.contracts[life.number] = contract.id
            entered = NewPerson(
                life.name, life.kana, EmploymentKind.CONTRACTOR, life.unit, life.post, actor.person_id or 0, FIRST,
                until, birth_date=life.born, contract_id=contract.id, mail=address(life),
            )  # fmt: skip
            outside.register_person(
                session, entered, match_secret=self.installation.match_secret, actor=actor, policy=policy, now=self.now
            )
        self._draft(life, RequestAction.REGISTER, FIRST, until)

    def _prolong(self, life: Life) -> None:
        if life.prolonged is None or life.last_day is None:
            raise ValueError(life.number)
        until = life.last_day + DAY
        with self.acting(SYSTEM) as (session, actor, policy):
            contracts.extend_contract(
                session, self.contracts[life.number], until, reason="支援の継続", actor=actor, policy=policy,
                now=self.now,
            )  # fmt: skip
            employment = self._employment(session, life)
            outside.renew(session, employment.id, until, actor=actor, policy=policy, now=self.now)
        self._draft(life, RequestAction.CHANGE, life.prolonged[1] + DAY, until)

    def _draft(self, life: Life, action: RequestAction, begins: date, until: date) -> None:
        with self.acting(HR) as (session, _, _policy):
            right = session.scalars(select(Entitlement).where(Entitlement.code == "account")).one()
            person = self._employment(session, life).person_id
            line = WantedLine(person, right.id, LineEffect.GRANT, begins, until)
            requests.draft(session, action=action, system_id=right.system_id, lines=[line], reason="運用支援",
                           now=self.now)  # fmt: skip

    def _cover(self, life: Life) -> None:
        if life.covered is None:
            raise ValueError(life.number)
        with self.acting(SYSTEM) as (session, actor, policy):
            account = self._account(session, life.number)
            wanted = WantedException(
                "6-2(2)③", ExceptionScope.ACCOUNT, "使わない期間の停止", "長期の出張", "使わない間はICカードを預かる",
                *life.covered, finding_kind=FindingKind.DORMANT, account_id=account.id,
            )  # fmt: skip
            asked = register.ask(session, wanted, actor=actor, policy=policy, now=self.now).id
        with self.acting(CISO) as (session, actor, policy):
            register.answer(session, asked, permit=True, note="許可する", actor=actor, policy=policy, now=self.now)

    def _give_back(self, life: Life) -> None:
        """They stand before a closed door, and ask for it to be opened."""
        number = life.number
        today = self.clock().astimezone(TOKYO).date()
        self.record.tried[number, today] = self.doors.sign_in(self._dn(number), self.passwords[number])
        with self.acting(SYSTEM) as (session, actor, policy):
            account = self._account(session, number)
            case = session.scalars(
                select(DormancyCase.id).where(DormancyCase.account_id == account.id, DormancyCase.closed_at.is_(None))
            ).one()  # fmt: skip
            dormancy_cases.reopen(session, case, reason="また使うため", actor=actor, policy=policy, now=self.now)

    def _put_right(self, life: Life) -> None:
        with self.acting(SYSTEM) as (session, actor, policy):
            account = self._account(session, life.number)
            finding = session.scalars(
                select(Finding.id).where(Finding.account_id == account.id, Finding.kind == FindingKind.DRIFT,
                                         Finding.resolved_at.is_(None))
            ).one()  # fmt: skip
            finding_answers.repair(session, finding, actor=actor, policy=policy, now=self.now)

    def _account(self, session: Session, number: str) -> Account:
        return session.scalars(select(Account).where(Account.login_name == self.logins[number])).one()

    def _employment(self, session: Session, life: Life) -> Employment:
        query = select(Employment).where(Employment.contract_id == self.contracts[life.number])
        return session.scalars(query).one()

    # --- what somebody does in the directory, past the product --------------------------------------------------------

    def _open_by_hand(self, life: Life) -> None:
        self.directory.apply(f"dn: {self._dn(life.number)}\nchangetype: modify\nreplace: pwdEndTime\n")

    def _orphan(self, day: date) -> None:
        name, made, _ = ORPHAN
        dn = f"uid={name},{self.directory.people_base}"
        if day == made:
            self.directory.apply(f"dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {name}\ncn: x\nsn: x\n")
        else:
            self.directory.apply(f"dn: {dn}\nchangetype: delete\n")


# --- what the personnel system writes ---------------------------------------------------------------------------------


def _worker(life: Life) -> Worker:
    return Worker(life.number, life.name, life.kana, life.born, life.unit, life.post, "正規", life.joins, life.joins)


def address(life: Life) -> str:
    """Where mail for them arrives."""
    return f"s{life.number}@example.jp" if not life.contract else f"g{re.sub(r'[^0-9]', '', life.number)}@example.com"


def _orders(everybody: Collection[Life]) -> dict[date, list[dict[str, str]]]:
    """What the personnel system announces, by the day on which its file comes."""
    found: dict[date, list[dict[str, str]]] = defaultdict(list)
    for life in everybody:
        for day, kind, said in _orders_of(life):
            row = {
                "職員番号": life.number, "氏名": life.name, "カナ氏名": half_width(life.kana),
                "生年月日": f"{life.born:%Y%m%d}", "異動区分": kind, "発令日": format_wareki(day),
                "メールアドレス": address(life),
            }  # fmt: skip
            found[working_day_from(max(day - ANNOUNCED, FIRST + DAY))].append(row | said)
    return found


def _orders_of(life: Life) -> Iterator[tuple[date, str, dict[str, str]]]:
    if life.contract:
        return
    if life.joins > FIRST:
        yield life.joins, "新規採用", {**_post(life, life.unit), "任用形態": "正規"}
    for day, unit in life.moves:
        yield day, "異動", _post(life, unit)
    if life.away is not None:
        begins, back = life.away
        if life.back_is_ordered:
            yield begins, "病気休職", {}
            yield back, "復職", {}
        else:
            yield begins, "育児休業", {"休職等終了予定日": format_wareki(back - DAY)}
    if life.last_day is not None:
        yield life.last_day, life.leaving, {}


def _post(life: Life, unit: str) -> dict[str, str]:
    return {"所属コード": unit, "所属名": UNITS[unit], "職名": life.post}


def _stirring(life: Life) -> set[date]:
    """The days on which something of theirs begins or ends by the calendar."""
    found = {day + after for day, _ in life.moves for after in (timedelta(), OVERLAP)}
    if life.last_day is not None:
        found |= {life.last_day + DAY, life.last_day + DAY + DELETED_LEFT}
    return found | set(life.away or ()) | {life.joins}


# --- how it is built --------------------------------------------------------------------------------------------------


def build(folder: Path, directory: ShiftedOpenLDAP, post: SmtpSink, lives: tuple[Life, ...]) -> Town:
    """The town on the morning of its first day, on a directory that runs."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "office-ldap.password").write_text(directory.service_password(), encoding="utf-8")
    settings = Settings(
        database_url=f"sqlite:///{folder / 'idm.db'}", secrets_dir=secrets,
        checkpoint_file=folder / "checkpoints.jsonl",
        base_url="https://idm.example.jp", mail=MailSettings(host=post.host, port=post.port),
    )  # fmt: skip
    clock = Clock()
    installation = Installation(settings, Database(settings.database_url), clock)
    town = Town(installation, clock, directory, post, lives)
    town.to(FIRST, NIGHT)
    upgrade(installation.database)
    first_record.make(
        installation, [_of_the_town(text) for text in configuration_texts(directory.connector_settings())]
    )
    return town


def _of_the_town(text: ConfigurationText) -> ConfigurationText:
    """The sample's configuration with one system, and a shorter way from the stop of an unused ID to its end."""
    table = json.loads(text.content) if text.kind is not ConfigurationKind.FEED else {}
    if text.kind is ConfigurationKind.PROFILE:
        table["values"]["dormancy"]["times"]["delete_after_days"] = DELETED_UNUSED.days
    elif text.kind is ConfigurationKind.ORGANISATION:
        table["systems"] = [one for one in table["systems"] if one["code"] == "office"]
        table["post_rights"] = [one for one in table["post_rights"] if one["system"] == "office"]
        table["first_officers"] = [
            one for one in table["first_officers"] if (one["role"], one["staff_number"]) != ("system", "000423")
        ]
    else:
        return text
    return replace(text, content=json.dumps(table, ensure_ascii=False))


def group_entries() -> str:
    """The groups that the directory has before the town comes."""
    return "\n".join(
        f"dn: cn={name},{ShiftedOpenLDAP.groups_base}\nobjectClass: groupOfNames\ncn: {name}\n"
        f"member: {ShiftedOpenLDAP.placeholder_dn}\n"
        for name in GROUPS
    ) + "\n"  # fmt: skip
