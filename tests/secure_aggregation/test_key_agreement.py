"""Secrets that two hospitals share and nobody else."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from data.errors import SettingsError
from tff_health.secure_aggregation.key_agreement import Pair, pairs_of, roster_fingerprint
from tff_health.secure_aggregation.secrets_file import write_secrets

# RFC 7748, section 6.1: two private keys, their public keys and the shared number.
ALICE = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
BOB = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
ALICE_PUBLIC = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
BOB_PUBLIC = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
SHARED = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"


def keys_of(*names: str) -> dict[str, X25519PrivateKey]:
    return {name: X25519PrivateKey.generate() for name in names}


def pairs(name: str, key: X25519PrivateKey, roster: dict[str, bytes]) -> tuple[Pair, ...]:
    return pairs_of(name, key, roster, roster_fingerprint(roster))


def roster_of(keys: dict[str, X25519PrivateKey]) -> dict[str, bytes]:
    return {name: key.public_key().public_bytes_raw() for name, key in keys.items()}


def test_the_secret_is_hkdf_of_the_published_shared_number():
    """RFC 5869 by hand: extract with a salt of zeros, then the first block of expand."""
    roster = {"alice": bytes.fromhex(ALICE_PUBLIC), "bob": bytes.fromhex(BOB_PUBLIC)}
    (pair,) = pairs("alice", X25519PrivateKey.from_private_bytes(ALICE), roster)
    low, high = sorted(roster.values())
    label = b"tff_health pairwise mask secret 1" + roster_fingerprint(roster) + low + high
    extracted = hmac.digest(bytes(32), bytes.fromhex(SHARED), hashlib.sha256)
    assert pair.secret == hmac.digest(extracted, label + b"\x01", hashlib.sha256)
    (other,) = pairs("bob", X25519PrivateKey.from_private_bytes(BOB), roster)
    assert other.secret == pair.secret


def test_every_pair_agrees_and_one_of_it_adds():
    keys = keys_of("north", "south", "east", "west")
    roster = roster_of(keys)
    parts = {(name, pair.other): pair for name in keys for pair in pairs(name, keys[name], roster)}
    assert len(parts) == 12
    for (name, other), pair in parts.items():
        assert pair.secret == parts[other, name].secret
        assert pair.adds != parts[other, name].adds
    assert len({pair.secret for pair in parts.values()}) == 6, "every pair has its own"


def test_a_changed_roster_changes_every_secret():
    keys = keys_of("north", "south", "east")
    before = pairs("north", keys["north"], roster_of(keys))
    renamed = {"north": keys["north"], "south": keys["south"], "East": keys["east"]}
    after = pairs("north", keys["north"], roster_of(renamed))
    assert not {pair.secret for pair in before} & {pair.secret for pair in after}


def test_the_order_of_a_roster_does_not_matter():
    roster = roster_of(keys_of("north", "south", "east"))
    assert roster_fingerprint(roster) == roster_fingerprint(dict(reversed(roster.items())))


def test_names_and_keys_cannot_be_shifted_into_each_other():
    assert roster_fingerprint({"ab": b"c" * 32}) != roster_fingerprint({"a": b"b" + b"c" * 31})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda roster: roster.pop("north"), "no such hospital"),
        (lambda roster: roster.update(north=roster["south"]), "another public key for it"),
        (lambda roster: roster.update(south=roster["north"]), "every hospital has its own"),
        (lambda roster: roster.update(east=roster["south"]), "one public key twice"),
        (lambda roster: roster.update(south=bytes(32)), "public key of 'south' is none"),
        (lambda roster: roster.update(south=b"short"), "public key of 'south' is none"),
    ],
)
def test_a_roster_that_cannot_be_is_refused(change, said):
    keys = keys_of("north", "south", "east")
    roster = roster_of(keys)
    change(roster)
    with pytest.raises(SettingsError, match=said):
        pairs("north", keys["north"], roster)


def test_secrets_are_not_printed():
    secret = b"\xab" * 32
    printed = repr(Pair("south", secret, adds=True))
    assert "south" in printed
    assert "ab" * 4 not in printed.replace("\\x", "")


def test_the_file_is_the_owners_alone_from_the_start(tmp_path, monkeypatch):
    seen = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append(stat.S_IMODE(os.stat(a).st_mode)), replace(a, b)))
    old = os.umask(0)
    try:
        write_secrets(tmp_path / "pairs.bin", bytes(32), [Pair("south", bytes(32), adds=True)])
    finally:
        os.umask(old)
    assert seen == [0o600]
    assert stat.S_IMODE((tmp_path / "pairs.bin").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.bin"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"missing/pairs\.bin cannot be written"):
        write_secrets(tmp_path / "missing" / "pairs.bin", bytes(32), [])
