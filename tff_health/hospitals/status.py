"""What a hospital's folder holds, and whether its worker runs."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from data.errors import SettingsError, TffHealthError
from tff_health.hospitals.hospital_folder import DOOR, IDENTITY, ROSTER_FILE, read_hospital, shown_fingerprint
from tff_health.hospitals.identity import CERTIFICATE
from tff_health.hospitals.nginx import ACCESS_LOG
from tff_health.hospitals.private_files import read_private
from tff_health.hospitals.roster import read_roster
from tff_health.hospitals.serving import serving_pid

_CALLER = 2  # of the words of a logged call
_TAIL = 1_000_000  # bytes of the log


def status(folder: Path) -> tuple[list[str], bool]:
    """Sentences for people, and whether the worker runs and nothing is wrong.

    Raises:
        SettingsError: it is no hospital's folder.
    """
    settings = read_hospital(folder)
    said = [
        f"Hospital {settings.name!r}, reached at {settings.address}, listening on {settings.listen}.",
        f"Datasets: {', '.join(settings.datasets) or 'none'}.",
    ]
    healthy = True
    try:
        certificate = x509.load_pem_x509_certificate(read_private(folder / IDENTITY / CERTIFICATE))
        said.append(f"Its certificate is valid until {certificate.not_valid_after_utc:%Y-%m-%d}.")
    except (SettingsError, ValueError) as error:
        healthy = False
        said.append(f"No certificate that can be used: {error}")
    try:
        roster = read_roster(folder / ROSTER_FILE)
        said.append(f"Roster of {len(roster.hospital)} hospitals, fingerprint {shown_fingerprint(roster)}.")
    except TffHealthError as error:
        healthy = False
        said.append(f"No roster that can be used: {error}")
    pid = serving_pid(folder)
    said.append("No worker runs." if pid is None else f"The worker runs (process {pid}).")
    said += _calls(folder / DOOR / ACCESS_LOG)
    return said, healthy and pid is not None


def _calls(log: Path) -> list[str]:
    if not log.exists():
        return []
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        lines = file.read().decode("utf-8", "replace").splitlines()
    refused = [line for line in lines if len(line.split()) > _CALLER and line.split()[_CALLER] != "SUCCESS"]
    said = [f"Calls on record: {len(lines):,}, the last one at {lines[-1].split()[0]}."] if lines else []
    if refused:
        said.append(f"Refused: {len(refused):,}, the last one: {refused[-1]}")
    return said
