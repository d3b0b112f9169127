"""What a patient-level guarantee is made of, and the event that an accountant charges for it. No TensorFlow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from data.errors import SettingsError

if TYPE_CHECKING:
    import dp_accounting

Clipping = Literal["flat", "per-layer"]
NoisePlacement = Literal["each-hospital", "shared"]


LARGEST_CLIP = 1e6  # sums of larger gradients could overflow float32, and noise with them
SMALLEST_RATE = 1e-4  # float32 coins have steps of 1e-7


@dataclass(frozen=True)
class PatientLevelDp:
    """DP-SGD inside every hospital (Abadi et al. 2016, arXiv 1607.00133, algorithm 1).

    Unit: one patient, who is one row of one hospital. Adjacency: zero-out, the patient's row is replaced by an empty
    record that contributes nothing; hospitals' row counts are public. Sampling: Poisson, drawn anew in every step from
    fresh entropy, or every patient in every step.

    With `each-hospital` noise what leaves a hospital is private by itself, whoever reads it. With `shared` noise each
    of H hospitals adds its share, of variance 1/H, and only the *sum* over hospitals carries the noise that is
    accounted: the server must see nothing else (secure aggregation), and a hospital that subtracts its own share is
    left with (H - 1)/H of the variance. Then a round is one linear step (SGD), as a second step would start from
    weights that are not yet private.

    Attributes:
        clip: L2 bound on one patient's gradient, above 0.
        noise_multiplier: standard deviation of the noise on a released sum of clipped gradients, divided by `clip`.
        hospitals: how many take part in every round.
        sampling_rate: probability q in (0, 1] that a patient is in a step.
        local_steps: steps a round.
        clipping: the whole gradient at once, or each layer to clip / sqrt(layers).
        noise: who adds it.
        expected_batch: what each hospital's noisy sum is divided by; the same public number for every hospital, so that
            the mean over hospitals weighs every patient alike. None: q times the hospital's own (public) row count.

    Raises:
        SettingsError: a value no guarantee can be made of.
    """

    clip: float
    noise_multiplier: float
    hospitals: int
    sampling_rate: float = 1.0
    local_steps: int = 1
    clipping: Clipping = "flat"
    noise: NoisePlacement = "each-hospital"
    expected_batch: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.clip <= LARGEST_CLIP:
            raise SettingsError(
                f"privacy: clip must be above 0 and at most {LARGEST_CLIP:g}, not {self.clip:g}; it bounds what one "
                "patient's gradient can weigh."
            )
        if not (self.noise_multiplier > 0 and math.isfinite(self.noise_multiplier)):
            raise SettingsError(
                f"privacy: noise_multiplier must be above 0, not {self.noise_multiplier:g}; without noise there is no "
                "guarantee, so leave `privacy` out."
            )
        if not SMALLEST_RATE <= self.sampling_rate <= 1:
            raise SettingsError(
                f"privacy: sampling_rate must lie between {SMALLEST_RATE:g} and 1, not {self.sampling_rate:g}."
            )
        if self.local_steps < 1 or self.hospitals < 1:
            raise SettingsError("privacy: local_steps and hospitals must be 1 or more.")
        if self.noise == "shared" and self.local_steps != 1:
            raise SettingsError(
                f"privacy: shared noise allows one step a round, not {self.local_steps}: a second one would start from "
                'weights whose noise is only a share; set local_steps = 1 or noise = "each-hospital".'
            )
        if self.noise == "shared" and self.hospitals < 2:
            raise SettingsError("privacy: shared noise needs two hospitals or more.")
        if self.noise == "shared" and self.expected_batch is None:
            raise SettingsError(
                "privacy: shared noise needs expected_batch, one public number for all hospitals: only then do their "
                "sums add up."
            )
        if self.expected_batch is not None and not self.expected_batch > 0:
            raise SettingsError(f"privacy: expected_batch must be above 0, not {self.expected_batch:g}.")

    @property
    def noise_stddev(self) -> float:
        """Standard deviation of the noise that one hospital adds to each coordinate of its sum, in gradient units."""
        full = self.clip * self.noise_multiplier
        return full / math.sqrt(self.hospitals) if self.noise == "shared" else full

    def step_event(self) -> dp_accounting.DpEvent:
        """The event of one step for a patient."""
        import dp_accounting

        gaussian = dp_accounting.GaussianDpEvent(self.noise_multiplier)
        if self.sampling_rate == 1.0:
            return gaussian
        return dp_accounting.PoissonSampledDpEvent(self.sampling_rate, gaussian)

    def event(self, rounds: int) -> dp_accounting.DpEvent:
        """The event of so many rounds for a patient: hospitals compose in parallel, as a patient is in one of them."""
        import dp_accounting

        return dp_accounting.SelfComposedDpEvent(self.step_event(), rounds * self.local_steps)

    @property
    def colluding_noise_multiplier(self) -> float:
        """The multiplier that remains against a hospital which subtracts its own noise."""
        if self.noise == "each-hospital":
            return self.noise_multiplier
        return self.noise_multiplier * math.sqrt((self.hospitals - 1) / self.hospitals)
