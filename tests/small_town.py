"""A town hall of five people in a SQLite file: enough to sign in to, and nothing else."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy.orm import Session

from idm import organisation_file
from idm.database import Database
from idm.employment_kind import EmploymentKind
from idm.models.officers import ConfigurationVersion, Officer
from idm.models.people import Employment, Person
from idm.policy import Policy
from idm.policy_file import effective_text, load_profile
from idm.vocabulary import ConfigurationKind, Role
from tests.templates import with_tables

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
"""10:00 on a Friday in Tokyo."""

ORGANISATION = """
name = "あおば市役所"
profile = "fukuoka"
systems = []
post_rights = []
first_officers = []
"""


@dataclass(frozen=True)
class Town:
    """Who is who, by person id. Only `staff` holds no role; `auditor` has an office and no employment."""

    staff: int
    inviter: int
    chief: int
    auditor: int
    leaver: int


def policy() -> Policy:
    """The rules the town follows."""
    return load_profile("fukuoka").policy


def build(folder: Path) -> tuple[Database, Town]:
    """The town's database, new, in that folder."""
    database = with_tables(folder / "town.db")
    return database, settle(database)


def settle(database: Database) -> Town:
    """Afterwards the town lives in this database, whose tables are empty."""
    with database.writing() as session:
        record = _configuration(session, ConfigurationKind.PROFILE, "fukuoka", effective_text(load_profile("fukuoka")))
        text = organisation_file.effective_text(ORGANISATION, "organisation.toml")
        _configuration(session, ConfigurationKind.ORGANISATION, "aoba", text)
        town = Town(
            staff=_person(session, "佐藤 一郎", "サトウ イチロウ", "100001"),
            inviter=_person(session, "鈴木 花子", "スズキ ハナコ", "100002"),
            chief=_person(session, "髙橋 次郎", "タカハシ ジロウ", "100003"),
            auditor=_person(session, "監査 三郎", "カンサ サブロウ", None),
            leaver=_person(session, "田中 四郎", "タナカ シロウ", "100005", until=date(2026, 11, 1)),
        )
        for role, person_id in ((Role.HANDOVER, town.inviter), (Role.CHIEF, town.chief), (Role.AUDITOR, town.auditor)):
            session.add(Officer(role=role, person_id=person_id, valid_from=date(2026, 4, 1), first_record_id=record))
    return town


def _configuration(session: Session, kind: ConfigurationKind, name: str, content: str) -> int:
    version = ConfigurationVersion(
        kind=kind, name=name, version=1, content=content, digest=sha256(content.encode()).hexdigest(),
        reason="最初の記録", proposed_at=datetime(2026, 4, 1, tzinfo=UTC),
        accepted_at=datetime(2026, 4, 1, tzinfo=UTC),
    )  # fmt: skip
    session.add(version)
    session.flush()
    return version.id


def _person(session: Session, name: str, kana: str, number: str | None, *, until: date | None = None) -> int:
    person = Person(name=name, kana=kana, search_key=kana, created_at=NOW)
    if number is not None:
        employment = Employment(
            staff_number=number, kind=EmploymentKind.REGULAR, valid_from=date(2020, 4, 1), valid_until=until
        )
        person.employments.append(employment)
    session.add(person)
    session.flush()
    return person.id
