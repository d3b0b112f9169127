"""What a generator makes while it learns: the same latent vectors at several points."""

from __future__ import annotations

import numpy as np

from tff_health.reporting.figures.image_tiles import ArmPictures, TileBlock, pictured_arms, row_labels, tile_figure
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import listing, plural
from tff_health.reporting.guarantee import named
from tff_health.reporting.record import RunRecord

_POINTS = 7
_COLUMNS = 8


@register_figure("images-training", "Synthetic images over training", section="images")
def images_training(record: RunRecord) -> Drawing | None:
    """One row a point of training, the classes beside each other."""
    dataset = record.dataset
    if dataset.images is None:
        return None
    pictures = ArmPictures(record, pictured_arms(dataset))
    found = pictures.having("training")
    if not found:
        return None
    name, arrays = next(iter(found.items()))
    arm, classes = dataset.arms[name], dataset.images.classes
    training = arrays["training"]
    file = arm.images.pictures if arm.images else ""
    labels = row_labels(file, training[0], classes)
    chosen = np.unique(np.linspace(0, len(training) - 1, min(_POINTS, len(training))).round().astype(int))
    each = max(1, min(_COLUMNS // len(labels), training.shape[2]))
    rows = [np.concatenate([one[:each] for one in training[point]]) for point in chosen]
    updates = [int(one) for one in arrays["training_updates"][chosen]] if "training_updates" in arrays else []
    points = [f"update {one:,}" for one in updates] or [f"point {one + 1}" for one in chosen]
    title = f"From the left: {', '.join(labels)}"
    figure = tile_figure([TileBlock(title, rows, points, breaks=range(each, each * len(labels), each))])
    span = f", from update {updates[0]:,} to {updates[-1]:,}" if updates else ""
    caption = (
        f"{named(arm)}, first seed: the same random numbers at {plural(len(rows), 'point')} of training{span}; "
        f"{plural(each, 'image')} each of {listing(list(labels))}."
    )
    return Drawing(figure, caption + pictures.remark, f"Grey pictures, one row a point of training. {caption}")
