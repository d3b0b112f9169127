"""A dataset made ready for training: federated statistics, preprocessing fitted from them, features per hospital."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from data.federation import Federation, Hospital
from data.schema import Schema
from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.analytics.private_preprocessing import fit_private_preprocessor, needed_release
from tff_health.analytics.statistics import compute_table_statistics
from tff_health.analytics.table_statistics import TableStatistics
from tff_health.experiments.preprocessing_choice import private_preprocessing
from tff_health.experiments.scored import Scored, cross_entropy
from tff_health.experiments.settings import PreprocessingSettings, PrivatePreprocessingSettings
from tff_health.privacy.composition import Event
from tff_health.runtime.attempts import single_attempt
from tff_health.runtime.client_batches import client_dataset
from tff_health.runtime.context import execution_context

if TYPE_CHECKING:
    from tff_health.learning.keras_model import Predictor


@dataclass(frozen=True)
class Rows:
    """Features and labels of some patients of one hospital.

    Attributes:
        hospital: the hospital's name.
        features: float32 [patients, width].
        labels: float32 [patients, 1].
    """

    hospital: str
    features: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.features)

    @property
    def class_counts(self) -> tuple[int, int]:
        """Patients of class 0 and of class 1."""
        positive = int(self.labels.sum())
        return len(self) - positive, positive

    def take_by_class(self, places: np.ndarray) -> Rows:
        """Some of the rows, in the order that they have here.

        Args:
            places: int [k], where they stand once class 0 is put before class 1 and nothing else is changed.
        """
        by_class = np.argsort(self.labels[:, 0], kind="stable")
        positions = np.sort(by_class[places])
        return Rows(self.hospital, self.features[positions], self.labels[positions])

    def batches(self, *, batch_size: int, epochs: int = 1, order: np.random.SeedSequence | None) -> Any:
        """See `client_batches.client_dataset`."""
        return client_dataset(self.features, self.labels, batch_size=batch_size, epochs=epochs, order=order)


def concatenated(rows: Sequence[Rows], name: str = "pooled") -> Rows:
    """Several hospitals' rows as if one held them all; for the pooled baseline and for scoring."""
    return Rows(
        name,
        np.concatenate([part.features for part in rows]),
        np.concatenate([part.labels for part in rows]),
    )


@dataclass(frozen=True)
class PreparedDataset:
    """What the arms of an experiment train and are scored on.

    Attributes:
        name: in the settings.
        federation: the hospitals' raw rows.
        statistics: of all training rows, computed federatedly; None where the preprocessing keeps a privacy guarantee.
        preprocessor: fitted from `statistics` alone, or within the privacy budget.
        train: one entry per hospital that trains.
        test: one entry per hospital with held-out patients.
    """

    name: str
    federation: Federation
    statistics: TableStatistics | None
    preprocessor: TablePreprocessor
    train: tuple[Rows, ...]
    test: tuple[Rows, ...]
    is_masked: ClassVar[bool] = False
    """Whether secure sums hide hospitals' values by masks, and are not simulated."""

    def score(self, predict: Predictor, weights: Any, rows: Sequence[Rows]) -> Scored:
        """What a model says about patients of some hospitals.

        Args:
            predict: of the model.
            weights: `ModelWeights`.
            rows: of this dataset.
        """
        together = concatenated(rows)
        scores = predict(weights, together.features)
        labels = together.labels[:, 0].astype(np.int64)
        return Scored(labels, scores, cross_entropy(labels, scores) if len(labels) else float("nan"))

    @property
    def scored_hospitals(self) -> tuple[str, ...]:
        """Hospitals to score one by one; none where there is a single one, which is the pooled score."""
        return tuple(rows.hospital for rows in self.test) if len(self.test) > 1 else ()

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """Shape of one patient's features."""
        return (self.preprocessor.width,)

    @property
    def rows_by_hospital(self) -> dict[str, int]:
        """Training rows of each hospital that trains."""
        return {rows.hospital: len(rows) for rows in self.train}

    @cached_property
    def all_train(self) -> Rows:
        """Every training row."""
        return concatenated(self.train)

    @cached_property
    def all_test(self) -> Rows:
        """Every held-out patient."""
        return concatenated(self.test)

    @cached_property
    def test_labels(self) -> np.ndarray:
        """int64 [held-out patients]."""
        return self.all_test.labels[:, 0].astype(np.int64)

    @cached_property
    def test_hospitals(self) -> np.ndarray:
        """Each held-out patient's hospital."""
        return np.concatenate([np.full(len(rows), rows.hospital, dtype=object) for rows in self.test]).astype(str)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over features, labels and names: a resumed run must see the same patients."""
        digest = hashlib.sha256()
        for kind, group in (("train", self.train), ("test", self.test)):
            for rows in group:
                digest.update(f"{kind}\0{rows.hospital}\0{rows.features.shape}".encode())
                digest.update(np.ascontiguousarray(rows.features).tobytes())
                digest.update(np.ascontiguousarray(rows.labels).tobytes())
        return digest.hexdigest()


def prepare(name: str, federation: Federation, settings: PreprocessingSettings) -> PreparedDataset:
    """Fits the preprocessing federatedly on training rows and applies it inside each hospital.

    Must be called within a TFF execution context.

    Args:
        name: the dataset's name in the settings.
        federation: checked hospitals.
        settings: what to fit.

    Raises:
        DataError: the rows cannot train a classifier, or nobody holds out a patient.
    """
    federation.require_trainable().require_scored()
    schema = federation.schema
    statistics = compute_table_statistics(schema, [schema.encode(hospital.train) for hospital in federation.members])
    return applied(name, federation, statistics, fitted_preprocessor(statistics, schema, settings))


def fitted_preprocessor(
    statistics: TableStatistics, schema: Schema, settings: PreprocessingSettings
) -> TablePreprocessor:
    """The preprocessing that settings ask for."""
    numeric, coded = settings.numeric_imputation, settings.categorical_imputation
    return TablePreprocessor.fit(
        statistics,
        schema,
        imputation={"continuous": numeric, "integer": numeric, "binary": coded, "categorical": coded},
        scaling=settings.scaling,
        scale_categories=settings.scale_categories,
        one_hot=settings.one_hot,
        missing_indicators=settings.missing_indicators,
    )


def prepare_privately(
    name: str, federation: Federation, settings: PrivatePreprocessingSettings, reserve: Callable[[Event], None]
) -> tuple[PreparedDataset, Event]:
    """The dataset as arms that claim privacy see it: preprocessed from public knowledge, or from a noisy release.

    Must be called within a TFF execution context.

    Args:
        name: the dataset's name in the settings.
        federation: checked hospitals.
        settings: what to make.
        reserve: told what is about to be released, before it is.

    Returns:
        The dataset, and what its preprocessing released about each patient.

    Raises:
        SettingsError: a setting cannot be had with a guarantee.
    """
    chosen = private_preprocessing(settings, len(federation.members))
    release = chosen.release
    schema = federation.schema
    matrices = [schema.encode(hospital.train) for hospital in federation.members]
    if release is not None and needed_release(schema, chosen).size:
        reserve(release.event())
    backend = execution_context(backend="test") if release and release.secure_sum else contextlib.nullcontext()
    with backend, single_attempt():  # a second attempt would be a second release
        preprocessor, event = fit_private_preprocessor(schema, matrices, chosen)
    return applied(name, federation, None, preprocessor), event


def applied(
    name: str, federation: Federation, statistics: TableStatistics | None, preprocessor: TablePreprocessor
) -> PreparedDataset:
    """The dataset with a fitted preprocessing applied inside each hospital."""
    schema = federation.schema

    def rows(hospital: Hospital, part: str) -> Rows:
        matrix = schema.encode(getattr(hospital, part))
        labels = preprocessor.labels(matrix).astype(np.float32).reshape(-1, 1)
        return Rows(hospital.name, preprocessor.transform(matrix), labels)

    return PreparedDataset(
        name,
        federation,
        statistics,
        preprocessor,
        tuple(rows(hospital, "train") for hospital in federation.members),
        tuple(rows(hospital, "test") for hospital in federation.scored),
    )
