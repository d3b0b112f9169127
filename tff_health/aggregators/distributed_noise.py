"""Discrete noise in shares: the numbers that run and what they cost. Needs no TensorFlow.

Every hospital rotates, clips, scales and rounds its update to integers and adds its share of integer noise; a
secure sum modulo 2**bits shows only the total. Two mechanisms:

* distributed discrete Gaussian: Kairouz, Liu, Steinke 2021, arXiv 2102.06387 (Algorithms 1 and 2);
* distributed Skellam: Agarwal, Kairouz, Liu 2021, arXiv 2110.04995 (Algorithm 1).

Rounding makes updates longer and the shares' sum is no exact Gaussian, so the cost is computed from the integers'
own bounds, never from the nominal noise multiplier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from data.errors import SettingsError
from tff_health.aggregators.rdp_curve import DEFAULT_ORDERS, RdpCurve

DiscreteNoise = Literal["discrete-gaussian", "skellam"]

# How many standard deviations of a coordinate of the noisy sum the modulus leaves room for: one coordinate in
# 5e8 wraps around. Wrapping costs accuracy, never privacy.
ROOM = 6.0
MAX_BITS = 22  # the integers pass through float32, which holds them up to 2**24
_MAX_SCALED_CLIP = 2.0**24  # up to which float32 holds every integer
_LEEWAY = 1e-5  # relative; float32 arithmetic may leave a clipped norm that much above the clip


@dataclass(frozen=True)
class ScaledNoise:
    """One round of distributed noise in the integers' own unit.

    Attributes:
        noise: the distribution of the shares.
        l2: bound on the L2 norm of one hospital's integer vector; checked at each hospital before noise.
        local_stddev: standard deviation of one hospital's share, as the sampler is given it.
        hospitals: number of shares.
        dimension: length of the integer vector, padding included.
    """

    noise: DiscreteNoise
    l2: float
    local_stddev: float
    hospitals: int
    dimension: int

    @property
    def stddev(self) -> float:
        """Standard deviation of the sum's noise, per coordinate; TensorFlow Privacy's discrete Gaussian sampler
        takes whole standard deviations and rounds up."""
        share = math.ceil(self.local_stddev) if self.noise == "discrete-gaussian" else self.local_stddev
        return share * math.sqrt(self.hospitals)

    @property
    def l1(self) -> float:
        """Bound on the L1 norm: sqrt(d) L2 for any vector, L2 squared for integers."""
        return self.l2 * min(math.sqrt(self.dimension), self.l2)

    def rdp(self, orders: tuple[float, ...] = DEFAULT_ORDERS) -> RdpCurve:
        """The cost of one round, a hospital's vector against zeros (zero-out adjacency)."""
        bound = self._discrete_gaussian if self.noise == "discrete-gaussian" else self._skellam
        return RdpCurve(orders, tuple(bound(order) for order in orders))

    def _discrete_gaussian(self, order: float) -> float:
        """Proposition 14 of arXiv 2102.06387; needs shares of standard deviation 1/2 or more."""
        share = math.ceil(self.local_stddev)
        tau = 10 * sum(math.exp(-2 * (math.pi * share) ** 2 * k / (k + 1)) for k in range(1, self.hospitals))
        l2, l1, d = self.l2 / self.stddev, self.l1 / self.stddev, self.dimension
        return min(
            order / 2 * l2**2 + tau * d,
            order / 2 * (l2**2 + 2 * l1 * tau + tau**2 * d),
            order / 2 * (l2 + math.sqrt(d) * tau) ** 2,
        )

    def _skellam(self, order: float) -> float:
        """Theorem 3.5 of arXiv 2110.04995 at whole orders. Between two of them (alpha - 1) times the divergence lies
        below the chord, being convex (van Erven and Harremoës 2014, arXiv 1206.2459, Corollary 2), and 0 at 1."""
        low, high = math.floor(order), math.ceil(order)
        below = (low - 1) * self._skellam_whole(low) if low > 1 else 0.0
        above = (high - 1) * self._skellam_whole(high)
        return (below + (order - low) * (above - below)) / (order - 1)

    def _skellam_whole(self, alpha: int) -> float:
        variance = self.stddev**2
        excess = min(((2 * alpha - 1) * self.l2**2 + 6 * self.l1) / (4 * variance**2), 3 * self.l1 / (2 * variance))
        return alpha * self.l2**2 / (2 * variance) + excess


@dataclass(frozen=True)
class DistributedNoise:
    """The choice of scale for a mechanism, and the integers' bounds that follow from it.

    Attributes:
        noise: the distribution of the shares.
        clip: L2 bound of one hospital's update, above 0.
        noise_multiplier: nominal standard deviation of the sum's noise over the clip, above 0.
        hospitals: 2 or more.
        bits: of the modulus, up to `MAX_BITS`.
        dimension: entries of an update.

    Raises:
        SettingsError: the bits are too few for these numbers.
    """

    noise: DiscreteNoise
    clip: float
    noise_multiplier: float
    hospitals: int
    bits: int
    dimension: int

    def __post_init__(self) -> None:
        check_bits(self.bits, self.hospitals)
        if self.scaled.local_stddev < 1 or math.sqrt(self.padded_dimension) > self.scale * self.clip:
            raise SettingsError(
                f"bits is {self.bits}, too few for {self.hospitals} hospitals, {self.dimension} parameters and noise "
                f"multiplier {self.noise_multiplier:g}: rounding would outweigh the updates or the noise; choose more, "
                f"up to {MAX_BITS}."
            )

    @property
    def padded_dimension(self) -> int:
        """The rotation (Walsh-Hadamard) works on the next power of two."""
        return 1 << (self.dimension - 1).bit_length()

    @property
    def scale(self) -> float:
        """Integers per unit, in float32: `ROOM` standard deviations of the noisy sum fit the modulus.

        Solves 2**bits / scale = 2 k sqrt((c n)**2 / d + (1 / (4 scale**2) + s**2) n), Section 4.4 of arXiv
        2102.06387, with c the clip, n hospitals, d dimensions and s a share's standard deviation.
        """
        variance = (self.clip * self.hospitals) ** 2 / self.padded_dimension + (self.clip * self.noise_multiplier) ** 2
        scale = math.sqrt((4.0**self.bits - self.hospitals * ROOM**2) / variance) / (2 * ROOM)
        return _float32(min(scale, _MAX_SCALED_CLIP / self.clip))

    @property
    def scaled(self) -> ScaledNoise:
        """What each hospital checks and draws, in float32 like the state that carries it.

        Randomised rounding moves every entry by less than 1, hence the square root of the dimension on top of the
        clipped norm (Equation 18 of arXiv 2102.06387 without the conditional rounding).
        """
        return ScaledNoise(
            self.noise,
            l2=_float32(self.scale * self.clip * (1 + _LEEWAY) + math.sqrt(self.padded_dimension)),
            local_stddev=_float32(self.scale * self.clip * self.noise_multiplier / math.sqrt(self.hospitals)),
            hospitals=self.hospitals,
            dimension=self.padded_dimension,
        )


def check_bits(bits: int, hospitals: int) -> None:
    """Raises `SettingsError` unless a modulus of 2**bits suits so many hospitals, whatever the model."""
    fewest = math.floor(math.log2(hospitals * ROOM**2) / 2) + 1
    if not fewest <= bits <= MAX_BITS:
        raise SettingsError(f"bits is {bits}: {hospitals} hospitals need {fewest} to {MAX_BITS}.")


def _float32(value: float) -> float:
    return float(np.float32(value))
