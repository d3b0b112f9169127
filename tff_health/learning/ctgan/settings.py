"""Settings of a federated CTGAN. No TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

from data.errors import SettingsError
from tff_health.learning.gan.training import AdamSettings, GanTraining, Mode, OptimizerMemory

NORMALISATIONS = ("batch", "layer", "group", "none")


@dataclass(frozen=True)
class CtganSettings:
    """How a CTGAN is built and trained; defaults of Xu et al. 2019 (arXiv 1907.00503) but where a table is small.

    Attributes:
        mode: who trains the generator; see `GanTraining`.
        batch_size: real rows a step in every hospital, a multiple of `pac`.
        generator_batch_size: rows a step of the generator on the server, a multiple of `pac`; with `average-both` the
            generator's batch in a hospital is `batch_size`.
        pac: rows that the critic judges together, against mode collapse; 1 for no packing. The paper's 10 leave two
            judgements of a batch of 20, which trains more slowly.
        local_updates: steps of the critic in every hospital and round.
        generator_updates: steps of the generator a round.
        latent_dim: entries of the noise vector.
        generator_hidden: units of the generator's hidden layers.
        critic_hidden: units of the critic's hidden layers.
        generator_learning_rate: of Adam.
        critic_learning_rate: of Adam.
        beta_1: of both.
        beta_2: of both.
        generator_weight_decay: L2.
        memory: what becomes of Adam's moments between rounds; see `GanTraining`.
        gradient_penalty: its weight (Gulrajani et al. 2017, arXiv 1704.00028).
        dropout: of the critic.
        temperature: of the Gumbel softmax.
        normalisation: of the generator: batch, layer, group or none.
        conditional: whether generator and critic see a condition, and the generator is held to it.
        training_by_sampling: whether conditions are drawn by log frequency; otherwise by frequency, as rows come.
        generator_network: `module:function` of the form of `models.ctgan.generator`.
        critic_network: `module:function` of the form of `models.ctgan.critic`.

    Raises:
        SettingsError: a value that cannot be.
    """

    mode: Mode = "server-generator"
    batch_size: int = 20
    generator_batch_size: int = 100
    pac: int = 2
    local_updates: int = 20
    generator_updates: int = 20
    latent_dim: int = 128
    generator_hidden: tuple[int, ...] = (256, 256)
    critic_hidden: tuple[int, ...] = (256, 256)
    generator_learning_rate: float = 2e-4
    critic_learning_rate: float = 2e-4
    beta_1: float = 0.5
    beta_2: float = 0.9
    generator_weight_decay: float = 0.0
    memory: OptimizerMemory = "fresh"
    gradient_penalty: float = 10.0
    dropout: float = 0.5
    temperature: float = 0.2
    normalisation: str = "batch"
    conditional: bool = True
    training_by_sampling: bool = True
    generator_network: str = "models.ctgan:generator"
    critic_network: str = "models.ctgan:critic"

    def __post_init__(self) -> None:
        for name in ("batch_size", "generator_batch_size", "pac", "latent_dim"):
            if getattr(self, name) < 1:
                raise SettingsError(f"CTGAN: {name} must be 1 or more, not {getattr(self, name)}.")
        for name in ("batch_size", "generator_batch_size"):
            size = getattr(self, name)
            if size % self.pac:
                raise SettingsError(
                    f"CTGAN: {name} ({size}) must be a multiple of pac ({self.pac}), the rows that the critic judges "
                    f"together; take {max(size // self.pac, 1) * self.pac}."
                )
        for name in ("generator_hidden", "critic_hidden"):
            if any(units < 1 for units in getattr(self, name)):
                raise SettingsError(f"CTGAN: {name} must hold numbers of units, 1 or more each.")
        if not (self.temperature > 0 and self.gradient_penalty >= 0 and 0 <= self.dropout < 1):
            raise SettingsError(
                "CTGAN: temperature must be above 0, gradient_penalty 0 or more, dropout at least 0 and below 1."
            )
        if self.normalisation not in NORMALISATIONS:
            raise SettingsError(
                f"CTGAN: normalisation must be one of {', '.join(NORMALISATIONS)}, not {self.normalisation!r}."
            )
        self.training()

    def training(self) -> GanTraining:
        """What one round is made of."""
        return GanTraining(
            mode=self.mode,
            critic_updates=self.local_updates,
            generator_updates=self.generator_updates,
            critic=AdamSettings(self.critic_learning_rate, self.beta_1, self.beta_2),
            generator=AdamSettings(
                self.generator_learning_rate, self.beta_1, self.beta_2, weight_decay=self.generator_weight_decay
            ),
            memory=self.memory,
        )
