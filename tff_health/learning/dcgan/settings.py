"""Settings of a federated DCGAN. No TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from data.errors import SettingsError
from models.dcgan import check_size
from tff_health.learning.gan.training import AdamSettings, GanTraining, Mode, OptimizerMemory

AdversarialLoss = Literal["non-saturating", "hinge", "wasserstein"]
Penalty = Literal["none", "zero-centred", "one-centred"]
NORMALISATIONS = {
    "generator_normalisation": ("batch", "group", "none"),
    "discriminator_normalisation": ("batch", "group", "none", "spectral"),
}


@dataclass(frozen=True)
class DcganSettings:
    """How a DCGAN is built and trained; defaults of Radford et al. 2016 (arXiv 1511.06434) but where said.

    Attributes:
        mode: who trains the generator; see `GanTraining`.
        batch_size: real images a step in every hospital.
        generator_batch_size: images a step of the generator on the server; with `average-both` the generator's batch in
            a hospital is `batch_size`.
        local_updates: steps of the discriminator in every hospital and round.
        generator_updates: steps of the generator a round; fewer than `local_updates` where the discriminator learns
            slowly, as it does within a privacy budget.
        latent_dim: entries of the noise vector.
        generator_channels: of the generator's last hidden layer.
        discriminator_channels: of the discriminator's first layer.
        generator_learning_rate: of Adam.
        discriminator_learning_rate: of Adam.
        beta_1: of both.
        beta_2: of both.
        memory: what becomes of Adam's moments between rounds; see `GanTraining`.
        loss: `non-saturating` (Goodfellow et al. 2014, arXiv 1406.2661, section 3), `hinge` (Lim and Ye 2017, arXiv
            1705.02894) or `wasserstein` (Arjovsky et al. 2017, arXiv 1701.07875).
        penalty: on the discriminator's gradient by an image: `zero-centred` at real ones (R1, Mescheder et al. 2018,
            arXiv 1801.04406), `one-centred` between real and generated ones (Gulrajani et al. 2017, arXiv 1704.00028),
            `none`.
        penalty_weight: times the mean penalty, 0 or more.
        mismatch_weight: of the discriminator's loss for accepting real images under another class than theirs (Reed et
            al. 2016, arXiv 1605.05396, section 4.2); 0 or more, and 0 where it is not told a class. It makes classes
            easier to tell apart in what is generated, at the cost of likeness.
        balance: how far classes are trained on alike rather than as often as they occur, between 0 and 1: the server
            draws a class by its share in the federation to the power of 1 - balance, and hospitals draw images of a
            class so much likelier than others as this is above the share. What is generated later follows the shares
            themselves. Without effect where counts of classes are not to be known.
        dropout: of the discriminator's features.
        generator_normalisation: batch, group or none.
        discriminator_normalisation: batch, group, none or spectral (Miyato et al. 2018, arXiv 1802.05957), which holds
            every layer's norm at about 1; no penalty on single images goes with `batch`.
        conditional: whether both networks see the class; otherwise the paper's form.
        generator_network: `module:function` of the form of `models.dcgan.generator`.
        discriminator_network: `module:function` of the form of `models.dcgan.discriminator`.

    Raises:
        SettingsError: a value that cannot be.
    """

    mode: Mode = "server-generator"
    batch_size: int = 32
    generator_batch_size: int = 64
    local_updates: int = 10
    generator_updates: int = 10
    latent_dim: int = 64
    generator_channels: int = 32
    discriminator_channels: int = 32
    generator_learning_rate: float = 2e-4
    discriminator_learning_rate: float = 2e-4
    beta_1: float = 0.5
    beta_2: float = 0.99
    memory: OptimizerMemory = "kept"
    loss: AdversarialLoss = "non-saturating"
    penalty: Penalty = "zero-centred"
    penalty_weight: float = 1.0
    mismatch_weight: float = 0.0
    balance: float = 0.0
    dropout: float = 0.0
    generator_normalisation: str = "batch"
    discriminator_normalisation: str = "none"
    conditional: bool = True
    generator_network: str = "models.dcgan:generator"
    discriminator_network: str = "models.dcgan:discriminator"

    def __post_init__(self) -> None:
        for name in (
            *("batch_size", "generator_batch_size", "latent_dim"),
            *("generator_channels", "discriminator_channels"),
        ):
            if getattr(self, name) < 1:
                raise SettingsError(f"DCGAN: {name} must be 1 or more, not {getattr(self, name)}.")
        choices = {"loss": get_args(AdversarialLoss), "penalty": get_args(Penalty), **NORMALISATIONS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise SettingsError(f"DCGAN: {name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}.")
        if not (self.penalty_weight >= 0 and self.mismatch_weight >= 0 and 0 <= self.dropout < 1):
            raise SettingsError(
                "DCGAN: penalty_weight and mismatch_weight must be 0 or more, dropout at least 0 and below 1."
            )
        if not 0 <= self.balance <= 1:
            raise SettingsError(f"DCGAN: balance must lie between 0 and 1, not {self.balance}.")
        if self.balance and not self.conditional:
            raise SettingsError(
                "DCGAN: an unconditional generator cannot give classes their own shares again; leave balance 0."
            )
        if self.mismatch_weight and not self.conditional:
            raise SettingsError(
                "DCGAN: mismatch_weight is about classes, which an unconditional discriminator is not told; leave it 0."
            )
        if self.discriminator_normalisation == "batch" and self.penalty != "none":
            raise SettingsError(
                "DCGAN: batch normalisation lets images of a batch change each other's gradients, so that a penalty on "
                "single ones has no meaning; take group normalisation, or penalty none."
            )
        self.training()

    def check_size(self, size: int) -> None:
        """Returns for sizes of images that the networks have; of a user's own networks nothing is known.

        Raises:
            SettingsError: another one.
        """
        if "models.dcgan" in (self.generator_network.split(":")[0], self.discriminator_network.split(":")[0]):
            check_size(size)

    def training(self) -> GanTraining:
        """What one round is made of."""
        return GanTraining(
            mode=self.mode,
            critic_updates=self.local_updates,
            generator_updates=self.generator_updates,
            critic=AdamSettings(self.discriminator_learning_rate, self.beta_1, self.beta_2),
            generator=AdamSettings(self.generator_learning_rate, self.beta_1, self.beta_2),
            memory=self.memory,
        )
