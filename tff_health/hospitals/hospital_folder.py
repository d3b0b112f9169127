"""The folder of a hospital: what lies where, its settings, its card for the roster, its secrets. No TensorFlow.

hospital.toml      name, addresses, and where its patients are
card.toml          what it hands over for the roster; nothing secret
roster.toml        the roster that it agreed to
identity/          private keys and certificate
work/              all that its worker may see: secrets/ for masks, data/ with rows as numbers
door/              nginx's configuration and logs
"""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from data.errors import SettingsError
from data.plain_names import plain_name
from tff_health.hospitals.identity import CERTIFICATE, TLS_KEY, Identity, make_identity, read_mask_key
from tff_health.hospitals.private_files import write_new
from tff_health.hospitals.roster import HospitalEntry, Roster, plain_address, read_roster, roster_text
from tff_health.secure_aggregation.key_agreement import pairs_of
from tff_health.secure_aggregation.secrets_file import SECRETS_FILE, USED_FOLDER, write_secrets

SETTINGS_FILE = "hospital.toml"
CARD_FILE = "card.toml"
ROSTER_FILE = "roster.toml"
COORDINATOR_FILE = "coordinator.crt"
IDENTITY, WORK, DOOR = "identity", "work", "door"
_Model = TypeVar("_Model", bound=BaseModel)


class HeldDataset(BaseModel):
    """Where a hospital's patients of a dataset are.

    Attributes:
        source: a dataset of the catalogue, or `module:function`, that gives this hospital alone; default: `table`.
        folder: with the files, relative to the hospital's folder: of a table, one CSV file and schema.toml.
        options: the dataset's own settings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = "table"
    folder: str = "rows"
    options: Mapping[str, Any] = Field(default_factory=dict)


class HospitalSettings(BaseModel):
    """A hospital's settings.

    Attributes:
        name: in the roster.
        address: HOST:PORT at which the coordinator reaches it.
        listen: IP:PORT on which its door listens.
        datasets: what it takes part with, by the names that experiments give them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=300), AfterValidator(plain_name)]
    address: Annotated[str, AfterValidator(plain_address)]
    listen: Annotated[str, AfterValidator(plain_address)]
    datasets: dict[str, HeldDataset] = Field(default_factory=dict)

    @property
    def listens_on(self) -> tuple[str, int]:
        """IP address and port."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def init_hospital(folder: Path, name: str, address: str, listen: str | None, *, days: int) -> HospitalEntry:
    """Makes a hospital's folder: identity, settings, card.

    Args:
        folder: new, or without an identity.
        name: of the hospital.
        address: HOST:PORT at which the coordinator reaches it.
        listen: IP:PORT on which its door listens; default: the address's port on all interfaces.
        days: how long its certificate is valid.

    Raises:
        SettingsError: a name or address that cannot be, an identity that is there already, an unwritable folder.
    """
    try:
        settings = HospitalSettings(
            name=name,
            address=address,
            listen=listen or f"0.0.0.0:{address.rpartition(':')[2]}",
            datasets={"table": HeldDataset()},
        )
    except ValidationError as error:
        raise SettingsError(_first_fault(error, "hospital init")) from error
    identity = make_identity(folder / IDENTITY, name, masks=True, days=days)
    folder.chmod(0o700)
    entry = card_of(settings, identity)
    write_new(folder / SETTINGS_FILE, tomli_w.dumps(settings.model_dump(mode="json")).encode())
    write_new(folder / CARD_FILE, tomli_w.dumps(entry.model_dump(mode="json"), multiline_strings=True).encode())
    make_work_folder(folder)
    return entry


def card_of(settings: HospitalSettings, identity: Identity) -> HospitalEntry:
    """What a hospital hands over for the roster."""
    return HospitalEntry(
        name=settings.name,
        address=settings.address,
        mask_key=identity.mask_key.hex(),
        certificate=identity.certificate,
    )


def make_work_folder(folder: Path) -> Path:
    """The folder of the worker, with places for secrets and used attempts."""
    (folder / WORK / USED_FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / WORK


def read_hospital(folder: Path) -> HospitalSettings:
    """A hospital's settings.

    Raises:
        SettingsError: they are missing or cannot be.
    """
    return _read(HospitalSettings, folder / SETTINGS_FILE, missing="run hospital init first", wrong="correct it")


def read_card(path: Path) -> HospitalEntry:
    """A hospital's card.

    Raises:
        SettingsError: it is missing or none.
    """
    remedy = "ask the hospital for its card.toml"
    return _read(HospitalEntry, path, missing=remedy, wrong=remedy)


def agree(folder: Path, roster_path: Path) -> Roster:
    """Derives a hospital's pairwise secrets from a roster, and keeps the roster.

    Raises:
        SettingsError: the roster is none, or names this hospital with other keys than this folder's.
    """
    settings, roster = read_hospital(folder), read_roster(roster_path)
    own = next((entry for entry in roster.hospital if entry.name == settings.name), None)
    certificate = _read_text(folder / IDENTITY / CERTIFICATE)
    if own is not None and own.certificate.strip() != certificate.strip():
        raise SettingsError(
            f"{roster_path} has another certificate for {settings.name!r} than this folder: hand over its card.toml."
        )
    pairs = pairs_of(settings.name, read_mask_key(folder / IDENTITY), roster.mask_keys, roster.fingerprint)
    write_secrets(make_work_folder(folder) / SECRETS_FILE, roster.fingerprint, pairs)
    for name, text in ((ROSTER_FILE, roster_text(roster)), (COORDINATOR_FILE, roster.coordinator.certificate)):
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
        write_new(folder / name, text.encode())
    return roster


def shown_fingerprint(roster: Roster) -> str:
    """The fingerprint in groups that people can read to each other."""
    digits = roster.fingerprint.hex()
    return " ".join(digits[place : place + 8] for place in range(0, len(digits), 8))


def key_files(folder: Path) -> dict[str, Path]:
    """The files that a hospital's door needs.

    Raises:
        SettingsError: the hospital has not agreed to a roster.
    """
    client = folder / COORDINATOR_FILE
    if not client.exists():
        raise SettingsError(f"{folder} has no roster yet: run hospital keys {folder} ROSTER first.")
    return {"certificate": folder / IDENTITY / CERTIFICATE, "key": folder / IDENTITY / TLS_KEY, "client": client}


def _read(model: type[_Model], path: Path, *, missing: str, wrong: str) -> _Model:
    """What a TOML file says, or a `SettingsError` with a remedy."""
    try:
        return model.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}): {missing}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is no TOML file ({error}): {wrong}.") from error
    except ValidationError as error:
        raise SettingsError(_first_fault(error, str(path))) from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: run hospital init first.") from error


def _first_fault(error: ValidationError, source: str) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{source}: {place}: {first['msg'].removeprefix('Value error, ')}."
