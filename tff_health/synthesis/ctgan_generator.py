"""A trained CTGAN as a generator of tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data.errors import DataError
from data.schema import Schema
from tff_health.analytics.table_codec.codec import TableCodec
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.runtime.seeds import generator as numpy_generator
from tff_health.runtime.seeds import integer_seed
from tff_health.synthesis.generator import TableGenerator

# Draws a wanted row may take. The network was trained with one condition at a time and mostly does as it is told; the
# others are met by drawing again.
_MOST_DRAWS = 64


class CtganGenerator(TableGenerator):
    """The generator network with the encoding of the table; knows counts of categories, and no row.

    Args:
        schema: of the rows.
        codec: from encoded rows to the table.
        settings: of the network.
        counts: by coded column, the federation's count of each category, the position for missing included.
        weights: of the network, as `learning.gan.process.generator_weights` gives them.
    """

    kind = "ctgan"

    def __init__(
        self,
        schema: Schema,
        codec: TableCodec,
        settings: CtganSettings,
        counts: Mapping[str, np.ndarray],
        weights: Sequence[np.ndarray],
    ) -> None:
        super().__init__(schema)
        self.codec, self.settings = codec, settings
        self.counts = {name: np.asarray(values, np.float64) for name, values in counts.items()}
        self.weights = [np.asarray(values) for values in weights]

    def _sample(self, rows: int, conditions: Mapping[str, int], seed: int) -> np.ndarray:
        """Rows whose conditions the network met, drawing again for those that it did not.

        One of the conditions, drawn anew for each row, is told to the network; the others select among what it makes.
        What is still missing after many draws has the wanted codes written into it: a combination that the network
        never makes (nor, most often, a hospital ever saw) is met too, then without any influence on the other columns.
        """
        found = np.empty((0, len(self.schema.columns)))
        wanted = {self.schema.names.index(name): position for name, position in conditions.items()}
        draw = np.empty_like(found)
        for attempt in range(_MOST_DRAWS if conditions else 1):
            missing = rows - len(found)
            share = max(len(found) / max(rows * attempt, 1), 0.05)
            size = min(int(np.ceil(missing / share)) + 8, 100_000) if conditions else rows
            draw = self._draw(size, conditions, integer_seed(seed, "ctgan", attempt))
            met = np.all([draw[:, index] == position for index, position in wanted.items()], axis=0)
            found = np.concatenate([found, draw[met] if conditions else draw])[:rows]
            if len(found) == rows:
                return found
        forced = draw[np.arange(rows - len(found)) % len(draw)].copy()
        for index, position in wanted.items():
            forced[:, index] = position
        return np.concatenate([found, forced])

    def _draw(self, rows: int, conditions: Mapping[str, int], seed: int) -> np.ndarray:
        from tff_health.learning.ctgan.sampling import draw_conditions, sample_encoded

        layout = self.codec.layout
        vectors = draw_conditions(layout, self.counts, rows, seed)
        if conditions:
            names = list(conditions)
            chosen = numpy_generator(seed, "told").integers(len(names), size=rows)
            positions = np.array([layout.condition_start(name) + conditions[name] for name in names])
            vectors = np.zeros_like(vectors)
            vectors[np.arange(rows), positions[chosen]] = 1.0
        return self.codec.decode(sample_encoded(self.weights, layout, self.settings, vectors, seed))

    def document(self) -> dict[str, Any]:
        """See `TableGenerator`."""
        settings = dataclasses.asdict(self.settings)
        return {
            "codec": self.codec.to_dict(),
            "settings": {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()},
            "counts": {name: values.tolist() for name, values in self.counts.items()},
            "weights": len(self.weights),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """See `TableGenerator`."""
        return {f"weight_{index:03d}": values for index, values in enumerate(self.weights)}

    @classmethod
    def from_parts(
        cls, schema: Schema, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> CtganGenerator:
        """See `TableGenerator`."""
        settings: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in document["settings"].items()
        }
        names = [f"weight_{index:03d}" for index in range(int(document["weights"]))]
        if any(name not in arrays for name in names):
            raise DataError("the generator's file lacks weights of its network; copy it again or make it again.")
        return cls(
            schema,
            TableCodec.from_dict(document["codec"]),
            CtganSettings(**settings),
            {name: np.array(values, np.float64) for name, values in document["counts"].items()},
            [arrays[name] for name in names],
        )
