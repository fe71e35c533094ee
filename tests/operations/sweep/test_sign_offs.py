"""Names under the results of the sweeps: every seat, one person one seat, and all of them under the same (C2)."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import DecidedMeanwhile, IllegalTransition, NotSeated, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.nights import SweepSignOff
from idm.models.officers import Deputy, Officer
from idm.models.systems import InformationSystem
from idm.models.work import MailMessage
from idm.operations.sweep import nights, sign_offs
from idm.operations.sweep.findings import Found, SweepResult, record_sweep
from idm.queries.approval.bench import Bench
from idm.queries.sweep.sign_offs import SignOffSheet, sign_off_sheet
from idm.vocabulary import FindingKind, Role
from tests.cast import NOW, TODAY, Cast

JOB = Actor.job("tests.sweep")
SEATS = (Role.CHIEF, Role.SYSTEM, Role.SECURITY)
DAY = timedelta(days=1)
ONE, TWO = Found(FindingKind.ORPHAN, "1", "a"), Found(FindingKind.ORPHAN, "2", "b")


def night(cast: Cast, now: datetime = NOW, *found: Found, failure: str | None = None, done: int = 0) -> None:
    """One night of the ledger alone."""
    with cast.database.writing() as session:
        held = nights.begin(session, systems=1, holder="w1", actor=JOB, policy=cast.policy, now=now)
        result = SweepResult(_ledger(session).id, "ledger", 10, found, failure, done=done)
        record_sweep(
            session, result, started_at=now, actor=JOB, policy=cast.policy, now=now, night_id=held.id
        )  # fmt: skip
        nights.end(session, held.id, failed=[], actor=JOB, policy=cast.policy, now=now)


def _ledger(session: object) -> InformationSystem:
    return session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()  # type: ignore[attr-defined, no-any-return]


def sheet(cast: Cast, who: str = "chief", now: datetime = NOW) -> SignOffSheet:
    with cast.database.reading() as session:
        return sign_off_sheet(
            session, _ledger(session), cast.policy.sweep, person_id=cast.people[who],
            bench=Bench.on(session, day_of(now)),
        )  # fmt: skip


def sign(cast: Cast, who: str, seat: Role, *, now: datetime = NOW, shown: str | None = None) -> None:
    with cast.acting(who, "sweep.sign_off", now) as session:
        sign_offs.sign(
            session, _ledger(session).id, seat=seat, shown_hash=shown or sheet(cast, who, now).shown_hash,
            comment="", actor=cast.stale(who), policy=cast.policy, now=now,
        )  # fmt: skip


def mails(cast: Cast) -> list[tuple[str, str]]:
    with cast.database.reading() as session:
        rows = session.scalars(select(MailMessage).where(MailMessage.link == "/findings/sign-offs"))
        return sorted((one.recipient, one.body.split("\n")[2]) for one in rows)


def remind(cast: Cast, now: datetime) -> int:
    with cast.database.writing() as session:
        return sign_offs.remind(session, actor=JOB, policy=cast.policy, now=now)


def test_every_seat_of_the_profile_signs_what_was_examined_found_done_and_failed(office: Cast) -> None:
    night(office, NOW - 2 * DAY, Found(FindingKind.ORPHAN, "1", "a"), Found(FindingKind.ORPHAN, "2", "b"), done=1)
    night(office, NOW - DAY, failure="接続できません。")
    night(office, NOW, Found(FindingKind.ORPHAN, "1", "a"), done=2)
    results = sheet(office).results
    assert results is not None
    assert (results.sweeps, results.examined, results.new, results.resolved, results.done) == (3, 10, 2, 1, 3)
    assert [one.reason for one in results.failures] == ["接続できません。"]
    assert results.kinds == {FindingKind.ORPHAN: 2}
    for seat, who in zip(SEATS, ("chief", "system", "security"), strict=True):
        assert not sheet(office).complete
        sign(office, who, seat)
    assert sheet(office).complete
    with office.database.reading() as session:
        signed = session.scalars(select(AuditRecord).where(AuditRecord.action == "sweep.signed_off")).all()
    assert len(signed) == len(SEATS)


def test_the_next_names_are_about_what_came_after_the_last(office: Cast) -> None:
    night(office, NOW, Found(FindingKind.ORPHAN, "1", "a"))
    for seat, who in zip(SEATS, ("chief", "system", "security"), strict=True):
        sign(office, who, seat)
    night(office, NOW + DAY, Found(FindingKind.ORPHAN, "1", "a"), Found(FindingKind.ORPHAN, "2", "b"))
    after = sheet(office, now=NOW + DAY)
    assert after.results is not None
    assert (after.results.sweeps, after.results.since, after.results.kinds) == (1, NOW, {FindingKind.ORPHAN: 1})
    assert not after.complete


def test_all_seats_sign_the_night_that_the_first_signed(office: Cast) -> None:
    night(office)
    sign(office, "chief", Role.CHIEF)
    first = sheet(office)
    night(office, NOW + DAY, Found(FindingKind.ORPHAN, "2", "b"))
    assert (sheet(office).night_id, sheet(office).shown_hash) == (first.night_id, first.shown_hash)
    sign(office, "system", Role.SYSTEM, now=NOW + DAY)
    sign(office, "security", Role.SECURITY, now=NOW + DAY)
    with office.database.reading() as session:
        assert len(set(session.scalars(select(SweepSignOff.shown_hash)))) == 1


def test_what_a_night_finds_once_more_does_not_slip_under_a_name_that_stands_there(office: Cast) -> None:
    later = NOW + timedelta(hours=2)
    night(office, NOW, ONE)
    sign(office, "chief", Role.CHIEF)
    night(office, later, ONE, TWO)
    for seat, who in zip(SEATS[1:], ("system", "security"), strict=True):
        sign(office, who, seat, now=later)
    with office.database.reading() as session:
        assert len(set(session.scalars(select(SweepSignOff.shown_hash)))) == 1
    night(office, NOW + DAY, ONE, TWO)
    results = sheet(office, now=NOW + DAY).results
    assert results is not None
    assert (results.since, results.sweeps, results.new) == (NOW, 2, 1), "the next names are about it"


def test_what_a_night_finds_once_more_after_every_name_is_shown_for_the_next_ones(office: Cast) -> None:
    night(office, NOW, ONE)
    for seat, who in zip(SEATS, ("chief", "system", "security"), strict=True):
        sign(office, who, seat)
    night(office, NOW + timedelta(hours=2), ONE, TWO)
    night(office, NOW + DAY, ONE, TWO)
    results = sheet(office, now=NOW + DAY).results
    assert results is not None
    assert results.kinds == {FindingKind.ORPHAN: 1}


@pytest.mark.parametrize(("who", "seat"), [("system", Role.CHIEF), ("staff", Role.SYSTEM), ("auditor", Role.SECURITY)])
def test_nobody_signs_a_seat_that_is_not_theirs(office: Cast, who: str, seat: Role) -> None:
    night(office)
    with pytest.raises(NotSeated):
        sign(office, who, seat)


def test_one_person_signs_one_seat(office: Cast) -> None:
    """The chief is the security officer as well: their second seat goes up the ladder."""
    night(office)
    with office.database.writing() as session:
        held = session.scalars(select(Officer).where(Officer.role == Role.SECURITY)).one()
        held.person_id = office.people["chief"]
    sign(office, "chief", Role.CHIEF)
    with pytest.raises(SeparationOfDuties):
        sign(office, "chief", Role.SECURITY)
    sign(office, "vice", Role.SECURITY)


def test_a_deputy_signs_in_the_place_of_the_holder_and_is_named_with_them(office: Cast) -> None:
    night(office)
    with office.database.writing() as session:
        session.add(
            Deputy(
                principal_id=office.people["chief"], role=Role.CHIEF, deputy_id=office.people["other"],
                valid_from=TODAY, valid_until=TODAY + 30 * DAY, named_at=NOW,
                accepted_by_id=office.people["ciso"], accepted_at=NOW,
            )
        )  # fmt: skip
    sign(office, "other", Role.CHIEF)
    row = sheet(office).seats[0]
    assert (row.signed_by, row.acting_for) == ("今泉　二葉", "天神　太郎")


def test_a_seat_is_signed_once(office: Cast) -> None:
    night(office)
    sign(office, "chief", Role.CHIEF)
    with pytest.raises(IllegalTransition):
        sign(office, "chief", Role.CHIEF)


def test_what_was_not_shown_is_not_signed(office: Cast) -> None:
    night(office)
    shown = sheet(office).shown_hash
    night(office, NOW + DAY, Found(FindingKind.ORPHAN, "2", "b"))
    with pytest.raises(DecidedMeanwhile):
        sign(office, "chief", Role.CHIEF, now=NOW + DAY, shown=shown)


def test_without_a_night_there_is_nothing_to_sign(office: Cast) -> None:
    assert sheet(office).night_id is None
    with pytest.raises(IllegalTransition):
        sign(office, "chief", Role.CHIEF, shown="x")


def test_seats_are_asked_once_and_the_chief_is_told_once_that_it_is_late(office: Cast) -> None:
    rules = office.policy.sweep
    night(office)
    asked, late = NOW + rules.sign_off_every_days * DAY, NOW + (rules.sign_off_every_days + rules.sign_off_days) * DAY
    assert remind(office, asked - DAY) == 0
    assert [remind(office, asked), remind(office, asked + DAY)] == [1, 0]
    please = "点検の結果を確かめて、確認の署名をお願いします。"
    assert mails(office) == [(f"u{number}@example.jp", please) for number in ("100003", "100004", "100005")]
    assert remind(office, late) == 0, "the last day is still a day for it"
    assert [remind(office, late + DAY), remind(office, late + 2 * DAY)] == [1, 0]
    assert [to for to, said in mails(office) if "期限までに" in said] == ["u100003@example.jp"]


def test_who_has_signed_is_not_asked_and_what_is_complete_is_not_late(office: Cast) -> None:
    rules = office.policy.sweep
    night(office)
    for seat, who in zip(SEATS, ("chief", "system", "security"), strict=True):
        sign(office, who, seat)
    assert remind(office, NOW + (rules.sign_off_every_days + rules.sign_off_days + 1) * DAY) == 0
    assert mails(office) == []
