"""Logs go when their period is over and nothing holds them; records and entries of the audit record never do."""

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, start_of
from idm.errors import IllegalTransition, InvalidInput, NotPermitted, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.everything import METADATA
from idm.models.log_checks import LegalHold
from idm.models.nights import SweepNight
from idm.models.sign_in import SignInAttempts, WebSession
from idm.models.systems import InformationSystem
from idm.models.work import MailState, SweepRun
from idm.operations.logs import log_retention
from idm.operations.notification.notices import notify
from idm.oversight.log_retention import erased_before, months_before
from idm.queries.logs.log_tables import figures, log_tables
from tests.cast import NOW, Cast

JOB = Actor.job("tests.retention")
MONTHS = 12
LATER = NOW + timedelta(days=366)
"""A day more than the profile's twelve months."""


def erase(cast: Cast, now: datetime = LATER) -> int:
    """How many rows went, piece after piece."""
    erased = 0
    while True:
        with cast.database.writing() as session:
            count = log_retention.erase_piece(session, actor=JOB, policy=cast.policy, now=now)
        erased += count
        if not count:
            return erased


def logs(cast: Cast) -> None:
    """Two mails (one waits), two sessions (one goes on), failed sign-ins, and two runs of the sweep; all of NOW."""
    staff = cast.people["staff"]
    with cast.database.writing() as session:
        sent, _waiting = notify(session, [staff], subject="x", body="y", link="/", now=NOW) + notify(
            session, [staff], subject="w", body="y", link="/", now=NOW
        )
        sent.state, sent.sent_at = MailState.SENT, NOW
        for number, ended in enumerate((NOW, None)):
            session.add(
                WebSession(
                    token_hash=str(number), person_id=staff, created_at=NOW, last_seen_at=NOW, ended_at=ended,
                    expires_at=LATER + timedelta(days=1),
                )
            )  # fmt: skip
        session.add(SignInAttempts(name_hash="h", count=1, last_at=NOW))
        system = session.scalars(select(InformationSystem.id).limit(1)).one()
        for _ in range(2):
            session.add(
                SweepRun(system_id=system, started_at=NOW, finished_at=NOW, examined=1, found=0, new=0, resolved=0)
            )


def left(cast: Cast) -> dict[str, int]:
    with cast.database.reading() as session:
        return {one.title: one.rows for one in figures(session, LATER)}


def rows(cast: Cast) -> dict[str, int]:
    with cast.database.reading() as session:
        return {one.name: session.scalar(select(func.count()).select_from(one)) or 0 for one in METADATA.sorted_tables}


def order(cast: Cast, from_day: date | None = None, who: str = "ciso") -> int:
    with cast.acting(who) as session:
        return log_retention.order_hold(
            session, reason="訴訟のため", from_day=from_day, actor=cast.actor(who), policy=cast.policy, now=NOW
        ).id


def test_what_is_over_goes_and_what_still_says_something_stays(office: Cast) -> None:
    logs(office)
    before = rows(office)
    assert erase(office) == 4
    assert left(office) == {
        "通知メール": 1, "サインインの状態（ブラウザーごと）": 1, "サインインの失敗の回数": 0,
        "サインインの途中の確認": 0, "夜間でない点検の実行": 1, "接続の点検": 0,
    }  # fmt: skip
    names = {table.name for table in log_tables(NOW)}
    untouched = {name: count for name, count in before.items() if name not in names and not name.startswith("audit")}
    assert {name: rows(office)[name] for name in untouched} == untouched


def test_nothing_goes_before_its_period_is_over(cast: Cast) -> None:
    logs(cast)
    assert erase(cast, start_of(day_of(NOW) + timedelta(days=365))) == 0
    assert erase(cast, start_of(day_of(NOW) + timedelta(days=366))) == 4


def test_each_erasure_is_on_record_with_its_count(cast: Cast) -> None:
    logs(cast)
    erase(cast)
    with cast.database.reading() as session:
        told = session.execute(
            select(AuditRecord.object_id, AuditRecord.payload).where(AuditRecord.action == "logs.erased")
        ).all()
    assert sorted(name for name, _ in told) == ["mail_messages", "sign_in_attempts", "sweep_runs", "web_sessions"]
    assert all('"count":1' in (payload or "") for _, payload in told)


def test_they_go_in_pieces(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_retention, "PIECE", 2)
    with cast.database.writing() as session:
        session.execute(
            insert(SignInAttempts), [{"name_hash": str(n), "count": 1, "last_at": NOW} for n in range(5)]
        )  # fmt: skip
    sizes = []
    for _ in range(4):
        with cast.database.writing() as session:
            sizes.append(log_retention.erase_piece(session, actor=JOB, policy=cast.policy, now=LATER))
    assert sizes == [2, 2, 1, 0]


def test_while_a_hold_is_open_nothing_it_covers_goes(cast: Cast) -> None:
    logs(cast)
    hold = order(cast)
    assert erase(cast) == 0
    for who, operation in (("ciso", log_retention.ask_to_lift), ("chief", log_retention.lift)):
        with cast.acting(who) as session:
            operation(session, hold, actor=cast.actor(who), policy=cast.policy, now=LATER)
    assert erase(cast) == 4


def test_a_hold_from_a_day_on_keeps_that_day_and_what_follows(cast: Cast) -> None:
    logs(cast)
    order(cast, day_of(NOW))
    assert erase(cast) == 0
    with cast.database.writing() as session:
        session.execute(
            insert(SignInAttempts), [{"name_hash": "older", "count": 1, "last_at": NOW - timedelta(days=2)}]
        )
    assert erase(cast) == 1


def test_a_hold_is_lifted_by_two(office: Cast) -> None:
    hold = order(office)

    def act(who: str, operation: Callable[..., LegalHold]) -> None:
        with office.acting(who) as session:
            operation(session, hold, actor=office.actor(who), policy=office.policy, now=NOW)

    with pytest.raises(IllegalTransition):
        act("chief", log_retention.lift)
    act("chief", log_retention.ask_to_lift)
    with pytest.raises(SeparationOfDuties):
        act("chief", log_retention.lift)
    with pytest.raises(IllegalTransition):
        act("ciso", log_retention.ask_to_lift)
    act("ciso", log_retention.lift)
    with pytest.raises(IllegalTransition):
        act("ciso", log_retention.lift)


def test_the_database_too_asks_for_two_names(office: Cast) -> None:
    hold = order(office)
    alone = {"lift_asked_by_id": office.people["ciso"], "lifted_by_id": office.people["ciso"], "lifted_at": NOW}
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(update(LegalHold).where(LegalHold.id == hold).values(alone))


@pytest.mark.parametrize("who", ["staff", "security", "auditor", "system"])
def test_only_ciso_and_chief_order_a_hold(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        order(cast, who=who)


def test_a_hold_needs_a_reason_and_a_day_that_has_come(cast: Cast) -> None:
    with pytest.raises(InvalidInput):
        order(cast, day_of(NOW) + timedelta(days=1))
    with pytest.raises(InvalidInput), cast.acting("ciso") as session:
        log_retention.order_hold(
            session, reason=" ", from_day=None, actor=cast.actor("ciso"), policy=cast.policy, now=NOW
        )


def test_a_wish_to_lift_a_hold_is_taken_back_or_refused(office: Cast) -> None:
    hold = order(office)

    def act(who: str, operation: Callable[..., LegalHold]) -> None:
        with office.acting(who) as session:
            operation(session, hold, actor=office.actor(who), policy=office.policy, now=NOW)

    with pytest.raises(IllegalTransition):
        act("ciso", log_retention.keep)
    for says_no in ("chief", "ciso"):
        act("chief", log_retention.ask_to_lift)
        act(says_no, log_retention.keep)
        with pytest.raises(IllegalTransition):
            act("ciso", log_retention.lift)
    assert erase(office) == 0
    with pytest.raises(NotPermitted):
        act("auditor", log_retention.keep)


def test_a_hold_waits_for_the_piece_that_is_being_erased_and_after_it_nothing_goes(
    office: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads that erasing has stopped reads the truth."""
    genuine, told = log_retention._erase, dict[str, int]()
    logs(office)

    def order_and_look() -> None:
        order(office)
        told.update(left(office))

    officer = threading.Thread(target=order_and_look)

    def meanwhile(*given: object, **named: object) -> int:
        if officer.ident is None:
            officer.start()
            officer.join(timeout=0.5)  # it cannot end before this transaction does
        return genuine(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(log_retention, "_erase", meanwhile)
    with office.database.writing() as session:
        log_retention.erase_piece(session, actor=JOB, policy=office.policy, now=LATER)
    officer.join()
    erase(office)
    after = left(office)
    assert {name: rows for name, rows in after.items() if rows < told[name]} == {}


def test_the_result_of_a_night_that_somebody_signs_for_is_a_record(cast: Cast) -> None:
    logs(cast)
    with cast.database.writing() as session:
        night = SweepNight(day=day_of(NOW), started_at=NOW, systems=1)
        session.add(night)
        session.flush()
        session.execute(update(SweepRun).values(night_id=night.id))
    assert erase(cast) == 3
    with cast.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SweepRun)) == 2


def test_what_entries_say_goes_in_pieces(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_retention, "PIECE", 2)
    with cast.database.writing() as session:
        session.execute(update(AuditRecord).values(payload=None, salt=None))
        for number in range(3):
            audit.record(session, action="test.told", actor=JOB, obj=("test", number), now=NOW, payload={"n": number})
        session.flush()
        audit.seal(session, now=NOW)
    sizes = []
    for _ in range(3):
        with cast.database.writing() as session:
            after = start_of(day_of(NOW).replace(year=NOW.year + 6))
            sizes.append(log_retention.expire_piece(session, actor=JOB, policy=cast.policy, now=after))
    assert sizes == [2, 1, 0]


def test_entries_of_the_audit_record_stay_and_what_they_say_goes_after_the_period_of_records(office: Cast) -> None:
    with office.database.writing() as session:
        told = audit.record(session, action="test.told", actor=JOB, obj=("test", "1"), now=NOW, payload={"who": "x"})
        session.flush()
        audit.seal(session, now=NOW)
        record_id = told.id
    entries, five_years_on = rows(office)["audit_records"], day_of(NOW).replace(year=NOW.year + 5)
    for day, payload in ((five_years_on, '{"who":"x"}'), (five_years_on + timedelta(days=1), None)):
        with office.database.writing() as session:
            log_retention.expire_piece(session, actor=JOB, policy=office.policy, now=start_of(day))
        with office.database.reading() as session:
            assert session.get_one(AuditRecord, record_id).payload == payload
    assert entries < rows(office)["audit_records"] <= entries + 2
    assert rows(office)["audit_seals"] == entries


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.integers(0, 240))
def test_months_are_counted_as_people_do(day: date, months: int) -> None:
    before = months_before(day, months)
    assert (day.year - before.year) * 12 + day.month - before.month == months
    assert before.day == day.day or (before.day < day.day and (before + timedelta(days=1)).day == 1)


@given(st.dates(date(2001, 1, 1), date(2099, 1, 1)), st.lists(st.one_of(st.none(), st.dates()), max_size=3))
def test_no_hold_ever_makes_more_go(day: date, holds: list[date | None]) -> None:
    free, held = erased_before(day, MONTHS, []), erased_before(day, MONTHS, holds)
    assert free is not None
    assert held is None if None in holds else held is not None and held <= free
