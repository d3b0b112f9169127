"""What is measured of a generator while it trains: how much of the real variety it makes."""

from __future__ import annotations

from collections.abc import Mapping

from data.schema import Schema
from tff_health.evaluation.synthesis.collapse import CollapseReference
from tff_health.experiments.synthesis.fitting import Part
from tff_health.synthesis.generator import TableGenerator
from tff_health.synthesis.synthesizer import Probe

_SEED = 0  # the same draws at every probe, so that a curve shows the generator and not chance


def variety_probe(part: Part, schema: Schema) -> Probe:
    """A probe that samples as many rows as there are real ones and holds their variety against these."""
    real = part.at_hand
    reference = CollapseReference.fit(real, schema)

    def probe(generator: TableGenerator) -> Mapping[str, float]:
        table = generator.sample(len(real), seed=_SEED)
        return reference.curve_point(schema.encode(table))

    return probe
