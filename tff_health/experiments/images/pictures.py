"""Pictures for the report: what a generator makes, how it learnt, and what comes closest to its training images."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from data.errors import DataError
from data.image_federation import ImageFederation, LabelledImages
from tff_health.evaluation.images.nearest_images import nearest_images
from tff_health.evaluation.images.similarity import psnr_of_distance
from tff_health.experiments.images.image_sets import trained_images
from tff_health.experiments.images.parts import Part, joined
from tff_health.reporting.atomic import write_atomically
from tff_health.synthesis.images.generator import ImageGenerator

SAMPLES = 8  # of each class
LEARNING = 4  # of each class, at each point of training
NEAREST = 8
PICTURE = "picture"
_DIGITS = 12  # of a digest, so that it fits into a float


def grey(pixels: np.ndarray) -> np.ndarray:
    """float [-1, 1] of any shape, the last axis of length 1, as uint8 without that axis: `scaled`, backwards."""
    return np.clip(np.rint(pixels[..., 0] * 127.5 + 127.5), 0, 255).astype(np.uint8)


def sample_pictures(generator: ImageGenerator, count: int, seed: int) -> np.ndarray:
    """uint8 [classes, count, size, size]; one row where the generator knows no classes."""
    rows = len(generator.classes) if generator.labelled else 1
    pixels = generator.pixels(np.repeat(np.arange(rows), count), seed=seed)
    return grey(pixels).reshape(rows, count, generator.size, generator.size)


def real_pictures(federation: ImageFederation, count: int) -> np.ndarray:
    """The first training images of each class, uint8 [classes, count, size, size], fewer where a class has fewer."""
    images = joined(federation)
    by_class = [np.flatnonzero(images.labels == label)[:count] for label in range(len(federation.classes))]
    fewest = min(len(rows) for rows in by_class)
    return np.stack([grey(images.pixels[rows[:fewest]]) for rows in by_class])


def nearest_pictures(part: Part, images: LabelledImages | np.ndarray, *, real: bool) -> dict[str, np.ndarray]:
    """The synthetic images closest to a training image, closest first.

    Args:
        part: whose images the generator was trained on.
        images: synthetic ones.
        real: whether the training images themselves may be shown.
    """
    pixels = images.pixels if isinstance(images, LabelledImages) else images
    seen = trained_images(part).images
    found = nearest_images(pixels, seen, 1)
    closest = np.argsort(found.distance[:, 0], kind="stable")[:NEAREST]
    psnr = psnr_of_distance(found.distance[closest, 0], seen[0].size)
    pictures = {"nearest_samples": grey(pixels[closest]), "nearest_psnr": psnr}
    return pictures | {"nearest_real": grey(seen[found.index[closest, 0]])} if real else pictures


class LearningPictures:
    """What a generator makes while it trains, from the same latent vectors at each point, kept through interruptions.

    Each point's pictures lie in a file that is named by their digest, and the fit's history holds that digest: so a fit
    that goes on finds what was made before it was stopped.

    Args:
        folder: for the files.
        seed: of the latent vectors.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed = folder, seed

    def probe(self, generator: ImageGenerator) -> Mapping[str, float]:
        """Takes pictures; see `synthesis.images.synthesizer.Probe`."""
        content = io.BytesIO()
        np.save(content, sample_pictures(generator, LEARNING, self._seed))
        name = hashlib.sha256(content.getvalue()).hexdigest()[:_DIGITS]
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._file(name), content.getvalue())
        return {PICTURE: float(int(name, 16))}

    def taken(self, history: Sequence[Mapping[str, float]]) -> dict[str, np.ndarray]:
        """`training` and `training_updates`; nothing where no pictures were taken.

        Args:
            history: of the fit.

        Raises:
            DataError: a file is missing or was changed.
        """
        points = [point for point in history if PICTURE in point]
        if not points:
            return {}
        pictures = [self._read(f"{int(point[PICTURE]):0{_DIGITS}x}") for point in points]
        return {
            "training": np.stack(pictures),
            "training_updates": np.array([int(point["updates"]) for point in points], np.int64),
        }

    def _read(self, name: str) -> np.ndarray:
        try:
            content = self._file(name).read_bytes()
            if not hashlib.sha256(content).hexdigest().startswith(name):
                raise ValueError("its bytes have changed")
            return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self._file(name)}, a picture taken in training, cannot be used ({error}); begin a new run."
            ) from error

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.npy"
