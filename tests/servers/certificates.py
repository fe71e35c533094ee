"""Throw-away server certificates: a good one, and every bad one a client must refuse."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobs.demo.certificates import Authority, ServerCertificate

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificates:
    """Certificates for one server; clients trust the authority in `good.ca_file` only."""

    good: ServerCertificate
    wrong_name: ServerCertificate
    expired: ServerCertificate
    not_yet_valid: ServerCertificate
    other_authority: ServerCertificate

    def bad(self) -> dict[str, ServerCertificate]:
        """Every certificate that must be refused, by what is wrong with it."""
        return {name: getattr(self, name) for name in BAD}


BAD = ("wrong_name", "expired", "not_yet_valid", "other_authority")


def make_certificates(
    folder: Path, *, names: tuple[str, ...] = ("localhost",), addresses: tuple[str, ...] = ("127.0.0.1",)
) -> Certificates:
    """Afterwards the folder holds one folder per certificate. TLS judges by the machine's clock, so this does too.

    All but `wrong_name` are for a server with these names and addresses.
    """
    now = datetime.now(UTC)
    authority, stranger = Authority("Test CA", now=now), Authority("Another CA", now=now)
    before, after = now - DAY, now + 30 * DAY
    other = ("other.example.jp",)

    def issue(
        name: str, *, by: Authority = authority, since: datetime = before, until: datetime = after
    ) -> ServerCertificate:
        return by.issue(folder / name, names=names, addresses=addresses, not_before=since, not_after=until)

    return Certificates(
        good=issue("good"),
        wrong_name=authority.issue(
            folder / "wrong_name", names=other, addresses=(), not_before=before, not_after=after
        ),
        expired=issue("expired", since=now - 30 * DAY, until=before),
        not_yet_valid=issue("not_yet_valid", since=now + DAY),
        other_authority=issue("other_authority", by=stranger),
    )
