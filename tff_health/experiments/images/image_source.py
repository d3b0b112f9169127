"""Where images are: loaded here, or held by hospitals that are apart. What a run does is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from data.image_federation import ImageFederation, LabelledImages
from tff_health.experiments.images.parts import Part
from tff_health.experiments.images.settings import ImagesArm
from tff_health.privacy.trust import SecureAggregation
from tff_health.synthesis.images.synthesizer import Realism

if TYPE_CHECKING:
    from tff_health.experiments.apart.image_federation import HeldImageFederation
    from tff_health.hospitals.costs import Costs


class ImageSource(Protocol):
    """A dataset of images that generators are fitted on and measured by."""

    @property
    def federation(self) -> ImageFederation | HeldImageFederation:
        """What is public about the hospitals, and more where images are at hand."""

    @property
    def hiding(self) -> SecureAggregation:
        """Whether secure sums are simulated, or masked by hospitals that are apart."""

    @property
    def digest(self) -> str:
        """Of the images, or of what is known of them: a resumed run must see the same."""

    def context(self) -> AbstractContextManager[Any]:
        """Where fits and measures that ask hospitals are computed."""

    def costs(self) -> Costs | None:
        """What hospitals that are apart have cost so far; None where nobody is."""

    def parts(self, arm: ImagesArm) -> tuple[Part, ...]:
        """The groups of hospitals that each train one generator."""

    def measure_real(self, *, first: bool, only: bool, seed: int) -> dict[str, Any]:
        """What is measured of real images, as `measuring.measure_real` has it."""

    def measure_synthetic(
        self,
        part: Part,
        images: LabelledImages | np.ndarray,
        frozen: Callable[[], Any],
        *,
        augments: bool,
        only: bool,
        seed: int,
        realism: Realism | None,
        done: Callable[[str], None],
    ) -> dict[str, Any]:
        """What is measured of a generator's images, as `measuring.measure_synthetic` has it.

        Args:
            part: whose images the generator was fitted on.
            images: synthetic ones.
            frozen: gives the dataset's classifier, trained if need be.
            augments: whether they are set beside real images for classifiers.
            only: whether the arm has no other seed.
            seed: of classifiers, attacks and resamples.
            realism: scores of the discriminator.
            done: told after each of `workload.measuring_steps`.
        """

    def real_pictures(self) -> Mapping[str, np.ndarray]:
        """Real images for the report; none where they may not be shown."""

    def nearest_pictures(self, part: Part, images: LabelledImages | np.ndarray) -> Mapping[str, np.ndarray]:
        """The synthetic images closest to real ones; none where that is not known."""
