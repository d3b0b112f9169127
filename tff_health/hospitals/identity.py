"""Who a hospital or the coordinator is: a key for masks, and a key with a certificate for TLS.

Certificates sign themselves. They are handed over with the roster, and each side accepts exactly the one that the
roster names: no authority has to be run, and none can be fooled.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from data.errors import SettingsError
from tff_health.hospitals.private_files import read_private, write_new

MASK_KEY = "masks.key"
TLS_KEY = "tls.key"
CERTIFICATE = "tls.crt"
SERVER_NAME = "hospital.tff-health.invalid"  # what every certificate says, as a name proves nothing here
DEFAULT_DAYS = 365
_BACKDATED = datetime.timedelta(minutes=10)  # clocks differ
_LONGEST_NAME = 64  # of a common name, RFC 5280


@dataclass(frozen=True)
class Identity:
    """The public half of an identity.

    Attributes:
        mask_key: X25519 public key, 32 bytes; empty for the coordinator, which masks nothing.
        certificate: PEM.
    """

    mask_key: bytes
    certificate: str


def make_identity(
    folder: Path, name: str, *, masks: bool, days: int = DEFAULT_DAYS, start: datetime.datetime | None = None
) -> Identity:
    """Makes keys and a certificate in a folder, for its owner's eyes only.

    Args:
        folder: is made, with mode 0700, where it is missing.
        name: for people who look at the certificate.
        masks: whether it needs a key for masks.
        days: how long the certificate is valid.
        start: from when on; default: now.

    Raises:
        SettingsError: there is an identity already, or the folder cannot be written.
    """
    if not 1 <= days <= 10 * 365:
        raise SettingsError(f"days is {days}: give how long the certificate is valid, 1 to 3650.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be made ({error.strerror}): choose another folder.") from error
    for file in (MASK_KEY, TLS_KEY, CERTIFICATE):
        if (folder / file).exists():
            raise SettingsError(f"{folder / file} is there already: remove it only if nobody uses it any more.")
    tls_key = ec.generate_private_key(ec.SECP256R1())
    certificate = _self_signed(tls_key, name, start or datetime.datetime.now(datetime.UTC), days)
    public = b""
    if masks:
        mask_key = X25519PrivateKey.generate()
        write_new(folder / MASK_KEY, _pem(mask_key))
        public = mask_key.public_key().public_bytes_raw()
    write_new(folder / TLS_KEY, _pem(tls_key))
    write_new(folder / CERTIFICATE, certificate)
    return Identity(public, certificate.decode("ascii"))


def read_mask_key(folder: Path) -> X25519PrivateKey:
    """The key for masks.

    Raises:
        SettingsError: it is missing, damaged or open to others.
    """
    path = folder / MASK_KEY
    try:
        key = load_pem_private_key(read_private(path), password=None)
    except ValueError as error:
        raise SettingsError(f"{path} is no private key: restore it, or make a new identity.") from error
    if not isinstance(key, X25519PrivateKey):
        raise SettingsError(f"{path} is no X25519 key: restore it, or make a new identity.")
    return key


def check_certificate(pem: str, whose: str, now: datetime.datetime | None = None) -> None:
    """Refuses a certificate that is none, not valid yet, or expired.

    Raises:
        SettingsError: says whose, and what to do.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
    except ValueError as error:
        raise SettingsError(f"the certificate of {whose} is none: ask for tls.crt once more.") from error
    now = now or datetime.datetime.now(datetime.UTC)
    if now > certificate.not_valid_after_utc:
        raise SettingsError(
            f"the certificate of {whose} expired on {certificate.not_valid_after_utc:%Y-%m-%d}: it needs a new one "
            "(hospital init in a new folder), and all need the new roster."
        )
    if now < certificate.not_valid_before_utc:
        raise SettingsError(
            f"the certificate of {whose} is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on: check "
            "this machine's clock."
        )


def _self_signed(key: ec.EllipticCurvePrivateKey, name: str, start: datetime.datetime, days: int) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST_NAME])])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _BACKDATED)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def _pem(key: ec.EllipticCurvePrivateKey | X25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
