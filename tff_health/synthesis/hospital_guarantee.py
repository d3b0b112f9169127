"""A guarantee for hospitals, as settings of synthesizers whose hospitals send changes of weights alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from data.errors import SettingsError
from tff_health.aggregators.hospital_dp import HospitalLevelDp

if TYPE_CHECKING:
    import dp_accounting

AccountedMechanism = Literal["gaussian", "gaussian-adaptive"]
_ANY = 1_000_000  # hospitals, for checks that do not depend on how many


@dataclass(frozen=True)
class HospitalGuarantee:
    """Clipping and noise of what hospitals send in every round; unit and adjacency as in `aggregators.hospital_dp`.

    It says nothing of a single patient beyond that: a patient's image may change all of a hospital's update. With few
    hospitals the noise is as large as what they have to say: with n of them the mean is off by noise_multiplier * clip
    / n in every weight.

    Attributes:
        clip: L2 bound of a hospital's update of all weights and statistics together; above 0.
        noise_multiplier: standard deviation of the noise on the sum of updates over the clip; above 0.
        mechanism: `gaussian`, or `gaussian-adaptive`, whose clip follows the updates (it takes many hospitals). Others
            of the catalogue do not go with fits that can be stopped and resumed: `tree` keeps its noise in the state,
            and what the discrete ones cost depends on hospitals and weights, which settings do not know.

    Raises:
        SettingsError: a number out of its range, or another mechanism.
    """

    clip: float
    noise_multiplier: float
    mechanism: AccountedMechanism = "gaussian"

    def __post_init__(self) -> None:
        if self.mechanism not in get_args(AccountedMechanism):
            raise SettingsError(
                f"guarantee: mechanism must be one of {', '.join(get_args(AccountedMechanism))}, not "
                f"{self.mechanism!r}."
            )
        if not self.noise_multiplier > 0:
            raise SettingsError(f"guarantee: noise_multiplier must be above 0, not {self.noise_multiplier}.")
        self.hospital_level(_ANY)

    def hospital_level(self, hospitals: int, rounds: int = 1) -> HospitalLevelDp:
        """What runs.

        Raises:
            SettingsError: too few hospitals.
        """
        return HospitalLevelDp(self.mechanism, self.clip, self.noise_multiplier, hospitals, rounds)

    def event(self, rounds: int) -> dp_accounting.DpEvent:
        """What all rounds together release about a hospital."""
        found = self.hospital_level(_ANY, rounds).release()
        assert not hasattr(found, "compose"), "both mechanisms have an event"
        return found
