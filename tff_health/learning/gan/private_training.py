"""How a GAN is trained within a privacy budget, whatever it generates. No TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field

from data.errors import SettingsError
from tff_health.learning.gan.training import AdamSettings


@dataclass(frozen=True)
class PrivateGanTraining:
    """What the server makes of a round's noisy gradient; all of it is post-processing.

    Attributes:
        turns: steps of the critic and of the generator, in turn, after every round.
        critic_learning_rate: of the critic's plain gradient steps, above 0. Adam, which divides by the size of a noisy
            gradient, sets critic and generator swinging around each other.
        critic_weight_decay: times the weights, added to the gradient; it damps the game, and bounds a linear critic.
        generator: the generator's optimizer.
        gradient_memory: over about how many of the last rounds the patients' part of the gradient is averaged; None:
            over all of them, which is right for a critic that is linear in its weights, whose gradients do not age.
    """

    turns: int = 200
    critic_learning_rate: float = 0.3
    critic_weight_decay: float = 1.0
    generator: AdamSettings = field(default_factory=lambda: AdamSettings(learning_rate=2e-3))
    gradient_memory: int | None = None

    def __post_init__(self) -> None:
        if self.turns < 1:
            raise SettingsError(f"GAN: turns must be 1 or more, not {self.turns}.")
        if not (self.critic_learning_rate > 0 and self.critic_weight_decay >= 0):
            raise SettingsError("GAN: critic_learning_rate must be above 0, critic_weight_decay 0 or more.")
        if self.critic_learning_rate * self.critic_weight_decay >= 2:
            raise SettingsError(
                f"GAN: critic_learning_rate times critic_weight_decay must be below 2, not "
                f"{self.critic_learning_rate * self.critic_weight_decay:g}: the critic's weights would run away."
            )
        if self.gradient_memory is not None and self.gradient_memory < 1:
            raise SettingsError(f"GAN: gradient_memory must be 1 or more, not {self.gradient_memory}.")
