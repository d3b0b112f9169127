"""Dividing images without dividing a patient: exact copies, patients on both sides of a split, hospitals.

All functions are pure; what is random comes from a seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from data.errors import SettingsError
from data.hospitals import Partition, partition_rows, stratified_split
from data.image_federation import ImageHospital, LabelledImages
from data.streams import stream


def fingerprints(images: LabelledImages) -> np.ndarray:
    """str [images]: equal for images that agree in every pixel, and for no others."""
    return np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in images.pixels], dtype="<U64")


def surplus_copies(images: LabelledImages) -> int:
    """How many images agree in every pixel with an earlier one."""
    return len(images) - len(np.unique(fingerprints(images)))


def merged_groups(parts: Sequence[LabelledImages]) -> tuple[LabelledImages, ...]:
    """The same images in groups that hold all copies too: groups that share a picture become one.

    Args:
        parts: such as training, validation and test images; groups are compared across them.
    """
    groups = np.concatenate([part.groups for part in parts])
    pictures = np.concatenate([fingerprints(part) for part in parts])
    if not len(groups):
        return tuple(parts)
    names, group = np.unique(groups, return_inverse=True)
    picture = np.unique(pictures, return_inverse=True)[1] + len(names)
    nodes = len(names) + len(groups)
    links = coo_matrix((np.ones(len(groups), bool), (group, picture)), shape=(nodes, nodes))
    component = connected_components(links, directed=False)[1][: len(names)]
    # The first name of a component, in the alphabet, stands for it.
    first = np.unique(component, return_index=True)[1]
    merged = names[first[component]][group]
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return tuple(
        LabelledImages(part.pixels, part.labels, own) for part, own in zip(parts, np.split(merged, ends), strict=True)
    )


def without_groups_of(images: LabelledImages, *others: LabelledImages) -> LabelledImages:
    """The images whose group none of the others has."""
    return images.take(~np.isin(images.groups, np.concatenate([other.groups for other in others])))


def split_groups(images: LabelledImages, fraction: float, seed: int) -> tuple[LabelledImages, LabelledImages]:
    """(kept, split off): a share of each class's groups is split off, whole groups at a time.

    Args:
        images: of any groups; a group with an image of class 1 counts as class 1.
        fraction: strictly between 0 and 1.
        seed: same seed, same split.
    """
    group, labels = _groups(images)
    _, away = stratified_split(labels, fraction, seed)
    chosen = np.isin(group, away)
    return images.take(~chosen), images.take(chosen)


def choose_images(images: LabelledImages, number: int, seed: int) -> LabelledImages:
    """So many of the images, drawn at random with the classes' shares kept, in their order.

    With one seed, a smaller number gives a subset of a larger one but for rounding between the classes.

    Raises:
        SettingsError: there are fewer images, or the number leaves a class without any.
    """
    if number > len(images):
        raise SettingsError(f"images is {number:,}, and there are {len(images):,} training images; ask for fewer.")
    ones = min(max(round(number * float(images.labels.mean())), 1), number - 1)
    rng = stream(seed, "images")
    rows = [
        rng.permutation(np.flatnonzero(images.labels == label))[:count]
        for label, count in ((0, number - ones), (1, ones))
    ]
    return images.take(np.sort(np.concatenate(rows)))


def simulated_image_hospitals(
    images: LabelledImages,
    method: Partition,
    n: int,
    seed: int,
    *,
    alpha: float,
    min_rows: int,
    min_per_class: int,
) -> tuple[ImageHospital, ...]:
    """Hospitals named "hospital 1", "hospital 2", ... to which whole groups are dealt.

    Args:
        images: all training images.
        method: as in `data.hospitals.partition_rows`, whose rows are the groups here.
        n: number of hospitals.
        seed: same seed, same hospitals.
        alpha: for the two skewed methods.
        min_rows: fewest groups of a hospital.
        min_per_class: fewest groups of every class in a hospital.

    Raises:
        SettingsError: the groups cannot meet the minima.
    """
    group, labels = _groups(images)
    parts = partition_rows(method, labels, n, seed, alpha=alpha, min_rows=min_rows, min_per_class=min_per_class)
    return tuple(
        ImageHospital(f"hospital {number}", images.take(np.isin(group, part)))
        for number, part in enumerate(parts, start=1)
    )


def _groups(images: LabelledImages) -> tuple[np.ndarray, np.ndarray]:
    """(int64 [images], each image's group by number; int64 [groups], the highest label in each)."""
    names, group = np.unique(images.groups, return_inverse=True)
    labels = np.zeros(len(names), np.int64)
    np.maximum.at(labels, group, images.labels)
    return group, labels
