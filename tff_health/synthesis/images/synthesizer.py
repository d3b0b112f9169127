"""The one interface of everything that makes a generator of images from hospitals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from data.image_federation import ImageFederation
from tff_health.synthesis.images.generator import ImageGenerator

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.runtime.checkpoints import CheckpointStore

# After a round: rounds done, rounds in all, and what was measured (losses); may raise to stop.
Progress = Callable[[int, int, Mapping[str, float]], None]
# What is measured of a generator while it trains, by name, for curves; it may keep pictures, too.
Probe = Callable[[ImageGenerator], Mapping[str, float]]
# From images, float32 [n, size, size, 1], and labels, int64 [n], to scores, float64 [n], higher for more real.
Realism = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class FittedImages:
    """What a fit leaves behind.

    Attributes:
        generator: ready to sample.
        history: by round: `round`, `updates`, losses, what was probed.
        facts: plain numbers worth reporting (`updates`, `seconds_per_round`, `bytes_up`).
        realism: the last discriminator's scores, which every hospital and the server could compute; for attacks. None
            where there is no discriminator.
    """

    generator: ImageGenerator
    history: tuple[Mapping[str, float], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    realism: Realism | None = None


class ImageSynthesizer(ABC):
    """Settings of a way to make generators; implementations are frozen dataclasses, so that what runs is what is said.

    Those with a patient-level form have the fields `noise_multiplier` (None: no guarantee, no fit) and `placement`.

    Attributes:
        kind: the name of its generators.
        fits_apart: whether `fit` takes what hospitals that are apart make themselves (`runtime.at_hospital`), as the
            project's own do; else such hospitals do not run it.
    """

    kind: ClassVar[str]
    fits_apart: ClassVar[bool] = False

    @abstractmethod
    def fit(
        self,
        federation: ImageFederation,
        *,
        seed: int,
        progress: Progress | None = None,
        checkpoints: CheckpointStore | None = None,
        probe: Probe | None = None,
    ) -> FittedImages:
        """Fits a generator across hospitals, which never pool an image.

        Opens the TFF execution context it needs.

        Args:
            federation: as `data.modality.load_image_dataset` gives it.
            seed: of every random stream but privacy noise.
            progress: told after every round.
            checkpoints: where to save and go on from. A private fit that goes on never repeats a release.
            probe: measures the generator now and then while it trains; its values go into the history. Whatever it
                reads, such as real images, is outside of `event()`.

        Raises:
            DataError: hospitals nothing can be trained on.
            SettingsError: settings that do not fit the data.
            ReleaseLostError: the private fit that goes on was stopped during a release that it cannot do without.
        """

    def check_size(self, size: int) -> None:  # noqa: B027 - most make images of any size
        """Returns for sizes that it can make; asked before a run begins.

        Args:
            size: pixels of a side.

        Raises:
            SettingsError: another one.
        """

    @abstractmethod
    def event(self) -> dp_accounting.DpEvent | None:
        """Everything that `fit` releases about a `unit`; None where no guarantee is claimed."""

    @property
    def unit(self) -> Literal["patient", "hospital"]:
        """Whom `event` is about: a patient, or a hospital with all of its images."""
        return "patient"

    def privacy_words(self) -> dict[str, str]:
        """How `fit` protects patients, for the privacy statement: `mechanism` and `sampling`, in words."""
        return {"mechanism": "noise on what hospitals release", "sampling": "every patient in every release"}
