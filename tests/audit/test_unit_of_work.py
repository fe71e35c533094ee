"""What is done and what is refused is on record; what cannot be recorded is not done."""

import json
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, ForeignKey, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from idm import audit
from idm.database import Database
from idm.errors import DecidedMeanwhile, InvalidInput, Refusal, SeparationOfDuties
from idm.models.audit import AuditOutcome, AuditRecord
from idm.unit_of_work import unit_of_work
from tests.audit.ledger import NOW, YAMADA, count, write

ACT: dict[str, Any] = {"actor": YAMADA, "now": NOW, "attempted": "request.decide", "obj": ("request", "12")}


class Apart(DeclarativeBase):
    """Tables that are none of the product's."""


class Decision(Apart):
    """Something that acts change."""

    __tablename__ = "decisions"
    __table_args__ = (CheckConstraint("step > 0", name="ck_decisions_step"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(unique=True)
    cites: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"))
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


@pytest.fixture
def decided(database: Database) -> Database:
    """A database in which step 1 has been decided."""
    Apart.metadata.create_all(database.engine)
    with database.writing() as session:
        session.add(Decision(id=1, step=1))
    return database


def decide(database: Database, step: int = 2, *, then: Exception | None = None, **differently: Any) -> None:
    """The act: a decision with its audit record; and what goes wrong afterwards."""
    with unit_of_work(database, **{**ACT, **differently}) as session:
        session.add(Decision(id=step + 10, step=step))
        write(session, 12)
        if then is not None:
            session.flush()
            raise then


def only_record(database: Database) -> AuditRecord:
    """The one audit record there is."""
    with database.reading() as session:
        return session.scalars(select(AuditRecord)).one()


def message_of(record: AuditRecord) -> dict[str, str]:
    """The payload, read back."""
    payload: dict[str, str] = json.loads(record.payload or "")
    return payload


def test_act_and_its_record_are_committed_together(decided: Database) -> None:
    decide(decided)
    assert count(decided, Decision) == 2
    assert only_record(decided).outcome is AuditOutcome.DONE


def test_refusal_undoes_the_act_and_is_recorded_and_raised(decided: Database) -> None:
    refusal = SeparationOfDuties("申請者は承認できません。", code="SOD-1")
    with pytest.raises(SeparationOfDuties) as raised:
        decide(decided, then=refusal, policy_digest="5e" * 32)
    assert raised.value is refusal
    assert count(decided, Decision) == 1
    record = only_record(decided)
    assert (record.action, record.object_kind, record.object_id) == ("request.decide", "request", "12")
    assert (record.outcome, record.code, record.actor_id) == (AuditOutcome.REFUSED, "SOD-1", 7)
    assert (record.at, record.policy_digest) == (NOW, "5e" * 32)
    assert message_of(record) == {"message": "申請者は承認できません。"}


@pytest.mark.asvs("16.3.2", "16.3.3")
@pytest.mark.parametrize("kind", Refusal.__subclasses__())
def test_every_kind_of_refusal_is_recorded(decided: Database, kind: type[Refusal]) -> None:
    with pytest.raises(kind):
        decide(decided, then=kind("理由"))
    assert only_record(decided).code == kind.code


def test_refusal_that_quotes_broken_text_is_recorded(decided: Database) -> None:
    with pytest.raises(InvalidInput):
        decide(decided, then=InvalidInput("「\ud800」は使えません。"), obj=("request", "\ud800\0"))
    assert message_of(only_record(decided)) == {"message": "「\\ud800」は使えません。"}


@pytest.mark.parametrize(("step", "violated"), [(1, "step"), (0, "ck_decisions_step")])
def test_conflict_that_only_the_database_saw_is_a_recorded_refusal(decided: Database, step: int, violated: str) -> None:
    with pytest.raises(DecidedMeanwhile, match="開き直して"):
        decide(decided, step)
    record = only_record(decided)
    assert (record.outcome, record.code) == (AuditOutcome.REFUSED, "DECIDED-MEANWHILE")
    assert violated in message_of(record)["conflict"]
    assert count(decided, Decision) == 1


def test_row_that_somebody_else_changed_meanwhile_is_a_recorded_refusal(decided: Database) -> None:
    with decided.reading() as session:
        stale = session.get_one(Decision, 1)
    with decided.writing() as session:
        session.get_one(Decision, 1).step = 5
    stale.step = 6
    with pytest.raises(DecidedMeanwhile), unit_of_work(decided, **ACT) as session:
        session.add(stale)
    assert message_of(only_record(decided))["conflict"] == "version"
    with decided.reading() as session:
        assert session.get_one(Decision, 1).step == 5


@pytest.mark.parametrize("fault", [{"cites": 99}, {"step": None}])
def test_other_violations_are_faults_and_no_refusals(decided: Database, fault: dict[str, Any]) -> None:
    values = {"id": 2, "step": 2, "version": 1, **fault}
    with pytest.raises(IntegrityError), unit_of_work(decided, **ACT) as session:
        session.execute(insert(Decision).values(values))
    assert count(decided, Decision) == 1
    assert count(decided, AuditRecord) == 0


@pytest.mark.asvs("2.3.3")
def test_fault_undoes_the_act_and_passes_unrecorded(decided: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        decide(decided, then=ZeroDivisionError())
    assert count(decided, Decision) == 1
    assert count(decided, AuditRecord) == 0


@pytest.mark.asvs("16.2.5")
def test_secret_in_a_payload_stops_the_act(decided: Database) -> None:
    secret: dict[str, Any] = {"action": "account.made", "actor": YAMADA, "obj": ("account", 1), "now": NOW}
    with pytest.raises(audit.PayloadInvalid), unit_of_work(decided, **ACT) as session:
        audit.record(session, **secret, payload={"password": "Haru-no-umi"})
    assert count(decided, AuditRecord) == 0


NO_ROOM = {
    "sqlite": ["CREATE TRIGGER full_disk BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'no room'); END"],
    "postgresql": [
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON audit_records FOR EACH ROW EXECUTE FUNCTION no_room()",
    ],
}
GONE = {dialect: ["ALTER TABLE audit_records RENAME TO gone"] for dialect in NO_ROOM}


@pytest.mark.asvs("16.5.3")
@pytest.mark.parametrize("trouble", [NO_ROOM, GONE], ids=["no room", "no table"])
def test_act_that_cannot_be_recorded_is_not_done(decided: Database, trouble: dict[str, list[str]]) -> None:
    """FK 6-1(6): when logging fails, the operation does not go ahead."""
    with decided.engine.begin() as connection:
        for statement in trouble[decided.engine.dialect.name]:
            connection.exec_driver_sql(statement)
    with pytest.raises(DBAPIError):
        decide(decided)
    assert count(decided, Decision) == 1


def test_refusal_that_cannot_be_recorded_is_a_fault_and_nothing_is_done(decided: Database) -> None:
    with decided.engine.begin() as connection:
        for statement in NO_ROOM[decided.engine.dialect.name]:
            connection.exec_driver_sql(statement)
    with pytest.raises(DBAPIError, match="no room"), unit_of_work(decided, **ACT):
        raise SeparationOfDuties("申請者は承認できません。", code="SOD-1")
    assert count(decided, Decision) == 1
