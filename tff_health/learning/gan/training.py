"""How a GAN is trained across hospitals, whatever it generates. No TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from data.errors import SettingsError

Mode = Literal["server-generator", "average-both"]
OptimizerMemory = Literal["fresh", "kept"]


@dataclass(frozen=True)
class AdamSettings:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980) for one network.

    Attributes:
        learning_rate: above 0.
        beta_1: decay of the mean of gradients, in [0, 1).
        beta_2: decay of the mean of squared gradients, in [0, 1).
        epsilon: added to the root of the latter, above 0.
        weight_decay: times the weights, added to the gradient; 0 or more.
    """

    learning_rate: float = 2e-4
    beta_1: float = 0.5
    beta_2: float = 0.9
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if not (self.learning_rate > 0 and self.epsilon > 0 and self.weight_decay >= 0):
            raise SettingsError("Adam: learning_rate and epsilon must be above 0, weight_decay 0 or more.")
        if not (0 <= self.beta_1 < 1 and 0 <= self.beta_2 < 1):
            raise SettingsError(f"Adam: betas must lie in [0, 1), not {self.beta_1:g} and {self.beta_2:g}.")


@dataclass(frozen=True)
class GanTraining:
    """What one round is made of.

    Attributes:
        mode: `server-generator`: hospitals train the critic against the generator they were sent, and the server trains
            the generator on the mean critic; it alone ever steps with it. `average-both`: hospitals train both, step by
            step in turn, and both are averaged.
        critic_updates: steps of the critic in every hospital and round.
        generator_updates: steps of the generator a round; with `average-both` it divides `critic_updates`.
        critic: the critic's optimizer.
        generator: the generator's optimizer.
        memory: what becomes of Adam's moments between rounds. `fresh`: they start from zero in every round; with decays
            of 0.5 and 0.9 they reach no further than a round of ten steps anyway, and nothing but weights travels.
            `kept`: the server keeps its own, and hospitals', who keep nothing, are averaged as the weights are and sent
            out again, so that one hospital alone is plain Adam; not for aggregators that clip or noise what they
            average.
    """

    mode: Mode = "server-generator"
    critic_updates: int = 10
    generator_updates: int = 10
    critic: AdamSettings = AdamSettings()
    generator: AdamSettings = AdamSettings()
    memory: OptimizerMemory = "fresh"

    def __post_init__(self) -> None:
        if self.mode not in ("server-generator", "average-both"):
            raise SettingsError(f"GAN: mode must be server-generator or average-both, not {self.mode!r}.")
        if self.memory not in ("fresh", "kept"):
            raise SettingsError(f"GAN: memory must be fresh or kept, not {self.memory!r}.")
        if self.critic_updates < 1 or self.generator_updates < 1:
            raise SettingsError("GAN: critic_updates and generator_updates must be 1 or more.")
        if self.mode == "average-both" and self.critic_updates % self.generator_updates:
            raise SettingsError(
                f"GAN: with average-both, critic_updates ({self.critic_updates}) must be a multiple of "
                f"generator_updates ({self.generator_updates})."
            )

    @property
    def trained_in_hospitals(self) -> tuple[str, ...]:
        """Names of the networks that hospitals train."""
        return ("critic",) if self.mode == "server-generator" else ("critic", "generator")
