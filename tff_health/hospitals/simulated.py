"""Hospitals that are apart, on this machine: folders, keys, doors and workers, for development and tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.federation import Federation
from data.image_federation import ImageFederation
from tff_health.hospitals.connected import connected
from tff_health.hospitals.connection import ClientIdentity
from tff_health.hospitals.context import HospitalsContext
from tff_health.hospitals.held_images import write_held_images
from tff_health.hospitals.held_table import write_held_table
from tff_health.hospitals.hospital_folder import WORK, agree, init_hospital
from tff_health.hospitals.hospital_process import HospitalProcess, free_port, hospital_process
from tff_health.hospitals.identity import make_identity
from tff_health.hospitals.roster import CoordinatorEntry, Roster, roster_text

_DAYS = 2
_LOCAL = "127.0.0.1"


@dataclass(frozen=True)
class SimulatedHospitals:
    """Hospitals' processes on this machine.

    Attributes:
        roster: of all of them.
        identity: the coordinator's.
        folders: the hospitals', by name.
        processes: that run, by hospital.
    """

    roster: Roster
    identity: ClientIdentity
    folders: Mapping[str, Path]
    processes: Mapping[str, HospitalProcess]


@contextmanager
def simulated_hospitals(federations: Mapping[str, Federation | ImageFederation]) -> Iterator[SimulatedHospitals]:
    """Starts a process for every hospital that trains, as `hospital worker` does, each with its own rows alone.

    Everything ends and is removed with the block; the processes end with this one, however it ends.

    Args:
        federations: datasets by name, of the same hospitals.

    Raises:
        SettingsError: nginx is missing, or workers cannot be confined on this machine.
    """
    names = [hospital.name for hospital in next(iter(federations.values())).members]
    with tempfile.TemporaryDirectory(prefix="tff-health-") as root, ExitStack() as stack:
        base = Path(root)
        coordinator = base / "coordinator"
        certificate = make_identity(coordinator, "coordinator", masks=False, days=_DAYS).certificate
        folders = {name: base / str(place) for place, name in enumerate(names)}
        entries = []
        for name, folder in folders.items():
            address = f"{_LOCAL}:{free_port(_LOCAL)}"
            entries.append(init_hospital(folder, name, address, address, days=_DAYS))
        roster = Roster(coordinator=CoordinatorEntry(certificate=certificate), hospital=tuple(entries))
        roster_file = base / "roster.toml"
        roster_file.write_text(roster_text(roster), "utf-8")
        processes = {}
        for name, folder in folders.items():
            agree(folder, roster_file)
            for dataset, federation in federations.items():
                _store(folder / WORK, dataset, federation, name)
            processes[name] = process = hospital_process(folder)
            stack.callback(process.stop)
            process.start()
        yield SimulatedHospitals(roster, ClientIdentity.read(coordinator), folders, processes)


def _store(work: Path, dataset: str, federation: Federation | ImageFederation, name: str) -> None:
    place = [own.name for own in federation.members].index(name)
    if isinstance(federation, Federation):
        write_held_table(work, dataset, federation, federation.members[place])
        return
    # Test images are nobody's: they are dealt out, as all scores are taken together anyway.
    test = federation.test.take(np.arange(place, len(federation.test), len(federation.members)))
    write_held_images(work, dataset, federation, federation.members[place], test)


@contextmanager
def simulated_context(federations: Mapping[str, Federation | ImageFederation]) -> Iterator[HospitalsContext]:
    """A TFF context over hospitals that `simulated_hospitals` starts."""
    with simulated_hospitals(federations) as simulated, connected(simulated.roster, simulated.identity) as context:
        yield context
