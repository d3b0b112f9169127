"""The synthetic images that come closest to a training image, beside that image."""

from __future__ import annotations

import numpy as np

from tff_health.evaluation.images.duplicates import NEAR
from tff_health.reporting.figures.image_tiles import ArmPictures, TileBlock, pictured_arms, tile_figure
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import number, plural
from tff_health.reporting.images.arms import image_arms
from tff_health.reporting.images.tables import arm_title
from tff_health.reporting.record import RunRecord

_COLUMNS = 8


@register_figure("images-nearest", "Synthetic images and the training images closest to them", section="images")
def images_nearest(record: RunRecord) -> Drawing | None:
    """For the arm that speaks, the private arm with least noise and a control: pairs, the closest first."""
    dataset = record.dataset
    shown = pictured_arms(dataset)
    names = list(dict.fromkeys([*shown[:1], *shown[-1:], *list(image_arms(dataset, "control"))[:1]]))
    pictures = ArmPictures(record, names)
    found = pictures.having("nearest_samples")
    if not found:
        return None
    parts, blocks = [], []
    for name, arrays in found.items():
        made = arrays["nearest_samples"][:_COLUMNS]
        rows, labels = [made], ["synthetic"]
        if "nearest_real" in arrays:
            rows, labels = [made, arrays["nearest_real"][:_COLUMNS]], ["synthetic", "closest real"]
        title = arm_title(name, dataset.arms[name])
        psnr = arrays.get("nearest_psnr")
        under = [] if psnr is None else [_decibels(one) for one in psnr[: len(made)]]
        blocks.append(TileBlock(title, rows, labels, under))
        if psnr is not None:
            near = int((psnr[: len(made)] >= NEAR).sum())
            parts.append(f"{title} {near} of {plural(len(made), 'pair')}, the closest {_decibels(psnr.max())}")
    caption = "Pairs of the first seed, closest first, with PSNR (higher is closer)."
    if parts:
        caption += f" Near duplicates, {NEAR:g} dB or more, among those shown: {'; '.join(parts)}."
    return Drawing(tile_figure(blocks), caption + pictures.remark, f"Grey pictures in pairs. {caption}")


def _decibels(value: float) -> str:
    return f"{number(float(value), 1)} dB" if np.isfinite(value) else "a copy"
