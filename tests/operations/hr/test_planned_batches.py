"""Batches that are planned by HR and permitted by another: who may, what they list, and what is left behind."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from idm.calendar_days import start_of
from idm.errors import ContentChanged, IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.safety import RunKind
from idm.models.work import MailMessage
from idm.operations.hr import planned_batches
from idm.operations.hr.planned_batches import PlannedRun, listed_for_day
from idm.queries.hr.planned_batches import BatchState, batch_sheet, digest_of
from idm.queries.hr.planned_batches import planned_batches as all_batches
from idm.vocabulary import Role, SafetyAction
from tests.cast import NOW, TODAY, Cast

MAY = date(2026, 5, 1)
STOP, SUSPEND = SafetyAction.STOP, SafetyAction.SUSPEND
ITEMS = frozenset({(STOP, "100009"), (STOP, "100010"), (SUSPEND, "100005")})
DAY = PlannedRun(RunKind.LIFECYCLE, MAY)
FILE = PlannedRun(RunKind.FEED, MAY, "town", "a" * 64)


def propose(cast: Cast, run: PlannedRun = DAY, *, who: str = "hr", items: frozenset[tuple[SafetyAction, str]] = ITEMS,
            reason: str = "年度末の退職", now: datetime = NOW) -> int:  # fmt: skip
    with cast.acting(who, "batch.propose", now) as session:
        return planned_batches.propose(
            session, run, items, reason=reason, actor=cast.actor(who), policy=cast.policy, now=now
        ).id


def permit(cast: Cast, batch_id: int, *, who: str = "chief", shown: str | None = None, now: datetime = NOW) -> None:
    with cast.acting(who, "batch.permit", now) as session:
        planned_batches.permit(
            session, batch_id, shown=shown or digest_of(ITEMS), actor=cast.actor(who), policy=cast.policy, now=now
        )


def refuse(cast: Cast, batch_id: int, reason: str = "人数が合わない", *, who: str = "chief") -> None:
    with cast.acting(who, "batch.refuse") as session:
        planned_batches.refuse(session, batch_id, reason=reason, actor=cast.actor(who), policy=cast.policy, now=NOW)


def state(cast: Cast, batch_id: int) -> BatchState:
    with cast.database.reading() as session:
        return batch_sheet(session, batch_id).row.state


def mail(cast: Cast, number: str) -> list[str]:
    """The subjects of what was sent to the person of that number."""
    with cast.database.reading() as session:
        query = select(MailMessage.subject).where(MailMessage.recipient == f"u{number}@example.jp")
        return [subject for subject in session.scalars(query) if "一括処理" in subject]


def test_hr_proposes_the_chief_is_asked_permits_and_hr_is_told(office: Cast) -> None:
    batch_id = propose(office)
    assert state(office, batch_id) is BatchState.WAITING
    assert mail(office, "100003") == ["【一括処理の許可依頼】令和8年5月1日分の期日の処理"]
    permit(office, batch_id)
    assert state(office, batch_id) is BatchState.PERMITTED
    assert mail(office, "100006") == ["【一括処理】令和8年5月1日分の期日の処理"]
    with office.database.reading() as session:
        records = session.scalars(select(AuditRecord).where(AuditRecord.action.like("batch.%"))).all()
        assert [record.action for record in records] == ["batch.proposed", "batch.permitted"]
        assert all('["stop","100009"]' in (record.payload or "") for record in records)


def test_the_list_is_shown_by_action_and_department(cast: Cast) -> None:
    batch_id = propose(cast)
    with cast.database.reading() as session:
        sheet = batch_sheet(session, batch_id)
        assert [(item.action, item.name) for item in sheet.items] == [
            (STOP, "青木　一郎"), (STOP, "今泉　二葉"), (SUSPEND, "香椎　宮子"),
        ]  # fmt: skip
        assert sheet.by_unit == {("0100", "総務課"): {STOP: 2, SUSPEND: 1}}
        assert (sheet.by_action, sheet.row.people, sheet.row.used) == ({STOP: 2, SUSPEND: 1}, 3, 0)
        assert [row.batch_id for row in all_batches(session)] == [batch_id]


@pytest.mark.parametrize("who", ["chief", "ciso", "security", "staff", "contractor"])
def test_only_hr_proposes(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        propose(cast, who=who)


@pytest.mark.parametrize("who", ["hr", "ciso", "vice", "security", "system", "auditor", "staff", "contractor"])
def test_only_the_chief_answers(cast: Cast, who: str) -> None:
    batch_id = propose(cast)
    with pytest.raises(NotPermitted):
        permit(cast, batch_id, who=who)
    with pytest.raises(NotPermitted):
        refuse(cast, batch_id, who=who)
    assert state(cast, batch_id) is BatchState.WAITING


def make_officer(cast: Cast, who: str, role: Role) -> None:
    with cast.database.writing() as session:
        session.add(
            Officer(
                role=role,
                person_id=cast.people[who],
                valid_from=TODAY - timedelta(days=9),
                confirmed_at=NOW,
                confirmed_by_id=cast.people["ciso"],
            )
        )


def test_the_proposer_does_not_permit_even_as_chief_or_under_another_row(cast: Cast) -> None:
    make_officer(cast, "hr", Role.CHIEF)
    batch_id = propose(cast)
    with pytest.raises(SeparationOfDuties, match="SOD-1"):
        permit(cast, batch_id, who="hr")
    with cast.database.writing() as session:
        for who in ("hr", "chief"):
            session.get_one(Person, cast.people[who]).match_key = "same human"
    with pytest.raises(SeparationOfDuties, match="SOD-1"):
        permit(cast, batch_id, who="chief")
    with pytest.raises(SeparationOfDuties, match="SOD-1"):
        refuse(cast, batch_id, who="chief")


@pytest.mark.parametrize(("who", "refused"), [("contractor", NotPermitted), ("auditor", SeparationOfDuties)])
def test_no_contractor_and_no_auditor_permits_whatever_role_they_got(
    cast: Cast, who: str, refused: type[Exception]
) -> None:
    make_officer(cast, who, Role.CHIEF)
    batch_id = propose(cast)
    with pytest.raises(refused):
        permit(cast, batch_id, who=who)


def test_no_contractor_proposes(cast: Cast) -> None:
    make_officer(cast, "contractor", Role.HR)
    with pytest.raises(NotPermitted):
        propose(cast, who="contractor")


def test_what_is_permitted_is_what_was_shown(cast: Cast) -> None:
    batch_id = propose(cast)
    with pytest.raises(ContentChanged):
        permit(cast, batch_id, shown=digest_of(ITEMS | {(STOP, "100001")}))
    assert state(cast, batch_id) is BatchState.WAITING


def test_what_is_answered_is_answered_once(office: Cast) -> None:
    refused, permitted = propose(office), propose(office, FILE)
    refuse(office, refused)
    permit(office, permitted)
    for batch_id in (refused, permitted):
        with pytest.raises(IllegalTransition):
            permit(office, batch_id)
        with pytest.raises(IllegalTransition):
            refuse(office, batch_id)


def test_a_refusal_gives_its_reason_and_the_way_is_free_for_another_plan(cast: Cast) -> None:
    batch_id = propose(cast)
    with pytest.raises(IllegalTransition, match="第1号"):
        propose(cast)
    with pytest.raises(InvalidInput):
        refuse(cast, batch_id, "  ")
    refuse(cast, batch_id)
    with cast.database.reading() as session:
        body = session.scalars(select(MailMessage.body).where(MailMessage.link == f"/batches/{batch_id}")).all()[-1]
        assert "人数が合わない" in body
    assert propose(cast) == batch_id + 1


@pytest.mark.parametrize(
    ("items", "reason", "words"),
    [
        (frozenset(), "年度末", "計画する必要はありません"),
        (ITEMS, " ", "理由"),
        (frozenset({(STOP, "999999")}), "年度末", "999999"),
    ],
)
def test_a_plan_names_people_and_a_reason(
    cast: Cast, items: frozenset[tuple[SafetyAction, str]], reason: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        propose(cast, items=items, reason=reason)


def test_a_plan_whose_time_is_over_is_neither_made_nor_permitted(cast: Cast) -> None:
    batch_id = propose(cast)
    late = start_of(MAY + timedelta(days=8))
    with pytest.raises(IllegalTransition, match="7 日"):
        permit(cast, batch_id, now=late)
    with pytest.raises(InvalidInput, match="7 日"):
        propose(cast, now=late)
    permit(cast, batch_id, now=start_of(MAY + timedelta(days=7)))


def test_a_plan_for_a_day_lists_whom_the_run_would_touch_as_it_was_shown(cast: Cast) -> None:
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    with cast.database.writing() as session:
        cast.employment(session, "staff").valid_until = MAY
    with cast.database.reading() as session:
        shown = digest_of(listed_for_day(session, MAY, policy=cast.policy, now=NOW))
    cast.approve(cast.file("hr", ("other", "ledger/account")))
    with cast.database.writing() as session:
        cast.employment(session, "other").valid_until = MAY

    def for_day(shown: str) -> int:
        with cast.acting("hr", "batch.propose") as session:
            return planned_batches.propose_for_day(
                session, MAY, shown=shown, reason="年度末", actor=cast.actor("hr"), policy=cast.policy, now=NOW
            ).id

    with pytest.raises(ContentChanged):
        for_day(shown)
    batch_id = for_day(digest_of([(STOP, "100009"), (STOP, "100010")]))
    with cast.database.reading() as session:
        assert [item.staff_number for item in batch_sheet(session, batch_id).items] == ["100009", "100010"]


def test_a_batch_that_does_not_exist_is_not_found(cast: Cast) -> None:
    with pytest.raises(NotFound):
        permit(cast, 4711)
    with cast.database.reading() as session, pytest.raises(NotFound):
        batch_sheet(session, 4711)


@pytest.mark.parametrize(
    "change",
    ["approved_by_id = proposed_by_id, approved_at = proposed_at", "approved_at = proposed_at",
     "kind = 'feed'", "refused_at = proposed_at, approved_at = proposed_at, approved_by_id = 1"],
)  # fmt: skip
def test_the_database_refuses_what_no_two_people_decided(office: Cast, change: str) -> None:
    propose(office)
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(text(f"UPDATE planned_batches SET {change}"))


def test_no_command_permits() -> None:
    from jobs.command_line import NOUNS, idm  # noqa: PLC0415 - the command line is not otherwise needed here

    context = idm.make_context("idm", ["--debug"], resilient_parsing=True)
    command = idm.get_command(context, "batch")
    assert "batch" in NOUNS
    assert command is not None
    assert list(command.commands) == ["list"]  # type: ignore[attr-defined]
