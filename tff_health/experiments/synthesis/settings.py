"""What an experiment on synthesizers is made of, as validated settings. Imports neither TensorFlow nor pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from tff_health.experiments.base_settings import ArmName, DatasetBase, DatasetName, Settings
from tff_health.experiments.generators.experiment import GeneratorExperiment
from tff_health.experiments.generators.settings import GeneratorArm

if TYPE_CHECKING:
    from tff_health.synthesis.synthesizer import Synthesizer


class SynthesisArm(GeneratorArm):
    """One way of making synthetic patients; see `GeneratorArm` for what all kinds share.

    Attributes:
        splits: the first so many of the experiment's splits only.
        patients: train on so many patients only, the first of each hospital in turn (for controls).
    """

    splits: Annotated[int, Field(ge=1, le=1000)] | None = None
    patients: Annotated[int, Field(ge=2)] | None = None

    def build(self) -> Synthesizer:
        """See `GeneratorArm`."""
        from tff_health.synthesis.building import build_synthesizer  # needs pandas

        return build_synthesizer(self.method, self.options)

    @model_validator(mode="after")
    def _few(self) -> SynthesisArm:
        if self.privacy and self.patients:
            raise ValueError("patients belongs to controls without privacy")
        return self


class EvaluationSettings(Settings):
    """What is measured of every synthetic table besides the seven classifiers.

    Attributes:
        rows: synthetic rows over real training rows.
        fidelity: marginals, correlations, detection, coverage.
        disclosure: distances to training rows, copies, k-anonymity and its kin.
        membership: attacks that tell training patients from held-out ones.
        anonymeter: singling out, linkability and inference, in the first split.
        augmentation: whether synthetic rows beside the real ones help classifiers, federated ones included; for arms
            without a guarantee, as the real rows beside the synthetic ones have none.
    """

    rows: Annotated[float, Field(gt=0, le=1000)] = 1.0
    fidelity: bool = True
    disclosure: bool = True
    membership: bool = True
    anonymeter: bool = True
    augmentation: bool = True


class SynthesisDataset(DatasetBase):
    """One dataset and the arms that run on it.

    Attributes:
        splits: repeated train/test splits; default: the experiment's.
        evaluation: what is measured; default: the experiment's.
        arms: by name.
    """

    splits: Annotated[int, Field(ge=1, le=1000)] | None = None
    evaluation: EvaluationSettings | None = None
    arms: dict[ArmName, SynthesisArm] = Field(min_length=1)

    @model_validator(mode="after")
    def _names(self) -> SynthesisDataset:
        if "real" in self.arms:
            raise ValueError("the arm `real` is made by the experiment itself: real rows in place of synthetic ones")
        return self


class SynthesisSettings(GeneratorExperiment):
    """An experiment on synthesizers; see `GeneratorExperiment` for what kinds share.

    Attributes:
        kind: of experiment.
        splits: repeated stratified train/test splits, each with models of its own.
        evaluation: what is measured.
        datasets: by name.
    """

    kind: Literal["synthesis"]
    splits: Annotated[int, Field(ge=1, le=1000)] = 5
    evaluation: EvaluationSettings = EvaluationSettings()
    datasets: dict[DatasetName, SynthesisDataset] = Field(min_length=1)

    @classmethod
    def synthesizer_class(cls, method: str) -> type:
        """See `GeneratorExperiment`."""
        from tff_health.synthesis.building import synthesizer_class  # needs pandas

        return synthesizer_class(method)

    @property
    def tasks(self) -> Mapping[str, SynthesisDataset]:
        """See `ExperimentBase`."""
        return self.datasets

    @property
    def seed_record(self) -> dict[str, Any]:
        """See `ExperimentBase`."""
        return {"experiment": self.seed, "splits": self.splits}

    def splits_of(self, dataset: str, arm: str | None = None) -> int:
        """How many splits a dataset, or one of its arms, runs."""
        task = self.datasets[dataset]
        all_of_them = task.splits or self.splits
        own = task.arms[arm].splits if arm else None
        return min(all_of_them, own) if own else all_of_them

    def evaluation_of(self, dataset: str) -> EvaluationSettings:
        """What is measured on a dataset."""
        return self.datasets[dataset].evaluation or self.evaluation
