"""A user's dataset of tiny images and a user's synthesizers of images, quick enough to be run in every test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import dp_accounting
import numpy as np
from scipy.ndimage import gaussian_filter

from data.image_federation import ImageFederation, ImageHospital, LabelledImages
from tff_health.runtime.seeds import generator
from tff_health.synthesis.images.generator import ImageGenerator
from tff_health.synthesis.images.synthesizer import FittedImages, ImageSynthesizer

SIZE = 16


def draw(count: int, seed: int, size: int = SIZE) -> LabelledImages:
    """Smooth random pictures; those of class 1 have a bright patch on the right."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 2)
    fields = gaussian_filter(rng.normal(size=(count, size, size)), (0, 1, 1))
    fields[:, 4:12, 9:14] += 0.5 * labels[:, None, None]
    pixels = np.clip(fields, -1, 1)[..., None].astype(np.float32)
    return LabelledImages(pixels, labels.astype(np.int64), np.array([f"{seed} {number}" for number in range(count)]))


def load(settings: Mapping[str, Any], *, data_dir: Any, seed: int) -> ImageFederation:
    """Three hospitals; `size`, `licence`, `kind` and `test_images` may be set."""
    size = settings.get("size", SIZE)
    return ImageFederation(
        name="tiny",
        title="Tiny images",
        kind=settings.get("kind", "simulated"),
        classes=("dark", "bright"),
        size=size,
        hospitals=tuple(
            ImageHospital(f"hospital {number}", draw(16 + 8 * number, seed + number, size)) for number in (1, 2, 3)
        ),
        validation=draw(30, seed + 10, size),
        test=draw(settings.get("test_images", 40), seed + 11, size),
        source="a test",
        licence=settings.get("licence", "ours"),
        protocol="Drawn.",
    )


class Copies(ImageGenerator):
    """Training images with noise."""

    kind = "test-copies"

    def __init__(self, size: int, classes: Sequence[str], counts: np.ndarray, images: np.ndarray, of: np.ndarray):
        super().__init__(size, classes, counts)
        self._images, self._labels = images, of

    def pixels(self, labels: np.ndarray, *, seed: int) -> np.ndarray:
        rng = generator(seed, "copies")
        rows = [rng.choice(np.flatnonzero(self._labels == label)) for label in labels]
        made = self._images[rows] + rng.normal(scale=0.02, size=(len(rows), self.size, self.size, 1))
        return np.clip(made, -1, 1).astype(np.float32)

    def document(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"images": self._images, "labels": self._labels}

    @classmethod
    def from_parts(cls, size, classes, counts, document, arrays):  # type: ignore[no-untyped-def]
        return cls(size, classes, counts, arrays["images"], arrays["labels"])


class Unlabelled(Copies):
    """The same, without classes."""

    kind = "test-unlabelled"

    @property
    def labelled(self) -> bool:
        return False


@dataclass(frozen=True)
class Copier(ImageSynthesizer):
    """Learns its images by heart; with `noise_multiplier`, it says that it does not, which only tests may believe.

    Attributes:
        classes: whether its generator knows classes.
        noise_multiplier: of one release.
        placement: who adds the noise.
    """

    kind: ClassVar[str] = "copier"
    classes: bool = True
    noise_multiplier: float | None = None
    placement: str = "shared"

    def fit(self, federation, *, seed, progress=None, checkpoints=None, probe=None):  # type: ignore[no-untyped-def]
        images = np.concatenate([member.train.pixels for member in federation.members])
        labels = np.concatenate([member.train.labels for member in federation.members])
        made = Copies if self.classes else Unlabelled
        copies = made(federation.size, federation.classes, np.bincount(labels, minlength=2), images, labels)
        point = {"round": 1.0, "updates": 1.0, "generator_loss": 0.5, **(probe(copies) if probe else {})}
        if checkpoints is not None:
            checkpoints.save(0, {"done": 1})
        if progress is not None:
            progress(1, 1, point)
        return FittedImages(copies, (point,), {"updates": 1})

    def event(self) -> dp_accounting.DpEvent | None:
        return None if self.noise_multiplier is None else dp_accounting.GaussianDpEvent(self.noise_multiplier)

    def privacy_words(self) -> dict[str, str]:
        return {"mechanism": "noise on one sum", "sampling": "every patient in it"}
