"""Throw-away server certificates: a good one, and every bad one a client must refuse."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobs.demo.certificates import Authority, ServerCertificate

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificates:
    """Certificates for 127.0.0.1 and localhost; clients trust the authority in `good.ca_file` only."""

    good: ServerCertificate
    wrong_name: ServerCertificate
    expired: ServerCertificate
    not_yet_valid: ServerCertificate
    other_authority: ServerCertificate

    def bad(self) -> dict[str, ServerCertificate]:
        """Every certificate that must be refused, by what is wrong with it."""
        return {name: getattr(self, name) for name in BAD}


BAD = ("wrong_name", "expired", "not_yet_valid", "other_authority")


def make_certificates(folder: Path) -> Certificates:
    """Afterwards the folder holds one folder per certificate. TLS judges by the machine's clock, so this does too."""
    now = datetime.now(UTC)
    authority, stranger = Authority("Test CA", now=now), Authority("Another CA", now=now)
    before, after = now - DAY, now + 30 * DAY
    other = ("other.example.jp",)
    return Certificates(
        good=authority.issue(folder / "good", not_before=before, not_after=after),
        wrong_name=authority.issue(
            folder / "wrong_name", names=other, addresses=(), not_before=before, not_after=after
        ),
        expired=authority.issue(folder / "expired", not_before=now - 30 * DAY, not_after=before),
        not_yet_valid=authority.issue(folder / "not_yet_valid", not_before=now + DAY, not_after=after),
        other_authority=stranger.issue(folder / "other_authority", not_before=before, not_after=after),
    )
