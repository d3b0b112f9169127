"""A fitted generator of images as one file (`generator_archive`).

The file holds the names and counts of classes, settings and weights; never an image. Counts are those that the
generator draws classes by: exact, noisy or public, as its way of training has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tff_health.synthesis.generator_archive import class_name, damaged, named_class, read_archive, write_archive
from tff_health.synthesis.images.generator import ImageGenerator

IMAGE_GENERATORS: dict[str, str] = {"dcgan": "tff_health.synthesis.images.dcgan_generator:DcganGenerator"}


def save_image_generator(generator: ImageGenerator, path: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Writes the file, whole or not at all.

    Args:
        generator: fitted.
        path: ends in `.npz`.
        facts: plain values for readers of the file, such as its privacy statement.

    Raises:
        DataError: the file cannot be written.
    """
    meta = {
        "kind": generator.kind,
        "modality": "images",
        "class": class_name(generator, IMAGE_GENERATORS),
        "size": generator.size,
        "classes": list(generator.classes),
        "counts": generator.counts.tolist(),
        "document": generator.document(),
        "facts": dict(facts or {}),
    }
    write_archive(path, meta, generator.arrays())


def load_image_generator(path: Path) -> ImageGenerator:
    """The generator of a file.

    A user's own classes of generators and networks are found by `module:name`, which must be importable; nothing else
    in a file is ever executed.

    Raises:
        DataError: no such file, a truncated or damaged one, or none of a generator of images.
    """
    meta, arrays = read_archive(path, "images")
    cls = named_class(path, meta, IMAGE_GENERATORS, ImageGenerator, "images")
    try:
        size, classes, counts = int(meta["size"]), [str(name) for name in meta["classes"]], np.array(meta["counts"])
        if size < 1 or counts.shape != (len(classes),) or not (counts >= 0).all() or not 0 < counts.sum() < np.inf:
            raise ValueError("size, classes and counts do not fit together")
        generator: ImageGenerator = cls.from_parts(size, classes, counts, meta["document"], arrays)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise damaged(path, error) from error
    return generator
