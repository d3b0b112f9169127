"""What `run` is told about hospitals that are apart."""

from __future__ import annotations

import argparse
import contextlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import SettingsError
from tff_health.experiments.arguments import jobs
from tff_health.experiments.base_settings import ExperimentBase

if TYPE_CHECKING:
    from tff_health.experiments.apart.hospitals import Hospitals


def add_apart_arguments(run: argparse.ArgumentParser) -> None:
    """Adds to a command `--hospitals`, `--identity` and `--simulate-hospitals`."""
    run.add_argument(
        "--hospitals", type=Path, metavar="ROSTER", help="compute in the hospitals of a roster, each on its own rows"
    )
    run.add_argument(
        "--identity", type=Path, metavar="DIR", help="the coordinator's keys (default: coordinator/ beside the roster)"
    )
    run.add_argument(
        "--simulate-hospitals",
        type=jobs,
        metavar="N",
        help="likewise, in N processes started on this machine, each with its own rows alone",
    )


def is_apart(parsed: argparse.Namespace) -> bool:
    """Whether hospitals hold the rows.

    Raises:
        SettingsError: they are asked for in two ways, or an identity without a roster.
    """
    if parsed.hospitals is not None and parsed.simulate_hospitals is not None:
        raise SettingsError("--hospitals and --simulate-hospitals exclude each other: leave one out.")
    if parsed.identity is not None and parsed.hospitals is None:
        raise SettingsError("--identity is for --hospitals: name the roster too.")
    return parsed.hospitals is not None or parsed.simulate_hospitals is not None


def as_options(parsed: argparse.Namespace) -> list[str]:
    """The options again, for a process that is told the same."""
    given = {
        "--hospitals": parsed.hospitals,
        "--identity": parsed.identity,
        "--simulate-hospitals": parsed.simulate_hospitals,
    }
    return [word for option, value in given.items() if value is not None for word in (option, str(value))]


def hospitals_of(parsed: argparse.Namespace, settings: ExperimentBase) -> AbstractContextManager[Hospitals | None]:
    """The hospitals that hold the rows, None within where this process does.

    Raises:
        SettingsError: roster or identity cannot be used.
    """
    if not is_apart(parsed):
        return contextlib.nullcontext()
    from tff_health.experiments.apart.hospitals import LocalHospitals, RosterHospitals

    if parsed.hospitals is not None:
        return RosterHospitals(parsed.hospitals, parsed.identity or parsed.hospitals.parent / "coordinator")
    return LocalHospitals(settings, parsed.simulate_hospitals, parsed.data_dir)
