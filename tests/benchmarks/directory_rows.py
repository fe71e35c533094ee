"""Reading, sweeping and writing a directory through the connector, beside ldapsearch and ldapmodify."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from connectors.ldap.connector import LdapConnector
from connectors.ldap.dialects.openldap import OpenLdap
from connectors.ldap.encoding import equal
from connectors.ldap.entries import EntryReader, text
from connectors.ldap.session import Session
from idm.ports import CreateAccount, Outcome
from tests.benchmarks.harness import Row
from tests.benchmarks.sample_directory import DORMANT_EVERY, SampleDirectory, new_accounts
from tests.benchmarks.scale import Scale

FOUR = ("uid", "displayName", "mail", "authTimestamp")
EVERYONE = "(objectClass=inetOrgPerson)"
CUTOFF = datetime(2026, 1, 1, tzinfo=UTC)
UNUSED = "(&(objectClass=inetOrgPerson)(authTimestamp<=20260101000000Z))"


@contextmanager
def directory_rows(scale: Scale, folder: Path) -> Iterator[list[Row]]:
    """The rows about one directory; it runs until they are measured."""
    sample = SampleDirectory(folder, scale.accounts)
    sample.start()
    try:
        yield [*_reading_rows(sample), _sweep_row(sample), _creation_row(sample, scale.creations, folder)]
    finally:
        sample.stop()


def _reading_rows(sample: SampleDirectory) -> list[Row]:
    entries = EntryReader(sample.settings(), OpenLdap())
    everyone = sample.accounts
    return [
        Row(
            f"read {everyone:,} entries x 4 attributes",
            ours=lambda: _read_four(sample),
            reference=sample.ldapsearch(EVERYONE, FOUR, paged=True),
            expected=everyone,
            goal=0.85,
        ),
        Row(
            f"the same {everyone:,} entries as text",
            ours=lambda: _read_four_as_text(sample),
            reference=sample.ldapsearch(EVERYONE, FOUR, paged=True),
            expected=everyone,
            goal=1.15,
        ),
        Row(
            f"read {everyone:,} account ids",
            ours=lambda: _count(sample.connector().account_ids()),
            reference=sample.ldapsearch(EVERYONE, entries.told_attributes, paged=True),
            expected=everyone,
            goal=1.0,
        ),
        Row(
            f"read {everyone:,} whole accounts",
            ours=lambda: _count(sample.connector().accounts()),
            reference=sample.ldapsearch(EVERYONE, entries.account_attributes, paged=True),
            expected=everyone,
            goal=1.5,
        ),
    ]


def _sweep_row(sample: SampleDirectory) -> Row:
    entries = EntryReader(sample.settings(), OpenLdap())
    return Row(
        f"accounts unused since a date, 1 % of {sample.accounts:,}",
        ours=lambda: _count(sample.connector().unused_since(CUTOFF)),
        reference=sample.ldapsearch(UNUSED, entries.use_attributes, paged=False),
        expected=len(range(0, sample.accounts, DORMANT_EVERY)),
        goal=0.7,
    )


def _creation_row(sample: SampleDirectory, count: int, folder: Path) -> Row:
    people = new_accounts(count, prefix="n")
    ldif = folder / "new accounts.ldif"
    ldif.write_text(sample.ldif(people))
    return Row(
        f"create {count:,} accounts in a directory of {sample.accounts:,}",
        ours=lambda: _create(sample.connector(), people),
        reference=sample.command("ldapmodify", "-a", "-f", str(ldif)),
        expected=count,
        goal=1.0,
        reset=sample.restore,
    )


def _read_four(sample: SampleDirectory) -> int:
    condition = equal("objectClass", sample.settings().account_class)
    return _count(Session(sample.settings()).stream(sample.server.people_base, condition, FOUR))


def _read_four_as_text(sample: SampleDirectory) -> int:
    condition = equal("objectClass", sample.settings().account_class)
    rows = Session(sample.settings()).stream(sample.server.people_base, condition, FOUR)
    return _count([text(value) for value in row[: len(FOUR)]] for row in rows)


def _create(connector: LdapConnector, people: Sequence[CreateAccount]) -> int:
    answers = connector.perform(people)
    connector.close()
    return answers.count(Outcome.CHANGED)


def _count(stream: Iterator[object]) -> int:
    return sum(1 for _ in stream)
