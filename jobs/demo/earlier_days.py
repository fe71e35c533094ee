"""What happened before the demonstration's first day: IDs handed over and used, unused, warned of, stopped (C1).

The same operations and jobs as ever, by a clock that shows an earlier day. What a directory would show by then (who
signed in when, who chose a password of their own) is put into it as a backup would be.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from idm.calendar_days import TOKYO
from idm.keys.sealing import new_handover_key
from idm.models.systems import Account, InformationSystem
from idm.operations.passwords import handovers
from idm.policy import Policy
from idm.working_days import working_days
from jobs import provision
from jobs.demo.acting import act_as, person_id_of
from jobs.demo.cases import granted
from jobs.demo.directory import LocalDirectory
from jobs.demo.mail_server import send_notices
from jobs.installation import Installation
from jobs.logs import log_check, sealing
from jobs.passwords import temporary_passwords
from jobs.sweep import sweep

STOPPED, WARNED, IN_USE, VIOLATOR = "002001", "002007", "002013", "002064"
"""Whose ID was stopped because nobody used it, who was warned of that, and two who use theirs."""
HANDED_OVER = (STOPPED, WARNED, IN_USE, VIOLATOR)
OUT_OF_BAND = "ledger-approval"
"""The group into which somebody was put by hand, past any application."""


@dataclass(frozen=True)
class Days:
    """The working days on which something happened."""

    handed_over: date
    warned: date
    stopped: date


def days_before(today: date, policy: Policy) -> Days:
    """The latest days before `today` on which one ID was warned of and stopped, after all the time it had for it."""
    calendar, times = working_days(policy.calendar), policy.dormancy.times

    def on_or_before(day: date) -> date:
        while not calendar.is_working(day):
            day -= timedelta(days=1)
        return day

    stopped = on_or_before(today - timedelta(days=1))
    warned = stopped
    while calendar.on_or_after(warned + timedelta(days=times.disable_after_days)) > stopped:
        warned = on_or_before(warned - timedelta(days=1))
    return Days(on_or_before(warned - timedelta(days=times.unused_days + 5)), warned, stopped)


def before(installation: Installation, day: date, hour: int) -> Installation:
    """The installation on an earlier day, at that hour in Tokyo."""
    moment = datetime.combine(day, time(hour), TOKYO).astimezone(UTC)
    return replace(installation, clock=lambda: moment)


def hand_over(installation: Installation) -> None:
    """Afterwards four people have an ID in the office's directory, with a temporary password they were handed."""
    for who in HANDED_OVER:
        granted(installation, who, ("office/account", "office/folder-general"), "採用・異動に伴う登録のため")
    provision.run_due(installation, worker="idm demo")
    for account_id in list(_account_ids(installation)):
        private_key, public_key = new_handover_key()
        obj = ("account", account_id)
        handover_id = act_as(
            installation, "handover", "handover.ask", obj, handovers.ask, account_id=account_id, public_key=public_key
        ).id  # fmt: skip
        provision.run_due(installation, worker="idm demo")
        act_as(
            installation, "handover", "handover.show", obj, handovers.show, handover_id=handover_id,
            private_key=private_key,
        )  # fmt: skip
        act_as(installation, "handover", "handover.receive", obj, handovers.receive, handover_id=handover_id)


def let_time_pass(installation: Installation, directory: LocalDirectory, days: Days, policy: Policy) -> None:
    """Afterwards the directory shows who chose a password of their own and signed in when, and one member too many."""
    unused = timedelta(days=policy.dormancy.times.unused_days)
    used = {
        STOPPED: days.handed_over, WARNED: days.stopped - unused - timedelta(days=2), IN_USE: days.stopped,
        VIOLATOR: days.stopped,
    }  # fmt: skip
    chosen = datetime.now(UTC) + timedelta(seconds=1)  # the directory has set the temporary ones by its own clock
    members = (LocalDirectory.placeholder_dn, _dn(IN_USE))
    directory.put_in({
        f"cn={OUT_OF_BAND},{LocalDirectory.groups_base}": {"member": members},
        **{
            _dn(who): {"pwdReset": (), "pwdChangedTime": [_stamp(chosen)], "authTimestamp": [_stamp(_morning(day))]}
            for who, day in used.items()
        },
    })  # fmt: skip
    temporary_passwords.run_due(installation)


def night(installation: Installation, day: date) -> None:
    """Afterwards the night of that day has come and gone: sweep, what follows from it, log check, notices."""
    then = before(installation, day, 3)
    sweep.sweep(then, system_code="office")
    provision.run_due(then, worker="idm demo")
    sealing.seal(then, sign=False)
    log_check.run_due(then)
    send_notices(then)


def _account_ids(installation: Installation) -> Iterator[int]:
    people = [person_id_of(installation, who) for who in HANDED_OVER]
    with installation.database.reading() as session:
        query = select(Account.id).join(InformationSystem).where(
            InformationSystem.code == "office", Account.person_id.in_(people)
        )  # fmt: skip
        yield from session.scalars(query.order_by(Account.id))


def _dn(staff_number: str) -> str:
    return f"uid=a{staff_number},{LocalDirectory.people_base}"


def _morning(day: date) -> datetime:
    return datetime.combine(day, time(9), TOKYO)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ")
