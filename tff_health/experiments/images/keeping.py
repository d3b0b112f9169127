"""What a run keeps of the first seed: generators, the images that they made, and pictures for the report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data.image_federation import ImageFederation, LabelledImages
from tff_health.experiments.generators.arm_plan import ArmPlan
from tff_health.experiments.generators.privacy import generator_facts
from tff_health.experiments.images.parts import Part
from tff_health.experiments.images.pictures import grey
from tff_health.experiments.images.privacy import WORDING
from tff_health.privacy.trust import SecureAggregation
from tff_health.reporting.atomic import write_atomically
from tff_health.runtime.file_names import arm_file
from tff_health.runtime.npz import npz_bytes
from tff_health.synthesis.images.generator import ImageGenerator
from tff_health.synthesis.images.generator_file import save_image_generator

# Licences under which pictures of patients may be shown to anybody.
_PUBLIC = re.compile(r"(cc0|public domain|cc by(-sa)?\b(?!-))", re.IGNORECASE)


def may_show_real(federation: ImageFederation) -> bool:
    """Whether real images may stand in a report: simulated ones, and those whose licence is a public one."""
    return federation.kind == "simulated" or bool(_PUBLIC.match(federation.licence))


def keep_generator(
    folder: Path,
    dataset: str,
    label: str,
    generator: ImageGenerator,
    plan: ArmPlan,
    part: Part,
    hiding: SecureAggregation = "simulated",
) -> None:
    """Saves a generator with its guarantee as `model/DATASET--ARM.npz`, for the command `sample`."""
    facts = {
        "dataset": dataset,
        "arm": label,
        "privacy": generator_facts(plan, part.hospitals, sum(part.counts), WORDING, hiding=hiding),
    }
    save_image_generator(generator, arm_file(folder, "model", dataset, label, ".npz"), facts)


def keep_images(
    folder: Path, dataset: str, label: str, classes: tuple[str, str], images: LabelledImages | np.ndarray
) -> None:
    """Saves synthetic images as `synthetic/DATASET--ARM.npz`.

    The archive holds `images` uint8 [n, size, size], `labels` int64 [n] where the generator knows classes, and the
    names of these in `classes`.
    """
    if isinstance(images, LabelledImages):
        arrays = {"images": grey(images.pixels), "labels": images.labels, "classes": np.array(classes)}
    else:
        arrays = {"images": grey(images)}
    _write(arm_file(folder, "synthetic", dataset, label, ".npz"), arrays)


def keep_pictures(folder: Path, dataset: str, label: str, pictures: Mapping[str, np.ndarray]) -> str:
    """Saves pictures as `pictures/DATASET--ARM.npz`.

    Returns:
        The file's path within the run folder.
    """
    path = arm_file(folder, "pictures", dataset, label, ".npz")
    _write(path, pictures)
    return path.relative_to(folder).as_posix()


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, npz_bytes(arrays))
