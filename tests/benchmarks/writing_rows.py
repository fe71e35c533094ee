"""Changing accounts and joining groups through the connector, beside ldapmodify doing one thing after another."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from connectors.ldap.connector import LdapConnector
from idm.ports import AddMember, CreateAccount, ExternalId, Outcome, SetEnabled
from tests.benchmarks.harness import Row
from tests.benchmarks.sample_directory import SampleDirectory, new_accounts
from tests.benchmarks.scale import Scale

EXPIRY = datetime(2030, 3, 31, 15, tzinfo=UTC)
JOINERS_PER_CREATION = 5
"""One joiner is measured for so many single creations elsewhere: 1,000 beside 5,000."""
GROUPS_EACH = 3
GROUPS = 30


@contextmanager
def changing_rows(scale: Scale, folder: Path) -> Iterator[list[Row]]:
    """The row about single changes; its directory runs until it is measured."""
    sample = SampleDirectory(folder, scale.accounts)
    sample.start()
    try:
        yield [_changes_row(sample, scale.creations, folder)]
    finally:
        sample.stop()


@contextmanager
def joining_rows(scale: Scale, folder: Path) -> Iterator[list[Row]]:
    """The rows about joiners with their groups, without and with the overlay that writes memberOf."""
    for name in ("plain", "memberof"):
        (folder / name).mkdir()
    plain = SampleDirectory(folder / "plain", scale.accounts, groups=GROUPS)
    memberof = SampleDirectory(folder / "memberof", scale.accounts, groups=GROUPS, memberof=True)
    try:
        rows = []
        for sample, said, goal in ((plain, "", 0.25), (memberof, ", memberof kept by the server", 0.40)):
            sample.start()
            rows.append(_joiners_row(sample, scale.creations // JOINERS_PER_CREATION, said, goal, folder))
        yield rows
    finally:
        for sample in (plain, memberof):
            sample.stop()


def _changes_row(sample: SampleDirectory, count: int, folder: Path) -> Row:
    people = new_accounts(sample.accounts, prefix="u")[:count]
    ids = {found.account_uuid: found.external_id for found in sample.connector().account_ids()}
    chosen = [ids[person.account_uuid] for person in people]
    ldif = folder / "changes.ldif"
    ldif.write_text(
        "".join(
            f"dn: uid={person.attributes.login_name},{sample.server.people_base}\nchangetype: modify\n"
            "replace: pwdEndTime\npwdEndTime: 20300331150000Z\n\n"
            for person in people
        )
    )
    return Row(
        f"{count:,} single changes in a directory of {sample.accounts:,}",
        ours=lambda: _expire(sample.connector(), chosen),
        reference=sample.command("ldapmodify", "-f", str(ldif)),
        expected=count,
        goal=0.85,
        reset=sample.restore,
    )


def _joiners_row(sample: SampleDirectory, count: int, said: str, goal: float, folder: Path) -> Row:
    people = new_accounts(count, prefix="n")
    ldif = folder / f"joiners{goal}.ldif"
    ldif.write_text(sample.ldif(people) + "".join(_joining(sample, number, one) for number, one in enumerate(people)))
    return Row(
        f"{count:,} joiners with {GROUPS_EACH} groups each{said}",
        ours=lambda: _join(sample.connector(), people),
        reference=sample.command("ldapmodify", "-a", "-f", str(ldif)),
        expected=count * (1 + GROUPS_EACH),
        goal=goal,
        reset=sample.restore,
    )


def _joining(sample: SampleDirectory, number: int, person: CreateAccount) -> str:
    return "".join(
        f"dn: cn={group},{sample.server.groups_base}\nchangetype: modify\n"
        f"add: member\nmember: uid={person.attributes.login_name},{sample.server.people_base}\n\n"
        for group in _groups_of(number)
    )


def _groups_of(number: int) -> list[str]:
    return [f"g{(number + step * 7) % GROUPS}" for step in range(GROUPS_EACH)]


def _expire(connector: LdapConnector, chosen: Sequence[ExternalId]) -> int:
    answers = connector.perform([SetEnabled(one, enabled=True, expires_at=EXPIRY) for one in chosen])
    connector.close()
    return answers.count(Outcome.CHANGED)


def _join(connector: LdapConnector, people: Sequence[CreateAccount]) -> int:
    """As provisioning does it: create, read back, then the groups."""
    answers = connector.perform(people)
    found = connector.find([person.account_uuid for person in people])
    groups = {f"g{number}": connector.group(f"g{number}").external_id for number in range(GROUPS)}
    answers += connector.perform(
        [
            AddMember(found[person.account_uuid].external_id, groups[group])
            for number, person in enumerate(people)
            for group in _groups_of(number)
        ]
    )
    connector.close()
    return answers.count(Outcome.CHANGED)
