"""Aggregation factories by name.

Names with parameters (secure sums, hospital-level differential privacy) are built by `build_aggregator`, the others
also by `resolve_aggregator`. Every entry is guarded against non-finite updates (`finite_guard`).

The seam for extension is TFF's own: wherever an aggregator is asked for, pass a name of this catalogue, any
`tff.aggregators` factory object, or `module:function` naming a function without arguments that returns one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from data.errors import SettingsError, UnknownNameError, WrongKindError
from data.named import NAMED, load_named
from tff_health.aggregators.hospital_dp import DISCRETE, HospitalLevelDp, Mechanism

if TYPE_CHECKING:
    import tensorflow_federated as tff

    Factory: TypeAlias = tff.aggregators.WeightedAggregationFactory | tff.aggregators.UnweightedAggregationFactory


@dataclass(frozen=True)
class Parameter:
    """A number that an aggregator is made with.

    Attributes:
        valid: its range, in words.
        required: whether there is no default.
    """

    valid: str
    required: bool = True


@dataclass(frozen=True)
class CatalogueEntry:
    """One aggregator of the catalogue.

    Attributes:
        description: one line for `list`.
        weighted: whether hospitals count by their number of training rows.
        build: makes the factory from the parameters, given by name; imports TFF only when called.
        secure: sums through TFF's secure sums, which run only under `execution_context(backend="test")`, in plain
            text: simulated: NOT SECURE.
        private: the hospital-level mechanism (`hospital_dp.Mechanism`), or None: no guarantee of its own.
        parameters: by name; an entry with a required one cannot be used by its name alone.
    """

    description: str
    weighted: bool
    build: Callable[..., Any]
    secure: bool = False
    private: Mechanism | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def required(self) -> list[str]:
        """Names of the parameters without a default."""
        return [name for name, parameter in self.parameters.items() if parameter.required]


def _mean() -> Any:
    import tensorflow_federated as tff

    return _guarded(tff.aggregators.MeanFactory())


def _uniform_mean() -> Any:
    import tensorflow_federated as tff

    return _guarded(tff.aggregators.UnweightedMeanFactory())


def _robust() -> Any:
    import tensorflow_federated as tff

    return _guarded(tff.learning.robust_aggregator())


def _compressed() -> Any:
    import tensorflow_federated as tff

    return _guarded(tff.learning.compression_aggregator())


def _secure_weighted() -> Any:
    import tensorflow_federated as tff

    return _guarded(tff.learning.secure_aggregator())


def _secure_mean(hospitals: int, bound: float, **options: Any) -> Any:
    from tff_health.aggregators.secure_mean import build_secure_mean

    return build_secure_mean(hospitals, bound, **options)


def _guarded(factory: Any) -> Any:
    from tff_health.aggregators.finite_guard import guarded

    return guarded(factory)


def _hospital_level(mechanism: Mechanism, description: str) -> CatalogueEntry:
    discrete = mechanism in DISCRETE
    parameters = {
        "clip": Parameter("above 0: L2 bound of a hospital's update"),
        "noise_multiplier": Parameter("above 0: noise on the sum over clip"),
        "hospitals": Parameter("2 or more, all in every round"),
        "rounds": Parameter("1 or more", required=mechanism == "tree"),
    }
    if discrete:
        parameters["bits"] = Parameter("4 to 22, of the modulus; default 20", required=False)
        parameters["dimension"] = Parameter("1 or more: the model's parameters", required=False)
    if mechanism == "gaussian-adaptive":
        parameters["hospitals"] = Parameter("above 10 x noise_multiplier, unless clipped_count_stddev is given")
        parameters["clipped_count_stddev"] = Parameter("above noise_multiplier / 2", required=False)
        parameters["target_quantile"] = Parameter("0 to 1; default 0.5", required=False)
        parameters["clip_learning_rate"] = Parameter("0 or more; default 0.2", required=False)

    def build(**numbers: Any) -> Any:
        return HospitalLevelDp(mechanism, **numbers).build_factory()

    return CatalogueEntry(description, False, build, secure=discrete, private=mechanism, parameters=parameters)


CATALOGUE: dict[str, CatalogueEntry] = {
    "mean": CatalogueEntry("mean weighted by each hospital's training rows (McMahan et al. 2017)", True, _mean),
    "uniform-mean": CatalogueEntry("every hospital counts the same; what the paper does", False, _uniform_mean),
    "robust": CatalogueEntry("weighted mean after adaptive zeroing and clipping of outlying updates", True, _robust),
    "compressed": CatalogueEntry(
        "weighted mean after zeroing, clipping, and 8-bit quantisation of tensors above 20,000 entries",
        True,
        _compressed,
    ),
    "secure-weighted": CatalogueEntry(
        "robust through secure sums (simulated: NOT SECURE)", True, _secure_weighted, secure=True
    ),
    "secure-mean": CatalogueEntry(
        "uniform mean through a secure sum (simulated: NOT SECURE); carries shared noise",
        False,
        _secure_mean,
        secure=True,
        parameters={
            "hospitals": Parameter("2 or more, all in every round"),
            "bound": Parameter("above 0: largest absolute entry of an update"),
            "bits": Parameter("2 to 40, of the modulus; default 32", required=False),
        },
    ),
    "hospital-gaussian": _hospital_level("gaussian", "hospital-level DP: fixed clip, Gaussian noise by the server"),
    "hospital-gaussian-adaptive": _hospital_level(
        "gaussian-adaptive", "hospital-level DP: clip follows a noisy quantile (Andrew et al. 2021); many hospitals"
    ),
    "hospital-tree": _hospital_level("tree", "hospital-level DP: tree aggregation (DP-FTRL, Kairouz et al. 2021)"),
    "hospital-discrete-gaussian": _hospital_level(
        "discrete-gaussian", "hospital-level DP: noise in shares through a secure sum (simulated: NOT SECURE)"
    ),
    "hospital-skellam": _hospital_level(
        "skellam", "hospital-level DP: Skellam noise in shares through a secure sum (simulated: NOT SECURE)"
    ),
}


def check_aggregator_name(name: str) -> None:
    """Checks that `name` alone says which aggregator is meant; imports nothing heavy.

    Raises:
        UnknownNameError: nothing has that name; the nearest that exists is given.
        SettingsError: the aggregator of that name needs parameters.
    """
    if name in CATALOGUE:
        entry = CATALOGUE[name]
        if entry.required:
            ranges = "; ".join(f"{key}: {entry.parameters[key].valid}" for key in entry.required)
            raise SettingsError(f"aggregator {name!r} cannot go by its name alone, it has parameters ({ranges}).")
        return
    if NAMED.fullmatch(name):
        return
    raise UnknownNameError.among("aggregator", name, CATALOGUE)


def build_aggregator(name: str, **parameters: Any) -> Factory:
    """Makes an aggregator of the catalogue.

    Args:
        name: of the catalogue.
        **parameters: those of its entry.

    Raises:
        UnknownNameError: no such name or parameter.
        SettingsError: a parameter is missing or out of its range.
    """
    if name not in CATALOGUE:
        raise UnknownNameError.among("aggregator", name, CATALOGUE)
    entry = CATALOGUE[name]
    for key in parameters:
        if key not in entry.parameters:
            raise UnknownNameError.among(f"parameter of aggregator {name}", key, entry.parameters)
    missing = [key for key in entry.required if key not in parameters]
    if missing:
        raise SettingsError(f"aggregator {name!r} lacks {missing[0]} ({entry.parameters[missing[0]].valid}).")
    return entry.build(**parameters)


def resolve_aggregator(aggregator: str | Factory) -> Factory:
    """Returns a `tff.aggregators` factory.

    Args:
        aggregator: a factory (returned as it is), a name of the catalogue, or `module:function`.

    Raises:
        UnknownNameError: no such name, module or function.
        WrongKindError: what is given or named is not an aggregation factory.
        SettingsError: the user's module or function failed.
    """
    import tensorflow_federated as tff

    factories = (tff.aggregators.WeightedAggregationFactory, tff.aggregators.UnweightedAggregationFactory)
    factory: Any = aggregator
    if isinstance(aggregator, str):
        check_aggregator_name(aggregator)
        build = CATALOGUE[aggregator].build if aggregator in CATALOGUE else load_named("aggregator", aggregator)
        try:
            factory = build()
        except Exception as error:
            raise SettingsError(f"aggregator {aggregator!r} failed ({type(error).__name__}: {error}).") from error
    if not isinstance(factory, factories):
        raise WrongKindError(
            f"the aggregator is {type(factory).__name__}, not a factory of tff.aggregators; pass one, or a function "
            "without arguments that returns one as module:function."
        )
    return factory
