"""What every fitted generator of images can do: draw them, by class where wanted; be saved as plain arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from data.errors import SettingsError, UnknownNameError
from data.image_federation import LabelledImages
from tff_health.runtime.seeds import generator as numpy_generator

MOST_IMAGES = 1_000_000


class ImageGenerator(ABC):
    """A fitted generator; holds no patient's image.

    Args:
        size: pixels of a side.
        classes: names, by label.
        counts: [classes], 0 or more: of the federation's images, exact or noisy; what classes are drawn by.

    Attributes:
        kind: name in a saved file; one per class.
    """

    kind: ClassVar[str]

    def __init__(self, size: int, classes: Sequence[str], counts: np.ndarray) -> None:
        self.size, self.classes, self.counts = size, tuple(classes), np.asarray(counts)

    @property
    def labelled(self) -> bool:
        """Whether it knows classes; an unconditional one does not."""
        return True

    def sample(self, images: int, label: str | None = None, *, seed: int) -> LabelledImages:
        """Draws images.

        Args:
            images: how many, 0 or more.
            label: the class that all of them are to be of; None: by its share in the federation.
            seed: the same one gives the same images.

        Returns:
            Images in random order; `groups` are identifiers of their own.

        Raises:
            UnknownNameError: no such class.
            SettingsError: an impossible number, or a generator that was trained without classes.
        """
        if not 0 <= images <= MOST_IMAGES:
            raise SettingsError(f"the number of images must lie between 0 and {MOST_IMAGES:,}, not {images}.")
        if not self.labelled:
            raise SettingsError(
                "this generator was trained without classes, so that its images have no label; train one with "
                "conditional = true, or draw with `unlabelled`."
            )
        if label is None:
            labels = self._drawn(images, seed)
        elif label in self.classes:
            labels = np.full(images, self.classes.index(label), np.int64)
        else:
            raise UnknownNameError.among("class", label, self.classes)
        names = np.array([f"synthetic {number}" for number in range(images)], dtype=np.str_)
        return LabelledImages(self.pixels(labels, seed=seed), labels, names)

    def unlabelled(self, images: int, *, seed: int) -> np.ndarray:
        """Pixels alone, float32 [images, size, size, 1] in [-1, 1], by the federation's shares of classes."""
        return self.pixels(self._drawn(images, seed), seed=seed)

    def _drawn(self, images: int, seed: int) -> np.ndarray:
        shares = self.counts / self.counts.sum()
        drawn = numpy_generator(seed, "dcgan", "labels").choice(len(self.classes), size=images, p=shares)
        return drawn.astype(np.int64)

    @abstractmethod
    def pixels(self, labels: np.ndarray, *, seed: int) -> np.ndarray:
        """Images of these classes.

        Args:
            labels: int64 [images], indices into `classes`; without meaning where `labelled` is false.
            seed: of the latent vectors: the same one gives the same images.

        Returns:
            float32 [images, size, size, 1] in [-1, 1].
        """

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """What `from_parts` needs besides arrays, size, classes and counts, as plain JSON values."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """What `from_parts` needs, as numeric arrays by name."""

    @classmethod
    @abstractmethod
    def from_parts(
        cls,
        size: int,
        classes: Sequence[str],
        counts: np.ndarray,
        document: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
    ) -> ImageGenerator:
        """The generator that `document` and `arrays` were made by.

        Raises:
            DataError: the parts do not fit together.
        """
