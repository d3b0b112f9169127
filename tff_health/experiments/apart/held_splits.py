"""Synthetic patients from hospitals that keep their rows: one split, theirs, and what can be measured of it by sums."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tff_health.aggregators.fixed_point_sum import fixed_point_sum
from tff_health.analytics.statistics import compute_table_statistics
from tff_health.analytics.table_statistics import TableStatistics
from tff_health.evaluation.synthesis.classifiers import CLASSIFIERS, build_classifier
from tff_health.evaluation.synthesis.classifiers_in_graph import (
    GraphClassifier,
    classifier_in_graph,
    constant_in_graph,
)
from tff_health.evaluation.synthesis.tables import labels
from tff_health.evaluation.synthesis.utility import training_note
from tff_health.experiments.apart.classifier_scoring import count_scores, score_edges
from tff_health.experiments.apart.counted_utility import counted_utility
from tff_health.experiments.apart.federation import HeldFederation
from tff_health.experiments.apart.held_rows import held_matrices
from tff_health.experiments.apart.likeness import (
    BINS,
    compared_statistics,
    likeness,
    statistics_of,
    summarised_statistics,
)
from tff_health.experiments.generators.cells import finite_intervals, plain_metrics
from tff_health.experiments.processes import ProcessCache
from tff_health.experiments.settings import PreprocessingSettings
from tff_health.experiments.synthesis.augmentation import federated_scores
from tff_health.experiments.synthesis.comparison import shown
from tff_health.experiments.synthesis.fitting import Part
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.experiments.synthesis.splits import scoring_seed
from tff_health.privacy.trust import SecureAggregation
from tff_health.runtime.at_hospital import AtHospital
from tff_health.synthesis.synthesizer import Probe

if TYPE_CHECKING:
    from tff_health.experiments.apart.dataset import HeldDataset
    from tff_health.hospitals.costs import Costs

_RESAMPLES = 100
APART_NOTE = (
    "Hospitals kept all rows: classifiers trained on synthetic rows went there, and counts of their scores, in bins of "
    "equally many synthetic rows, came back as one sum; the mean of the classifiers has no interval. Two-way tables, "
    "neighbours, disclosure and membership attacks take rows and were left out."
)


class HeldSplits:
    """See `split_source.SplitSource`: one split, the hospitals' own.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        dataset: what the hospitals hold.
    """

    hiding: SecureAggregation = "masked"

    def __init__(self, settings: SynthesisSettings, name: str, dataset: HeldDataset) -> None:
        self._dataset, self._split = dataset, HeldSplit(settings, name, dataset)

    def context(self) -> AbstractContextManager[Any]:
        """See `SplitSource`."""
        return self._dataset.context()

    def split(self, number: int) -> HeldSplit:
        """See `SplitSource`."""
        assert number == 0, "hospitals that are apart have divided their rows once"
        return self._split

    def costs(self) -> Costs:
        """See `SplitSource`."""
        return self._dataset.costs()


class HeldSplit:
    """See `split_source.Split`; arguments as in `HeldSplits`."""

    def __init__(self, settings: SynthesisSettings, name: str, dataset: HeldDataset) -> None:
        self._dataset, self._seed = dataset, scoring_seed(settings, name, 0)
        self._fidelity = settings.evaluation_of(name).fidelity

    @property
    def federation(self) -> HeldFederation:
        """See `Split`."""
        return self._dataset.federation

    @cached_property
    def matrices(self) -> Mapping[str, AtHospital]:
        """See `Split`."""
        return dict(zip(self.federation.sizes, self._rows("train"), strict=True))

    @property
    def digest(self) -> str:
        """See `Split`: of names and numbers of patients, as no row is at hand."""
        return self.federation.fingerprint

    @cached_property
    def _real(self) -> TableStatistics:
        return compute_table_statistics(
            self.federation.schema,
            list(self.matrices.values()),
            bins=BINS,
            sum_factory=fixed_point_sum(),
            extremes=False,
        )

    def _rows(self, part: Any) -> list[AtHospital]:
        counts = [getattr(size, part) for size in self.federation.sizes.values()]
        return held_matrices(self.federation.name, part, len(self.federation.schema.columns), counts)

    def measure_real(self) -> dict[str, Any]:
        """See `Split`: a logistic regression that is trained across hospitals, as the seven classifiers cannot be."""
        dataset = self._dataset.prepare(PreprocessingSettings())
        cache = ProcessCache(dataset.feature_shape, self._seed, dataset.rows_by_hospital)
        scores = federated_scores(dataset, cache, self._seed)
        return {
            "metrics": plain_metrics({f"trtr/federated/{name}": value for name, value in scores.items()}),
            "intervals": {},
            "rows": sum(self.federation.training_rows.values()),
            "test_rows": sum(size.test for size in self.federation.sizes.values()),
            "table": summarised_statistics(self._real),
        }

    def measure_synthetic(self, table: pd.DataFrame, part: Part, *, augments: bool) -> dict[str, Any]:
        """See `Split`: the seven classifiers, and columns' likeness."""
        schema = self.federation.schema
        counts = count_scores(self._fitted(table), self._rows("test"), self._labelled)
        found = counted_utility(counts, seed=self._seed, resamples=_RESAMPLES)
        synthetic = statistics_of(table, schema)
        if self._fidelity:
            found.metrics |= {f"fidelity/{name}": value for name, value in likeness(self._real, synthetic).items()}
        return {
            "metrics": plain_metrics(found.metrics),
            "intervals": finite_intervals(found.intervals),
            "rows": len(table),
            "test_rows": sum(size.test for size in self.federation.sizes.values()),
            "notes": [note for note in (training_note(table, schema), APART_NOTE) if note],
            "table": summarised_statistics(synthetic),
            "comparison": compared_statistics(self._real, synthetic),
            "sample": shown(table, schema),
        }

    def probe(self, part: Part) -> Probe | None:
        """None: what a probe reads of real rows would be asked of hospitals ten times more."""
        return None

    def _fitted(self, table: pd.DataFrame) -> dict[str, tuple[GraphClassifier, np.ndarray]]:
        schema = self.federation.schema
        rows = schema.encode(table)
        truth = labels(rows, schema)
        found = {}
        for name in CLASSIFIERS:
            if truth.min() == truth.max():
                found[name] = constant_in_graph(bool(truth[0])), np.empty(0)
                continue
            fitted = classifier_in_graph(build_classifier(name, schema, len(rows), self._seed).fit(rows, truth), schema)
            found[name] = fitted, score_edges(fitted, rows)
        return found

    def _labelled(self, matrix: Any) -> tuple[tf.Tensor, tf.Tensor]:
        target = self.federation.schema.names.index(self.federation.schema.target)
        return matrix, tf.cast(matrix[:, target], tf.int32)
