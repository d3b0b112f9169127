"""A trained DCGAN as a generator of labelled images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.errors import SettingsError, UnknownNameError
from data.image_federation import LabelledImages
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.runtime.seeds import generator as numpy_generator


class DcganGenerator:
    """The generator network; knows how many images of each class there are, and no image.

    Args:
        size: pixels of a side.
        classes: names, by label.
        settings: of the network.
        counts: [classes], of the federation's images.
        weights: of the network, as `learning.gan.process.generator_weights` gives them.
    """

    def __init__(
        self,
        size: int,
        classes: Sequence[str],
        settings: DcganSettings,
        counts: np.ndarray,
        weights: Sequence[np.ndarray],
    ) -> None:
        self.size, self.classes, self.settings = size, tuple(classes), settings
        self.counts = np.asarray(counts, np.int64)
        self.weights = [np.asarray(values) for values in weights]

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
            SettingsError: fewer than 0, or a generator that was trained without classes.
        """
        if images < 0:
            raise SettingsError(f"the number of images must be 0 or more, not {images}.")
        if not self.settings.conditional:
            raise SettingsError(
                "this DCGAN was trained without classes, so that its images have no label; train one with conditional "
                "= true, or draw with `unlabelled`."
            )
        if label is None:
            shares = self.counts / self.counts.sum()
            labels = numpy_generator(seed, "dcgan", "labels").choice(len(self.classes), size=images, p=shares)
        elif label in self.classes:
            labels = np.full(images, self.classes.index(label))
        else:
            raise UnknownNameError.among("class", label, self.classes)
        return self._images(labels.astype(np.int64), seed)

    def unlabelled(self, images: int, *, seed: int) -> np.ndarray:
        """Pixels alone, float32 [images, size, size, 1] in [-1, 1], by the federation's shares of classes."""
        shares = self.counts / self.counts.sum()
        labels = numpy_generator(seed, "dcgan", "labels").choice(len(self.classes), size=images, p=shares)
        return self._images(labels.astype(np.int64), seed).pixels

    def _images(self, labels: np.ndarray, seed: int) -> LabelledImages:
        from tff_health.learning.dcgan.sampling import sample_images

        pixels = sample_images(self.weights, self.size, len(self.classes), self.settings, labels, seed)
        names = np.array([f"synthetic {number}" for number in range(len(labels))], dtype=np.str_)
        return LabelledImages(pixels, labels, names)
