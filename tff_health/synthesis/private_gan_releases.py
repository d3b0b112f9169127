"""What a private GAN releases, and what it costs: one noisy sum before training, then one in every round."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from data.errors import SettingsError
from tff_health.learning.patient_dp import Clipping, NoisePlacement, PatientLevelDp

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.analytics.private_settings import PrivateStatistics


@dataclass(frozen=True)
class PrivateGanReleases:
    """A budget as inverse variance of noise, divided between the two kinds of releases.

    Attributes:
        subject: of messages: "private CTGAN".
        instead: the synthesizer without a guarantee.
        noise_multiplier: of the one Gaussian release that costs as much as everything where every patient is in every
            round; None: no guarantee.
        placement: who adds the noise.
        first_share: of the budget, for the release before training; between 0 and 1.
        rounds: of training.
        clip: L2 bound on a patient's gradient.
        clipping: of the whole gradient or layer by layer.
        sampling_rate: probability that a patient is in a round.

    Raises:
        SettingsError: a value no guarantee can be made of.
    """

    subject: str
    instead: str
    noise_multiplier: float | None
    placement: Literal["shared", "each-hospital"]
    first_share: float
    rounds: int
    clip: float
    clipping: Clipping
    sampling_rate: float

    def __post_init__(self) -> None:
        if self.placement not in get_args(NoisePlacement):
            raise SettingsError(f"{self.subject}: placement must be shared or each-hospital, not {self.placement!r}.")
        if self.noise_multiplier is not None:
            if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier > 0):
                raise SettingsError(
                    f"{self.subject}: noise_multiplier must be above 0 and finite, not {self.noise_multiplier}."
                )
            self.patient_level(2)

    @property
    def first_multiplier(self) -> float:
        """Noise multiplier of the release before training."""
        return self._noise / math.sqrt(self.first_share)

    @property
    def critic_multiplier(self) -> float:
        """Noise multiplier of every round's sum: the critic's share of the budget, spread over the rounds."""
        return self._noise * self.sampling_rate * math.sqrt(self.rounds / (1 - self.first_share))

    @property
    def _noise(self) -> float:
        if self.noise_multiplier is None:
            raise SettingsError(
                f"{self.subject}: noise_multiplier is not set, so there is no guarantee; give one (or `privacy` with "
                f'an epsilon), or use the synthesizer "{self.instead}".'
            )
        return self.noise_multiplier

    def statistics(self, hospitals: int) -> PrivateStatistics:
        """The release before training."""
        from tff_health.analytics.private_settings import PrivateStatistics

        return PrivateStatistics(self.first_multiplier, self.placement, hospitals, self.placement == "shared")

    def patient_level(self, hospitals: int) -> PatientLevelDp:
        """The guarantee of the rounds; the process sets the expected batch, on which no event depends."""
        return PatientLevelDp(
            clip=self.clip,
            noise_multiplier=self.critic_multiplier,
            hospitals=hospitals,
            sampling_rate=self.sampling_rate,
            clipping=self.clipping,
            noise=self.placement,
            expected_batch=1.0,
        )

    def event(self) -> dp_accounting.DpEvent | None:
        """The first release, then all rounds; None without a guarantee."""
        if self.noise_multiplier is None:
            return None
        import dp_accounting

        hospitals = 2  # neither event depends on how many
        return dp_accounting.ComposedDpEvent(
            [self.statistics(hospitals).event(), self.patient_level(hospitals).event(self.rounds)]
        )

    def words(self, first: str, unit: str) -> dict[str, str]:
        """`mechanism` and `sampling` of a privacy statement.

        Args:
            first: what is released before training: "counts of classes".
            unit: who is protected: "patient", "image".
        """
        once, each = "", ""
        if self.noise_multiplier is not None:
            once = f" (noise multiplier {self.first_multiplier:.3g})"
            each = f" (noise multiplier {self.critic_multiplier:.3g} each)"
        rounds = f"{self.rounds} round{'s' if self.rounds > 1 else ''}"
        how = "layer by layer " if self.clipping == "per-layer" else ""
        return {
            "mechanism": (
                f"Gaussian noise on the {first}, once{once}, and on sums of {unit}s' critic gradients, each clipped "
                f"{how}to a norm of {self.clip:g}, in {rounds}{each}"
            ),
            "sampling": (
                f"every {unit} in the counts and in every round"
                if self.sampling_rate == 1
                else f"every {unit} in the counts; Poisson, rate {self.sampling_rate:g}, anew in every round"
            ),
        }
