"""Hospitals' images as a generator is trained on them: at hand, or where the hospital is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from data.image_federation import ImageFederation

if TYPE_CHECKING:
    from tff_health.analytics.statistics import Matrix
    from tff_health.learning.gan.hospital_rows import HospitalRows


@dataclass(frozen=True)
class TrainingImages:
    """What a generator's training needs of hospitals.

    Attributes:
        size: pixels along each side.
        classes: their names.
        counts: int64 [hospitals, classes], images of each.
        rows: of each hospital, as `labelled_rows.pack` makes them.
        labels: of each hospital, float64 [images, classes], one-hot, or how it makes that.
    """

    size: int
    classes: Sequence[str]
    counts: np.ndarray
    rows: Sequence[HospitalRows]
    labels: Sequence[Matrix]

    @classmethod
    def of(cls, federation: ImageFederation) -> Self:
        """Of images that this process holds.

        Raises:
            DataError: hospitals nothing can be trained on.
        """
        from tff_health.learning.dcgan.labelled_rows import pack
        from tff_health.learning.gan.hospital_rows import RowsAtHand

        members, classes = federation.require_trainable().members, federation.classes
        counts = np.stack([np.bincount(member.train.labels, minlength=len(classes)) for member in members])
        rows = [RowsAtHand(pack(member.train.pixels, member.train.labels, len(classes))) for member in members]
        labels = [np.eye(len(classes))[member.train.labels] for member in members]
        return cls(federation.size, classes, counts, rows, labels)
