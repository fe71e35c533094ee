"""A certificate authority of one's own for a demonstration or a test; never for a real service.

Validity is judged by the machine's clock, in every TLS library; so moments are arguments here too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 397


@dataclass(frozen=True)
class ServerCertificate:
    """Where a server's certificate and private key lie, and the authority that answers for it (all PEM)."""

    ca_file: Path
    certificate_file: Path
    key_file: Path


class Authority:
    """One authority; its private key lives in memory only and is gone when the process ends."""

    def __init__(self, name: str, *, now: datetime) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = dict.fromkeys(KEY_USES, False) | {"key_cert_sign": True, "crl_sign": True}
        self._certificate = (
            self._started(self._name, self._key.public_key(), now - timedelta(days=1), now + timedelta(days=VALID_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def issue(
        self,
        folder: Path,
        *,
        names: tuple[str, ...] = ("localhost",),
        addresses: tuple[str, ...] = ("127.0.0.1",),
        not_before: datetime,
        not_after: datetime,
    ) -> ServerCertificate:
        """Afterwards the folder holds ca.pem, server.pem and server.key (0600) for these host names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (names + addresses)[0])])
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ip_address(address)) for address in addresses]
        certificate = (
            self._started(subject, key.public_key(), not_before, not_after)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        folder.mkdir(parents=True, exist_ok=True)
        files = ServerCertificate(folder / "ca.pem", folder / "server.pem", folder / "server.key")
        files.ca_file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        files.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_private(files.key_file, key)
        return files

    def _started(
        self, subject: x509.Name, public_key: ec.EllipticCurvePublicKey, not_before: datetime, not_after: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


KEY_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def expires_at(certificate_file: Path) -> datetime:
    """The moment after which the certificate is refused."""
    return x509.load_pem_x509_certificate(certificate_file.read_bytes()).not_valid_after_utc


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(pem)
