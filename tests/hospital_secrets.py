"""Hospitals' folders with secrets of one roster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tff_health.secure_aggregation.key_agreement import pairs_of, roster_fingerprint
from tff_health.secure_aggregation.secrets_file import SECRETS_FILE, write_secrets


def hospitals_at(root: Path, names: Sequence[str]) -> bytes:
    """Makes a folder for each hospital; gives the roster's fingerprint."""
    keys = {name: X25519PrivateKey.generate() for name in names}
    roster = {name: key.public_key().public_bytes_raw() for name, key in keys.items()}
    fingerprint = roster_fingerprint(roster)
    for name, key in keys.items():
        path = root / name / SECRETS_FILE
        path.parent.mkdir(parents=True)
        write_secrets(path, fingerprint, pairs_of(name, key, roster, fingerprint))
    return fingerprint
