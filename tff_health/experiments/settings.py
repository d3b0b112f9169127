"""What an experiment is made of, as validated settings. Imports neither TensorFlow nor pandas."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from tff_health.experiments.base_settings import ArmName, DatasetBase, DatasetName, ExperimentBase, Settings, Words
from tff_health.experiments.privacy_settings import AttackSettings, PrivacySettings

Method = Literal[
    "fedavg", "fedprox", "fedadam", "fedyogi", "fedadagrad", "pooled", "alone", "paper-listing", "logistic-regression"
]
FEDERATED_METHODS = ("fedavg", "fedprox", "fedadam", "fedyogi", "fedadagrad")
SERVER_DEFAULT_RATES = {"fedavg": 1.0, "fedprox": 1.0, "fedadam": 0.1, "fedyogi": 0.1, "fedadagrad": 0.1}

Rounds = Annotated[int, Field(ge=1, le=100_000)]
Rate = Annotated[float, Field(gt=0, le=1000)]
Epochs = Annotated[int, Field(ge=1, le=1000)]
Batch = Annotated[int, Field(ge=1, le=1_000_000)]


class Candidate(Settings):
    """One complete choice of hyperparameters.

    Attributes:
        method: how the model is trained.
        model: name of `models.catalogue` or module:function.
        aggregator: name of `tff_health.aggregators.catalogue` or module:function.
        aggregator_options: its parameters, by name.
        weighting: whether hospitals count by rows or alike.
        client_optimizer: what a hospital steps with.
        client_learning_rate: its step size.
        server_learning_rate: the server optimizer's step size.
        local_epochs: passes over a hospital's rows in a round.
        batch_size: rows a step.
        proximal_strength: FedProx' mu.
        rounds: communication rounds.
        average_last: the model is the mean over so many last rounds; 0 takes the last round's model.
        privacy: the guarantee, if any.
    """

    method: Method
    model: str
    aggregator: str
    aggregator_options: tuple[tuple[str, float], ...] = ()
    weighting: Literal["examples", "uniform"]
    client_optimizer: Literal["sgd", "momentum", "adam", "yogi", "adagrad"]
    client_learning_rate: Rate
    server_learning_rate: Rate
    local_epochs: Epochs
    batch_size: Batch
    proximal_strength: Annotated[float, Field(ge=0)]
    rounds: int
    average_last: int = 0
    privacy: PrivacySettings | None = None

    @property
    def is_federated(self) -> bool:
        """Whether hospitals train together without pooling rows."""
        return self.method in FEDERATED_METHODS

    @property
    def process_key(self) -> tuple[object, ...]:
        """What a compiled process depends on; the rest changes without building it again."""
        return (
            self.method,
            self.model,
            self.aggregator,
            self.aggregator_options,
            self.weighting,
            self.client_optimizer,
            self.client_learning_rate,
            self.proximal_strength,
            self.average_last,
            self.privacy,
            self.rounds if self.privacy or self.average_last else 0,
        )


class ArmSettings(Settings):
    """One arm of an experiment. A list in place of a value means: choose among these on training rows."""

    title: Words = ""
    method: Method | list[Method]
    model: str | None = None
    aggregator: str | None = None
    aggregator_options: dict[str, float] = Field(default_factory=dict)
    weighting: Literal["examples", "uniform"] = "examples"
    client_optimizer: Literal["sgd", "momentum", "adam", "yogi", "adagrad"] = "sgd"
    client_learning_rate: Rate | list[Rate] = 0.1
    server_learning_rate: Rate | list[Rate] | None = None
    local_epochs: Epochs | list[Epochs] = 1
    batch_size: Batch | list[Batch] = 32
    proximal_strength: float = Field(0.0, ge=0)
    rounds: Rounds | None = None
    average_last: Annotated[int, Field(ge=0)] = 0
    privacy: PrivacySettings | None = None

    @model_validator(mode="after")
    def _consistent(self) -> ArmSettings:
        methods = set(_listed(self.method))
        for field in ("method", "client_learning_rate", "server_learning_rate", "local_epochs", "batch_size"):
            if getattr(self, field) == []:
                raise ValueError(f"{field} is an empty list; give it a value to choose")
        fixed = {"paper-listing", "logistic-regression"} & methods
        for field in ("client_learning_rate", "server_learning_rate", "local_epochs", "batch_size"):
            if fixed and isinstance(getattr(self, field), list):
                raise ValueError(f"{field} of {fixed.pop()} is one value: there is nothing to choose among")
        if "fedprox" in methods and self.proximal_strength == 0:
            raise ValueError("fedprox needs proximal_strength above 0")
        if len(methods) > 1 and not methods <= set(FEDERATED_METHODS):
            raise ValueError("only federated methods can be chosen among; give other methods arms of their own")
        if not methods <= set(FEDERATED_METHODS) and (self.privacy or self.average_last):
            field = "privacy" if self.privacy else "average_last"
            raise ValueError(f"{field} belongs to federated methods only")
        if self.privacy:
            self._check_private()
        return self

    def _check_private(self) -> None:
        assert self.privacy is not None
        for field in ("method", "client_learning_rate", "server_learning_rate", "local_epochs", "batch_size"):
            if len(_listed(getattr(self, field))) > 1:
                raise ValueError(
                    f"{field} of a private arm is one value: choosing among several on the patients would be a release "
                    "of its own; choose it on other data"
                )
        if self.privacy.level == "hospital" and self.aggregator is not None:
            raise ValueError(
                "hospital-level privacy is made by the aggregator that privacy.mechanism names: leave `aggregator` out"
            )
        if self.privacy.noise == "shared" and self.client_optimizer not in ("sgd", "momentum"):
            raise ValueError(
                "shared noise needs client_optimizer sgd, whose steps are linear in the noise; take an adaptive server "
                "(fedadam, fedyogi) in its place"
            )
        if self.privacy.level == "patient" and (self.local_epochs, self.batch_size) != (1, 32):
            raise ValueError(
                "patient-level privacy draws its own batches: set privacy.sampling_rate and privacy.local_steps in "
                "place of batch_size and local_epochs"
            )

    @property
    def is_federated(self) -> bool:
        """Whether hospitals train together without pooling rows."""
        return _listed(self.method)[0] in FEDERATED_METHODS

    def candidates(self, default_model: str, default_aggregator: str, default_rounds: int) -> list[Candidate]:
        """Every combination of the listed values, in the order they are written."""
        if self.privacy:
            shared = self.privacy.noise == "shared"
            default_aggregator = "secure-mean" if shared else "uniform-mean"
        combinations: Iterator[tuple[Any, ...]] = itertools.product(
            _listed(self.method),
            _listed(self.client_learning_rate),
            _listed(self.server_learning_rate),
            _listed(self.local_epochs),
            _listed(self.batch_size),
        )
        return [
            Candidate(
                method=method,
                model=self.model or default_model,
                aggregator=self.aggregator or default_aggregator,
                aggregator_options=tuple(sorted(self.aggregator_options.items())),
                weighting=self.weighting,
                client_optimizer=self.client_optimizer,
                client_learning_rate=client_rate,
                server_learning_rate=server_rate or SERVER_DEFAULT_RATES.get(method, 1.0),
                local_epochs=epochs,
                batch_size=batch,
                proximal_strength=self.proximal_strength if method == "fedprox" else 0.0,
                rounds=self.rounds or default_rounds,
                average_last=self.average_last,
                privacy=self.privacy,
            )
            for method, client_rate, server_rate, epochs, batch in combinations
        ]


class PreprocessingSettings(Settings):
    """What is fitted from the federated statistics of the training rows."""

    numeric_imputation: Literal["mean", "median", "most_frequent", "middle"] = "mean"
    categorical_imputation: Literal["most_frequent", "all_zero", "first"] = "most_frequent"
    scaling: Literal["standard", "min-max", "symmetric-bounds", "bounds", "none"] = "standard"
    scale_categories: bool = True
    one_hot: Literal["all", "drop-first"] = "drop-first"
    missing_indicators: bool = False


class PrivatePreprocessingSettings(Settings):
    """Preprocessing of the arms that claim privacy: of public knowledge, or of a release that counts.

    Attributes:
        mode: `public` costs nothing; `dp` releases the statistics that the other settings need, with noise.
        noise_multiplier: of that release; the more, the less of an arm's epsilon it takes.
        placement: who adds it.
        numeric_imputation: `middle` of the public bounds (public); `mean` or `median` (dp).
        categorical_imputation: `all_zero` or `first` (public); `most_frequent` or `all_zero` (dp).
        scaling: `symmetric-bounds`, `bounds` or `none`; with mode `dp` also `standard`.
        reach: of `symmetric-bounds`; mode `public` only, default 1.5.
        scale_categories: whether 0/1 columns are scaled likewise.
        one_hot: of categorical columns.
    """

    mode: Literal["public", "dp"] = "public"
    noise_multiplier: Annotated[float, Field(gt=0)] | None = None
    placement: Literal["shared", "each-hospital"] = "each-hospital"
    numeric_imputation: Literal["middle", "mean", "median", "most_frequent"] | None = None
    categorical_imputation: Literal["all_zero", "first", "most_frequent"] | None = None
    scaling: Literal["standard", "symmetric-bounds", "bounds", "none"] = "symmetric-bounds"
    reach: Annotated[float, Field(gt=0, le=100)] | None = None
    scale_categories: bool = False
    one_hot: Literal["all", "drop-first"] = "all"

    @model_validator(mode="after")
    def _consistent(self) -> PrivatePreprocessingSettings:
        if (self.mode == "dp") != (self.noise_multiplier is not None):
            raise ValueError("mode dp needs noise_multiplier, mode public has none")
        if self.mode == "dp" and self.reach is not None:
            raise ValueError("reach belongs to mode public")
        return self


class DatasetSettings(DatasetBase):
    """One dataset of an experiment and the arms that run on it."""

    model: str | None = None
    aggregator: str | None = None
    threshold: Annotated[float, Field(gt=0, lt=1)] | Literal["accuracy", "youden"] = 0.5
    preprocessing: PreprocessingSettings = PreprocessingSettings()
    private_preprocessing: PrivatePreprocessingSettings = PrivatePreprocessingSettings()
    arms: dict[ArmName, ArmSettings] = Field(min_length=1)


class ExperimentSettings(ExperimentBase):
    """An experiment on classifiers; see `ExperimentBase` for what all kinds share.

    Attributes:
        kind: of experiment.
        rounds: communication rounds.
        repeats: how often each arm is trained, with different initial weights and orders of rows.
        folds: cross-validation folds on training rows for choosing among candidates.
        model: default model of all datasets.
        aggregator: default aggregator of all federated arms.
        attacks: against every arm's first model.
        datasets: by name; the name is also the dataset unless `source` gives another.
    """

    kind: Literal["classification"] = "classification"
    rounds: Rounds = 5
    repeats: Annotated[int, Field(ge=1, le=1000)] = 5
    folds: Annotated[int, Field(ge=2, le=20)] = 3
    model: str = "mlp"
    aggregator: str = "mean"
    attacks: AttackSettings = AttackSettings()
    datasets: dict[DatasetName, DatasetSettings] = Field(min_length=1)

    @property
    def tasks(self) -> Mapping[str, DatasetSettings]:
        """See `ExperimentBase`."""
        return self.datasets

    @property
    def seed_record(self) -> dict[str, Any]:
        """See `ExperimentBase`."""
        return {"experiment": self.seed, "repeats": self.repeats}

    def candidates(self, dataset: str, arm: str) -> list[Candidate]:
        """The candidates of one arm with all defaults filled in."""
        task = self.datasets[dataset]
        return task.arms[arm].candidates(task.model or self.model, task.aggregator or self.aggregator, self.rounds)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


METHODS: tuple[str, ...] = get_args(Method)
