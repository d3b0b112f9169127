"""Hospital-level differential privacy in the aggregator: what runs, and what it costs. Needs no TensorFlow.

The unit is a hospital, adjacency is zero-out: two runs are neighbours when in one of them one hospital's contribution
is replaced by an empty one in every round. Number of hospitals and divisor are public constants. Whoever aggregates
the plain updates ("gaussian", "gaussian-adaptive", "tree": the server) is trusted; with "discrete-gaussian" and
"skellam" the server need only be trusted to run the secure sum.

Under the latter two an empty contribution still carries its share of the noise; hospitals that pool their knowledge can
subtract their own shares, so against k of n colluding ones the noise is sqrt((n - k) / n) of what is accounted.

With a handful of hospitals epsilon is large: five rounds at noise multiplier 1 cost about 11.5 at delta 1e-5.

**What a mechanism costs** is said by `release(rounds)`: a `dp_accounting.DpEvent`, or an `RdpCurve` where none fits.
Both describe the whole run of that many rounds. An accountant takes either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from data.errors import SettingsError
from tff_health.aggregators.distributed_noise import DiscreteNoise, DistributedNoise, check_bits
from tff_health.aggregators.rdp_curve import RdpCurve
from tff_health.aggregators.tree_noise import effective_noise_multiplier

if TYPE_CHECKING:
    import dp_accounting
    import tensorflow_federated as tff

    from tff_health.aggregators.secure_sum import ModularSum

Mechanism = Literal["gaussian", "gaussian-adaptive", "tree", "discrete-gaussian", "skellam"]
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)
DISCRETE: tuple[DiscreteNoise, ...] = get_args(DiscreteNoise)


class Releasing(Protocol):
    """What an accountant asks of a mechanism."""

    def release(self, rounds: int) -> dp_accounting.DpEvent | RdpCurve:
        """The cost of a whole run of `rounds` rounds; not always `rounds` times that of one."""


@dataclass(frozen=True)
class HospitalLevelDp:
    """A mechanism and its numbers; checked when made.

    Attributes:
        mechanism: one of `MECHANISMS`.
        clip: L2 bound of one hospital's update; for "gaussian-adaptive" that of the first round. Above 0.
        noise_multiplier: standard deviation of the noise on the sum of updates over the clip; for "tree" that of each
            node; for the discrete mechanisms nominal, what runs is slightly more. At least 0; above 0 for the discrete.
        hospitals: how many take part in every round, 2 or more; also the divisor.
        rounds: of the run, 1 or more.
        bits: of the discrete mechanisms' modulus, 4 to 22.
        dimension: parameters of the model; the discrete mechanisms' cost depends on it, the others ignore it.
        clipped_count_stddev: "gaussian-adaptive" only: noise on the number of clipped hospitals; above half the noise
            multiplier. None: a twentieth of the hospitals, as TFF has it.
        target_quantile: "gaussian-adaptive" only: share of updates that should stay unclipped, 0 to 1.
        clip_learning_rate: "gaussian-adaptive" only: of the clip, at least 0.

    Raises:
        SettingsError: a number out of its range.
    """

    mechanism: Mechanism
    clip: float
    noise_multiplier: float
    hospitals: int
    rounds: int = 1
    bits: int = 20
    dimension: int | None = None
    clipped_count_stddev: float | None = None
    target_quantile: float = 0.5
    clip_learning_rate: float = 0.2

    def __post_init__(self) -> None:
        if self.mechanism not in MECHANISMS:
            raise SettingsError(f"mechanism is {self.mechanism!r}: choose one of {', '.join(MECHANISMS)}.")
        if not (math.isfinite(self.clip) and self.clip > 0):
            raise SettingsError(f"clip is {self.clip}: an update's L2 bound must be a number above 0.")
        if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier >= 0):
            raise SettingsError(f"noise_multiplier is {self.noise_multiplier}: it must be a number of at least 0.")
        if self.hospitals < 2:
            raise SettingsError(f"hospitals is {self.hospitals}: a mean that hides a hospital needs at least 2.")
        if self.rounds < 1:
            raise SettingsError(f"rounds is {self.rounds}: at least 1 round must run.")
        if self.mechanism == "gaussian-adaptive":
            self._check_adaptive()
        if self.mechanism in DISCRETE:
            self._check_discrete()

    def _check_adaptive(self) -> None:
        if not 0 <= self.target_quantile <= 1:
            raise SettingsError(f"target_quantile is {self.target_quantile}: it must lie between 0 and 1.")
        if not (math.isfinite(self.clip_learning_rate) and self.clip_learning_rate >= 0):
            raise SettingsError(f"clip_learning_rate is {self.clip_learning_rate}: it must be at least 0.")
        given = self.clipped_count_stddev
        if given is not None and not (math.isfinite(given) and given >= 0):
            raise SettingsError(f"clipped_count_stddev is {given}: it must be a number of at least 0.")
        if self.noise_multiplier and 2 * self.count_stddev <= self.noise_multiplier:
            if given is not None:
                raise SettingsError(
                    f"clipped_count_stddev is {given}: it must be above half the noise multiplier "
                    f"({self.noise_multiplier / 2:g}), or the count of clipped hospitals alone would cost more privacy."
                )
            raise SettingsError(
                f"adaptive clipping with {self.hospitals} hospitals and noise multiplier {self.noise_multiplier:g} "
                f"would give away who was clipped: it needs more than {10 * self.noise_multiplier:g} hospitals, an "
                f"explicit clipped_count_stddev above {self.noise_multiplier / 2:g} (the clip then moves almost at "
                "random), or fixed clipping (gaussian)."
            )

    def _check_discrete(self) -> None:
        if self.noise_multiplier <= 0:
            raise SettingsError(f"noise_multiplier is 0: {self.mechanism} needs noise; take secure-mean without.")
        check_bits(self.bits, self.hospitals)
        if self.dimension is None:
            return
        if self.dimension < 1:
            raise SettingsError(f"dimension is {self.dimension}: a model has at least 1 parameter.")
        self.distributed_noise()

    @property
    def count_stddev(self) -> float:
        """Noise on the number of clipped hospitals under adaptive clipping."""
        return 0.05 * self.hospitals if self.clipped_count_stddev is None else self.clipped_count_stddev

    @property
    def value_noise_multiplier(self) -> float:
        """Noise on the sum of updates in clips. Under adaptive clipping more than `noise_multiplier`, so that together
        with the noisy count it comes to that (Andrew et al. 2021, arXiv 1905.03871, Theorem 1). The count's
        sensitivity is 1/2: an empty update counts as 0, any other as +1/2 or -1/2 (`adaptive_clip`)."""
        if self.mechanism != "gaussian-adaptive" or not self.noise_multiplier:
            return self.noise_multiplier
        return (self.noise_multiplier**-2 - (2 * self.count_stddev) ** -2) ** -0.5

    @property
    def secure(self) -> bool:
        """Whether updates pass through a secure sum, which the `test` backend simulates: NOT SECURE."""
        return self.mechanism in DISCRETE

    def distributed_noise(self, dimension: int | None = None) -> DistributedNoise:
        """The numbers of a discrete mechanism.

        Args:
            dimension: parameters of the model; default: the field.

        Raises:
            SettingsError: not a discrete mechanism, no dimension, or too few bits.
        """
        if self.mechanism not in DISCRETE:
            raise SettingsError(f"{self.mechanism} has no distributed noise.")
        size = dimension or self.dimension
        if size is None:
            raise SettingsError(
                f"dimension is missing: the cost of {self.mechanism} depends on the model's parameters."
            )
        return DistributedNoise(self.mechanism, self.clip, self.noise_multiplier, self.hospitals, self.bits, size)

    def release(self, rounds: int | None = None) -> dp_accounting.DpEvent | RdpCurve:
        """What a whole run costs (see `Releasing`).

        Args:
            rounds: default: the field.

        Returns:
            a curve for the discrete mechanisms (per-round curve times rounds), an event for the others; for "tree"
            one Gaussian event for all rounds together.

        Raises:
            SettingsError: no round, no noise, or a discrete mechanism without `dimension`.
        """
        import dp_accounting

        count = self.rounds if rounds is None else rounds
        if count < 1:
            raise SettingsError(f"rounds is {count}: at least 1 round must run.")
        if not self.noise_multiplier:
            raise SettingsError("noise_multiplier is 0: without noise there is no guarantee to account.")
        if self.mechanism in DISCRETE:
            return self.distributed_noise().scaled.rdp().compose(count)
        if self.mechanism == "tree":
            return dp_accounting.GaussianDpEvent(effective_noise_multiplier(self.noise_multiplier, count))
        return dp_accounting.SelfComposedDpEvent(dp_accounting.GaussianDpEvent(self.noise_multiplier), count)

    def build_factory(self, modular_sum: ModularSum | None = None) -> tff.aggregators.UnweightedAggregationFactory:
        """The uniform mean over `hospitals` hospitals with this mechanism's clipping and noise.

        Args:
            modular_sum: the secure sum of the discrete mechanisms; default: simulated, NOT SECURE.

        Returns:
            a factory whose processes keep rounds and hospitals in their state (`executed.check_executed`).
        """
        from tff_health.aggregators.hospital_dp_factory import build_hospital_dp

        options: dict[str, Any] = {} if modular_sum is None else {"modular_sum": modular_sum}
        return build_hospital_dp(self, **options)
