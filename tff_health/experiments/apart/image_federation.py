"""A federation of hospitals that keep their images: what they publish of them, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from data.errors import DataError
from tff_health.hospitals.held_images import ImageFacts

_APART = (
    "Computed by {count} hospitals, each in a worker of its own on its own images; the coordinator held none. Scores "
    "of held-out images were counted over all hospitals together."
)


@dataclass(frozen=True)
class HeldImageFederation:
    """What `data.image_federation.ImageFederation` says of a dataset, without images.

    Attributes:
        name, title, kind, classes, size, source, licence, protocol, notes: as there.
        facts: what each hospital published, by its name, in the roster's order.
    """

    name: str
    title: str
    kind: Literal["real", "simulated"]
    classes: tuple[str, str]
    size: int
    source: str
    licence: str
    protocol: str
    notes: tuple[str, ...]
    facts: Mapping[str, ImageFacts]

    @property
    def training_images(self) -> dict[str, int]:
        """Training images of each hospital."""
        return {name: own.images for name, own in self.facts.items()}

    @property
    def positive_images(self) -> dict[str, int]:
        """Those of class 1 among them."""
        return {name: own.counts[1] for name, own in self.facts.items()}

    @property
    def held_out(self) -> int:
        """Images that everything is scored on."""
        return sum(sum(own.test_counts) for own in self.facts.values())

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names and numbers of images: a resumed run must meet the same ones."""
        digest = hashlib.sha256(f"{self.name}\0{self.size}".encode())
        for name, own in self.facts.items():
            digest.update(f"\0{name}\0{own.counts}\0{own.test_counts}".encode())
        return digest.hexdigest()


def held_image_federation(dataset: str, facts: Mapping[str, ImageFacts]) -> HeldImageFederation:
    """The federation of hospitals that all have facts about a dataset.

    Args:
        dataset: the dataset's name in the settings.
        facts: of one size and the same classes (`read_image_facts`), by hospital.

    Raises:
        DataError: a hospital does not train though all take part in every round, has a single class where that is taken
            for a mistake, or nobody holds out images of both classes.
    """
    first = next(iter(facts.values()))
    for name, own in facts.items():
        if not own.images:
            raise DataError(
                f"{dataset}, hospital {name!r}: no training image, but every hospital of the roster takes part in "
                "every round; give it images, or leave it out of the roster."
            )
        if 0 in own.counts and not own.single_class_accepted:
            raise DataError(
                f"{dataset}, hospital {name!r}: every training image is of the same class; training needs both, so "
                "leave it out of the roster or merge it with another hospital."
            )
    if not all(sum(own.test_counts[label] for own in facts.values()) for label in (0, 1)):
        raise DataError(f"{dataset}: the hospitals do not hold out images of both classes to score on.")
    notes = dict.fromkeys(note for own in facts.values() for note in own.notes)
    return HeldImageFederation(
        dataset,
        first.title,
        first.data_kind,
        first.classes,
        first.size,
        first.source,
        first.licence,
        first.protocol,
        (*notes, _APART.format(count=len(facts))),
        facts,
    )
