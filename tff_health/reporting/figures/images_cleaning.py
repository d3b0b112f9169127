"""Training pictures before and after cleaning."""

from __future__ import annotations

from tff_health.reporting.figures.image_tiles import TileBlock, tile_figure
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.formatting import plural
from tff_health.reporting.record import RunRecord

_COLUMNS = 4
_SIDE = 1.4  # inches: markers are small


@register_figure("images-cleaning", "Real images before and after cleaning", section="images")
def images_cleaning(record: RunRecord) -> Drawing | None:
    """Pictures as they came above, cleaned below."""
    images = record.dataset.images
    arrays = record.pictures(images.pictures) if images else {}
    if "cleaning_before" not in arrays or not len(arrays["cleaning_before"]):
        return None
    before, after = arrays["cleaning_before"][:_COLUMNS], arrays["cleaning_after"][:_COLUMNS]
    columns = len(before)
    # In two blocks, since a cleaned picture is smaller by its border.
    figure = tile_figure([TileBlock("", [before], ["before"]), TileBlock("", [after], ["after"])], _SIDE)
    changed = sum(
        one.shape != other.shape or bool((one != other).any()) for one, other in zip(before, after, strict=True)
    )
    caption = (
        f"{plural(columns, 'training picture')} drawn at random, as they came and with borders and burnt-in markers "
        f"removed and noise filtered; {changed} of them changed by it."
    )
    return Drawing(figure, caption, f"Grey pictures, before above and after below. {caption}")
