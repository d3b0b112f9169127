"""The synthetic images that come closest to a training image, beside that image."""

from __future__ import annotations

import numpy as np

from tff_health.evaluation.images.duplicates import NEAR
from tff_health.reporting.figures.image_tiles import TILE, ArmPictures, column_centres, pictured_arms, show_tiles
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import number, plural
from tff_health.reporting.images.arms import image_arms
from tff_health.reporting.images.tables import arm_title
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import new_figure, plain_text

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
    columns = min(_COLUMNS, max(len(arrays["nearest_samples"]) for arrays in found.values()))
    figure = new_figure(1.3 + TILE * columns, (2 * TILE + 0.62) * len(found))
    panels = figure.subplots(len(found), 1, squeeze=False).ravel()
    parts = []
    for axes, (name, arrays) in zip(panels, found.items(), strict=True):
        made, real = arrays["nearest_samples"][:columns], arrays["nearest_real"][:columns]
        title = arm_title(name, dataset.arms[name])
        show_tiles(axes, [made, real], ["synthetic", "closest real"])
        axes.set_title(plain_text(title, 70))
        psnr = arrays.get("nearest_psnr")
        if psnr is not None:
            axes.set_xticks(column_centres(len(made), made.shape[2]), [_decibels(one) for one in psnr[: len(made)]])
            near = int((psnr[: len(made)] >= NEAR).sum())
            parts.append(
                f"{title}: the closest pair has {_decibels(psnr.max())}, {near} of {plural(len(made), 'pair')}"
            )
    caption = "Pairs of the first seed, closest first, with PSNR (higher is closer)."
    if parts:
        caption += f" Pairs of {NEAR:g} dB or more are near duplicates. {'; '.join(parts)} shown are such."
    return Drawing(figure, caption + pictures.remark, f"Grey pictures in pairs. {caption}")


def _decibels(value: float) -> str:
    return f"{number(float(value), 1)} dB" if np.isfinite(value) else "a copy"
