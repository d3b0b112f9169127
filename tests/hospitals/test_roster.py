"""Identities and the roster: what is refused, and that nothing private is readable or printed."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509

from data.errors import SettingsError
from tff_health.hospitals.identity import (
    CERTIFICATE,
    MASK_KEY,
    TLS_KEY,
    check_certificate,
    make_identity,
    read_mask_key,
)
from tff_health.hospitals.roster import CoordinatorEntry, HospitalEntry, Roster, checked, read_roster, roster_text


@pytest.fixture(scope="module")
def roster(tmp_path_factory) -> Roster:
    root = tmp_path_factory.mktemp("identities")
    coordinator = make_identity(root / "coordinator", "coordinator", masks=False)
    hospitals = []
    for place, name in enumerate(("Nord", "Süd, <Klinik>")):
        made = make_identity(root / str(place), name, masks=True)
        address = f"127.0.0.1:{7443 + place}"
        hospitals.append(
            HospitalEntry(name=name, address=address, mask_key=made.mask_key.hex(), certificate=made.certificate)
        )
    return Roster(coordinator=CoordinatorEntry(certificate=coordinator.certificate), hospital=tuple(hospitals))


def test_private_files_are_the_owners_alone(tmp_path):
    folder = tmp_path / "new"
    made = make_identity(folder, "Nord", masks=True)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == dict.fromkeys(
        (MASK_KEY, TLS_KEY, CERTIFICATE), 0o600
    )
    assert read_mask_key(folder).public_key().public_bytes_raw() == made.mask_key


def test_an_identity_is_never_overwritten(tmp_path):
    make_identity(tmp_path, "Nord", masks=True)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(SettingsError, match="is there already"):
        make_identity(tmp_path, "Nord", masks=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode):
    make_identity(tmp_path, "Nord", masks=True)
    (tmp_path / MASK_KEY).chmod(mode)
    with pytest.raises(SettingsError, match=f"open to others \\(mode {mode:o}\\).*chmod 600"):
        read_mask_key(tmp_path)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_is_named(tmp_path, content):
    make_identity(tmp_path, "Nord", masks=True)
    (tmp_path / MASK_KEY).write_bytes(content)
    with pytest.raises(SettingsError, match=r"masks\.key is no private key"):
        read_mask_key(tmp_path)


def test_another_kind_of_key_is_refused(tmp_path):
    make_identity(tmp_path, "Nord", masks=True)
    (tmp_path / MASK_KEY).write_bytes((tmp_path / TLS_KEY).read_bytes())
    with pytest.raises(SettingsError, match="no X25519 key"):
        read_mask_key(tmp_path)


def test_a_missing_key_says_what_to_do(tmp_path):
    with pytest.raises(SettingsError, match=r"masks\.key cannot be read.*hospital init"):
        read_mask_key(tmp_path)


@pytest.mark.parametrize("days", [0, -1, 4000])
def test_days_out_of_range(tmp_path, days):
    with pytest.raises(SettingsError, match=f"days is {days}"):
        make_identity(tmp_path, "Nord", masks=True, days=days)


def test_certificates_have_an_end_and_a_beginning(tmp_path):
    made = make_identity(tmp_path, "N" * 300, masks=False, days=30)
    own = x509.load_pem_x509_certificate(made.certificate.encode())
    assert own.not_valid_after_utc - own.not_valid_before_utc < datetime.timedelta(days=31)
    check_certificate(made.certificate, "Nord")
    day = datetime.timedelta(days=1)
    with pytest.raises(SettingsError, match=r"certificate of Nord expired on .*new one"):
        check_certificate(made.certificate, "Nord", own.not_valid_after_utc + day)
    with pytest.raises(SettingsError, match=r"valid from .*clock"):
        check_certificate(made.certificate, "Nord", own.not_valid_before_utc - day)
    with pytest.raises(SettingsError, match=r"certificate of Nord is none"):
        check_certificate("no certificate", "Nord")


def test_the_roster_comes_back_as_written(roster, tmp_path):
    path = tmp_path / "roster.toml"
    path.write_text(roster_text(roster), "utf-8")
    again = read_roster(path)
    assert again == roster
    assert again.fingerprint == roster.fingerprint
    assert "PRIVATE" not in path.read_text("utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.model_copy(update={"name": "Nord 2"}),
        lambda one: one.model_copy(update={"mask_key": "0" * 64}),
        lambda one: one.model_copy(update={"certificate": one.certificate + "\n"}),
    ],
)
def test_the_fingerprint_covers_names_keys_and_certificates(roster, change):
    first, *others = roster.hospital
    changed = roster.model_copy(update={"hospital": (change(first), *others)})
    assert changed.fingerprint != roster.fingerprint


def test_the_fingerprint_covers_the_coordinator_but_no_address(roster):
    other = CoordinatorEntry(certificate=roster.hospital[0].certificate)
    assert roster.model_copy(update={"coordinator": other}).fingerprint != roster.fingerprint
    first, *others = roster.hospital
    moved = first.model_copy(update={"address": "elsewhere.example:7443"})
    assert roster.model_copy(update={"hospital": (moved, *others)}).fingerprint == roster.fingerprint


@pytest.mark.parametrize("what", ["name", "address", "mask_key", "certificate"])
def test_nothing_may_be_shared(roster, what):
    first, second = roster.hospital
    twin = second.model_copy(update={what: getattr(first, what)})
    with pytest.raises(SettingsError, match=f"one {what}.* for two hospitals"):
        checked(roster.model_copy(update={"hospital": (first, twin)}), "roster.toml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("127.0.0.1:7443", "127.0.0.1", "no address: write HOST:PORT"),
        ("127.0.0.1:7443", "127.0.0.1:70000", "no address"),
        ("127.0.0.1:7443", "a b:1", "no address"),
        ('name = "Nord"', 'name = "No\\u202erd"', "does not show"),
        ('name = "Nord"', 'name = " "', "is blank"),
        ('name = "Nord"', 'nome = "Nord"', "hospital.0.nome|hospital.0.name"),
        ("[coordinator]", "[coordinater]", "coordinator"),
        ("[[hospital]]", "[[hospital", "is no TOML file"),
    ],
)
def test_a_roster_that_cannot_be_used_says_why(roster, tmp_path, old, new, said):
    path: Path = tmp_path / "roster.toml"
    text = roster_text(roster)
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(SettingsError, match=said) as caught:
        read_roster(path)
    assert str(path) in str(caught.value)


def test_one_hospital_is_no_federation(roster, tmp_path):
    path = tmp_path / "roster.toml"
    path.write_text(roster_text(roster.model_copy(update={"hospital": roster.hospital[:1]})), "utf-8")
    with pytest.raises(SettingsError, match="hospital"):
        read_roster(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_roster(tmp_path / "none.toml")
