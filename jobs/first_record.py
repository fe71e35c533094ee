"""The first load of an installation: one record, chained and signed before anything else happens (control A16)."""

from idm.actor import Actor
from idm.models.officers import ConfigurationVersion
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.unit_of_work import unit_of_work
from jobs.installation import Installation
from jobs.logs import sealing

ACTOR = Actor.job("idm init")


def make(installation: Installation, texts: list[ConfigurationText]) -> list[ConfigurationVersion]:
    """Afterwards these texts are in force, and the record of it is signed and kept elsewhere.

    Raises IllegalTransition when there already is a first record, ConfigurationInvalid with every mistake.
    """
    now = installation.clock()
    with unit_of_work(
        installation.database, actor=ACTOR, now=now, attempted="configuration.first_record", obj=("configuration", "1")
    ) as session:
        versions = configuration.first_record(session, texts, actor=ACTOR, now=now)
    sealing.seal(installation, sign=True)
    return versions
