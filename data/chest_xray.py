"""Chest X-rays of children with and without pneumonia: PneumoniaMNIST at 28 x 28, or Kermany's pictures in a folder.

Both are the same 5,856 pictures of one clinic in Guangzhou, so the hospitals are always simulated. PneumoniaMNIST
says nothing of patients; the names of Kermany's files tell them, and a patient never stands on two sides here.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.chest_xray_files import read_pneumoniamnist, require_file
from data.chest_xray_folder import FolderImages, find_folder, picture_files, read_picture, read_split
from data.dataset_settings import CHEST_XRAY
from data.image_cleaning import CleaningExample, clean, cleaning_examples, scaled
from data.image_federation import ImageFederation, LabelledImages
from data.image_groups import (
    choose_images,
    merged_groups,
    simulated_image_hospitals,
    split_groups,
    surplus_copies,
    without_groups_of,
)
from data.streams import stream

CLASSES = ("normal", "pneumonia")
MIN_PER_CLASS = 4
VALIDATION_FRACTION = 0.1

_KERMANY = (
    "D. Kermany, K. Zhang, M. Goldbaum, Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images for "
    "Classification, Mendeley Data V2 (2018), doi 10.17632/rscbjbr9sj.2"
)
_MEDMNIST = (
    "J. Yang et al., MedMNIST v2, Scientific Data 10:41 (2023), doi 10.5281/zenodo.10519652, PneumoniaMNIST; made from "
)


def load(settings: Mapping[str, Any], *, data_dir: Path | None, seed: int) -> ImageFederation:
    """The training images dealt to simulated hospitals by patient; the publisher's test images held out.

    What a training image shares with a test image, a picture or a patient, takes it out of training; what a
    validation image shares with either takes it out of validation.

    Args:
        settings: `source` (`pneumoniamnist` or `folder`), `folder`, `size` (28 or 64), `hospitals` (5), `partition`
            (`dirichlet`, `iid` or `size_skew`), `alpha` (.5), `min_rows` (20), `cleaning` (for a folder only),
            `skip_corrupt` (false), `images` (all), `validation_fraction` (.1 where a folder has no `val`),
            `split_seed` (the experiment's seed), `verify` (true).
        data_dir: folder with `pneumoniamnist/pneumoniamnist.npz`, or with the folder of pictures; see `data_root`.
        seed: the experiment's seed.

    Raises:
        SettingsError: a setting is unknown, out of range, or asks for more than the images can give.
        DataError: a file or folder is missing or cannot be used.
    """
    resolved = CHEST_XRAY.resolve(settings)
    split_seed: int = seed if resolved["split_seed"] is None else resolved["split_seed"]
    from_folder = resolved["source"] == "folder"
    cleaning = from_folder if resolved["cleaning"] is None else resolved["cleaning"]
    prepare = functools.partial(clean, size=resolved["size"], cleaning=cleaning)
    notes: list[str] = []
    if from_folder:
        folder = find_folder(resolved["folder"], data_dir)
        read = functools.partial(
            read_split, folder, size=resolved["size"], prepare=prepare, skip_corrupt=resolved["skip_corrupt"]
        )
        train, test = (_of_folder(read(split), notes) for split in ("train", "test"))
        own_validation = (folder / "val").is_dir()
        validation = _of_folder(read("val"), notes) if own_validation else test.take(np.arange(0))
    else:
        splits = read_pneumoniamnist(require_file(data_dir), verify=resolved["verify"])
        train, validation, test = (_of_archive(split, *splits[split], prepare) for split in splits)
        own_validation = True
        if not resolved["verify"]:
            notes.append("The file was not compared with MedMNIST's own; it may have been edited.")
    train, validation, test = _kept_apart(train, validation, test, notes)
    split_off = ""
    if not own_validation:
        fraction = resolved["validation_fraction"] or VALIDATION_FRACTION
        train, validation = split_groups(train, fraction, split_seed)
        split_off = f"{fraction:.0%} of the training patients are kept for validation; "
    if resolved["images"] is not None:
        notes.append(f"{resolved['images']:,} of {len(train):,} training images are used, drawn class by class.")
        train = choose_images(train, resolved["images"], split_seed)
    if copies := surplus_copies(train):
        notes.append(f"{copies:,} training images are exact copies of another; copies stay in one hospital.")
    hospitals = simulated_image_hospitals(
        train,
        resolved["partition"],
        resolved["hospitals"],
        split_seed,
        alpha=resolved["alpha"],
        min_rows=resolved["min_rows"],
        min_per_class=MIN_PER_CLASS,
    )
    unit = "patients" if from_folder else "images"
    skew = "" if resolved["partition"] == "iid" else f" with alpha {resolved['alpha']:g}"
    return ImageFederation(
        name="chest_xray",
        title="Chest X-rays (Kermany)" if from_folder else "Chest X-rays (PneumoniaMNIST)",
        kind="real",
        classes=CLASSES,
        size=resolved["size"],
        hospitals=hospitals,
        validation=validation,
        test=test,
        source=_KERMANY if from_folder else _MEDMNIST + _KERMANY,
        licence="CC BY 4.0",
        protocol=(
            f"The publisher's training and test images{'' if split_off else ' and its validation images'}; {split_off}"
            f"{len(train):,} training images dealt to {resolved['hospitals']} simulated hospitals by "
            f"{resolved['partition']}{skew}, at least {resolved['min_rows']} {unit} and {MIN_PER_CLASS} of each class "
            f"in each; {len(validation):,} images for validation and {len(test):,} for scoring are held out from "
            f"everybody (seed {split_seed})."
        ),
        notes=(*notes, *_standing_notes(from_folder, cleaning)),
    )


def examples_of_cleaning(
    settings: Mapping[str, Any], *, data_dir: Path | None, seed: int, number: int = 4
) -> tuple[CleaningExample, ...]:
    """Training pictures before and after cleaning, drawn at random, for a report; whether or not `cleaning` is set.

    Args:
        settings: as in `load`.
        data_dir: as in `load`.
        seed: same seed, same pictures.
        number: how many pictures, as many normal ones as with pneumonia; an odd one is normal.

    Raises:
        SettingsError: a setting is unknown or out of range.
        DataError: a file or folder is missing or cannot be used.
    """
    resolved = CHEST_XRAY.resolve(settings)
    rng = stream(seed, "chest_xray", "cleaning")
    if resolved["source"] == "pneumoniamnist":
        pixels, labels = read_pneumoniamnist(require_file(data_dir), verify=resolved["verify"])["train"]
        rows = _drawn(labels, number, rng)
        return cleaning_examples((pixels[row] for row in rows), resolved["size"])
    files = picture_files(find_folder(resolved["folder"], data_dir), "train")
    rows = _drawn(np.array([label for _, label in files]), number, rng)
    return cleaning_examples((read_picture(files[row][0], resolved["size"]) for row in rows), resolved["size"])


def _drawn(labels: np.ndarray, number: int, rng: np.random.Generator) -> list[int]:
    """Positions of `number` images, the classes in turn; fewer where a class has fewer."""
    by_class = [rng.permutation(np.flatnonzero(labels == label)) for label in range(len(CLASSES))]
    turns = [(turn % 2, turn // 2) for turn in range(number)]
    return [int(by_class[label][row]) for label, row in turns if row < len(by_class[label])]


def _of_archive(split: str, pixels: np.ndarray, labels: np.ndarray, prepare: Any) -> LabelledImages:
    """PneumoniaMNIST's images; each is a group of its own, as the file says nothing of patients."""
    prepared = np.stack([prepare(image) for image in pixels])
    groups = np.array([f"{split} {number}" for number in range(1, len(labels) + 1)])
    return LabelledImages(scaled(prepared)[..., np.newaxis], labels, groups)


def _of_folder(read: FolderImages, notes: list[str]) -> LabelledImages:
    if read.skipped:
        shown = ", ".join(read.skipped[:5]) + (" and others" if len(read.skipped) > 5 else "")
        files = "1 file" if len(read.skipped) == 1 else f"{len(read.skipped):,} files"
        notes.append(f"{files} could not be read and were left out: {shown}.")
    return LabelledImages(scaled(read.images)[..., np.newaxis], read.labels, read.groups)


def _kept_apart(
    train: LabelledImages, validation: LabelledImages, test: LabelledImages, notes: list[str]
) -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """The three without a picture or patient in two of them; test keeps all, then training."""
    train, validation, test = merged_groups((train, validation, test))
    kept_train = without_groups_of(train, test)
    kept_validation = without_groups_of(validation, kept_train, test)
    for before, after, name, others in (
        (train, kept_train, "training", "test images"),
        (validation, kept_validation, "validation", "training or test images"),
    ):
        if dropped := len(before) - len(after):
            images = f"1 {name} image was" if dropped == 1 else f"{dropped:,} {name} images were"
            notes.append(f"{images} left out, whose picture or patient is also among the {others}.")
    if copies := surplus_copies(test):
        notes.append(f"{copies:,} test images are exact copies of another test image and count as often as they stand.")
    return kept_train, kept_validation, test


def _standing_notes(from_folder: bool, cleaning: bool) -> tuple[str, ...]:
    real = "The images are real and come from one clinic; the hospitals are simulated."
    if not from_folder:
        patients = "PneumoniaMNIST does not tell patients, so images of one patient may stand on two sides."
        return (real, patients, "Noise was filtered with a 3 x 3 median.") if cleaning else (real, patients)
    patients = (
        "Patients are read off the files' names (personN, whatever follows); the publisher seems to count bacterial "
        "and viral cases separately, so some of one number may be two patients, who are kept together all the same."
    )
    cleaned = "Burnt-in letters, borders and noise were cleaned off." if cleaning else "The pictures were not cleaned."
    return real, patients, cleaned
