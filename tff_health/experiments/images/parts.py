"""Who trains a generator on whose images: all hospitals together, one that was given everything, or each for itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data.image_federation import ImageFederation, ImageHospital, LabelledImages
from tff_health.experiments.generators.in_turn import first_in_turn
from tff_health.experiments.images.settings import ImagesArm
from tff_health.synthesis.images.training_images import TrainingImages

POOLED = "all images in one place"


@dataclass(frozen=True)
class Part:
    """Hospitals that train one generator together.

    Attributes:
        name: empty for all of them, or the hospital that trains for itself.
        federation: as the synthesizer sees it; where hospitals keep their images, how each makes them.
        hospitals: whose images these are.
        counts: how many images of each.
    """

    name: str
    federation: ImageFederation | TrainingImages
    hospitals: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def train(self) -> LabelledImages:
        """All images that the generator is trained on, where this process holds them."""
        assert isinstance(self.federation, ImageFederation)
        return joined(self.federation)


def joined(federation: ImageFederation) -> LabelledImages:
    """All training images; for scoring alone, which happens outside the hospitals' walls in this simulation only."""
    own = [hospital.train for hospital in federation.members]
    return LabelledImages(
        np.concatenate([images.pixels for images in own]),
        np.concatenate([images.labels for images in own]),
        np.concatenate([images.groups for images in own]),
    )


def parts(arm: ImagesArm, federation: ImageFederation) -> tuple[Part, ...]:
    """The groups of hospitals that each train one generator."""
    members = federation.members
    if arm.images:
        taken = first_in_turn(federation.training_images, arm.images)
        members = tuple(
            replace(member, train=member.train.take(np.arange(taken[member.name])))
            for member in members
            if taken[member.name]
        )
    federation = replace(federation, hospitals=members)
    counts = tuple(len(member.train) for member in members)
    if arm.data == "each-hospital":
        return tuple(
            Part(member.name, replace(federation, hospitals=(member,)), (member.name,), (count,))
            for member, count in zip(members, counts, strict=True)
        )
    names = tuple(member.name for member in members)
    if arm.data == "pooled":
        federation = replace(federation, hospitals=(ImageHospital(POOLED, joined(federation)),))
    return (Part("", federation, names, counts),)
