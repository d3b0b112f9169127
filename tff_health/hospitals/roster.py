"""The roster: which hospitals take part, where they are reached, and how they are recognised. Holds nothing secret.

Every party has the same roster, a TOML file. Its fingerprint, 32 bytes, is part of every pairwise secret. People
compare the fingerprint that `hospital keys` prints over another channel: whoever can swap a roster can sit in between.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from data.errors import SettingsError
from data.plain_names import plain_name
from tff_health.hospitals.identity import check_certificate
from tff_health.secure_aggregation.key_agreement import roster_fingerprint

_ADDRESS = re.compile(r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d{1,5})$")


def plain_address(value: str) -> str:
    """The address itself, for validators of settings.

    Raises:
        ValueError: it is none.
    """
    found = _ADDRESS.match(value)
    if not found or not 1 <= int(found[2]) <= 65535:
        raise ValueError(f"{value!r} is no address: write HOST:PORT, as in hospital.example:7443")
    return value


def _mask_key(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError("a mask_key has 64 hexadecimal digits")
    return value


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HospitalEntry(_Entry):
    """A hospital in the roster: also the card that it hands over.

    Attributes:
        name: of the hospital.
        address: HOST:PORT of its worker's door.
        mask_key: X25519 public key, 64 hexadecimal digits.
        certificate: PEM; the coordinator accepts this one only.
    """

    name: Annotated[str, Field(min_length=1, max_length=300), AfterValidator(plain_name)]
    address: Annotated[str, AfterValidator(plain_address)]
    mask_key: Annotated[str, AfterValidator(_mask_key)]
    certificate: str


class CoordinatorEntry(_Entry):
    """The coordinator in the roster.

    Attributes:
        certificate: PEM; hospitals accept this client certificate only.
    """

    certificate: str


class Roster(_Entry):
    """All parties.

    Attributes:
        coordinator: who sends computations.
        hospital: who computes, 2 or more, of different names, addresses and keys.
    """

    coordinator: CoordinatorEntry
    hospital: Annotated[tuple[HospitalEntry, ...], Field(min_length=2)]

    @property
    def mask_keys(self) -> dict[str, bytes]:
        """Public keys for masks by hospital."""
        return {entry.name: bytes.fromhex(entry.mask_key) for entry in self.hospital}

    @property
    def fingerprint(self) -> bytes:
        """32 bytes that change with any name, key or certificate; addresses may change."""
        certificates = {f"{entry.name}\0tls": entry.certificate.encode() for entry in self.hospital}
        return roster_fingerprint({**self.mask_keys, **certificates, "\0tls": self.coordinator.certificate.encode()})


def read_roster(path: Path) -> Roster:
    """Reads and checks a roster.

    Raises:
        SettingsError: says which file and entry, and the remedy.
    """
    try:
        return checked(Roster.model_validate(tomllib.loads(path.read_text("utf-8"))), str(path))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}): give the roster's path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is no TOML file ({error}): ask the coordinator for the roster.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}.") from error


def make_roster(coordinator: CoordinatorEntry, hospitals: Sequence[HospitalEntry]) -> Roster:
    """A roster of hospitals' cards, in the order of their names.

    Raises:
        SettingsError: fewer than two, two that share a name, address or key, or a certificate that is not valid.
    """
    if len(hospitals) < 2:
        raise SettingsError("a roster needs two hospitals or more: give a card of each.")
    ordered = sorted(hospitals, key=lambda entry: entry.name)
    return checked(Roster(coordinator=coordinator, hospital=tuple(ordered)), "the roster")


def checked(roster: Roster, source: str) -> Roster:
    """The roster, if no two hospitals share a name, address or key and all certificates are valid today.

    Raises:
        SettingsError: says what is wrong.
    """
    for what in ("name", "address", "mask_key", "certificate"):
        values = [getattr(entry, what) for entry in roster.hospital]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            shown = f" {twice!r}" if what in ("name", "address") else ""
            raise SettingsError(f"{source} has one {what}{shown} for two hospitals: every hospital has its own.")
    check_certificate(roster.coordinator.certificate, "the coordinator")
    for entry in roster.hospital:
        check_certificate(entry.certificate, f"hospital {entry.name!r}")
    return roster


def roster_text(roster: Roster) -> str:
    """The roster as a TOML file."""
    return tomli_w.dumps(roster.model_dump(mode="json"), multiline_strings=True)
