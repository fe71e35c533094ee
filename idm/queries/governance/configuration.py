"""The configuration in force: what was accepted, not what lies in a file (control A16)."""

from datetime import datetime
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.errors import ConfigurationInvalid
from idm.models.officers import ConfigurationVersion
from idm.organisation import Organisation
from idm.organisation_file import organisation_from_text
from idm.policy import Policy
from idm.policy_file import EffectiveProfile, profile_from_text
from idm.vocabulary import ConfigurationKind


def version_in_force(
    session: Session, kind: ConfigurationKind, *, now: datetime, name: str | None = None
) -> ConfigurationVersion:
    """The newest version accepted by `now`. Raises ConfigurationInvalid when nothing was ever accepted."""
    query = (
        select(ConfigurationVersion)
        .where(ConfigurationVersion.kind == kind, ConfigurationVersion.accepted_at <= now)
        .order_by(ConfigurationVersion.accepted_at.desc(), ConfigurationVersion.version.desc())
        .limit(1)
    )
    if name is not None:
        query = query.where(ConfigurationVersion.name == name)
    found = session.scalars(query).first()
    if found is None:
        raise ConfigurationInvalid(
            f"承認された設定（{kind.value}{f' {name}' if name else ''}）がありません。"
            "idm init で最初の記録を作ってください。"
        )
    return found


def policy_in_force(session: Session, *, now: datetime) -> Policy:
    """The profile's values in force at `now`. Raises ConfigurationInvalid when nothing was ever accepted."""
    return _profile(version_in_force(session, ConfigurationKind.PROFILE, now=now).content).policy


def organisation_in_force(session: Session, *, now: datetime) -> Organisation:
    """The organisation's facts in force at `now`. Raises ConfigurationInvalid when nothing was ever accepted."""
    return _organisation(version_in_force(session, ConfigurationKind.ORGANISATION, now=now).content)


def feed_text_in_force(session: Session, name: str, *, now: datetime) -> str:
    """The TOML text of an accepted feed profile. Raises ConfigurationInvalid."""
    return version_in_force(session, ConfigurationKind.FEED, now=now, name=name).content


# Accepted texts never change, so reading one twice gives the same values.
@lru_cache(maxsize=8)
def _profile(content: str) -> EffectiveProfile:
    return profile_from_text(content)


@lru_cache(maxsize=8)
def _organisation(content: str) -> Organisation:
    return organisation_from_text(content)
