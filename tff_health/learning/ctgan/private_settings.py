"""Settings of a CTGAN whose critic learns within a patient-level privacy budget. No TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

from data.errors import SettingsError
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.learning.gan.private_training import PrivateGanTraining
from tff_health.learning.gan.training import AdamSettings
from tff_health.learning.patient_dp import Clipping


@dataclass(frozen=True)
class PrivateCtganSettings:
    """Networks and what a round is made of.

    Attributes:
        rounds: steps of the critic on patients, one noisy sum each. A critic without hidden layers has gradients that
            do not depend on its weights; then few rounds do what many would.
        generator_updates: turns of critic and generator on the server after every round.
        generator_batch_size: generated rows in each of them.
        clip: L2 bound on a patient's gradient, and on the critic's features of a row: the gradients of a linear critic
            are within it by themselves, so that real and generated rows are judged alike.
        clipping: the whole gradient at once, or layer by layer.
        sampling_rate: probability that a patient is in a round.
        latent_dim: entries of the noise vector.
        generator_hidden: units of the generator's hidden layers.
        critic_hidden: units of the critic's hidden layers; none for a critic that is linear in its weights.
        generator_learning_rate: of Adam.
        critic_learning_rate: of gradient steps.
        critic_weight_decay: of the critic.
        gradient_memory: see `PrivateGanTraining`.
        gradient_penalty: weight of the patients' WGAN-GP term (Gulrajani et al. 2017, arXiv 1704.00028), between a
            patient's row and a generated one; needs hidden layers.
        marginal_weight: of the generator's loss for missing the columns' released marginals.
        temperature: of the Gumbel softmax.
        normalisation: of the generator: layer, group or none; a batch's statistics at sampling would be another's.
        conditional: whether the generator sees a condition and is held to it.
        generator_network: `module:function` of the form of `models.ctgan.generator`.
        critic_network: `module:function` of the form of `models.label_critic.label_critic`.

    Raises:
        SettingsError: a value that cannot be.
    """

    rounds: int = 4
    generator_updates: int = 250
    generator_batch_size: int = 200
    clip: float = 1.25
    clipping: Clipping = "flat"
    sampling_rate: float = 1.0
    latent_dim: int = 32
    generator_hidden: tuple[int, ...] = (128, 128)
    critic_hidden: tuple[int, ...] = ()
    generator_learning_rate: float = 2e-3
    critic_learning_rate: float = 0.3
    critic_weight_decay: float = 1.0
    gradient_memory: int | None = None
    gradient_penalty: float = 0.0
    marginal_weight: float = 1.0
    temperature: float = 0.2
    normalisation: str = "none"
    conditional: bool = False
    generator_network: str = "models.ctgan:generator"
    critic_network: str = "models.label_critic:label_critic"

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise SettingsError(f"private CTGAN: rounds must be 1 or more, not {self.rounds}.")
        if not self.clip > 0:
            raise SettingsError(f"private CTGAN: clip must be above 0, not {self.clip:g}.")
        if self.clipping not in ("flat", "per-layer"):
            raise SettingsError(f"private CTGAN: clipping must be flat or per-layer, not {self.clipping!r}.")
        if not (self.gradient_penalty >= 0 and self.marginal_weight >= 0):
            raise SettingsError("private CTGAN: gradient_penalty and marginal_weight must be 0 or more.")
        if self.normalisation == "batch":
            raise SettingsError(
                "private CTGAN: batch normalisation is not offered: generated rows would depend on those beside them, "
                "and penalties of patients with them; choose layer, group or none."
            )
        if any(units < 1 for units in self.critic_hidden):
            raise SettingsError("private CTGAN: critic_hidden must hold numbers of units, 1 or more each.")
        self.networks()
        self.training()

    def networks(self) -> CtganSettings:
        """The generator as sampling knows it."""
        return CtganSettings(
            batch_size=1,
            generator_batch_size=self.generator_batch_size,
            pac=1,
            local_updates=1,
            generator_updates=self.generator_updates,
            latent_dim=self.latent_dim,
            generator_hidden=self.generator_hidden,
            critic_hidden=self.critic_hidden,
            generator_learning_rate=self.generator_learning_rate,
            critic_learning_rate=self.critic_learning_rate,
            gradient_penalty=self.gradient_penalty,
            dropout=0.0,
            temperature=self.temperature,
            normalisation=self.normalisation,
            conditional=self.conditional,
            training_by_sampling=False,
            generator_network=self.generator_network,
            critic_network=self.critic_network,
        )

    def training(self) -> PrivateGanTraining:
        """What the server does after a round."""
        return PrivateGanTraining(
            turns=self.generator_updates,
            critic_learning_rate=self.critic_learning_rate,
            critic_weight_decay=self.critic_weight_decay,
            generator=AdamSettings(self.generator_learning_rate, beta_1=0.5, beta_2=0.9),
            gradient_memory=self.gradient_memory,
        )
