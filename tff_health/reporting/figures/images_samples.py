"""Figs. 10 and 11 of P2: real images beside synthetic ones, by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tff_health.reporting.figures.image_tiles import ArmPictures, TileBlock, pictured_arms, row_labels, tile_figure
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import listing, number, plural
from tff_health.reporting.guarantee import is_private, named
from tff_health.reporting.images.arms import real_metric, speaking_classifier, worth_metric
from tff_health.reporting.images.labels import speaking_label
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Metric

_COLUMNS = 8
_REAL = "Real training images"


@register_figure(
    "images-real-synthetic", "Real and synthetic images, by class", section="images", paper="P2 Figs. 10 and 11"
)
def images_samples(record: RunRecord) -> Drawing | None:
    """A block of pictures for real training images and for each arm, one row a class."""
    dataset = record.dataset
    if dataset.images is None:
        return None
    classes = dataset.images.classes
    pictures = ArmPictures(record, pictured_arms(dataset))
    metric = worth_metric(dataset, "auc")
    blocks: list[tuple[str, np.ndarray, Sequence[str], Metric]] = []
    real = record.pictures(dataset.images.pictures).get("samples")
    if real is not None and real.size:
        labels = row_labels(dataset.images.pictures, real, classes)
        blocks.append((_REAL, real, labels, real_metric(dataset, metric)))
    for name, arrays in pictures.having("samples").items():
        arm = dataset.arms[name]
        file = arm.images.pictures if arm.images else ""
        title = named(arm) if is_private(arm) else f"{named(arm)}, no guarantee"
        samples = arrays["samples"]
        blocks.append((title, samples, row_labels(file, samples, classes), arm.metric(metric)))
    if not blocks:
        return None
    columns = min(_COLUMNS, *(samples.shape[1] for _, samples, _, _ in blocks))
    tiles = [TileBlock(title, [one[:columns] for one in samples], labels) for title, samples, labels, _ in blocks]
    figure = tile_figure(tiles)
    known = [f"{number(found.value)} on {_within(title)}" for title, _, _, found in blocks if found.value is not None]
    caption = f"{plural(columns, 'image')} of each class, first seed."
    if known:
        who = speaking_label(speaking_classifier(dataset))
        caption += f" AUC of {who} on held-out real images, trained on such alone: {listing(known)}."
    return Drawing(figure, caption + pictures.remark, f"Grey pictures in {plural(len(blocks), 'block')}. {caption}")


def _within(title: str) -> str:
    """A block's title within a sentence."""
    return "real images" if title == _REAL else title
