"""Pairwise secrets from public keys: X25519 (RFC 7748), then HKDF with SHA-256 (RFC 5869). Needs no TensorFlow.

Every hospital has one private key. From it and from the roster of all public keys it derives a secret with each other
hospital, which that hospital derives likewise and nobody else can. The roster is part of the derivation: two hospitals
with different rosters share no secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from data.errors import SettingsError

SECRET_BYTES = 32
FINGERPRINT_BYTES = 32
_LABEL = b"tff_health pairwise mask secret 1"


@dataclass(frozen=True)
class Pair:
    """One hospital's part in its pair with another.

    Attributes:
        other: the other hospital's name.
        secret: 32 bytes that only the two know.
        adds: whether this hospital adds the pair's masks; the other one subtracts them.
    """

    other: str
    secret: bytes
    adds: bool

    def __repr__(self) -> str:
        return f"Pair(other={self.other!r}, adds={self.adds})"  # secrets are never printed


def roster_fingerprint(entries: Mapping[str, bytes]) -> bytes:
    """32 bytes that say who takes part, with which public keys and certificates; the order does not matter."""
    digest = hashlib.sha256(b"tff_health roster 1")
    for name in sorted(entries):
        for part in (name.encode("utf-8"), entries[name]):
            digest.update(len(part).to_bytes(4, "little") + part)
    return digest.digest()


def pairs_of(
    name: str, private_key: X25519PrivateKey, public_keys: Mapping[str, bytes], fingerprint: bytes
) -> tuple[Pair, ...]:
    """A hospital's pairs with all others, by the others' names.

    Args:
        name: the hospital's.
        private_key: its own.
        public_keys: of all hospitals by name, its own among them; 32 bytes each.
        fingerprint: of the whole roster.

    Raises:
        SettingsError: the roster lacks the hospital, holds another key for it or one key twice, or a key that is none.
    """
    own = private_key.public_key().public_bytes_raw()
    if public_keys.get(name) != own:
        has = "another public key for it" if name in public_keys else "no such hospital"
        raise SettingsError(f"the roster has {has} ({name!r}): ask for a roster with the key of this folder.")
    pairs = []
    for other in sorted(public_keys):
        if other == name:
            continue
        theirs = public_keys[other]
        if theirs == own:
            raise SettingsError(f"the roster gives {other!r} the public key of {name!r}: every hospital has its own.")
        low, high = sorted((own, theirs))
        derivation = HKDF(SHA256(), SECRET_BYTES, salt=None, info=_LABEL + fingerprint + low + high)
        pairs.append(Pair(other, derivation.derive(_shared(private_key, other, theirs)), adds=own < theirs))
    if len({public_keys[pair.other] for pair in pairs}) < len(pairs):
        raise SettingsError("the roster holds one public key twice: every hospital has its own.")
    return tuple(pairs)


def _shared(private_key: X25519PrivateKey, other: str, theirs: bytes) -> bytes:
    try:
        return private_key.exchange(X25519PublicKey.from_public_bytes(theirs))
    except ValueError as error:  # not 32 bytes, or a point of low order, which would make the secret known to all
        raise SettingsError(f"the roster's public key of {other!r} is none: ask {other!r} for its key.") from error
