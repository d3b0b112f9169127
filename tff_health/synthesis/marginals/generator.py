"""What all fitted models of marginals have in common as generators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from data.errors import DataError
from data.schema import Schema
from tff_health.runtime import seeds
from tff_health.synthesis.generator import TableGenerator
from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.label_tree import LabelTree


class MarginalGenerator(TableGenerator):
    """Samples cells from a `LabelTree` and values within them.

    Conditions are met exactly and shape all other columns through the model: rows follow its conditional distribution.
    """

    def __init__(self, schema: Schema, layout: CellLayout, model: LabelTree) -> None:
        """Sets up the generator.

        Raises:
            DataError: the model is not one of the schema's cells.
        """
        super().__init__(schema)
        sizes = [layout.values[i] + 1 for i in layout.features]
        if model.columns != layout.features or [t.shape[-1] for t in model.tables] != sizes:
            raise DataError("the generator's tables do not fit its schema: make its file again.")
        self.layout = layout
        self.model = model

    def _sample(self, rows: int, conditions: Mapping[str, int], seed: int) -> np.ndarray:
        rng = seeds.generator(seed, "synthesis", self.kind, "sample")
        evidence = {self.schema.names.index(name): cell for name, cell in conditions.items()}
        label = evidence.pop(self.layout.target, None)
        labels, features = self.model.sample(rows, label, evidence, rng)
        cells = np.empty((rows, len(self.schema.columns)), np.int64)
        cells[:, self.layout.target] = labels
        cells[:, list(self.layout.features)] = features
        return self.layout.matrix(cells, rng)

    def document(self) -> dict[str, Any]:
        """The cells and the tree: `bins` and, by feature with a parent, the parent's name."""
        names = [self.schema.names[i] for i in self.model.columns]
        edges = {name: names[parent] for name, parent in zip(names, self.model.parents, strict=True) if parent >= 0}
        return {"bins": self.layout.bins, "parents": edges}

    def arrays(self) -> dict[str, np.ndarray]:
        """Chances: `label` [2] and, by feature, `column/NAME` [2, parent's cells, cells]."""
        names = [self.schema.names[i] for i in self.model.columns]
        return {"label": self.model.label} | {
            f"column/{name}": table for name, table in zip(names, self.model.tables, strict=True)
        }

    @classmethod
    def from_parts(cls, schema: Schema, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """The generator that `document` and `arrays` were made by.

        Raises:
            DataError: the parts do not fit together.
        """
        try:
            layout = CellLayout(schema, int(document["bins"]))
            names = [schema.names[i] for i in layout.features]
            parents = tuple(
                names.index(document["parents"][name]) if name in document["parents"] else -1 for name in names
            )
            tables = tuple(np.asarray(arrays[f"column/{name}"], np.float64) for name in names)
            label = np.asarray(arrays["label"], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the generator's parts do not fit its schema ({error}): make its file again.") from error
        return cls(schema, layout, LabelTree(label, layout.features, parents, tables))
