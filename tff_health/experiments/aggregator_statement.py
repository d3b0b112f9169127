"""What arms with an aggregator of the user's own say of its privacy, for classifiers and for generators."""

from __future__ import annotations

import dataclasses
from typing import Any

from tff_health.aggregators.catalogue import CATALOGUE
from tff_health.reporting.privacy_document import AggregatorClaim


def claim_document(aggregator: str, rounds: int) -> AggregatorClaim | None:
    """The claim of an arm's aggregator; None where it is of the catalogue, or where there is none.

    Args:
        aggregator: a name of the catalogue, module:function, or empty.
        rounds: of one model's training.

    Raises:
        SettingsError: as in `tff_health.privacy.aggregator_claim`.
    """
    if not aggregator or aggregator in CATALOGUE:
        return None
    from tff_health.privacy.aggregator_claim import aggregator_claim

    claim = aggregator_claim(aggregator, rounds)
    return AggregatorClaim.model_validate(dataclasses.asdict(claim)) if claim else None


def synthesizer_claim(synthesizer: Any) -> AggregatorClaim | None:
    """The claim of the aggregator that a generator is trained through; None as in `claim_document`."""
    rounds = getattr(synthesizer, "rounds", None)
    return claim_document(str(getattr(synthesizer, "aggregator", "")), rounds) if isinstance(rounds, int) else None
