"""The aggregator an arm names, with the parameters that its settings and its hospitals give."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from data.errors import SettingsError, UnknownNameError
from tff_health.aggregators.catalogue import CATALOGUE, build_aggregator, check_aggregator_name
from tff_health.aggregators.hospital_dp import DISCRETE
from tff_health.experiments.settings import Candidate

if TYPE_CHECKING:
    from tff_health.aggregators.catalogue import Factory


def check_aggregator(candidate: Candidate) -> None:
    """Refuses an aggregator that the arm cannot have; imports nothing heavy.

    Raises:
        UnknownNameError: no such aggregator or parameter.
        SettingsError: a parameter is missing, a guarantee would rest on weights, or a noisy aggregator is asked for
            without the settings that account for it.
    """
    name, given = candidate.aggregator, dict(candidate.aggregator_options)
    if candidate.privacy is not None and given:
        raise SettingsError(
            "a private arm's aggregator is made from its privacy settings: leave aggregator_options out."
        )
    if candidate.privacy is not None and candidate.privacy.noise == "shared" and name != "secure-mean":
        raise SettingsError(f'shared noise needs aggregator "secure-mean", not {name!r}: the server may see sums only.')
    entry = CATALOGUE.get(name)
    if entry is None:
        if given:
            raise SettingsError(f"aggregator_options are for aggregators of the catalogue, not for {name!r}.")
        check_aggregator_name(name)
        return
    if entry.private is not None:
        raise SettingsError(
            f"aggregator {name!r} gives hospital-level privacy, which must be accounted: write privacy = "
            f'{{ level = "hospital", mechanism = "{entry.private}", ... }} in place of the aggregator.'
        )
    if candidate.privacy is not None and candidate.privacy.level == "patient" and entry.weighted:
        raise SettingsError(
            f"weighted aggregation under a guarantee is refused: {name!r} weights hospitals by their rows; take "
            '"uniform-mean".'
        )
    for key in given:
        if key not in entry.parameters or key == "hospitals":
            known = [parameter for parameter in entry.parameters if parameter != "hospitals"]
            raise UnknownNameError.among(f"parameter of aggregator {name}", key, known)
    private_shares = candidate.privacy is not None and name == "secure-mean"
    for key in entry.required:
        if key not in given and key != "hospitals" and not private_shares:
            raise SettingsError(f"aggregator {name!r} lacks aggregator_options.{key} ({entry.parameters[key].valid}).")


def build(candidate: Candidate, hospitals: int) -> Factory | str:
    """What `build_classifier_process` takes as the aggregator of a candidate without privacy."""
    entry = CATALOGUE.get(candidate.aggregator)
    if entry is None or not entry.parameters:
        return candidate.aggregator
    own = {"hospitals": hospitals} if "hospitals" in entry.parameters else {}
    return build_aggregator(candidate.aggregator, **own, **dict(candidate.aggregator_options))


def is_secure(candidate: Candidate) -> bool:
    """Whether a candidate sums securely, which the `test` backend simulates: NOT SECURE."""
    if candidate.privacy is not None and candidate.privacy.level == "hospital":
        return candidate.privacy.mechanism in DISCRETE
    entry = CATALOGUE.get(candidate.aggregator)
    return candidate.is_federated and entry is not None and entry.secure


@contextlib.contextmanager
def backend_of(candidate: Candidate) -> Iterator[None]:
    """An execution context that sums securely (simulated: NOT SECURE) where the candidate asks for it.

    Where hospitals that are apart compute, their masks are no simulation, and their context stays.
    """
    from tff_health.runtime.context import computing_context

    with computing_context(backend="test") if is_secure(candidate) else contextlib.nullcontext():
        yield
