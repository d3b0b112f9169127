"""Images that this process holds."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data.image_federation import ImageFederation, LabelledImages
from data.modality import load_image_dataset
from tff_health.experiments.images.cleaning_pictures import cleaning_pictures
from tff_health.experiments.images.keeping import may_show_real
from tff_health.experiments.images.measuring import measure_real, measure_synthetic
from tff_health.experiments.images.parts import Part, parts
from tff_health.experiments.images.pictures import SAMPLES, nearest_pictures, real_pictures
from tff_health.experiments.images.settings import ImagesArm, ImagesSettings
from tff_health.privacy.trust import SecureAggregation


def load_images(settings: ImagesSettings, name: str, *, data_dir: Path | None) -> ImageFederation:
    """The hospitals of one dataset of the experiment; errors as in `load_image_dataset`."""
    task = settings.datasets[name]
    return load_image_dataset(task.source or name, task.options, data_dir=data_dir, seed=settings.seed)


class LoadedImages:
    """See `image_source.ImageSource`.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        data_dir: where data files lie.
    """

    hiding: SecureAggregation = "simulated"

    def __init__(self, settings: ImagesSettings, name: str, data_dir: Path | None) -> None:
        self._settings, self._name, self._data_dir = settings, name, data_dir
        self._chosen = settings.evaluation_of(name)
        self.federation = load_images(settings, name, data_dir=data_dir)

    @cached_property
    def digest(self) -> str:
        """See `ImageSource`: SHA-256 over all images."""
        digest, federation = hashlib.sha256(), self.federation
        named = [(hospital.name, hospital.train) for hospital in federation.hospitals]
        for name, images in [*named, ("validation", federation.validation), ("test", federation.test)]:
            digest.update(f"{name}\0{images.pixels.shape}".encode())
            digest.update(np.ascontiguousarray(images.pixels).tobytes())
            digest.update(images.labels.tobytes())
        return digest.hexdigest()

    def context(self) -> AbstractContextManager[Any]:
        """See `ImageSource`; fits open the context that they need."""
        return contextlib.nullcontext()

    def costs(self) -> None:
        """See `ImageSource`."""
        return None

    def parts(self, arm: ImagesArm) -> tuple[Part, ...]:
        """See `ImageSource`."""
        return parts(arm, self.federation)

    def measure_real(self, *, first: bool, only: bool, seed: int) -> dict[str, Any]:
        """See `ImageSource`."""
        resamples = self._settings.bootstrap
        return measure_real(self.federation, self._chosen, first=first, only=only, seed=seed, resamples=resamples)

    def measure_synthetic(
        self, part: Part, images: LabelledImages | np.ndarray, frozen: Callable[[], Any], **how: Any
    ) -> dict[str, Any]:
        """See `ImageSource`."""
        classifier = frozen() if self._chosen.frozen_classifier else None
        resamples = self._settings.bootstrap
        return measure_synthetic(self.federation, part, images, self._chosen, classifier, resamples=resamples, **how)

    def real_pictures(self) -> Mapping[str, np.ndarray]:
        """See `ImageSource`."""
        if not may_show_real(self.federation):
            return {}
        task = self._settings.datasets[self._name]
        return {"samples": real_pictures(self.federation, SAMPLES)} | cleaning_pictures(
            task.source or self._name, task.options, data_dir=self._data_dir, seed=self._settings.seed
        )

    def nearest_pictures(self, part: Part, images: LabelledImages | np.ndarray) -> Mapping[str, np.ndarray]:
        """See `ImageSource`."""
        return nearest_pictures(part, images, real=may_show_real(self.federation))
