"""What is said of generators whose updates are summed securely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tff_health.aggregators.catalogue import CATALOGUE
from tff_health.privacy.trust import NOT_SECURE, SecureAggregation


def secure_sum_notes(options: Mapping[str, Any], plain: str, hiding: SecureAggregation) -> list[str]:
    """One sentence where the options' aggregator sums securely, none where it does not.

    Args:
        options: of the synthesizer.
        plain: what is summed plainly beside the updates where secure sums are simulated; empty for nothing.
        hiding: whether secure sums are simulated, or masked by hospitals that are apart.
    """
    entry = CATALOGUE.get(str(options.get("aggregator")))
    if entry is None or not entry.secure:
        return []
    if hiding == "masked":
        return ["the coordinator saw its updates masked, and their sum"]
    return [f"the secure sum of its updates is {NOT_SECURE}" + (f", and {plain} are plain ones" if plain else "")]
