"""The invented organisation at work: its sound file imported, its people's accounts applied for, approved and open."""

from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.database import Database
from idm.errors import Refusal
from idm.feed import profile as feed_profiles
from idm.models.feeds import FeedSource
from idm.models.people import Employment, Person
from idm.models.requests import Request
from idm.models.systems import Account
from idm.operations.approval import consent, decisions, requests
from idm.operations.approval.decisions import Verdict
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.hr import feed_import
from idm.operations.hr.personnel import Applied
from idm.organisation_file import effective_text as organisation_text
from idm.policy_file import effective_text, load_profile
from idm.queries.governance.configuration import policy_in_force
from idm.request_state import Event, RequestState
from idm.samples import SAMPLE_FEED, SAMPLE_ORGANISATION
from idm.vocabulary import ConfigurationKind, Role
from tests.carried_out import carry_out
from tests.cast import ALWAYS_FRESH, Cast, create_tables

NOW = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
"""2026-04-01 10:00 in Tokyo: the day of the sound file."""
TODAY = date(2026, 4, 1)
SECRET = b"0123456789abcdef0123456789abcdef"
JOB = Actor.job("tests.damage")
FEEDS = ("aoba", "aoba-events", "aoba-xlsx")
HR, CHIEF, SYSTEM = "000456", "000412", "000445"


def build(file: Path) -> Cast:
    """The office in a new database of that name. Its people are asked for by staff number."""
    database = Database(f"sqlite:///{file}")
    create_tables(database)
    with database.writing() as session:
        configuration.first_record(session, texts(), actor=JOB, now=NOW)
    with database.writing() as session:
        policy = policy_in_force(session, now=NOW)
    office = Cast(database, {}, policy)
    with database.writing() as session:
        applied = take_in(session, office, SAMPLE_FEED.read_bytes(), "aoba", as_of=TODAY, now=NOW)
        assert applied is not None
        drafts = [draft.id for draft in applied.drafts]
        people = session.execute(select(Employment.staff_number, Person.id, Person.name).join(Employment.person))
        actors = {number: Actor(person, name, ALWAYS_FRESH) for number, person, name in people}
        _consents(session, office, actors[HR])
    for draft in drafts:
        _grant(office, draft, actors)
    carry_out(office, now=NOW)
    with database.writing() as session:
        session.execute(update(Account).values(handed_over_at=NOW))
    carry_out(office, now=NOW)
    return office


def take_in(session: Session, office: Cast, data: bytes, feed: str, *, as_of: date, now: datetime) -> Applied | None:
    """What importing the file leaves behind. Raises FeedRefused and SafetyLimit."""
    prepared = feed_import.prepare(
        session, data, feed_name=feed, as_of=as_of, match_secret=SECRET, policy=office.policy, now=now
    )
    return feed_import.carry_out(
        session, prepared, source=FeedSource.COMMAND, match_secret=SECRET, actor=JOB, policy=office.policy, now=now
    )


def shipped_text(feed: str) -> str:
    """A feed profile as it comes with the product."""
    return (Path(feed_profiles.__file__).parent / "profiles" / f"{feed}.toml").read_text(encoding="utf-8")


def texts() -> list[ConfigurationText]:
    """The first record of the office."""
    organisation = organisation_text(SAMPLE_ORGANISATION.read_text(encoding="utf-8"), SAMPLE_ORGANISATION.name)
    feeds = [ConfigurationText(ConfigurationKind.FEED, name, shipped_text(name)) for name in FEEDS]
    return [
        ConfigurationText(ConfigurationKind.PROFILE, "fukuoka", effective_text(load_profile("fukuoka"))),
        ConfigurationText(ConfigurationKind.ORGANISATION, "aoba", organisation),
        *feeds,
    ]


def _consents(session: Session, office: Cast, hr: Actor) -> None:
    """Everybody who needs to has consented to the rules, on paper that HR has filed."""
    kinds = office.policy.outside.consent_kinds
    for person in session.scalars(select(Employment.person_id).where(Employment.kind.in_(kinds)).distinct()).all():
        consent.record(
            session, person_id=person, given_on=TODAY, document=f"人-{person}", actor=hr, policy=office.policy, now=NOW
        )


def _grant(office: Cast, request_id: int, actors: dict[str, Actor]) -> None:
    """HR submits and both seats approve; what an officer may not decide of their own stays undecided."""
    with suppress(Refusal), office.database.writing() as session:
        request = session.get_one(Request, request_id)
        requests.submit(session, request, actor=actors[HR], policy=office.policy, now=NOW)
        assert request.state is RequestState.SUBMITTED
    for number, seat in ((CHIEF, Role.CHIEF), (SYSTEM, Role.SYSTEM)):
        with suppress(Refusal), office.database.writing() as session:
            request = session.get_one(Request, request_id)
            verdict = Verdict(Event.APPROVE, "確認しました", request.content_hash or "")
            steps = {step.id: verdict for line in request.lines for step in line.steps if step.seat is seat}
            decisions.decide_lines(
                session, request_id=request_id, verdicts=steps, actor=actors[number], policy=office.policy, now=NOW
            )
