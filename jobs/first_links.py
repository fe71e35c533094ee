"""Enrolment links for the officers whom the first record names: how a new installation gets its first sign-ins.

Nobody has a password anyone knows: each officer sets their own. As soon as somebody who may invite can sign in, only
they can issue links (`idm.operations.signing_in.enrolment`), and this does nothing any longer.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.sign_in import SignIn
from idm.operations.signing_in.enrolment import issue_enrolment_link
from idm.queries.governance.configuration import policy_in_force
from idm.queries.organisation.officers import tenures_on
from idm.unit_of_work import unit_of_work
from jobs.installation import Installation

ACTOR = Actor.job("idm init")


@dataclass(frozen=True)
class FirstLink:
    """One officer's way in. It is shown now and never again."""

    titles: str
    name: str
    address: str

    def __repr__(self) -> str:
        return f"FirstLink(titles={self.titles!r}, name={self.name!r})"


def issue(installation: Installation) -> list[FirstLink]:
    """Afterwards each officer of the first record who cannot sign in yet has one new link; older ones are void.

    Raises NotPermitted once somebody who may invite can sign in.
    """
    now = installation.clock()
    with unit_of_work(
        installation.database, actor=ACTOR, now=now, attempted="sign_in.invite", obj=("configuration", "1")
    ) as session:
        policy = policy_in_force(session, now=now)
        base = installation.settings.base_url.rstrip("/")
        links = []
        for person, officers in _waiting(session, installation):
            token = issue_enrolment_link(session, person_id=person.id, actor=ACTOR, policy=policy, now=now)
            titles = "・".join(dict.fromkeys(policy.title_of(officer.role) for officer in officers))
            links.append(FirstLink(titles, person.name, f"{base}/enrol/{token}"))
        return links


def _waiting(session: Session, installation: Installation) -> list[tuple[Person, list[Officer]]]:
    enrolled = set(session.scalars(select(SignIn.person_id)))
    found: dict[int, list[Officer]] = {}
    day = day_of(installation.clock())
    for officer in session.scalars(tenures_on(day).where(Officer.first_record_id.is_not(None)).order_by(Officer.id)):
        if officer.person_id not in enrolled:
            found.setdefault(officer.person_id, []).append(officer)
    return [(officers[0].person, officers) for officers in found.values()]
