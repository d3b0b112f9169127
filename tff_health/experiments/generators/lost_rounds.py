"""Rounds that an interrupted private fit had begun."""

from __future__ import annotations

from collections.abc import Iterable

from tff_health.experiments.generators.cells import Cell
from tff_health.reporting.formatting import plural


def lost_rounds(cells: Iterable[Cell]) -> list[str]:
    """A note where some were lost: what was released in them is spent and was not learnt from."""
    facts = [cell.document.get("facts", {}) for cell in cells]
    lost = sum(int(own.get("skipped_rounds", 0)) for own in facts)
    if not lost:
        return []
    return [f"Interruptions cost {plural(lost, 'round')}: released, counted, and not learnt from."]
