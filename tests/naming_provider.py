"""The organisation names a provider to sign in with, another one, or none any more, in the configuration in force."""

import json
from dataclasses import asdict

from sqlalchemy import select

from idm.database import Database
from idm.models.officers import ConfigurationVersion
from idm.organisation import SignInProvider
from idm.vocabulary import ConfigurationKind


def name_provider(database: Database, provider: SignInProvider | None) -> None:
    """Afterwards the accepted organisation names this provider."""
    query = select(ConfigurationVersion).where(ConfigurationVersion.kind == ConfigurationKind.ORGANISATION)
    with database.writing() as session:
        version = session.scalars(query.order_by(ConfigurationVersion.version.desc()).limit(1)).one()
        described = json.loads(version.content) | {"sign_in_provider": asdict(provider) if provider else None}
        version.content = json.dumps(described, ensure_ascii=False)
