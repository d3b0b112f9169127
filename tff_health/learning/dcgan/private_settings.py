"""Settings of a DCGAN whose critic learns within a patient-level privacy budget. No TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from data.errors import SettingsError
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.learning.gan.private_training import PrivateGanTraining
from tff_health.learning.gan.training import AdamSettings
from tff_health.learning.patient_dp import Clipping

Critic = Literal["features", "discriminator"]


@dataclass(frozen=True)
class PrivateDcganSettings:
    """Networks and what a round is made of.

    Attributes:
        critic: `features`: linear in random features (`models.feature_critic`), whose gradients do not depend on its
            weights, so that few rounds do what many would; `discriminator`: the DCGAN's own (`models.dcgan`), by
            DP-SGD round after round.
        rounds: steps of the critic on patients, one noisy sum each.
        generator_updates: turns of critic and generator on the server after every round.
        generator_batch_size: generated images in each of them, an equal number of each class.
        clip: L2 bound on a patient's gradient, and on the features: the gradients of `features` are within it by
            themselves, so that real and generated images are judged alike.
        clipping: the whole gradient at once, or layer by layer.
        sampling_rate: probability that a patient is in a round.
        latent_dim: entries of the noise vector.
        generator_channels: of the generator's last hidden layer.
        discriminator_channels: of the discriminator's first layer.
        discriminator_normalisation: group or none.
        generator_normalisation: batch, group or none; batches are the server's, of generated images.
        generator_learning_rate: of Adam.
        critic_learning_rate: of gradient steps.
        critic_weight_decay: of the critic; `features` need it.
        gradient_memory: see `PrivateGanTraining`; None is right for `features` alone.
        feature_seed: of the random features.

    Raises:
        SettingsError: a value that cannot be.
    """

    critic: Critic = "features"
    rounds: int = 10
    generator_updates: int = 100
    generator_batch_size: int = 200
    clip: float = 1.5
    clipping: Clipping = "flat"
    sampling_rate: float = 1.0
    latent_dim: int = 64
    generator_channels: int = 32
    discriminator_channels: int = 16
    discriminator_normalisation: str = "none"
    generator_normalisation: str = "batch"
    generator_learning_rate: float = 1e-3
    critic_learning_rate: float = 0.3
    critic_weight_decay: float = 1.0
    gradient_memory: int | None = None
    feature_seed: int = 0

    def __post_init__(self) -> None:
        if self.critic not in get_args(Critic):
            raise SettingsError(f"private DCGAN: critic must be features or discriminator, not {self.critic!r}.")
        if self.rounds < 1:
            raise SettingsError(f"private DCGAN: rounds must be 1 or more, not {self.rounds}.")
        if not self.clip > 0:
            raise SettingsError(f"private DCGAN: clip must be above 0, not {self.clip:g}.")
        if self.clipping not in ("flat", "per-layer"):
            raise SettingsError(f"private DCGAN: clipping must be flat or per-layer, not {self.clipping!r}.")
        if self.discriminator_normalisation not in ("group", "none"):
            raise SettingsError(
                f"private DCGAN: discriminator_normalisation = {self.discriminator_normalisation!r} would let patients "
                "change each other's gradients, so that clipping bounds nobody's; choose group or none."
            )
        if self.critic == "features" and not self.critic_weight_decay > 0:
            raise SettingsError(
                "private DCGAN: a linear critic needs critic_weight_decay above 0, or it grows for ever."
            )
        if self.critic == "discriminator" and self.gradient_memory is None:
            raise SettingsError(
                "private DCGAN: gradients of the discriminator age with its weights; set gradient_memory to the number "
                "of rounds that they are averaged over, 1 for none."
            )
        self.networks()
        self.training()

    def networks(self) -> DcganSettings:
        """The networks of the DCGAN, as sampling knows them."""
        return DcganSettings(
            batch_size=1,
            generator_batch_size=self.generator_batch_size,
            local_updates=1,
            generator_updates=self.generator_updates,
            latent_dim=self.latent_dim,
            generator_channels=self.generator_channels,
            discriminator_channels=self.discriminator_channels,
            generator_learning_rate=self.generator_learning_rate,
            discriminator_learning_rate=self.critic_learning_rate,
            penalty="none",
            generator_normalisation=self.generator_normalisation,
            discriminator_normalisation=self.discriminator_normalisation,
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
