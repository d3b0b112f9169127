"""What an experiment on synthesizers is made of, as validated settings. Imports neither TensorFlow nor pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tff_health.experiments.base_settings import ArmName, DatasetBase, DatasetName, ExperimentBase, Settings

Data = Literal["federation", "pooled", "each-hospital"]
Role = Literal["arm", "ablation", "control"]


class SynthesisPrivacy(Settings):
    """Patient-level differential privacy of everything that a synthesizer releases.

    Attributes:
        epsilon: target; the noise follows from it.
        delta: probability that the epsilon does not hold.
        accountant: `pld` (tightest) or `rdp`.
        placement: `shared`: every hospital adds its share of the noise, under a secure sum, which is simulated here and
            NOT SECURE; `each-hospital`: each adds all of it and trusts nobody.
    """

    epsilon: Annotated[float, Field(gt=0, le=1000)]
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    accountant: Literal["pld", "rdp"] = "pld"
    placement: Literal["shared", "each-hospital"] = "shared"


class SynthesisArm(Settings):
    """One way of making synthetic patients.

    Attributes:
        title: for people.
        method: name of `synthesis.catalogue`, or module:class of a user's own `Synthesizer`.
        options: fields of the synthesizer.
        data: whether hospitals train together, one holds all rows, or each trains for itself.
        role: `ablation` lacks a part on purpose; `control` is meant to be found out by attacks.
        splits: the first so many of the experiment's splits only.
        patients: train on so many patients only, the first of each hospital in turn (for controls).
        privacy: the guarantee, if any.
    """

    title: str = ""
    method: str
    options: dict[str, Any] = Field(default_factory=dict)
    data: Data = "federation"
    role: Role = "arm"
    splits: Annotated[int, Field(ge=1, le=1000)] | None = None
    patients: Annotated[int, Field(ge=2)] | None = None
    privacy: SynthesisPrivacy | None = None

    @property
    def augments(self) -> bool:
        """Whether it is asked what its rows add to the real ones; beside these no guarantee would be left."""
        return self.role == "arm" and self.data != "each-hospital" and self.privacy is None

    @model_validator(mode="after")
    def _consistent(self) -> SynthesisArm:
        if self.privacy and self.data == "pooled":
            raise ValueError("a pooled arm shows one party every row: leave privacy out, or train as a federation")
        if self.privacy and self.patients:
            raise ValueError("patients belongs to controls without privacy")
        if self.privacy and self.privacy.placement == "shared" and self.data == "each-hospital":
            raise ValueError('a hospital alone has nobody to share noise with; set placement = "each-hospital"')
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


class SynthesisSettings(ExperimentBase):
    """An experiment on synthesizers; see `ExperimentBase` for what all kinds share.

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

    @property
    def tasks(self) -> Mapping[str, SynthesisDataset]:
        """See `ExperimentBase`."""
        return self.datasets

    @property
    def seeds(self) -> dict[str, Any]:
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
