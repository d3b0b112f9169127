"""A dataset of hospitals that keep their rows, made ready for training."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import tensorflow_federated as tff

from tff_health.aggregators.fixed_point_sum import fixed_point_sum
from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.analytics.private_preprocessing import fit_private_preprocessor, needed_release
from tff_health.analytics.statistics import compute_table_statistics
from tff_health.analytics.table_statistics import TableStatistics
from tff_health.experiments.apart.federation import HeldFederation
from tff_health.experiments.apart.held_rows import HeldFeatures, HeldRows, held_matrices
from tff_health.experiments.apart.scoring import build_scoring, scored
from tff_health.experiments.prepared import PreparedDataset, fitted_preprocessor
from tff_health.experiments.preprocessing_choice import private_preprocessing
from tff_health.experiments.scored import Scored
from tff_health.experiments.settings import PreprocessingSettings, PrivatePreprocessingSettings
from tff_health.hospitals.context import HospitalsContext
from tff_health.hospitals.costs import Costs
from tff_health.hospitals.held_facts import PARTS, Part
from tff_health.learning.keras_model import Predictor
from tff_health.privacy.composition import Event
from tff_health.runtime.attempts import single_attempt


@dataclass(frozen=True)
class ApartDataset(PreparedDataset):
    """What arms train and are scored on, where no row is at hand: see `PreparedDataset`.

    `all_train` and `all_test` cannot be had. Held-out patients are those of all hospitals together, in an order that
    says nothing: class 0 first, then by score, so that two models' scores are not those of the same patients in turn.
    """

    federation: HeldFederation  # type: ignore[assignment]
    train: tuple[HeldRows, ...]  # type: ignore[assignment]
    test: tuple[HeldRows, ...]  # type: ignore[assignment]
    is_masked: ClassVar[bool] = True
    _scoring: dict[int, tuple[Predictor, tff.Computation]] = field(default_factory=dict, compare=False, repr=False)

    def score(self, predict: Predictor, weights: Any, rows: Sequence[HeldRows]) -> Scored:  # type: ignore[override]
        """Counts scores in the hospitals (`scoring.build_scoring`); `rows` are of every hospital, in their order."""
        if id(predict) not in self._scoring:
            most = max(max(size.train, size.test) for size in self.federation.sizes.values())
            scoring = build_scoring(predict.model_function, predict.feature_shape, most)
            self._scoring[id(predict)] = predict, scoring
        _, scoring = self._scoring[id(predict)]
        return scored(scoring(list(weights.trainable), [part.as_tensors for part in rows]))

    @property
    def scored_hospitals(self) -> tuple[str, ...]:
        """None: hospitals' own scores would be their patients'."""
        return ()

    @cached_property
    def test_labels(self) -> np.ndarray:
        """int64 [held-out patients], class 0 first."""
        sizes = self.federation.sizes.values()
        positive = sum(size.test_positive for size in sizes)
        return np.repeat([0, 1], [sum(size.test for size in sizes) - positive, positive]).astype(np.int64)

    @cached_property
    def test_hospitals(self) -> np.ndarray:
        """One name for all: which hospital a score is from is not known."""
        return np.full(len(self.test_labels), "all hospitals")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names, numbers of patients and the preprocessing: a resumed run must meet the same ones."""
        digest = hashlib.sha256(repr(sorted(self.preprocessor.to_dict().items())).encode())
        digest.update(self.federation.fingerprint.encode())
        return digest.hexdigest()


class HeldDataset:
    """A dataset that hospitals hold, as `dataset_source.DatasetSource`.

    Args:
        federation: what the hospitals published of it.
        hospitals: their TFF context.
    """

    def __init__(self, federation: HeldFederation, hospitals: HospitalsContext) -> None:
        self.federation, self._hospitals = federation, hospitals

    def context(self) -> AbstractContextManager[Any]:
        """See `DatasetSource`."""
        installed: AbstractContextManager[Any] = tff.framework.get_context_stack().install(self._hospitals)
        return installed

    def costs(self) -> Costs:
        """See `DatasetSource`."""
        return self._hospitals.costs

    def prepare(self, settings: PreprocessingSettings) -> ApartDataset:
        """See `DatasetSource`; hospitals apply the preprocessing themselves, whenever they compute.

        Sums are masked. Minima and maxima, which are single patients' values and cannot be, are left out unless the
        scaling rests on them.
        """
        federation = self.federation
        statistics = compute_table_statistics(
            federation.schema,
            _matrices(federation),
            sum_factory=fixed_point_sum(),
            extremes=settings.scaling == "min-max",
        )
        return _applied(federation, statistics, fitted_preprocessor(statistics, federation.schema, settings))

    def prepare_privately(
        self, settings: PrivatePreprocessingSettings, reserve: Callable[[Event], None]
    ) -> tuple[ApartDataset, Event]:
        """See `DatasetSource`."""
        federation = self.federation
        chosen = private_preprocessing(settings, len(federation.sizes))
        if chosen.release is not None and needed_release(federation.schema, chosen).size:
            reserve(chosen.release.event())
        with single_attempt():  # a second attempt would be a second release
            preprocessor, event = fit_private_preprocessor(federation.schema, _matrices(federation), chosen)
        return _applied(federation, None, preprocessor), event

    def restored(self, preprocessor: TablePreprocessor) -> ApartDataset:
        """See `DatasetSource`."""
        return _applied(self.federation, None, preprocessor)


def _matrices(federation: HeldFederation) -> list[Any]:
    rows = [size.train for size in federation.sizes.values()]
    return held_matrices(federation.name, "train", len(federation.schema.columns), rows)


def _applied(
    federation: HeldFederation, statistics: TableStatistics | None, preprocessor: TablePreprocessor
) -> ApartDataset:
    features = HeldFeatures(federation.name, len(federation.schema.columns), preprocessor)

    def rows(part: Part) -> tuple[HeldRows, ...]:
        return tuple(
            HeldRows.all_of(name, features, part, size.class_counts(part)) for name, size in federation.sizes.items()
        )

    train, test = map(rows, PARTS)
    return ApartDataset(federation.name, federation, statistics, preprocessor, train, test)
