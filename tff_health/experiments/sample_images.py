"""The command `sample` for a generator of images: an .npz of grey levels, or a picture of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data.errors import SettingsError, UnknownNameError
from data.image_grid import MOST_SHOWN, write_grid
from data.image_npz import write_images
from tff_health.synthesis.images.generator import ImageGenerator
from tff_health.synthesis.images.generator_file import load_image_generator

_CONDITION = "class"


def class_asked_for(generator: ImageGenerator, conditions: Mapping[str, int | str]) -> str | None:
    """The class of `--where class=NAME`, by its name or its number; None where none is asked for.

    Raises:
        UnknownNameError: a condition on something else, or no such class.
        SettingsError: a generator that knows no classes.
    """
    for name in conditions:
        if name != _CONDITION:
            raise UnknownNameError(f"condition {name!r}: images have none but their class, as in --where class=1.")
    if not conditions:
        return None
    if not generator.labelled:
        raise SettingsError("--where class: this generator was trained without classes; leave the condition out.")
    asked, folded = str(conditions[_CONDITION]), [name.casefold() for name in generator.classes]
    if asked.casefold() in folded:
        return generator.classes[folded.index(asked.casefold())]
    if asked in map(str, range(len(folded))):
        return generator.classes[int(asked)]
    known = ", ".join(f"{number} = {name}" for number, name in enumerate(generator.classes))
    raise UnknownNameError(f"condition 'class': {asked!r} is no class of the generator ({known}).")


def sample_images(
    path: Path, images: int, conditions: Mapping[str, int | str], seed: int | None, out: Path | None
) -> str:
    """Draws images and writes them.

    Args:
        path: of the generator.
        images: how many.
        conditions: `class` alone.
        seed: None: a fresh one.
        out: ends in `.npz` or `.png`.

    Returns:
        what was written, in words.

    Raises:
        SettingsError: conditions, a number or a place that cannot be.
        DataError: a file that cannot be read or written.
    """
    if out is None or out.suffix.casefold() not in (".npz", ".png"):
        raise SettingsError(f"{path} makes images: give --out a file that ends in .npz or, for a picture, in .png.")
    picture = out.suffix.casefold() == ".png"
    if picture and not 1 <= images <= MOST_SHOWN:
        raise SettingsError(f"--rows: a picture shows 1 to {MOST_SHOWN:,} images, not {images:,}; write an .npz.")
    generator = load_image_generator(path)
    label = class_asked_for(generator, conditions)
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1, np.uint32)[0])
    labels = None
    if generator.labelled:
        drawn = generator.sample(images, label, seed=seed)
        pixels, labels = drawn.pixels, drawn.labels
    else:
        pixels = generator.unlabelled(images, seed=seed)
    if picture:
        write_grid(pixels, out)
    else:
        write_images(pixels, out, labels, generator.classes)
    return f"{len(pixels):,} synthetic images in {out}"
