"""Kept passwords replaced on a real directory: sealed, set, proven by a sign-in each, confirmed and recorded; beside
plain ldap3, which sets as many and signs in as often, and keeps nothing."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_urlsafe

from ldap3 import MODIFY_REPLACE, NONE, Connection, Server, Tls
from sqlalchemy import select

from idm.database import Database
from idm.models.systems import InformationSystem
from idm.settings import Settings
from jobs.installation import Installation
from tests.benchmarks.harness import Row
from tests.benchmarks.scale import Scale
from tests.cast import Cast, build, create_tables
from tests.servers.openldap import OpenLDAP
from tests.vault_office import VaultOffice


@contextmanager
def rotation_rows(scale: Scale, folder: Path) -> Iterator[list[Row]]:
    """The row about one vault and its directory; it runs until it is measured."""
    server = OpenLDAP(folder / "directory")
    server.folder.mkdir()
    server.build("")
    server.start()
    try:
        yield [_rotation_row(server, scale.kept, folder)]
    finally:
        server.stop()


def _rotation_row(server: OpenLDAP, count: int, folder: Path) -> Row:
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "ledger.password").write_text(server.service_password(), encoding="utf-8")
    database = Database(f"sqlite:///{folder}/vault.db")
    create_tables(database)
    cast = build(database)
    with database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector, system.connector_settings = "openldap", server.connector_settings()
    names = [f"shared-{number:05}" for number in range(count)]
    office = _office(cast, secrets)
    ids = office.keep(*names)
    office.rotate()
    database.dispose()
    return Row(
        f"{count:,} kept passwords replaced and proven",
        ours=lambda: _rotated(cast, secrets, ids),
        reference=lambda: _set_and_tried(server, names),
        expected=count,
        goal=1.0,
    )


def _office(cast: Cast, secrets: Path) -> VaultOffice:
    """The office with a connection of its own, as each measured process needs one."""
    url = cast.database.url
    settings = Settings(database_url=url, secrets_dir=secrets, checkpoint_file=secrets.parent / "checkpoints.jsonl")
    own = replace(cast, database=Database(url))
    return VaultOffice(own, Installation(settings, own.database))


def _rotated(cast: Cast, secrets: Path, ids: Sequence[int]) -> int:
    office = _office(cast, secrets)
    office.ask(*ids)
    done = office.rotate()
    return done if office.all_confirmed() else 0


def _set_and_tried(server: OpenLDAP, names: Sequence[str]) -> int:
    """The least that a program would do: set each, and sign in with it over an encrypted connection."""
    tls = Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(server.ca_file))
    address = Server("127.0.0.1", port=server.ldaps_port, use_ssl=True, tls=tls, get_info=NONE)
    service = Connection(address, str(server.connector_settings()["bind_dn"]), server.service_password())
    service.bind()
    done = 0
    for name in names:
        password = f"{token_urlsafe(24)}-Aa1"
        dn = f"uid={name},{server.people_base}"
        service.modify(dn, {"userPassword": [(MODIFY_REPLACE, [password])]})  # type: ignore[no-untyped-call]
        own = Connection(address, dn, password)
        done += own.bind()
        own.unbind()
    service.unbind()
    return done
