"""The demonstration: a sample organisation on a real local OpenLDAP, its people, a few cases under way.

Everything goes through the same operations that real use goes through; only the sign-ins' passwords and code secrets
are kept in a file of the demonstration's own folder, so that one person at one keyboard can play every role.
"""

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from idm.calendar_days import day_of
from idm.database import Database
from idm.feed.profiles import FEEDS
from idm.operations.governance.configuration import ConfigurationText
from idm.policy_file import effective_text, load_profile
from idm.samples import ORDERS_FEED, SAMPLE_FEED, SAMPLE_ORGANISATION
from idm.schema import upgrade
from idm.settings import Settings
from idm.toml_values import parse_toml
from idm.vocabulary import BY_HAND, ConfigurationKind
from jobs import first_record, provision
from jobs.child_processes import free_port, held_port, port_is_free
from jobs.demo import (
    cases,
    earlier_days,
    exception_cases,
    incident_cases,
    privileged_cases,
    register_cases,
    review_cases,
)
from jobs.demo.directory import LocalDirectory
from jobs.hr.hr_feed import import_feed
from jobs.installation import Clock, Installation, utc_now
from jobs.logs import log_check, sealing
from jobs.sweep import sweep

GROUPS = (
    "folder-general", "folder-pension", "folder-health", "folder-welfare", "folder-review", "folder-systems",
    "ledger-entry", "ledger-approval", "administration", "remote-access", "two-factor",
)  # fmt: skip
BRANCHES = ("pension",)
"""Systems with a part of the directory, and a service account, of their own."""
FORGOTTEN = (("kyuutantou", 700, "administration"), ("kensyuu01", 400, "folder-welfare"))
"""IDs nobody owns, from before the product: login name, days since last use, and the group it is a member of."""
USUAL_PORT = 8600


@dataclass(frozen=True)
class Demo:
    """One demonstration in one folder."""

    folder: Path
    directory: LocalDirectory
    installation: Installation


def prepare(folder: Path, *, port: int | None = None, clock: Clock = utc_now) -> Demo:
    """Afterwards the folder holds a demonstration and its directory runs; one already there goes on where it was.

    A preparation that was broken off is thrown away and begun anew. Without a port the pages get the usual one, or
    another where that is taken; it is kept, so that links go on working. Raises ConfigurationInvalid when somebody
    else listens on the port that was named or kept.
    """
    folder = folder.absolute()
    prepared = folder / "prepared"
    if folder.exists() and not prepared.exists():
        shutil.rmtree(folder)
    (folder / "elsewhere").mkdir(parents=True, exist_ok=True)
    settings, ports = _settings(folder, port)
    with held_port(settings.port):  # a second demonstration, begun in this minute, would take it for free
        return _prepared(folder, settings, ports["ldaps"], clock)


def _prepared(folder: Path, settings: Settings, ldaps_port: int, clock: Clock) -> Demo:
    prepared = folder / "prepared"
    directory = LocalDirectory(folder / "directory", branches=BRANCHES)
    directory.build(_seed(clock))
    directory.start(ldaps_port)
    installation = Installation(settings, Database(settings.database_url), clock)
    demo = Demo(folder, directory, installation)
    upgrade(installation.database)
    if not prepared.exists():
        _first_day(demo)
        prepared.touch()
    return demo


def _settings(folder: Path, port: int | None) -> tuple[Settings, Mapping[str, int]]:
    """The settings of the folder; ports are chosen once and kept, unless another one is named."""
    kept = folder / "ports.json"
    ports = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {"ldaps": free_port()}
    ports["web"] = port or ports.get("web") or _usual_port()
    kept.write_text(json.dumps(ports), encoding="utf-8")
    settings = Settings(
        database_url=f"sqlite:///{folder / 'idm.db'}",
        secrets_dir=folder / "secrets",
        checkpoint_file=folder / "elsewhere" / "audit-checkpoints.jsonl",
        base_url=f"http://localhost:{ports['web']}",
        port=ports["web"],
    )
    _write_settings(folder / "settings.toml", settings)
    return settings, ports


def _usual_port() -> int:
    """The product's usual port, or another one where that is taken."""
    return USUAL_PORT if port_is_free(USUAL_PORT) else free_port()


def _write_settings(path: Path, settings: Settings) -> None:
    """So that every `idm` command can be run by hand on the demonstration (`IDM_SETTINGS=…`)."""
    values = settings.model_dump(mode="json", include={"database_url", "secrets_dir", "checkpoint_file", "base_url"})
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    path.write_text("\n".join([*lines, f"port = {settings.port}", ""]), encoding="utf-8")


def _first_day(demo: Demo) -> None:
    installation = demo.installation
    secrets_dir = installation.settings.secrets_dir
    secrets_dir.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(demo.directory.service_password_file, secrets_dir / "office-ldap.password")
    for name, part in demo.directory.branches.items():
        shutil.copy(part.password_file, secrets_dir / f"{name}-ldap.password")
    violation = _earlier_days(demo)
    cases.enrol_everyone(installation, demo.folder / "sign-ins.json", password=_password())
    cases.play(installation)
    privileged_cases.make_eligible(installation)
    provision.run_due(installation, worker="idm demo")
    privileged_cases.run_worker(installation)
    privileged_cases.use(installation)
    privileged_cases.register_shared(installation)
    cases.work_by_hand(installation)
    cases.bring_listing(installation)
    cases.bring_enrolments(installation)
    review_cases.open_review(installation)
    exception_cases.ask_for_exceptions(installation)
    register_cases.fill_registers(installation)
    incident_cases.stop_for_violation(installation, violation)
    incident_cases.stop_and_lift(installation)
    provision.run_due(installation, worker="idm demo")
    sweep.sweep(installation)
    incident_cases.accept_risk(installation)
    sealing.seal(installation, sign=True)
    log_check.run_due(installation)
    incident_cases.send_notices(installation)


def _earlier_days(demo: Demo) -> int:
    """Afterwards the organisation has had the product for some months, and a few people their IDs.

    Returns the id of a violation that is on record.
    """
    installation, policy = demo.installation, load_profile(_organisation_profile()).policy
    days = earlier_days.days_before(day_of(installation.clock()), policy)
    then = earlier_days.before(installation, days.handed_over, 10)
    first_record.make(then, configuration_texts(demo.directory.connector_settings()))
    import_feed(then, SAMPLE_FEED.read_bytes(), feed_name="aoba", as_of=None, dry_run=False)
    import_feed(then, ORDERS_FEED.read_bytes(), feed_name="aoba-events", as_of=None, dry_run=False)
    earlier_days.hand_over(then)
    earlier_days.let_time_pass(then, demo.directory, days, policy)
    earlier_days.night(installation, days.warned)
    violation = incident_cases.report_violation(earlier_days.before(installation, days.warned, 14))
    earlier_days.night(installation, days.stopped)
    return violation


def _organisation_profile() -> str:
    return str(parse_toml(SAMPLE_ORGANISATION.read_text(encoding="utf-8"), SAMPLE_ORGANISATION.name)["profile"])


def _password() -> str:
    """A password for this demonstration only."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def configuration_texts(directory: Mapping[str, object]) -> list[ConfigurationText]:
    """Profile, organisation and feed of the sample, with its systems pointed at the given directory."""
    table = parse_toml(SAMPLE_ORGANISATION.read_text(encoding="utf-8"), SAMPLE_ORGANISATION.name)
    for system in (one for one in table["systems"] if one["connector"] != BY_HAND):
        system["settings"] = {**directory, **system.get("settings", {})}
    organisation = json.dumps(table, ensure_ascii=False, sort_keys=True, indent=1)
    profile = load_profile(_organisation_profile())
    feeds = (FEEDS / f"{name}.toml" for name in ("aoba", "aoba-events", "aoba-xlsx"))
    return [
        ConfigurationText(ConfigurationKind.PROFILE, profile.name, effective_text(profile)),
        ConfigurationText(ConfigurationKind.ORGANISATION, "aoba", organisation),
        *(ConfigurationText(ConfigurationKind.FEED, feed.stem, feed.read_text(encoding="utf-8")) for feed in feeds),
    ]


def _seed(clock: Clock) -> str:
    """Groups for every right, and IDs that were forgotten before the product came."""
    base, groups = LocalDirectory.base_dn, LocalDirectory.groups_base
    inside = {group: name for name, _days, group in FORGOTTEN}
    entries = [_group(f"cn={name},{groups}", name, inside.get(name)) for name in GROUPS]
    entries.append(_group(f"cn=records,ou=groups,ou=pension,{base}", "records"))
    entries.extend(_forgotten(name, days, clock) for name, days, _ in FORGOTTEN)
    entries.append(_entry(privileged_cases.SHARED, "基盤監視（共用）"))
    return "\n".join(entries) + "\n"


def _group(dn: str, name: str, member: str | None = None) -> str:
    inside = f"member: uid={member},{LocalDirectory.people_base}\n" if member is not None else ""
    return f"dn: {dn}\nobjectClass: groupOfNames\ncn: {name}\nmember: {LocalDirectory.placeholder_dn}\n{inside}"


def _forgotten(login_name: str, days: int, clock: Clock) -> str:
    last = (clock() - timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")
    return f"{_entry(login_name, login_name)}authTimestamp: {last}\n"


def _entry(login_name: str, name: str) -> str:
    return (
        f"dn: uid={login_name},{LocalDirectory.people_base}\nobjectClass: inetOrgPerson\nuid: {login_name}\n"
        f"cn: {name}\nsn: {name}\ndescription: {login_name}\n"
    )
