"""A trained DCGAN as a generator of labelled images."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from data.errors import DataError
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.synthesis.images.generator import ImageGenerator


class DcganGenerator(ImageGenerator):
    """The generator network; knows how many images of each class there are, and no image.

    Args:
        size: pixels of a side.
        classes: names, by label.
        counts: [classes], of the federation's images.
        settings: of the network.
        weights: of the network, as `learning.gan.process.generator_weights` gives them.
    """

    kind: ClassVar[str] = "dcgan"

    def __init__(
        self,
        size: int,
        classes: Sequence[str],
        counts: np.ndarray,
        settings: DcganSettings,
        weights: Sequence[np.ndarray],
    ) -> None:
        super().__init__(size, classes, counts)
        self.settings = settings
        self.weights = [np.asarray(values) for values in weights]

    @property
    def labelled(self) -> bool:
        """See `ImageGenerator`."""
        return self.settings.conditional

    def pixels(self, labels: np.ndarray, *, seed: int) -> np.ndarray:
        """See `ImageGenerator`."""
        from tff_health.learning.dcgan.sampling import sample_images

        return sample_images(self.weights, self.size, len(self.classes), self.settings, labels, seed)

    def document(self) -> dict[str, Any]:
        """See `ImageGenerator`."""
        return {"settings": dataclasses.asdict(self.settings), "weights": len(self.weights)}

    def arrays(self) -> dict[str, np.ndarray]:
        """See `ImageGenerator`."""
        return {f"weight_{index:03d}": values for index, values in enumerate(self.weights)}

    @classmethod
    def from_parts(
        cls,
        size: int,
        classes: Sequence[str],
        counts: np.ndarray,
        document: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
    ) -> DcganGenerator:
        """See `ImageGenerator`."""
        names = [f"weight_{index:03d}" for index in range(int(document["weights"]))]
        if any(name not in arrays for name in names):
            raise DataError("the generator's file lacks weights of its network; copy it again or make it again.")
        weights = [arrays[name] for name in names]
        if not all(np.isfinite(values).all() for values in weights):
            raise DataError("the generator's file holds weights that are not finite; copy it again or make it again.")
        return cls(size, classes, counts, DcganSettings(**document["settings"]), weights)
