"""What an experiment on synthetic images is made of, as validated settings. Imports neither TensorFlow nor pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from tff_health.experiments.base_settings import ArmName, DatasetBase, DatasetName, Settings
from tff_health.experiments.generators.experiment import GeneratorExperiment
from tff_health.experiments.generators.settings import GeneratorArm

if TYPE_CHECKING:
    from tff_health.synthesis.images.synthesizer import ImageSynthesizer

Classifier = Literal["logistic-regression", "random-forest", "cnn"]
"""Names of `evaluation.images.utility.CLASSIFIERS`; a test holds the two together."""
Repeats = Annotated[int, Field(ge=1, le=1000)]


class ImagesArm(GeneratorArm):
    """One way of making synthetic images; see `GeneratorArm` for what all kinds share.

    Attributes:
        seeds: the first so many of the experiment's seeds only.
        images: train on so many images only, the first of each hospital in turn (for controls).
    """

    seeds: Repeats | None = None
    images: Annotated[int, Field(ge=2)] | None = None

    def build(self) -> ImageSynthesizer:
        """See `GeneratorArm`."""
        from tff_health.synthesis.building import build_image_synthesizer  # needs pandas

        return build_image_synthesizer(self.method, self.options)

    @model_validator(mode="after")
    def _few(self) -> ImagesArm:
        if self.privacy and self.images:
            raise ValueError("images belongs to controls without privacy")
        return self


class ImageEvaluationSettings(Settings):
    """What is measured of every generator's images.

    Attributes:
        images: synthetic images over real training images.
        classifiers: trained on synthetic images and tested on real ones, beside the same trained on real images; none
            leaves utility out.
        augmentation: whether synthetic images beside all real ones help classifiers; for arms without a guarantee, as
            the real images beside the synthetic ones have none.
        low_data: the same with a tenth of the real images.
        fd_clf: Frechet and kernel distance on the features of a classifier that was trained on real images once.
        coverage: precision, recall, density and coverage on the same features.
        diversity: structural similarity of random pairs of a class.
        memorisation: closest training images and duplicates, beside held-out images.
        membership: attacks that tell training images from held-out ones.
    """

    images: Annotated[float, Field(gt=0, le=1000)] = 1.0
    classifiers: tuple[Classifier, ...] = ("logistic-regression", "random-forest", "cnn")
    augmentation: bool = True
    low_data: bool = True
    fd_clf: bool = True
    coverage: bool = True
    diversity: bool = True
    memorisation: bool = True
    membership: bool = True

    @property
    def frozen_classifier(self) -> bool:
        """Whether something is measured on a trained classifier's features."""
        return self.fd_clf or self.coverage

    @model_validator(mode="after")
    def _distinct(self) -> ImageEvaluationSettings:
        if len(set(self.classifiers)) < len(self.classifiers):
            raise ValueError("classifiers names one twice")
        return self


class ImagesDataset(DatasetBase):
    """One dataset and the arms that run on it.

    Attributes:
        seeds: generators of each arm; default: the experiment's.
        evaluation: what is measured; default: the experiment's.
        arms: by name.
    """

    seeds: Repeats | None = None
    evaluation: ImageEvaluationSettings | None = None
    arms: dict[ArmName, ImagesArm] = Field(min_length=1)

    @model_validator(mode="after")
    def _names(self) -> ImagesDataset:
        if "real" in self.arms:
            raise ValueError("the arm `real` is made by the experiment itself: real images in place of synthetic ones")
        return self


class ImagesSettings(GeneratorExperiment):
    """An experiment on generators of images; see `GeneratorExperiment` for what kinds share.

    Attributes:
        kind: of experiment.
        seeds: generators of each arm, each with classifiers of its own; training and test images stay.
        evaluation: what is measured.
        datasets: by name.
    """

    kind: Literal["images"]
    seeds: Repeats = 3
    evaluation: ImageEvaluationSettings = ImageEvaluationSettings()
    datasets: dict[DatasetName, ImagesDataset] = Field(min_length=1)

    @classmethod
    def synthesizer_class(cls, method: str) -> type:
        """See `GeneratorExperiment`."""
        from tff_health.synthesis.building import image_synthesizer_class  # needs pandas

        return image_synthesizer_class(method)

    @property
    def tasks(self) -> Mapping[str, ImagesDataset]:
        """See `ExperimentBase`."""
        return self.datasets

    @property
    def seed_record(self) -> dict[str, Any]:
        """See `ExperimentBase`."""
        return {"experiment": self.seed, "generators": self.seeds}

    def seeds_of(self, dataset: str, arm: str | None = None) -> int:
        """How many seeds a dataset, or one of its arms, has."""
        task = self.datasets[dataset]
        all_of_them = task.seeds or self.seeds
        own = task.arms[arm].seeds if arm else None
        return min(all_of_them, own) if own else all_of_them

    def evaluation_of(self, dataset: str) -> ImageEvaluationSettings:
        """What is measured on a dataset."""
        return self.datasets[dataset].evaluation or self.evaluation
