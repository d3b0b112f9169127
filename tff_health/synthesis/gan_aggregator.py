"""Which aggregation factory the hospitals' part of a GAN goes through, as synthesisers' settings name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from data.errors import SettingsError, UnknownNameError
from tff_health.aggregators.catalogue import CATALOGUE, build_aggregator, check_aggregator_name

if TYPE_CHECKING:
    from tff_health.aggregators.catalogue import Factory
    from tff_health.learning.gan.training import OptimizerMemory


_EXACT = ("mean", "uniform-mean")  # nothing is clipped, rounded or left out


def check_gan_aggregator(method: str, name: str, options: Mapping[str, float], memory: OptimizerMemory) -> None:
    """Refuses what a GAN without a guarantee cannot go through.

    Args:
        method: for the message.
        name: of the catalogue, or module:function.
        options: its parameters by name, but for the number of hospitals.
        memory: of hospitals' optimizers, see `GanTraining`.

    Raises:
        UnknownNameError: no such aggregator or parameter.
        SettingsError: one that adds noise, which nothing would account for, that lacks a parameter, or that changes
            what it averages where optimizers' moments are averaged too.
    """
    entry = CATALOGUE.get(name)
    if entry is None:
        check_aggregator_name(name)
        return
    if entry.private is not None:
        raise SettingsError(
            f"{method}: aggregator {name!r} adds noise for hospitals, which nothing would account for here; take "
            "another one, or (DCGAN) set its guarantee."
        )
    if memory == "kept" and name not in _EXACT:
        raise SettingsError(
            f"{method}: memory = 'kept' averages the moments of Adam, which aggregator {name!r} would clip or round "
            f"with the weights; set memory = 'fresh' in its training, or take one of {', '.join(_EXACT)}."
        )
    for option in options:
        if option not in entry.parameters or option == "hospitals":
            raise UnknownNameError.among(f"parameter of aggregator {name}", option, entry.parameters)
    for required in entry.required:
        if required != "hospitals" and required not in options:
            valid = entry.parameters[required].valid
            raise SettingsError(f"{method}: aggregator {name!r} lacks {required} ({valid}).")


def gan_aggregator(name: str, options: Mapping[str, float], hospitals: int) -> Factory | str:
    """What a GAN process takes as its aggregator."""
    entry = CATALOGUE.get(name)
    if entry is None or not entry.parameters:
        return name
    own = {"hospitals": hospitals} if "hospitals" in entry.parameters else {}
    return build_aggregator(name, **own, **dict(options))


def gan_backend(name: str) -> Literal["native", "test"]:
    """The execution context that it runs in; `test` is simulated secure aggregation: NOT SECURE."""
    entry = CATALOGUE.get(name)
    return "test" if entry is not None and entry.secure else "native"
